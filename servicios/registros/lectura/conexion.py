"""Abrir una bitácora sin poder cambiarla, aunque esté en un disco de solo lectura."""

from __future__ import annotations

import sqlite3
from pathlib import Path
from urllib.parse import quote

_ESPERA_S = 5.0


def conectar_lectura(ruta: Path) -> sqlite3.Connection:
    """Una conexión que solo lee, sin transacciones implícitas. Lanza `sqlite3.Error`."""
    try:
        return _conexion(ruta, "mode=ro")
    except sqlite3.OperationalError:
        # Una base en WAL no se abre en un disco de solo lectura si no está su `-shm`. Con el `-wal`
        # vacío está entera en su archivo y nadie la escribe: se puede leer tal cual.
        wal = ruta.with_name(f"{ruta.name}-wal")
        if not ruta.exists() or (wal.exists() and wal.stat().st_size):
            raise
        return _conexion(ruta, "mode=ro&immutable=1")


def _conexion(ruta: Path, modo: str) -> sqlite3.Connection:
    origen = f"file:{quote(str(ruta.resolve()))}?{modo}"
    db = sqlite3.connect(origen, uri=True, timeout=_ESPERA_S, isolation_level=None)
    try:
        db.execute("PRAGMA query_only = ON")
        db.execute("PRAGMA schema_version").fetchone()
    except BaseException:
        db.close()
        raise
    return db
