"""La bitácora sola: productores que esperan el compromiso de cada hecho, contra sqlite3 a pelo."""

from __future__ import annotations

import asyncio
import sqlite3
import time
from pathlib import Path
from typing import Any

from agentes.eventos import MASTER, SISTEMA, AgenteLanzado, Apunte, HechoAnotado, SesionAbierta
from agentes.eventos_llamada import HerramientaPedida, HerramientaTerminada
from servicios.gestor_logs import GestorLogs
from tests.rendimiento.apuntador import abrir
from tests.rendimiento.contestaciones import CONSOLA
from tests.rendimiento.gasto import cpu
from tests.rendimiento.procesos import carpeta


class _Lotes:
    """Cuenta los compromisos: los hechos de uno se publican seguidos, sin soltar el bucle."""

    def __init__(self) -> None:
        self.cuantos = 0
        self._en_uno = False

    def publicar(self, _: HechoAnotado) -> None:
        """Recibe cada hecho ya comprometido."""
        if not self._en_uno:
            self._en_uno = True
            self.cuantos += 1
            asyncio.get_running_loop().call_soon(self._acabar)

    def _acabar(self) -> None:
        self._en_uno = False


async def producto(productores: int, pares: int, base: str) -> dict[str, Any]:
    """Cada productor anota intención y cierre de una orden y espera cada uno."""
    lotes = _Lotes()
    async with GestorLogs.abrir(Path(base), sesion="medida", publicar=lotes.publicar) as gestor:
        apertura = SesionAbierta(
            agente_id=SISTEMA, version="1", modelo="m", aislamiento="local", cara="medida"
        )
        causa = gestor.anotar(apertura)
        for numero in range(productores):
            await gestor.anotar(_lanzado(numero), causa)
        lotes.cuantos = 0
        reloj, gastada = time.monotonic(), cpu()
        async with asyncio.TaskGroup() as grupo:
            for numero in range(productores):
                grupo.create_task(_producir(gestor, numero, pares, causa))
        return {
            "reloj": time.monotonic() - reloj,
            "cpu": cpu() - gastada,
            "hechos": productores * pares * 2,
            "lotes": lotes.cuantos,
        }


def suelo(base: str, lotes: int) -> dict[str, float]:
    """Las mismas filas que dejó el producto, en tantos lotes como hizo él."""
    origen = sqlite3.connect(base)
    filas = origen.execute(
        "SELECT timestamp, agente_id, tipo, log_level, mensaje, details, session, causa, epoca,"
        " seq, op, intento FROM logs WHERE tipo IN ('tool_call_request', 'tool_execution')"
    ).fetchall()
    origen.close()
    por_lote = -(-len(filas) // lotes)
    with carpeta() as donde:
        db = abrir(donde / "suelo.db")
        columnas = "timestamp, agente_id, tipo, log_level, mensaje, details, session, causa,"
        columnas += " epoca, seq, op, intento"
        db.execute(f"CREATE TABLE logs (id INTEGER PRIMARY KEY, {columnas})")
        sentencia = f"INSERT INTO logs ({columnas}) VALUES ({', '.join('?' * 12)})"
        reloj, gastada = time.monotonic(), cpu()
        for desde in range(0, len(filas), por_lote):
            db.execute("BEGIN IMMEDIATE")
            db.executemany(sentencia, filas[desde : desde + por_lote])
            db.execute("COMMIT")
        medido = {
            "reloj": time.monotonic() - reloj,
            "cpu": cpu() - gastada,
            "hechos": float(len(filas)),
        }
        db.close()
    return medido


async def _producir(gestor: GestorLogs, numero: int, pares: int, causa: Apunte) -> None:
    agente = f"obrero-{numero}"
    for par in range(pares):
        op = f"medida:{agente}:{par}:llamada"
        orden = {"command": f"echo paso {par} " + "x" * 60}
        pedida = gestor.anotar(
            HerramientaPedida(
                agente_id=agente, op=op, intento=1, tool_call_id="llamada", tool=CONSOLA, args=orden
            ),
            causa,
        )
        await pedida
        causa = gestor.anotar(
            HerramientaTerminada(
                agente_id=agente,
                op=op,
                intento=1,
                tool=CONSOLA,
                ok=True,
                resultado="y" * 120,
                ms=3,
                detalles_propios={**orden, "stdout": "y" * 80, "stderr": "", "return_code": 0},
            ),
            pedida,
        )
        await causa


def _lanzado(numero: int) -> AgenteLanzado:
    return AgenteLanzado(
        agente_id=f"obrero-{numero}",
        agent_type="obrero",
        rol="rol",
        objetivo="objetivo",
        tarea="tarea",
        superior=MASTER,
        modelo="m",
    )
