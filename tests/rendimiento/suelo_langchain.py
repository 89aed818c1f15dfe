"""El bucle que escribiría cualquiera sobre langchain: `astream`, sin bitácora y sin nada más."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from langchain_core.messages import (
    AIMessage,
    BaseMessage,
    HumanMessage,
    SystemMessage,
    ToolMessage,
    message_chunk_to_message,
)
from langchain_google_genai import ChatGoogleGenerativeAI
from langchain_openai import ChatOpenAI
from pydantic import SecretStr

from tests.rendimiento.contestaciones import NADA
from tests.rendimiento.gasto import cpu
from tests.rendimiento.herramientas import ESQUEMAS, TAREA, instrucciones, nada

if TYPE_CHECKING:
    from langchain_core.language_models import BaseChatModel


async def turnos(servidor: str, proveedor: str, cuantos: int) -> dict[str, Any]:
    """Un agente de muchos turnos: CPU acumulada en cada uso de la herramienta y la media."""
    marcas: list[float] = []
    await agente(modelo(servidor, proveedor, 3), [])
    antes = cpu()
    await agente(modelo(servidor, proveedor, cuantos), marcas)
    return {"marcas": marcas, "por_turno": (cpu() - antes) / (cuantos + 1)}


async def agente(llm: BaseChatModel, marcas: list[float]) -> list[BaseMessage]:
    """La historia de un agente que da sus pasos y reporta."""
    atado = llm.bind_tools(list(ESQUEMAS))
    historia: list[BaseMessage] = [SystemMessage(instrucciones()), HumanMessage(TAREA)]
    while True:
        suma: Any = None
        async for trozo in atado.astream(historia):
            suma = trozo if suma is None else suma + trozo
        mensaje = message_chunk_to_message(suma)
        historia.append(mensaje)
        if not isinstance(mensaje, AIMessage):
            raise TypeError(type(mensaje).__name__)
        for llamada in mensaje.tool_calls:
            if llamada["name"] != NADA:
                return historia
            marcas.append(time.process_time())
            texto = nada(llamada["args"]["texto"])
            historia.append(ToolMessage(texto, tool_call_id=llamada["id"], name=NADA))


def modelo(servidor: str, proveedor: str, pasos: int, final: str = "resultado") -> BaseChatModel:
    """El cliente de langchain tal como viene."""
    nombre = f"obrero.{pasos}.nada.0.{final}"
    if proveedor == "gemini":
        return ChatGoogleGenerativeAI(
            model=f"gemini-{nombre}", api_key="clave-de-medida", base_url=servidor
        )
    return ChatOpenAI(
        model=nombre, api_key=SecretStr("clave-de-medida"), base_url=servidor, stream_usage=True
    )


async def primera_peticion(servidor: str) -> None:
    """Importar el cliente, crearlo y preguntar una vez."""
    async for _ in modelo(servidor, "openai", 1).astream("hola"):
        return
