"""El modelo sin clave: `demo`, determinista y por reglas, honesto sobre lo que es.

historia + herramientas → papel (agente, Master o ninguno) → decisión → trozos

Es un modelo de chat de langchain de verdad: entra por la misma puerta que los demás. No guarda
nada entre llamadas: la misma historia da siempre la misma respuesta.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import re
import time
from typing import TYPE_CHECKING, Any

from langchain_core.language_models import BaseChatModel, LanguageModelInput
from langchain_core.language_models.chat_models import generate_from_stream
from langchain_core.messages import AIMessage, AIMessageChunk, BaseMessage
from langchain_core.messages.ai import UsageMetadata
from langchain_core.messages.tool import tool_call_chunk
from langchain_core.outputs import ChatGenerationChunk, ChatResult
from langchain_core.utils.function_calling import convert_to_openai_tool

from servicios.llm.demo.agente import decidir_agente
from servicios.llm.demo.aparte import decidir_aparte, preguntan_al_margen
from servicios.llm.demo.compactar import decidir_resumen, piden_resumen
from servicios.llm.demo.general import decidir_general, forzar
from servicios.llm.demo.historia import Decision, Esquemas
from servicios.llm.demo.master import decidir_master

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence

    from langchain_core.callbacks import (
        AsyncCallbackManagerForLLMRun,
        CallbackManagerForLLMRun,
    )
    from langchain_core.runnables import Runnable
    from langchain_core.tools import BaseTool

PAUSA_S = 0.01
"""Segundos entre trozos, para que se vea escribir."""
TROZOS_MAXIMOS = 60
"""Trozos en que se parte un texto como mucho: uno largo llega en trozos mayores."""
CARACTERES_POR_TOKEN = 4


def decidir(
    mensajes: Sequence[BaseMessage], esquemas: Esquemas, eleccion: object = None
) -> Decision:
    """La respuesta a una historia; el papel lo dicen las herramientas que tiene."""
    if not esquemas and preguntan_al_margen(mensajes):
        return decidir_aparte(mensajes)
    if not esquemas and piden_resumen(mensajes):
        return decidir_resumen(mensajes)
    if "reportar_resultado_final" in esquemas:
        decision = decidir_agente(mensajes, esquemas)
    elif "delegate_task" in esquemas:
        decision = decidir_master(mensajes, esquemas)
    else:
        decision = decidir_general(mensajes, esquemas)
    return forzar(decision, eleccion, mensajes, esquemas)


class ModeloDemostracion(BaseChatModel):
    """Modelo de chat por reglas: herramientas, streaming y uso, sin clave y sin red.

    `pausa_s` son los segundos entre trozos al transmitir. Los tokens son aproximados: uno por
    cada cuatro caracteres.
    """

    model: str = "demo"
    pausa_s: float = PAUSA_S
    stop: list[str] | None = None

    @property
    def _llm_type(self) -> str:
        return "demo"

    @property
    def _identifying_params(self) -> dict[str, Any]:
        return {"model": self.model}

    def bind_tools(
        self,
        tools: Sequence[dict[str, Any] | type | Callable[..., Any] | BaseTool],
        *,
        tool_choice: str | None = None,
        **kwargs: Any,
    ) -> Runnable[LanguageModelInput, AIMessage]:
        """Da herramientas al modelo; `tool_choice` puede obligar a llamar a una."""
        formadas = [convert_to_openai_tool(herramienta) for herramienta in tools]
        return self.bind(tools=formadas, tool_choice=tool_choice, **kwargs)

    def _generate(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: CallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> ChatResult:
        return generate_from_stream(self._trozos(messages, stop, kwargs))

    async def _agenerate(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: AsyncCallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> ChatResult:
        return generate_from_stream(self._trozos(messages, stop, kwargs))

    def _stream(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: CallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> Iterator[ChatGenerationChunk]:
        for trozo in self._trozos(messages, stop, kwargs):
            time.sleep(self.pausa_s)
            if run_manager:
                run_manager.on_llm_new_token(trozo.text, chunk=trozo)
            yield trozo

    async def _astream(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: AsyncCallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> AsyncIterator[ChatGenerationChunk]:
        for trozo in self._trozos(messages, stop, kwargs):
            await asyncio.sleep(self.pausa_s)
            if run_manager:
                await run_manager.on_llm_new_token(trozo.text, chunk=trozo)
            yield trozo

    def _trozos(
        self, mensajes: Sequence[BaseMessage], stop: list[str] | None, opciones: Mapping[str, Any]
    ) -> Iterator[ChatGenerationChunk]:
        """La respuesta en trozos: texto, llamadas y, al final, razón y uso."""
        esquemas = {
            h["function"]["name"]: h["function"].get("parameters", {})
            for h in opciones.get("tools") or ()
        }
        decision = decidir(mensajes, esquemas, opciones.get("tool_choice"))
        decision = _cortar(decision, [*(self.stop or ()), *(stop or ())])
        tope = int(opciones.get("max_tokens") or 0)
        entera, decision = decision, _acortar(decision, tope)
        for pieza in _en_piezas(decision.texto):
            yield _trozo(pieza)
        for indice, llamada in enumerate(decision.llamadas):
            id_ = _id_llamada(mensajes, indice)
            yield _trozo(
                tool_call_chunks=[
                    tool_call_chunk(name=llamada.nombre, args="", id=id_, index=indice)
                ]
            )
            crudo = json.dumps(llamada.args, ensure_ascii=False)
            for pieza in _en_piezas(crudo):
                yield _trozo(tool_call_chunks=[tool_call_chunk(args=pieza, index=indice)])
        yield _trozo(
            response_metadata={
                "finish_reason": _motivo(decision, entera),
                "model_name": opciones.get("model") or self.model,
            },
            usage_metadata=_uso(mensajes, decision),
            chunk_position="last",
        )


def _trozo(texto: str = "", **campos: Any) -> ChatGenerationChunk:
    return ChatGenerationChunk(message=AIMessageChunk(content=texto, **campos))


def _cortar(decision: Decision, paradas: Sequence[str]) -> Decision:
    """El texto hasta la primera secuencia de parada; si la hay, lo que iba detrás no sale."""
    cortes = [decision.texto.find(parada) for parada in paradas if parada]
    hallados = [corte for corte in cortes if corte >= 0]
    return Decision(decision.texto[: min(hallados)]) if hallados else decision


def _acortar(decision: Decision, tope: int) -> Decision:
    """Lo que cabe en esos tokens (cero, todo); una llamada que no cabe no sale."""
    if not tope or _tokens(_largo(decision)) <= tope:
        return decision
    return Decision(decision.texto[: tope * CARACTERES_POR_TOKEN])


def _motivo(decision: Decision, entera: Decision) -> str:
    if decision is not entera:
        return "length"
    return "tool_calls" if decision.llamadas else "stop"


def _largo(decision: Decision) -> int:
    return len(decision.texto) + sum(
        len(ll.nombre) + len(json.dumps(ll.args)) for ll in decision.llamadas
    )


def _en_piezas(texto: str) -> Iterator[str]:
    """Palabras, o grupos de ellas si el texto es largo; juntas son el texto."""
    palabras = re.findall(r"\S{1,40}\s*|\s+", texto)
    paso = -(-len(palabras) // TROZOS_MAXIMOS) or 1
    for i in range(0, len(palabras), paso):
        yield "".join(palabras[i : i + paso])


def _id_llamada(mensajes: Sequence[BaseMessage], indice: int) -> str:
    """Un id que sale de la historia: único en ella y el mismo si se repite la llamada."""
    ultimo = mensajes[-1].text if mensajes else ""
    resumen = hashlib.sha256(f"{len(mensajes)}\0{indice}\0{ultimo}".encode("utf-8", "replace"))
    return f"call_demo_{resumen.hexdigest()[:16]}"


def _uso(mensajes: Sequence[BaseMessage], decision: Decision) -> UsageMetadata:
    entrada = _tokens(sum(len(m.text) for m in mensajes))
    salida = _tokens(_largo(decision))
    return UsageMetadata(input_tokens=entrada, output_tokens=salida, total_tokens=entrada + salida)


def _tokens(caracteres: int) -> int:
    return -(-caracteres // CARACTERES_POR_TOKEN)
