"""La bitácora sola: productores que esperan el compromiso de cada hecho, contra sqlite3 a pelo."""

from __future__ import annotations

import asyncio
import sqlite3
import time
from contextlib import closing
from pathlib import Path
from typing import Any

from agentes.eventos import MASTER, SISTEMA, AgenteLanzado, Apunte, HechoAnotado, SesionAbierta
from agentes.eventos_llamada import HerramientaPedida, HerramientaTerminada
from servicios.gestor_logs import GestorLogs
from servicios.registros.esquema.migraciones import preparar
from tests.rendimiento.apuntador import abrir
from tests.rendimiento.contestaciones import CONSOLA
from tests.rendimiento.gasto import cpu, vigilar
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


async def retraso(productores: int, pares: int, base: str) -> dict[str, float]:
    """Lo que se retrasa un despertador de 2 ms en el bucle de los productores, y su p99."""
    retrasos: list[float] = []
    vigia = asyncio.create_task(vigilar(retrasos, 0.002))
    await producto(productores, pares, base)
    vigia.cancel()
    retrasos.sort()
    return {"p99_ms": retrasos[int(len(retrasos) * 0.99)] * 1000, "peor_ms": retrasos[-1] * 1000}


def suelo(base: str, lotes: int) -> dict[str, float]:
    """Las mismas filas que dejó el producto, en su mismo esquema y en tantos lotes como hizo él.

    El hash ya está calculado y no hay nada que esperar: es lo que cuesta escribirlas, sin más.
    """
    with closing(sqlite3.connect(base)) as origen, carpeta() as donde:
        preparar(donde / "suelo.db", espera_s=1)
        with closing(abrir(donde / "suelo.db")) as db:
            db.execute("PRAGMA foreign_keys = ON")
            for tabla in ("sessions", "agentes"):
                _copiar(origen, db, tabla)
            filas = origen.execute(
                f"SELECT * FROM logs WHERE tipo IN {_MEDIDOS} ORDER BY id"
            ).fetchall()
            _copiar(origen, db, "logs", f"tipo NOT IN {_MEDIDOS}")
            ordenes = {f[0]: f for f in origen.execute("SELECT * FROM commands")}
            cierres = {f[-1]: f for f in ordenes.values()}
            por_lote = -(-len(filas) // lotes)
            tandas = [filas[i : i + por_lote] for i in range(0, len(filas), por_lote)]
            reloj, gastada = time.monotonic(), cpu()
            for tanda in tandas:
                _escribir(db, tanda, ordenes, cierres)
            return {
                "reloj": time.monotonic() - reloj,
                "cpu": cpu() - gastada,
                "hechos": float(len(filas)),
            }


_MEDIDOS = "('tool_call_request', 'tool_execution')"
_FILA = f"INSERT INTO logs VALUES ({', '.join('?' * 14)})"
_ORDEN = "INSERT INTO commands (id, session, agente_id, op, intento, tool, command)"
_ORDEN += " VALUES (?, ?, ?, ?, ?, ?, ?)"
_CIERRE = "UPDATE commands SET return_code = ?, ok = ?, motivo = ?, ms = ?, cierre = ?,"
_CIERRE += " fila_cierre = ? WHERE id = ?"
_FINAL = "UPDATE sessions SET ultima_fila = ?, ultimo_hash = ? WHERE id = ?"


def _copiar(
    origen: sqlite3.Connection, db: sqlite3.Connection, tabla: str, donde: str = "true"
) -> None:
    filas = origen.execute(f"SELECT * FROM {tabla} WHERE {donde}").fetchall()
    huecos = ", ".join("?" * len(filas[0]))
    db.executemany(f"INSERT OR IGNORE INTO {tabla} VALUES ({huecos})", filas)


def _escribir(
    db: sqlite3.Connection,
    tanda: list[tuple[Any, ...]],
    ordenes: dict[int, tuple[Any, ...]],
    cierres: dict[int, tuple[Any, ...]],
) -> None:
    db.execute("BEGIN IMMEDIATE")
    db.executemany(_FILA, tanda)
    db.executemany(_ORDEN, [ordenes[f[0]][:7] for f in tanda if f[0] in ordenes])
    cerradas = [cierres[f[0]] for f in tanda if f[0] in cierres]
    db.executemany(_CIERRE, [(*orden[7:], orden[0]) for orden in cerradas])
    db.execute(_FINAL, (tanda[-1][0], tanda[-1][-1], tanda[-1][7]))
    db.execute("COMMIT")


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
