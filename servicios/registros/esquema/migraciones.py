"""Abrir la base sin sorpresas: crearla, ponerla al día o rechazarla con una línea clara.

Las migraciones son funciones numeradas en una lista; `PRAGMA user_version` dice cuántas lleva
la base. Todas las que faltan se aplican en una sola transacción: o entran todas o ninguna.
"""

from __future__ import annotations

import fcntl
import os
import sqlite3
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path

from agentes.errores import ErrorBitacora
from servicios.registros.esquema.esquema import MARCA
from servicios.registros.esquema.esquema_v1 import m001_bitacora
from servicios.registros.esquema.m002 import m002_cadena
from servicios.registros.esquema.m003 import m003_mando
from servicios.registros.esquema.m004 import m004_dinero
from servicios.registros.esquema.vistas import crear_vistas
from servicios.registros.fallos import explicar

Migracion = Callable[[sqlite3.Connection], None]

MIGRACIONES: tuple[Migracion, ...] = (m001_bitacora, m002_cadena, m003_mando, m004_dinero)
"""En orden; la posición (desde 1) es la versión del esquema. Nunca se cambia una publicada."""


def exigir_al_dia(db: sqlite3.Connection, ruta: Path) -> None:
    """Que esa base sea nuestra y de esta versión; lanza `ErrorBitacora` si no se puede leer aquí."""
    marca = int(db.execute("PRAGMA application_id").fetchone()[0])
    version = int(db.execute("PRAGMA user_version").fetchone()[0])
    if marca != MARCA:
        raise ErrorBitacora(f"{ruta}: no es una bitácora de Enjambre")
    if version > len(MIGRACIONES):
        raise ErrorBitacora(
            f"{ruta}: la escribió una versión más nueva de Enjambre (esquema {version}, aquí se"
            f" entiende hasta {len(MIGRACIONES)}); actualiza Enjambre"
        )
    if version < len(MIGRACIONES):
        raise ErrorBitacora(
            f"{ruta}: es de una versión anterior (esquema {version}, ahora es el"
            f" {len(MIGRACIONES)}); abre una sesión con python main.py y se pondrá al día"
        )


def preparar(ruta: Path, *, espera_s: float) -> None:
    """Deja la base lista para escribir (WAL, esquema al día). Bloquea: se llama en un hilo.

    Lanza `ErrorBitacora` si no se puede crear, es de otro programa o de una versión más nueva.
    """
    try:
        ruta.parent.mkdir(parents=True, exist_ok=True)
        with _turno(ruta.parent):
            # Solo para su dueño: las órdenes de los agentes no deben leerla ni tocarla.
            os.close(os.open(ruta, os.O_RDWR | os.O_CREAT, 0o600))
            with closing(sqlite3.connect(ruta, timeout=espera_s, isolation_level=None)) as db:
                migrar(db, ruta, MIGRACIONES)
                db.execute("PRAGMA journal_mode = WAL")
    except (sqlite3.Error, OSError) as error:
        raise ErrorBitacora(explicar(ruta, error)) from error


def migrar(db: sqlite3.Connection, ruta: Path, migraciones: Sequence[Migracion]) -> None:
    """Aplica las migraciones que faltan, todas en una transacción.

    `db` va en modo `isolation_level=None`. Lanza `ErrorBitacora` si la base no es nuestra o es
    más nueva, y lo que lance una migración; en los dos casos la base queda como estaba.
    """
    if _version(db, ruta, len(migraciones)) == len(migraciones):
        return
    db.execute("BEGIN IMMEDIATE")
    try:
        for migracion in migraciones[_version(db, ruta, len(migraciones)) :]:
            migracion(db)
        crear_vistas(db)
        db.execute(f"PRAGMA application_id = {MARCA}")
        db.execute(f"PRAGMA user_version = {len(migraciones)}")
        db.execute("COMMIT")
    finally:
        if db.in_transaction:
            db.execute("ROLLBACK")


def _version(db: sqlite3.Connection, ruta: Path, conocida: int) -> int:
    marca = int(db.execute("PRAGMA application_id").fetchone()[0])
    version = int(db.execute("PRAGMA user_version").fetchone()[0])
    if marca == 0 and version == 0 and not db.execute("SELECT 1 FROM sqlite_master").fetchone():
        return 0
    if marca != MARCA:
        raise ErrorBitacora(
            f"{ruta}: es una base de datos de otro programa y no se toca; "
            "apártala o usa otra carpeta con ENJAMBRE_DATOS"
        )
    if version > conocida:
        raise ErrorBitacora(
            f"{ruta}: la escribió una versión más nueva de Enjambre (esquema {version}, aquí se "
            f"entiende hasta {conocida}); actualiza Enjambre o usa otra carpeta con ENJAMBRE_DATOS"
        )
    return version


@contextmanager
def _turno(carpeta: Path) -> Iterator[None]:
    """Un proceso cada vez: dos que estrenan la base chocarían al pasar a WAL."""
    puerta = os.open(carpeta, os.O_RDONLY | os.O_DIRECTORY)
    try:
        fcntl.flock(puerta, fcntl.LOCK_EX)
        yield
    finally:
        os.close(puerta)
