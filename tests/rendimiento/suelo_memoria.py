"""El suelo de la memoria: los mismos mensajes de langchain-core a mano, cada uno con su tarea."""

from __future__ import annotations

import asyncio

import orjson
from langchain_core.messages import (
    AIMessage,
    BaseMessage,
    ToolMessage,
    messages_from_dict,
    messages_to_dict,
)

from tests.rendimiento.contestaciones import PROBLEMA
from tests.rendimiento.gasto import residente
from tests.rendimiento.herramientas import ESQUEMAS
from tests.rendimiento.suelo_langchain import agente, modelo

_TIBIOS = 64


class _EnPausa:
    """Un agente a mano: su historia, sus herramientas y a qué espera."""

    def __init__(self, historia: list[BaseMessage]) -> None:
        self.historia = historia
        self.herramientas = list(ESQUEMAS[:3])
        self.aviso = asyncio.Event()

    async def esperar(self) -> None:
        """Duerme hasta que le hablen."""
        await self.aviso.wait()


async def esperando(servidor: str, cuantos: int, pasos: int, forma: str) -> dict[str, float]:
    """KiB por agente. `forma`: `astream` (lo que deja el cliente) o `mano` (lo imprescindible)."""
    hecha = await agente(modelo(servidor, "openai", pasos, "problema"), [])
    llamada = hecha[-1].tool_calls[0]["id"]  # type: ignore[attr-defined]
    hecha.append(ToolMessage("Problema entregado.", tool_call_id=llamada, name=PROBLEMA))
    historia = orjson.dumps(messages_to_dict(hecha if forma == "astream" else _desnuda(hecha)))
    tareas = [_crear(historia) for _ in range(_TIBIOS)]
    await asyncio.sleep(0)
    antes = residente()
    tareas += [_crear(historia) for _ in range(cuantos)]
    await asyncio.sleep(0)
    despues = residente()
    for tarea in tareas:
        tarea.cancel()
    await asyncio.gather(*tareas, return_exceptions=True)
    return {"kib": (despues - antes) / cuantos / 1024, "mensajes": len(hecha)}


def _desnuda(historia: list[BaseMessage]) -> list[BaseMessage]:
    """Los mismos mensajes sin metadatos ni uso."""
    return [
        AIMessage(m.content, tool_calls=m.tool_calls) if isinstance(m, AIMessage) else m
        for m in historia
    ]


def _crear(historia: bytes) -> asyncio.Task[None]:
    return asyncio.create_task(_EnPausa(messages_from_dict(orjson.loads(historia))).esperar())
