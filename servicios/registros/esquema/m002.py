"""Del esquema 1 al 2: las mismas filas en tablas nuevas, con identidades globales y su cadena."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from typing import Any

from servicios.registros.cadena import COLUMNAS, eslabon, semilla
from servicios.registros.esquema.esquema_v2 import ANCLAS, GUARDIANES, INDICES, TABLAS_V2
from servicios.registros.textos import peso

_Final = tuple[int, str, int, int, int]
"""Última fila, su hash, cuántas filas, bytes y época."""

_PROYECCIONES = ("agent_runs", "model_calls", "commands", "messages", "notices")
_INDICES_V1 = ("logs_intencion", "logs_cierre", "messages_en_vuelo", "notices_en_vuelo")
_FIJOS = (("sistema", "Sistema"), ("master", "Master"), ("usuario", "Persona"))

# Cualquiera que aparezca en una tabla, aunque no tenga filas suyas.
_IDENTIDADES = """
    INSERT INTO agentes (agente_id, name, clase)
    SELECT i.agente_id, coalesce(
        (SELECT i.agente_id || ' · ' || substr(r.agent_rol, 1, 60) FROM v1_agent_runs AS r
            WHERE r.agent_id = i.agente_id ORDER BY r.id LIMIT 1), i.agente_id), 'agente'
    FROM (
        SELECT agente_id FROM v1_agentes UNION SELECT parent FROM v1_agent_runs
        UNION SELECT de FROM v1_messages UNION SELECT para FROM v1_messages
        UNION SELECT agente_id FROM v1_notices UNION SELECT destinatario FROM v1_notices
    ) AS i WHERE true
    ON CONFLICT DO NOTHING"""
_LINEAS = """
    INSERT INTO messages (id, session, de, para, estado)
    SELECT id, session, 'usuario', 'master', 'visto' FROM logs WHERE tipo = 'master_input'"""
_VIEJAS = """SELECT id, timestamp, agente_id, tipo, log_level, mensaje, details,
    session, causa, epoca, seq, op, intento FROM v1_logs ORDER BY id"""
_FILA = """INSERT INTO logs (id, timestamp, agente_id, tipo, log_level, mensaje, details,
    session, causa, epoca, seq, op, intento, hash)
    VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"""
_FINALES = """
    UPDATE sessions SET ultima_fila = ?, ultimo_hash = ?, filas = ?, bytes = ?, epoca = ?
    WHERE id = ?"""


def m002_cadena(db: sqlite3.Connection) -> None:
    """Rehace las tablas con sus filas. Sin claves ajenas activas: se comprueban al acabar."""
    for vista in db.execute("SELECT name FROM sqlite_master WHERE type = 'view'").fetchall():
        db.execute(f"DROP VIEW {vista[0]}")
    # Así las referencias de unas tablas a otras no siguen a las viejas al cambiarles el nombre.
    db.execute("PRAGMA legacy_alter_table = ON")
    for tabla, columnas in TABLAS_V2.items():
        db.execute(f"ALTER TABLE {tabla} RENAME TO v1_{tabla}")
        db.execute(f"CREATE TABLE {tabla} ({columnas})")
    db.execute("PRAGMA legacy_alter_table = OFF")
    db.execute(ANCLAS)
    _copiar(db, "sessions", name="id")
    db.executemany("INSERT INTO agentes VALUES (?, ?, ?)", [(i, n, i) for i, n in _FIJOS])
    db.execute(_IDENTIDADES)
    _encadenar(db)
    for tabla in _PROYECCIONES:
        _copiar(db, tabla)
    db.execute(_LINEAS)
    _rematar(db)


def _copiar(db: sqlite3.Connection, tabla: str, **nuevas: str) -> None:
    """Las filas viejas tal cual; `nuevas`, columnas que no tenían y de cuál toman su valor."""
    viejas = [f[1] for f in db.execute(f"PRAGMA table_info(v1_{tabla})").fetchall()]
    a, desde = ", ".join((*viejas, *nuevas)), ", ".join((*viejas, *nuevas.values()))
    db.execute(f"INSERT INTO {tabla} ({a}) SELECT {desde} FROM v1_{tabla}")  # noqa: S608 - nombres nuestros


def _encadenar(db: sqlite3.Connection) -> None:
    finales: dict[str, _Final] = {}
    db.executemany(_FILA, _con_hash(db, finales))
    db.executemany(_FINALES, [(*final, sesion) for sesion, final in finales.items()])


def _con_hash(db: sqlite3.Connection, finales: dict[str, _Final]) -> Iterator[tuple[Any, ...]]:
    sesion, epoca, mensaje = map(COLUMNAS.index, ("session", "epoca", "mensaje"))
    for fila in db.execute(_VIEJAS):
        suya = fila[sesion]
        _, anterior, cuantas, bytes_, _ = finales.get(suya, (0, semilla(suya), 0, 0, 1))
        bytes_ += peso(fila[mensaje]) + peso(fila[mensaje + 1])
        hash_ = eslabon(anterior, fila)
        finales[suya] = (fila[0], hash_, cuantas + 1, bytes_, fila[epoca])
        yield (*fila, hash_)


def _rematar(db: sqlite3.Connection) -> None:
    for indice in _INDICES_V1:
        db.execute(f"DROP INDEX {indice}")
    (ultimo,) = db.execute("SELECT seq FROM sqlite_sequence WHERE name = 'v1_logs'").fetchone()
    for tabla in TABLAS_V2:
        db.execute(f"DROP TABLE v1_{tabla}")
    # El escritor toma de esta fila el último id dentro de su transacción.
    db.execute("DELETE FROM sqlite_sequence WHERE name = 'logs'")
    db.execute("INSERT INTO sqlite_sequence (name, seq) VALUES ('logs', ?)", (ultimo,))
    for sentencia in (*INDICES, *GUARDIANES.values()):
        db.execute(sentencia)
    if db.execute("PRAGMA foreign_key_check").fetchone():
        raise sqlite3.IntegrityError("la base tiene filas sin dueño y no se puede poner al día")
