"""La memoria de un agente en pausa: producto con agentes de verdad, por los que pasó la red."""

from __future__ import annotations

from pathlib import Path

import orjson
from langchain_core.messages import BaseMessage, messages_from_dict, messages_to_dict

from agentes.clase_agente import Agente
from agentes.eventos import EstadoAgente
from servicios.sistema import Sistema
from tests.rendimiento.abierto import lanzar, producto
from tests.rendimiento.gasto import residente
from tests.rendimiento.procesos import carpeta

TURNOS = 8
"""Con ocho pasos y el problema la historia queda en 20 mensajes."""
_POCAS = {"ENJAMBRE_LLAMADAS_SIMULTANEAS": "64"}
_TIBIOS = 64


async def enteros(servidor: str, cuantos: int) -> dict[str, float]:
    """KiB por agente: cada uno dio sus pasos por HTTP y quedó en pausa."""
    with carpeta() as donde:
        return await _medir(donde, servidor, cuantos, TURNOS)


async def rellenos(servidor: str, cuantos: int) -> dict[str, float]:
    """KiB por agente: pausados al primer paso y con la historia de uno entero, releída.

    Los mensajes que se ponen salen de su JSON, así que ningún agente comparte textos con otro.
    """
    with carpeta() as donde:
        return await _medir(donde, servidor, cuantos, 0)


async def _medir(donde: Path, servidor: str, cuantos: int, pasos: int) -> dict[str, float]:
    obreros = {
        "modelo": f"obrero.{TURNOS}.nada.0.problema",
        "obrero": f"obrero.{pasos}.nada.0.problema",
    }
    async with producto(donde, servidor, obreros, ajustes=_POCAS) as sistema:
        await lanzar(sistema, "modelo", _TIBIOS)
        await sistema.conversacion.esperar_calma()
        historia = orjson.dumps(messages_to_dict(_agentes(sistema)[0].historial))
        antes = residente()
        await lanzar(sistema, "obrero", cuantos)
        await sistema.conversacion.esperar_calma()
        nuevos = _agentes(sistema)[_TIBIOS:]
        for agente in nuevos:
            agente.historial[len(agente.historial) :] = _copia(historia)[len(agente.historial) :]
        despues = residente()
        mensajes = {len(agente.historial) for agente in nuevos}
        pausados = sum(agente.estado is EstadoAgente.PAUSED for agente in nuevos)
    if pausados != cuantos or mensajes != {2 * TURNOS + 4}:
        raise RuntimeError(f"{pausados} en pausa de {cuantos}, con {mensajes} mensajes")
    return {"kib": (despues - antes) / cuantos / 1024}


def _agentes(sistema: Sistema) -> list[Agente]:
    return list(sistema.gestor._agentes.values())


def _copia(historia: bytes) -> list[BaseMessage]:
    return messages_from_dict(orjson.loads(historia))
