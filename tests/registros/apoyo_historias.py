"""Las historias de una base, plegadas fila a fila y comparadas con el hash que se anotó."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

from servicios.llm.historia_corrida import hash_de
from servicios.registros.lectura.historias import FilaHistoria, Historia, Pliegue, plegar_historia

_FILAS = """SELECT id, tipo, details, causa FROM logs
    WHERE session = ? AND agente_id = ? ORDER BY epoca, seq"""


def agentes_de(ruta: Path) -> list[tuple[str, str]]:
    with closing(sqlite3.connect(f"file:{ruta}?mode=ro", uri=True)) as db:
        return db.execute("SELECT DISTINCT session, agente_id FROM logs ORDER BY 1, 2").fetchall()


def filas_de(ruta: Path, session: str, agente_id: str) -> Iterator[FilaHistoria]:
    with closing(sqlite3.connect(f"file:{ruta}?mode=ro", uri=True)) as db:
        for id_, tipo, details, causa in db.execute(_FILAS, (session, agente_id)).fetchall():
            yield FilaHistoria(id_, tipo, json.loads(details), causa)


def historia_de(ruta: Path, agente_id: str) -> Historia:
    """La del agente en la única sesión de la base."""
    [session] = {session for session, _ in agentes_de(ruta)}
    return plegar_historia(filas_de(ruta, session, agente_id))


def comprobar_historias(ruta: Path) -> int:
    """En cada petición, el hash de la historia plegada es el anotado. Devuelve cuántas miró."""
    miradas = 0
    for session, agente_id in agentes_de(ruta):
        pliegue = Pliegue()
        for fila in filas_de(ruta, session, agente_id):
            pliegue.tomar(fila)
            anotado = fila.details.get("historia")
            if fila.tipo == "llm_input" and anotado and not fila.details.get("proposito"):
                assert hash_de(pliegue.historia.mensajes) == anotado, (agente_id, fila.id)
                miradas += 1
    return miradas
