"""Las medidas del producto entero que se hacen desde dentro de su proceso."""

from __future__ import annotations

import asyncio
import sqlite3
import time
from pathlib import Path
from typing import Any

from servicios.sistema import Sistema
from tests.rendimiento.abierto import hablar, lanzar, producto
from tests.rendimiento.gasto import cpu, escrito, vigilar
from tests.rendimiento.procesos import carpeta

TIBIO = "obrero.3.nada.0.resultado"
MUCHAS = {"ENJAMBRE_LLAMADAS_SIMULTANEAS": "2000"}


async def turnos(servidor: str, proveedor: str, cuantos: int, herramienta: str) -> dict[str, Any]:
    """Un agente de muchos turnos: la CPU acumulada en cada uso de la herramienta y la total."""
    marcas: list[float] = []
    obreros = {"tibio": TIBIO, "obrero": f"obrero.{cuantos}.{herramienta}.0.resultado"}
    with carpeta() as donde:
        async with producto(
            donde,
            servidor,
            obreros,
            proveedor=proveedor,
            mirar=lambda: marcas.append(time.process_time()),
        ) as sistema:
            await lanzar(sistema, "tibio", 1)
            marcas.clear()
            antes = cpu()
            await lanzar(sistema, "obrero", 1)
            total = cpu() - antes
            _exigir_completos(sistema, 2)
    return {"marcas": marcas, "por_turno": total / (cuantos + 1)}


async def escritura(servidor: str, cuantos: int) -> dict[str, Any]:
    """Los bytes escritos hasta cada turno de un agente, y los de sus filas."""
    marcas: list[int] = []
    with carpeta() as donde:
        obreros = {"obrero": f"obrero.{cuantos}.nada.0.resultado"}
        async with producto(
            donde, servidor, obreros, mirar=lambda: marcas.append(escrito())
        ) as sistema:
            await lanzar(sistema, "obrero", 1)
            _exigir_completos(sistema, 1)
        filas = _preguntar(
            donde,
            "SELECT id, length(CAST(details AS BLOB)) + length(CAST(mensaje AS BLOB)) FROM logs"
            " WHERE agente_id = 'obrero-1' ORDER BY id",
        )
        cortes = _preguntar(donde, "SELECT id FROM logs WHERE tipo = 'tool_execution' ORDER BY id")
    return {"escrito": marcas, "filas": filas, "cortes": [corte for (corte,) in cortes]}


async def muchos(servidor: str, cuantos: int, pasos: int, latencia_ms: int) -> dict[str, Any]:
    """La persona pide N agentes al Master; reloj y CPU hasta la calma."""
    obreros = {"obrero": f"obrero.{pasos}.nada.{latencia_ms}.resultado", "tibio": TIBIO}
    with carpeta() as donde:
        async with producto(
            donde, servidor, obreros, maestro=f"maestro.{latencia_ms}", ajustes=MUCHAS
        ) as sistema:
            await hablar(sistema, "lanza 1 tibio")
            reloj, gastada = time.monotonic(), cpu()
            await hablar(sistema, f"lanza {cuantos} obrero")
            medido = {"reloj": time.monotonic() - reloj, "cpu": cpu() - gastada}
            _exigir_completos(sistema, cuantos + 1)
    return medido


async def retraso(servidor: str, cuantos: int, pasos: int) -> dict[str, Any]:
    """N agentes con órdenes de verdad: retraso del bucle, fallos y filas que hay y debe haber."""
    retrasos: list[float] = []
    with carpeta() as donde:
        obreros = {"obrero": f"obrero.{pasos}.consola.0.resultado"}
        async with producto(donde, servidor, obreros) as sistema:
            vigia = asyncio.create_task(vigilar(retrasos, 0.005))
            reloj = time.monotonic()
            await hablar(sistema, f"lanza {cuantos} obrero")
            duracion = time.monotonic() - reloj
            vigia.cancel()
            estados = [e["status"] for e in sistema.gestor.get_all_agents_status()]
        cuentas = _cuentas(donde)
    retrasos.sort()
    return {
        "p99_ms": retrasos[int(len(retrasos) * 0.99)] * 1000,
        "peor_ms": retrasos[-1] * 1000,
        "reloj": duracion,
        "agentes": len(estados),
        "fallos": sum(estado != "completed" for estado in estados),
        "filas": cuentas,
        "esperadas": _esperadas(cuantos, pasos),
    }


async def aviso(servidor: str, veces: int) -> dict[str, Any]:
    """De dos obreros, el primero acaba: la hora de su aviso y la de las peticiones al Master.

    La hora del aviso es la de su fila, que se pone al entregarlo y no al guardarlo.
    """
    obreros = {"rapido": "obrero.1.nada.30.resultado", "lento": "obrero.1.nada.400.resultado"}
    with carpeta() as donde:
        async with producto(donde, servidor, obreros) as sistema:
            for _ in range(veces):
                await hablar(sistema, "lanza 1 rapido, 1 lento")
        horas = _preguntar(
            donde,
            "SELECT (julianday(timestamp) - 2440587.5) * 86400.0 FROM logs"
            " WHERE tipo = 'master_context_update' AND agente_id LIKE 'rapido-%' ORDER BY id",
        )
    return {"avisos": [hora for (hora,) in horas]}


def _exigir_completos(sistema: Sistema, cuantos: int) -> None:
    estados = [e["status"] for e in sistema.gestor.get_all_agents_status()]
    if estados != ["completed"] * cuantos:
        raise RuntimeError(f"agentes sin completar: {estados[:5]}… de {len(estados)}")


def _esperadas(cuantos: int, pasos: int) -> dict[str, int]:
    """Las filas que ha de dejar cada agente, por tipo."""
    llamadas = pasos + 1
    return {
        "llm_input": cuantos * llamadas,
        "llm_output": cuantos * llamadas,
        "tool_call_request": cuantos * llamadas,
        "tool_execution": cuantos * llamadas,
        "commands": cuantos * pasos,
        "agent_runs": cuantos,
        "completed": cuantos,
        "notices": cuantos,
        "seq_saltados": 0,
    }


def _cuentas(donde: Path) -> dict[str, int]:
    """Las que hay."""
    uno = (
        "SELECT count(*) FROM logs WHERE agente_id LIKE 'obrero-%' AND tipo = '{0}'",
        ("llm_input", "llm_output", "tool_call_request", "tool_execution"),
    )
    cuentas = {tipo: _preguntar(donde, uno[0].format(tipo))[0][0] for tipo in uno[1]}
    otras = {
        "commands": "SELECT count(*) FROM commands WHERE command IS NOT NULL AND return_code = 0",
        "agent_runs": "SELECT count(*) FROM agent_runs",
        "completed": "SELECT count(*) FROM agent_runs WHERE status = 'completed'",
        "notices": "SELECT count(*) FROM notices WHERE estado = 'visto'",
        "seq_saltados": "SELECT count(*) FROM (SELECT agente_id FROM logs GROUP BY agente_id"
        " HAVING max(seq) <> count(*) OR min(seq) <> 1)",
    }
    return {**cuentas, **{clave: _preguntar(donde, sql)[0][0] for clave, sql in otras.items()}}


def _preguntar(donde: Path, sql: str) -> list[tuple[Any, ...]]:
    db = sqlite3.connect(f"file:{donde / 'data' / 'swarm.db'}?mode=ro", uri=True)
    try:
        return list(db.execute(sql))
    finally:
        db.close()
