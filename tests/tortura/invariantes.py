"""Lo que ha de cumplir una sesión que acabó después de todas sus muertes."""

from __future__ import annotations

import json
import sqlite3
from collections import Counter
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from langchain_core.messages import HumanMessage

from agentes.eventos import MASTER
from servicios.ajustes import Ajustes
from servicios.registros.custodia.verificar import verificar
from servicios.reproduccion import leer_grabacion, reproducir
from tests.registros.apoyo_historias import comprobar_historias, historia_de
from tests.tortura.guion import LINEA, PLANES, Esperado, directiva, problema, reporte
from tests.tortura.mirada import Mirada

_OPERACIONES = """
    SELECT p.op, p.intento, json_extract(p.details, '$.args.command'),
        (SELECT json_group_array(json_extract(c.details, '$.cierre')) FROM logs AS c
            WHERE c.tipo = 'tool_execution' AND c.op = p.op AND c.intento = p.intento)
    FROM logs AS p WHERE p.tipo = 'tool_call_request' ORDER BY p.op, p.intento"""


@dataclass
class Cuenta:
    """Lo que se vio en una o más sesiones."""

    ordenes: int = 0
    cierres: Counter[str] = field(default_factory=Counter)
    reintentos: int = 0
    filas: int = 0
    infieles: list[str] = field(default_factory=list)

    def __iadd__(self, otra: Cuenta) -> Cuenta:
        """Suma otra."""
        self.ordenes += otra.ordenes
        self.cierres += otra.cierres
        self.reintentos += otra.reintentos
        self.filas += otra.filas
        self.infieles += otra.infieles
        return self


async def comprobar_final(datos: Path, raiz: Path, mirada: Mirada, esperado: Esperado) -> Cuenta:
    """Lanza `AssertionError` con lo primero que no se cumple; `raiz` es la del programa."""
    ruta = datos / "swarm.db"
    mirada.mirar()
    mirada.comprobar()
    with closing(sqlite3.connect(f"file:{ruta}?mode=ro", uri=True)) as db:
        estados = Counter(e for (e,) in db.execute("SELECT status FROM agent_runs"))
        acabados = esperado.agentes - esperado.cancelados
        assert (estados["completed"], estados["cancelled"]) == (acabados, esperado.cancelados)
        assert estados.total() == esperado.agentes, estados
        cuenta = _ordenes(db, mirada)
        assert cuenta.ordenes == esperado.ordenes, cuenta
        _sin_pendientes(db)
        _entregados_una_vez(db, ruta)
        assert db.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        assert not db.execute("PRAGMA foreign_key_check").fetchall()
        [sesion] = [s for (s,) in db.execute("SELECT id FROM sessions")]
    veredicto = verificar(ruta)
    assert veredicto.entera, str(veredicto.rotura)
    comprobar_historias(ruta)
    hecha = await reproducir(leer_grabacion(ruta, sesion), Ajustes.leer(raiz))
    if not hecha.es_fiel:
        cuenta.infieles.append(f"{ruta}: {hecha.divergencia or (hecha.grabado, hecha.obtenido)}")
    return cuenta


def _ordenes(db: sqlite3.Connection, mirada: Mirada) -> Cuenta:
    """Cada operación acaba con un cierre y solo uno, y su orden hizo lo que el cierre dice."""
    cuenta = Cuenta()
    empezadas, acabadas = (
        Counter(mirada.apuntadas("empezadas")),
        set(mirada.apuntadas("acabadas")),
    )
    por_op: dict[str, list[tuple[str | None, list[str]]]] = {}
    for op, _, orden, cierres in db.execute(_OPERACIONES):
        por_op.setdefault(op, []).append((orden, json.loads(cierres)))
    for op, intentos in por_op.items():
        *previos, (orden, cierres) = intentos
        assert [len(c) for _, c in previos] == [0] * len(previos), (op, intentos)
        assert len(cierres) == 1, (op, intentos)
        if orden is None:
            continue
        acaba = "acabadas" in orden
        cuenta.ordenes += int(acaba)
        cuenta.reintentos += len(previos)
        cuenta.cierres[cierres[0]] += 1
        nombre = orden.split()[1]
        if acaba and cierres[0] in {"resultado", "recuperado"}:
            assert (empezadas[nombre], nombre in acabadas) == (1, True), (nombre, cierres)
    cuenta.filas = mirada.vistas
    return cuenta


def _sin_pendientes(db: sqlite3.Connection) -> None:
    for tabla in ("notices", "messages"):
        estados = Counter(e for (e,) in db.execute(f"SELECT estado FROM {tabla}"))
        assert set(estados) == {"visto"}, (tabla, estados)


def _entregados_una_vez(db: sqlite3.Connection, ruta: Path) -> None:
    """Cada reporte, problema y directiva está una vez en la historia de quien lo recibe."""
    agentes: list[tuple[str, str, str]] = db.execute(
        "SELECT agent_id, parent, task_description FROM agent_runs WHERE status = 'completed'"
    ).fetchall()
    leido = {quien: _leido(ruta, quien) for quien in {MASTER, *(a for a, _, _ in agentes)}}
    assert leido[MASTER].count(LINEA) == 1
    for agente, superior, tarea in agentes:
        assert leido[superior].count(reporte(agente)) == 1, (agente, superior)
        veces = int("p" in "".join(PLANES[tarea.split()[1]]))
        assert leido[superior].count(problema(agente)) == veces, (agente, superior)
        assert leido[agente].count(directiva(agente)) == veces, agente


def _leido(ruta: Path, agente_id: str) -> str:
    mensajes: list[Any] = historia_de(ruta, agente_id).mensajes
    return "\n".join(str(m.content) for m in mensajes if isinstance(m, HumanMessage))
