"""OpenAI y los servidores que hablan como él (Chat Completions).

`ChatOpenAI` convierte, ata herramientas y entiende los trozos; el SDK pone cabeceras, errores y
conexiones. Lo que se salta es lo que el SDK hace con cada mensaje de la historia en cada llamada
(volver a tipar la petición) y con cada trozo (armar un modelo para deshacerlo).
"""

from __future__ import annotations

import json
from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import httpx2
import orjson
from langchain_core.messages import ToolCallChunk
from langchain_openai import ChatOpenAI
from openai import AsyncOpenAI, AsyncStream
from pydantic import PrivateAttr, SecretStr

from prompts.tool_definitions import Esquema
from servicios.llm.adaptador import con_metadatos, contexto_de, salida_de
from servicios.llm.conversiones import PorJuego, PorMensaje
from servicios.llm.destino import Destino, es_local

if TYPE_CHECKING:
    from langchain_core.language_models import LanguageModelInput
    from langchain_core.messages import AIMessageChunk, BaseMessage
    from langchain_core.messages.ai import UsageMetadata
    from langchain_core.outputs import ChatGenerationChunk

POR_FRAGMENTO = 32
"""Llamadas a la vez por cliente HTTP: su reserva de conexiones se recorre entera cada vez."""

CONEXION_S = 20.0
OCIOSA_S = 30.0
"""Cuánto vive una conexión sin uso."""


class ChatDirecto(ChatOpenAI):
    """`ChatOpenAI` que convierte cada mensaje una vez y manda la petición ya hecha."""

    _conversiones: PorMensaje[dict[str, Any]] = PrivateAttr(default_factory=PorMensaje)
    _juegos: PorJuego[list[dict[str, Any]]] = PrivateAttr(default_factory=PorJuego)

    def compartir(self, otro: ChatDirecto) -> None:
        """Usa las conversiones guardadas de otro cliente del mismo modelo."""
        self._conversiones = otro._conversiones
        self._juegos = otro._juegos

    def herramientas(self, esquemas: Sequence[Esquema]) -> list[dict[str, Any]]:
        """Los esquemas en la forma del protocolo; se convierten una vez."""
        return self._juegos.obtener(
            esquemas,
            lambda: list(self.bind_tools(esquemas).kwargs["tools"]),  # type: ignore[attr-defined]
        )

    def _get_request_payload(
        self, input_: LanguageModelInput, *, stop: list[str] | None = None, **kwargs: Any
    ) -> dict[str, Any]:
        tope = kwargs.pop("tope", {})
        carga: dict[str, Any] = super()._get_request_payload([], stop=stop, **kwargs)
        carga.update(tope)
        mensajes = self._convert_input(input_).to_messages()
        carga["messages"] = self._conversiones.obtener_todas(mensajes, self._convertir)
        return carga

    def _convertir(self, mensajes: list[BaseMessage]) -> list[dict[str, Any]]:
        convertidos: list[dict[str, Any]] = super()._get_request_payload(mensajes)["messages"]
        return convertidos

    def _convert_chunk_to_generation_chunk(
        self, chunk: dict[str, Any], default_chunk_class: type, base_generation_info: Any
    ) -> ChatGenerationChunk | None:
        piezas = separar_llamadas(chunk)
        generado = super()._convert_chunk_to_generation_chunk(
            chunk, default_chunk_class, base_generation_info
        )
        if piezas and generado is not None:
            # Al construirse con ellas, langchain intenta adivinar el JSON a medias quitando
            # letras de una en una: un trozo de 40 KB para el bucle un segundo.
            generado.message.tool_call_chunks = piezas  # type: ignore[attr-defined]
        return generado

    async def generar(
        self,
        mensajes: Sequence[BaseMessage],
        esquemas: Sequence[Esquema],
        tope: Mapping[str, int],
    ) -> AsyncGenerator[AIMessageChunk, None]:
        """Los trozos de una respuesta; `tope` es lo que va en la petición para acotarla."""
        extra: dict[str, Any] = {"tools": self.herramientas(esquemas)} if esquemas else {}
        extra |= {"tope": tope} if tope else {}
        async with aclosing(self._astream(list(mensajes), **extra)) as flujo:  # type: ignore[type-var]
            async for generado in flujo:
                if (parte := con_metadatos(generado)) is not None:
                    yield parte


class _Envio:
    """Hace de `chat.completions` del SDK: la petición va tal cual y los trozos son dicts."""

    def __init__(self, cliente: AsyncOpenAI) -> None:
        self._cliente = cliente

    async def create(self, **carga: Any) -> AsyncStream[Any]:
        """Envía y devuelve el flujo."""
        flujo: AsyncStream[Any] = await self._cliente.post(
            "/chat/completions",
            cast_to=object,
            content=_en_json(carga),
            stream=True,
            stream_cls=AsyncStream[Any],
        )
        return flujo


@dataclass(slots=True)
class _Fragmento:
    """Un cliente HTTP con su reserva pequeña de conexiones."""

    chat: ChatDirecto
    http: httpx2.AsyncClient
    activas: int = 0


