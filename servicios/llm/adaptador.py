"""Del cliente de langchain al flujo neutral: aquí acaba lo que se sabe de un proveedor.

Los clientes se recorren por `_astream`, sin el gestor de *callbacks* de langchain (unos 150 µs
por llamada y 10 µs por trozo que aquí no sirven para nada) y sin rastreo de LangSmith.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator, Iterator, Mapping, Sequence
from contextlib import aclosing
from typing import TYPE_CHECKING, Any, Protocol

from langchain_core.messages import AIMessage, AIMessageChunk, BaseMessage
from langchain_core.messages.ai import UsageMetadata, add_ai_message_chunks
from langchain_core.messages.utils import message_chunk_to_message

from agentes.errores import ErrorModelo, ErrorModeloPasajero
from agentes.respuestas import Uso
from prompts.tool_definitions import Esquema
from servicios.llm.destino import Destino
from servicios.llm.errores_proveedor import traducir
from servicios.llm.flujo import (
    Fin,
    InicioLlamada,
    MensajeUnido,
    Razon,
    Trozo,
    TrozoArgumentos,
    TrozoTexto,
    UsoFlujo,
)

if TYPE_CHECKING:
    from langchain_core.language_models import BaseChatModel
    from langchain_core.outputs import ChatGenerationChunk

_RAZONES: dict[str, Razon] = {
    **dict.fromkeys(("stop", "tool_calls", "function_call", "STOP"), Razon.COMPLETA),
    **dict.fromkeys(("length", "MAX_TOKENS"), Razon.LONGITUD),
    **dict.fromkeys(
        (
            "content_filter",
            "SAFETY",
            "RECITATION",
            "BLOCKLIST",
            "PROHIBITED_CONTENT",
            "SPII",
            "IMAGE_SAFETY",
            "IMAGE_PROHIBITED_CONTENT",
            "IMAGE_RECITATION",
        ),
        Razon.BLOQUEO,
    ),
}


SALIDA_DESCONOCIDA = 8_192
"""El tope de salida que se da a un modelo del que no se sabe nada: pedirle más sería un error."""


class Fuente(Protocol):
    """Un cliente de proveedor: de una historia a trozos de langchain.

    `contexto` son los tokens de entrada que admite su modelo, o cero si no se sabe.
    """

    destino: Destino
    contexto: int

    def trozos(
        self, mensajes: Sequence[BaseMessage], herramientas: Sequence[Esquema], salida: int
    ) -> AsyncGenerator[AIMessageChunk, None]:
        """Envía y entrega los trozos según llegan; el motivo del fin va en `response_metadata`.

        `salida` son los tokens que se le deja escribir; cero, los que quiera.
        """
        ...

    def uso(self, usos: Sequence[UsageMetadata]) -> UsageMetadata:
        """El uso de la llamada a partir de los que trajeron los trozos (uno al menos)."""
        ...

    async def cerrar(self) -> None:
        """Cierra los clientes HTTP propios."""
        ...


class ModeloAdaptado:
    """Un `ModeloLLM` sobre una `Fuente`."""

    def __init__(self, fuente: Fuente, puerta: str) -> None:
        self._fuente = fuente
        self.referencia = fuente.destino.referencia
        self.contexto = fuente.contexto
        self.puerta = puerta

    async def emitir(
        self, mensajes: Sequence[BaseMessage], herramientas: Sequence[Esquema], salida: int = 0
    ) -> AsyncIterator[Trozo]:
        """Envía la historia y entrega los trozos neutrales según llegan.

        Lanza `ErrorModeloPasajero` o `ErrorModelo`, nunca la excepción de un proveedor.
        """
        try:
            async with aclosing(self._leer(mensajes, herramientas, salida)) as flujo:
                async for trozo in flujo:
                    yield trozo
        except ErrorModelo:
            raise
        except Exception as error:
            raise traducir(error, self._fuente.destino) from error

    async def _leer(
        self, mensajes: Sequence[BaseMessage], herramientas: Sequence[Esquema], salida: int
    ) -> AsyncGenerator[Trozo, None]:
        partes: list[AIMessageChunk] = []
        usos: list[UsageMetadata] = []
        lector = _Lector()
        async with aclosing(self._fuente.trozos(mensajes, herramientas, salida)) as flujo:
            async for parte in flujo:
                partes.append(parte)
                for trozo in lector.leer(parte):
                    yield trozo
                if parte.usage_metadata:  # en cuanto lo dice: si se corta, ya está dicho
                    usos = [self._fuente.uso([*usos, parte.usage_metadata])]
                    yield UsoFlujo(_uso(usos[0]))
                # Las llamadas ya van en sus trozos: unirlas obligaría a langchain a adivinar
                # un JSON cortado, que cuesta el cuadrado de su tamaño.
                parte.tool_call_chunks = []
        if not partes:
            raise ErrorModeloPasajero(
                f"{self._fuente.destino.lugar} contestó algo que no es una respuesta de modelo",
                clase="respuesta",
            )
        yield MensajeUnido(unir(partes))

    async def cerrar(self) -> None:
        """Cierra los clientes HTTP propios."""
        await self._fuente.cerrar()


class FuenteLangchain:
    """Cualquier `BaseChatModel` sin red ni cliente propio: el modelo de demostración."""

    def __init__(self, modelo: BaseChatModel, destino: Destino) -> None:
        self._modelo = modelo
        self.destino = destino
        self.contexto = contexto_de(modelo)

    async def trozos(
        self, mensajes: Sequence[BaseMessage], herramientas: Sequence[Esquema], salida: int
    ) -> AsyncGenerator[AIMessageChunk, None]:
        """Lo que da `astream`."""
        atado = self._modelo.bind_tools(list(herramientas)) if herramientas else self._modelo
        tope: dict[str, Any] = {"max_tokens": salida} if salida else {}
        async for parte in atado.astream(list(mensajes), **tope):
            if isinstance(parte, AIMessageChunk):
                yield parte

    def uso(self, usos: Sequence[UsageMetadata]) -> UsageMetadata:
        """El último."""
        return usos[-1]

    async def cerrar(self) -> None:
        """No hay nada que cerrar."""


def contexto_de(modelo: BaseChatModel) -> int:
    """Los tokens de entrada que langchain sabe que admite un modelo; cero si no lo conoce."""
    perfil: Mapping[str, Any] = modelo.profile or {}
    return int(perfil.get("max_input_tokens") or 0)


def salida_de(modelo: BaseChatModel) -> int:
    """Los tokens que langchain sabe que puede escribir un modelo o, si no lo conoce, los de casi todos."""
    perfil: Mapping[str, Any] = modelo.profile or {}
    return int(perfil.get("max_output_tokens") or SALIDA_DESCONOCIDA)


def con_metadatos(generado: ChatGenerationChunk) -> AIMessageChunk | None:
    """El mensaje de un trozo de `_astream`, con los metadatos que `astream` le habría puesto."""
    mensaje = generado.message
    if not isinstance(mensaje, AIMessageChunk):
        return None
    if generado.generation_info:
        mensaje.response_metadata = {**generado.generation_info, **mensaje.response_metadata}
    return mensaje


def unir(partes: Sequence[AIMessageChunk]) -> AIMessage:
    """Un `AIMessage` sin llamadas. Se une una vez: sumar trozo a trozo cuesta el cuadrado."""
    mensaje = message_chunk_to_message(add_ai_message_chunks(*partes))
    if not isinstance(mensaje, AIMessage):
        raise TypeError(type(mensaje).__name__)
    return mensaje


class _Lector:
    """Traduce los trozos de una respuesta; recuerda qué llamada está abierta."""

    def __init__(self) -> None:
        self._ultimo = -1

    def leer(self, parte: AIMessageChunk) -> Iterator[Trozo]:
        """Los trozos neutrales de uno de langchain."""
        texto = parte.content if isinstance(parte.content, str) else str(parte.text)
        if texto:
            yield TrozoTexto(texto)
        for pieza in parte.tool_call_chunks:
            indice = self._indice(pieza.get("index"), nueva=bool(pieza.get("name")))
            if nombre := pieza.get("name"):
                yield InicioLlamada(indice, pieza.get("id"), nombre)
            if crudo := pieza.get("args"):
                yield TrozoArgumentos(indice, crudo)
        if cruda := _motivo_fin(parte.response_metadata):
            yield cruda

    def _indice(self, dado: Any, *, nueva: bool) -> int:
        """El índice del proveedor o, si no lo da, el de la última llamada o el siguiente."""
        if isinstance(dado, int):
            self._ultimo = max(self._ultimo, dado)
            return dado
        if nueva or self._ultimo < 0:
            self._ultimo += 1
        return self._ultimo


def _motivo_fin(metadatos: dict[str, Any]) -> Fin | None:
    if cruda := metadatos.get("finish_reason"):
        return Fin(_RAZONES.get(str(cruda), Razon.OTRA), str(cruda))
    bloqueo = (metadatos.get("prompt_feedback") or {}).get("block_reason")
    if bloqueo:
        return Fin(Razon.BLOQUEO, str(getattr(bloqueo, "value", bloqueo)))
    return None


def _uso(bruto: UsageMetadata) -> Uso:
    detalle = bruto.get("input_token_details") or {}
    return Uso(
        entrada=max(bruto["input_tokens"], 0),
        salida=max(bruto["output_tokens"], 0),
        cacheados=detalle.get("cache_read") or 0,
    )
