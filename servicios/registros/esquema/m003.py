"""Del esquema 2 al 3: cómo acabó cada ejecución según las pruebas que dio."""

from __future__ import annotations

import sqlite3


def m003_mando(db: sqlite3.Connection) -> None:
    """Las de antes no dieron ninguna."""
    db.execute("ALTER TABLE agent_runs ADD COLUMN verificacion TEXT NOT NULL DEFAULT 'sin_pruebas'")
