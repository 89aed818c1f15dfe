"""Gemini. `ChatGoogleGenerativeAI` convierte y entiende los trozos; el SDK de Google transporta.

El SDK vuelve a tipar y copia a fondo la historia entera en cada llamada. Aquí cada mensaje se
convierte una vez y la historia ya convertida viaja por `extra_body`, que el SDK solo serializa.
"""

from __future__ import annotations

import logging
import ssl
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from functools import partial, reduce
from typing import TYPE_CHECKING, Any, Self

import aiohttp
import certifi
from google.genai import Client
from google.genai.types import (
    AutomaticFunctionCallingConfig,
    Content,
    GenerateContentConfig,
    HttpOptions,
)
from langchain_core.messages import (
    AIMessage,
    AIMessageChunk,
    BaseMessage,
    HumanMessage,
    SystemMessage,
    ToolMessage,
)
from langchain_core.messages.ai import UsageMetadata, add_usage
from langchain_google_genai import ChatGoogleGenerativeAI
from pydantic import PrivateAttr, SecretStr

from servicios.llm.adaptador import con_metadatos, contexto_de, salida_de
from servicios.llm.conversiones import PorJuego, PorMensaje
from servicios.llm.destino import es_local

if TYPE_CHECKING:
    from prompts.tool_definitions import Esquema
    from servicios.llm.destino import Destino

RELLENO = "x"
"""Texto de los mensajes que acompañan a una conversión y no se mandan."""
LINEA_MAXIMA = 4 * 1024 * 1024


class _Opciones(HttpOptions):
    """Las opciones de una llamada; el SDK las copia a fondo y con ellas toda la historia."""

    def __deepcopy__(self, memo: dict[int, Any] | None = None) -> Self:
        return self


@dataclass(frozen=True, slots=True)
class _Turno:
    """Un mensaje convertido. `activo` es su forma tras la última intervención de la persona.

    Ahí Gemini 3 exige firma en cada llamada a herramienta y langchain pone una de relleno a las
    que no la traen. `sistema` son las partes de un mensaje de sistema.
    """

    pasado: list[dict[str, Any]]
    activo: list[dict[str, Any]]
    sistema: list[dict[str, Any]]
    abre: bool


@dataclass(frozen=True, slots=True)
class _Base:
    """Lo que no cambia entre llamadas con las mismas herramientas."""

    config: GenerateContentConfig
    opciones: _Opciones
    tools: list[dict[str, Any]]


