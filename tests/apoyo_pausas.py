"""Lo que comparten las pruebas de las pausas."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from agentes.eventos import USUARIO
from agentes.eventos_mando import Mando
from servicios.sistema import Sistema
from tests.apoyo import CONSOLA, DELEGAR, PROBLEMA, REPORTAR, tipo
from tests.consola.apoyo import hasta_que
from tests.dobles.guion import Paso
from tests.dobles.respuestas import llamar

PAUSAR = "pausar_agente"
REANUDAR = "reanudar_agente"
JEFE = tipo("jefe", available_tools=[DELEGAR, REPORTAR, PROBLEMA])
LIMITE_S = 15


def duerme(n: str) -> list[Paso]:
    """Una orden que se reconoce por ese sueño y, después, el reporte."""
    orden = {"command": f"timeout 0.7 sleep {n} ; echo despierto"}
    return [llamar(CONSOLA, orden), llamar(REPORTAR, {"resultado": "ok"})]


async def dar(sistema: Sistema, mando: Mando, agente_id: str = "ejecutor-1") -> str:
    """La persona da esa orden."""
    return await sistema.gestor.mandos.dar(mando, agente_id, USUARIO)


def como_va(sistema: Sistema, agente_id: str = "ejecutor-1") -> tuple[str, str]:
    """Su estado y por qué espera, como los ve una cara."""
    estado = sistema.gestor.get_agent_status(agente_id)
    assert estado is not None
    return estado["status"], estado["espera"]


async def hasta(cumple: Callable[[], bool]) -> None:
    """Espera a que se cumpla eso."""
    assert await hasta_que(cumple, LIMITE_S)


def estado_de(pids: list[int]) -> set[str]:
    """Los estados de esos procesos, en letras de `/proc`."""
    return {Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] for pid in pids}