class FuenteOpenAI:
    """Las llamadas a un modelo, repartidas en clientes de `POR_FRAGMENTO` llamadas a la vez."""

    def __init__(self, destino: Destino, clave: str) -> None:
        self.destino = destino
        self._clave = clave
        self._ssl = httpx2.create_ssl_context()
        self._fragmentos: list[_Fragmento] = [self._crear()]
        self.contexto = contexto_de(self._fragmentos[0].chat)
        self._salida = salida_de(self._fragmentos[0].chat)

    async def trozos(
        self, mensajes: Sequence[BaseMessage], herramientas: Sequence[Esquema], salida: int
    ) -> AsyncGenerator[AIMessageChunk, None]:
        """Los trozos de una respuesta, por el primer cliente con sitio."""
        # OpenAI ya no admite `max_tokens` en sus modelos nuevos; los demás no conocen otro nombre.
        nombre = "max_completion_tokens" if self.destino.proveedor == "openai" else "max_tokens"
        tope = {nombre: min(salida, self._salida)} if salida else {}
        fragmento = self._libre()
        fragmento.activas += 1
        try:
            async with aclosing(fragmento.chat.generar(mensajes, herramientas, tope)) as flujo:
                async for parte in flujo:
                    yield parte
        finally:
            fragmento.activas -= 1

    def uso(self, usos: Sequence[UsageMetadata]) -> UsageMetadata:
        """El último: hay servidores que repiten el total en cada trozo."""
        return usos[-1]

    async def cerrar(self) -> None:
        """Cierra los clientes HTTP."""
        while self._fragmentos:
            await self._fragmentos.pop().http.aclose()

    def _libre(self) -> _Fragmento:
        """El primero con sitio: así las conexiones ya abiertas se reaprovechan."""
        for fragmento in self._fragmentos:
            if fragmento.activas < POR_FRAGMENTO:
                return fragmento
        nuevo = self._crear()
        if self._fragmentos:
            nuevo.chat.compartir(self._fragmentos[0].chat)
        self._fragmentos.append(nuevo)
        return nuevo

    def _crear(self) -> _Fragmento:
        http = httpx2.AsyncClient(
            verify=self._ssl,
            timeout=httpx2.Timeout(None, connect=CONEXION_S),
            limits=httpx2.Limits(keepalive_expiry=OCIOSA_S),
            follow_redirects=True,
            trust_env=not es_local(self.destino.url),
        )
        return _Fragmento(_chat(self.destino, self._clave, http), http)


def _chat(destino: Destino, clave: str, http: httpx2.AsyncClient) -> ChatDirecto:
    """El cliente de langchain. La clave y la dirección van siempre dichas, nunca del entorno."""
    sdk = AsyncOpenAI(
        api_key=clave, base_url=destino.url, http_client=http, max_retries=0, timeout=http.timeout
    )
    if destino.proveedor != "openai":
        # El SDK lee también la organización, el proyecto y las cabeceras propias de la cuenta
        # de OpenAI (OPENAI_ORG_ID…): no son para otra empresa.
        sdk.organization = None
        sdk.project = None
        sdk._custom_headers = {}  # noqa: SLF001 - no hay otra forma de no mandarlas
    return ChatDirecto(
        model=destino.modelo,
        api_key=SecretStr(clave),
        base_url=destino.url,
        use_responses_api=False,
        stream_usage=True,
        stream_chunk_timeout=None,
        max_retries=0,
        openai_proxy=None,
        # Sin cliente síncrono (cuesta 50 ms y no se usa): cualquier valor evita que se cree.
        client=http,
        root_client=None,
        async_client=_Envio(sdk),
        root_async_client=sdk,
    )


def separar_llamadas(trozo: dict[str, Any]) -> list[ToolCallChunk]:
    """Saca del trozo las piezas de llamadas, crudas; a la que no trae índice se le da el suyo.

    Pone también el `delta` que los servidores descuidados omiten.
    """
    piezas: list[ToolCallChunk] = []
    for eleccion in trozo.get("choices") or ():
        delta = eleccion.setdefault("delta", {}) or {}
        for posicion, llamada in enumerate(delta.pop("tool_calls", None) or ()):
            indice = llamada.get("index")
            funcion = llamada.get("function") or {}
            piezas.append(
                ToolCallChunk(
                    name=_en_texto(funcion.get("name")),
                    args=_en_texto(funcion.get("arguments")),
                    id=_en_texto(llamada.get("id")),
                    index=posicion if indice is None else indice,
                    type="tool_call_chunk",
                )
            )
    return piezas


def _en_texto(valor: Any) -> str | None:
    """Lo que ha de ser texto y un servidor descuidado manda como número u objeto."""
    if valor is None or isinstance(valor, str):
        return valor
    return json.dumps(valor)


def _en_json(carga: dict[str, Any]) -> bytes:
    try:
        return orjson.dumps(carga)
    except TypeError:  # números de más de 64 bits o texto que no es Unicode válido
        return json.dumps(carga, ensure_ascii=True).encode()