class GeminiDirecto(ChatGoogleGenerativeAI):
    """`ChatGoogleGenerativeAI` que convierte cada mensaje una vez."""

    _turnos: PorMensaje[_Turno] = PrivateAttr(default_factory=PorMensaje)
    _respuestas: PorMensaje[list[dict[str, Any]]] = PrivateAttr(default_factory=PorMensaje)
    _bases: PorJuego[_Base] = PrivateAttr(default_factory=PorJuego)

    def _prepare_request(
        self, messages: list[BaseMessage], *, tools: Any = None, salida: int = 0, **resto: Any
    ) -> dict[str, Any]:
        if any(valor is not None for valor in resto.values()):
            return super()._prepare_request(messages, tools=tools, **resto)
        base = self._bases.obtener(tools or (), partial(self._preparar, tools))
        sistema, contenidos = self._contenidos(messages)
        cuerpo: dict[str, Any] = {"contents": contenidos}
        if base.tools:
            cuerpo["tools"] = base.tools
        if sistema:
            cuerpo["systemInstruction"] = {"parts": sistema}
        opciones = base.opciones.model_copy(update={"extra_body": cuerpo})
        tope = {"max_output_tokens": salida} if salida else {}
        config = base.config.model_copy(update={"http_options": opciones, **tope})
        return {"model": self.model, "contents": [Content(role="user")], "config": config}

    def _preparar(self, esquemas: Sequence[Esquema] | None) -> _Base:
        """La configuración de langchain, con las herramientas ya en la forma del cable."""
        atadas = self.bind_tools(esquemas).kwargs["tools"] if esquemas else None  # type: ignore[attr-defined]
        pedido = super()._prepare_request([HumanMessage(RELLENO)], tools=atadas)
        config: GenerateContentConfig = pedido["config"]
        propias = config.http_options or HttpOptions()
        sin_nada = {
            "tools": None,
            "automatic_function_calling": AutomaticFunctionCallingConfig(disable=True),
        }
        return _Base(
            config=config.model_copy(update=sin_nada),
            opciones=_Opciones(**propias.model_dump(exclude_none=True)),
            tools=[_en_cable(herramienta) for herramienta in config.tools or ()],
        )

    def _contenidos(
        self, mensajes: Sequence[BaseMessage]
    ) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
        """Las partes de sistema y los contenidos de una historia reparada."""
        rondas = _rondas(mensajes)
        # Un atributo privado de pydantic se busca por __getattr__: aquí, uno por mensaje pesa.
        guardados, convertir = self._turnos, self._convertir
        turnos = [guardados.obtener(m, partial(convertir, m)) for m, _ in rondas]
        ultimo = max((i for i, turno in enumerate(turnos) if turno.abre), default=-1)
        sistema: list[dict[str, Any]] = []
        contenidos: list[dict[str, Any]] = []
        contestadas = partial(self._contestadas, self._respuestas)
        for indice, (turno, (mensaje, respuestas)) in enumerate(zip(turnos, rondas, strict=True)):
            sistema += turno.sistema
            contenidos += turno.activo if indice > ultimo else turno.pasado
            if partes := contestadas(mensaje, respuestas):
                contenidos.append({"parts": partes, "role": "user"})
        return sistema, contenidos

    def _contestadas(
        self,
        guardadas: PorMensaje[list[dict[str, Any]]],
        mensaje: BaseMessage,
        respuestas: list[ToolMessage],
    ) -> list[dict[str, Any]]:
        """Las respuestas a sus llamadas, en orden: Gemini las empareja así, sin ids."""
        if not respuestas or not isinstance(mensaje, AIMessage):
            return []
        llamadas = {llamada["id"]: llamada for llamada in mensaje.tool_calls}
        partes: list[dict[str, Any]] = []
        for respuesta in respuestas:
            if llamada := llamadas.pop(respuesta.tool_call_id, None):
                pareja = [AIMessage("", tool_calls=[llamada]), respuesta]
                partes += guardadas.obtener(respuesta, partial(self._parte, pareja))
        return partes

    def _parte(self, pareja: list[BaseMessage]) -> list[dict[str, Any]]:
        partes: list[dict[str, Any]] = self._convertidos(pareja)[-1]["parts"]
        return partes

    def _convertir(self, mensaje: BaseMessage) -> _Turno:
        if isinstance(mensaje, SystemMessage):
            pedido = super()._prepare_request([mensaje, HumanMessage(RELLENO)])
            return _Turno(
                [], [], _en_cable(pedido["config"].system_instruction)["parts"], abre=False
            )
        # Con algo de la persona detrás, langchain lo da por pasado.
        pasado = self._convertidos([mensaje, HumanMessage(RELLENO)])[:-1]
        if isinstance(mensaje, AIMessage) and mensaje.tool_calls:
            contestada = ToolMessage(RELLENO, tool_call_id=mensaje.tool_calls[0]["id"])
            return _Turno(pasado, self._convertidos([mensaje, contestada])[:1], [], abre=False)
        abre = any(
            parte.get("text") or parte.get("inlineData")
            for contenido in pasado
            if contenido["role"] == "user"
            for parte in contenido["parts"]
        )
        return _Turno(pasado, pasado, [], abre)

    def _convertidos(self, mensajes: list[BaseMessage]) -> list[dict[str, Any]]:
        return [_en_cable(c) for c in super()._prepare_request(mensajes)["contents"]]

    async def generar(
        self, mensajes: Sequence[BaseMessage], esquemas: Sequence[Esquema], salida: int
    ) -> AsyncGenerator[AIMessageChunk, None]:
        """Los trozos de una respuesta, de `salida` tokens como mucho (cero, los que quiera)."""
        extra: dict[str, Any] = {"tools": esquemas, "salida": salida}
        async with aclosing(self._astream(list(mensajes), **extra)) as flujo:  # type: ignore[type-var]
            async for generado in flujo:
                if (parte := con_metadatos(generado)) is not None:
                    yield parte


