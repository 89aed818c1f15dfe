"""Del esquema anterior al de los presupuestos: lo que costó cada llamada, en dólares."""

from __future__ import annotations

import sqlite3


def m004_dinero(db: sqlite3.Connection) -> None:
    """De las de antes no se sabe: se quedan sin coste."""
    db.execute("ALTER TABLE model_calls ADD COLUMN cost REAL")
