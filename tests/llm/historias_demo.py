"""Historias para las pruebas de la demostración, hechas como las hace el enjambre."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from langchain_core.messages import AIMessage, BaseMessage, HumanMessage, SystemMessage, ToolMessage

from agentes.mensajes import Aviso, ClaseAviso
from prompts.avisos import directiva, resumir_avisos
from prompts.tool_definitions import HERRAMIENTAS_AGENTE, HERRAMIENTAS_MASTER
from servicios.llm.demostracion import ModeloDemostracion

if TYPE_CHECKING:
    from collections.abc import Generator, Sequence

SISTEMA = SystemMessage("Instrucciones.")


class _Recibo:
    id = 1

    def __await__(self) -> Generator[Any, None, int]:
        yield
        return 1


def preguntar(
    mensajes: Sequence[BaseMessage], herramientas: Sequence[dict[str, Any]], **opciones: Any
) -> AIMessage:
    modelo = ModeloDemostracion(pausa_s=0.0).bind_tools(list(herramientas), **opciones)
    respuesta = modelo.invoke([SISTEMA, *mensajes])
    assert isinstance(respuesta, AIMessage)
    return respuesta


def al_master(*mensajes: BaseMessage | str) -> AIMessage:
    return preguntar([_mensaje(m) for m in mensajes], HERRAMIENTAS_MASTER)


def al_agente(*mensajes: BaseMessage | str, otras: Sequence[dict[str, Any]] = ()) -> AIMessage:
    return preguntar([_mensaje(m) for m in mensajes], [*HERRAMIENTAS_AGENTE, *otras])


def _mensaje(mensaje: BaseMessage | str) -> BaseMessage:
    return HumanMessage(mensaje) if isinstance(mensaje, str) else mensaje


def llamadas(respuesta: AIMessage) -> list[tuple[str, dict[str, Any]]]:
    return [(ll["name"], ll["args"]) for ll in respuesta.tool_calls]


def contestar(respuesta: AIMessage, *textos: str) -> list[BaseMessage]:
    """La respuesta del modelo y, detrás, lo que contestan sus herramientas."""
    pares = zip(respuesta.tool_calls, textos, strict=True)
    return [respuesta, *(ToolMessage(t, tool_call_id=ll["id"], name=ll["name"]) for ll, t in pares)]


def avisar(*avisos: tuple[str, ClaseAviso, str], tope_aviso: int = 4_000) -> HumanMessage:
    hechos = [Aviso(a, "ejecutor (de consola)", clase, t, _Recibo()) for a, clase, t in avisos]
    return HumanMessage(resumir_avisos(hechos, tope=12_000, tope_aviso=tope_aviso))


def mandar(texto: str) -> HumanMessage:
    return HumanMessage(directiva("master", texto))


def consola(salida: str = "", error: str = "", codigo: int = 0, **mas: Any) -> str:
    return json.dumps({"salida": salida, "error": error, "codigo": codigo, **mas})
