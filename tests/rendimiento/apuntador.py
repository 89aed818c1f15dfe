"""La bitácora de los suelos: sqlite3 a pelo, WAL y `synchronous=FULL`."""

from __future__ import annotations

import json
import sqlite3
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Self

_TABLA = """CREATE TABLE logs (id INTEGER PRIMARY KEY, timestamp TEXT NOT NULL,
    agente_id TEXT NOT NULL, tipo TEXT NOT NULL, details TEXT NOT NULL)"""
_FILA = "INSERT INTO logs (timestamp, agente_id, tipo, details) VALUES (?, 'obrero-1', ?, ?)"


def abrir(ruta: Path) -> sqlite3.Connection:
    """Una base nueva con las garantías de la del producto."""
    db = sqlite3.connect(ruta, isolation_level=None)
    db.execute("PRAGMA journal_mode = WAL")
    db.execute("PRAGMA synchronous = FULL")
    return db


class Apuntador:
    """Filas de un agente: se escriben al comprometer."""

    def __init__(self, ruta: Path) -> None:
        self._db = abrir(ruta)
        self._db.execute(_TABLA)
        self._filas: list[tuple[str, str, str]] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._db.close()

    def fila(self, tipo: str, detalles: Any) -> None:
        """Deja una fila para el próximo compromiso."""
        texto = json.dumps(detalles, ensure_ascii=False)
        self._filas.append((datetime.now(UTC).isoformat(), tipo, texto))

    def comprometer(self) -> None:
        """Guarda en disco las filas pendientes."""
        self._db.execute("BEGIN IMMEDIATE")
        self._db.executemany(_FILA, self._filas)
        self._db.execute("COMMIT")
        self._filas.clear()


class SinApuntar:
    """La misma forma, sin bitácora."""

    def fila(self, tipo: str, detalles: Any) -> None:
        """Nada."""

    def comprometer(self) -> None:
        """Nada."""