class FuenteGemini:
    """Las llamadas a un modelo por una sola sesión de aiohttp, que aguanta miles a la vez."""

    def __init__(self, destino: Destino, clave: str) -> None:
        callar()
        self.destino = destino
        self._clave = clave
        self._ssl = ssl.create_default_context(cafile=certifi.where())
        self._sesion: aiohttp.ClientSession | None = None
        opciones: dict[str, Any] = {
            "model": destino.modelo,
            "api_key": SecretStr(clave),
            "base_url": destino.url,
            "vertexai": False,
            "temperature": None,
            "max_retries": 1,
            "client_args": {"verify": self._ssl},
        }
        self._chat = GeminiDirecto(**opciones)
        self.contexto = contexto_de(self._chat)
        self._salida = salida_de(self._chat)

    async def trozos(
        self, mensajes: Sequence[BaseMessage], herramientas: Sequence[Esquema], salida: int
    ) -> AsyncGenerator[AIMessageChunk, None]:
        """Los trozos de una respuesta."""
        if self._sesion is None:
            self._sesion = self._abrir()
        async with aclosing(
            self._chat.generar(mensajes, herramientas, min(salida, self._salida))
        ) as flujo:
            async for parte in flujo:
                yield parte

    def uso(self, usos: Sequence[UsageMetadata]) -> UsageMetadata:
        """La suma: langchain da en cada trozo lo que crece."""
        return reduce(add_usage, usos)

    async def cerrar(self) -> None:
        """Cierra los clientes HTTP."""
        await self._chat.aclose()
        if self._sesion is not None and self._chat.client is not None:
            self._chat.client.close()
            await self._chat.client.aio.aclose()
            await self._sesion.close()

    def _abrir(self) -> aiohttp.ClientSession:
        """La sesión y el cliente que la usa; dentro del bucle, porque aiohttp lo pide.

        El cliente que hizo langchain se cambia por este: el suyo decide por el entorno si va a
        Vertex y si usa un proxy hasta para llegar a esta máquina.
        """
        sesion = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=0, ssl=self._ssl),
            trust_env=not es_local(self.destino.url),
            read_bufsize=LINEA_MAXIMA,
        )
        self._chat.client = Client(
            vertexai=False,
            api_key=self._clave,
            http_options=HttpOptions(
                base_url=self.destino.url,
                client_args={"verify": self._ssl},
                async_client_args={"verify": self._ssl, "ssl": self._ssl},
                aiohttp_client=sesion,
            ),
        )
        return sesion


def _rondas(mensajes: Sequence[BaseMessage]) -> list[tuple[BaseMessage, list[ToolMessage]]]:
    """Cada mensaje con las respuestas de herramienta que le siguen."""
    rondas: list[tuple[BaseMessage, list[ToolMessage]]] = []
    for mensaje in mensajes:
        if not isinstance(mensaje, ToolMessage):
            rondas.append((mensaje, []))
        elif rondas:
            rondas[-1][1].append(mensaje)
    return rondas


def callar() -> None:
    """Los avisos de estos clientes irían a la pantalla; lo que importa sale como error."""
    for nombre in ("google_genai", "langchain_google_genai"):
        logging.getLogger(nombre).setLevel(logging.ERROR)


def _en_cable(modelo: Any) -> dict[str, Any]:
    """Un modelo del SDK como va en el cuerpo (`warnings`: la firma de relleno no es `bytes`)."""
    volcado: dict[str, Any] = modelo.model_dump(
        mode="json", by_alias=True, exclude_none=True, warnings=False
    )
    return volcado
