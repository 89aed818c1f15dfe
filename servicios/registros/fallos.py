"""Los fallos del disco y de SQLite, contados en una línea con su remedio."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import orjson

_BASE = 0xFF

_REMEDIOS = {
    sqlite3.SQLITE_BUSY: "otro programa la tiene bloqueada; ciérralo y vuelve a empezar",
    sqlite3.SQLITE_LOCKED: "otro programa la tiene bloqueada; ciérralo y vuelve a empezar",
    sqlite3.SQLITE_PERM: "no hay permiso; revisa el dueño y los permisos del archivo",
    sqlite3.SQLITE_READONLY: "no se puede escribir; revisa los permisos de la carpeta y el archivo",
    sqlite3.SQLITE_IOERR: "el disco falló al leer o escribir; revisa el disco y su espacio libre",
    sqlite3.SQLITE_CORRUPT: "está dañada; apártala y restaura una copia",
    sqlite3.SQLITE_FULL: "no queda sitio en el disco; libera espacio y vuelve a empezar",
    sqlite3.SQLITE_CANTOPEN: "no se puede abrir; revisa que la carpeta exista y sus permisos",
    sqlite3.SQLITE_NOTADB: "no es una base de datos SQLite; apártala",
}

RECHAZOS = (
    sqlite3.IntegrityError,
    sqlite3.InterfaceError,
    sqlite3.DataError,
    OverflowError,
    UnicodeEncodeError,
    orjson.JSONEncodeError,
)
"""Fallos de una fila suelta, no del disco: las demás del lote se guardan."""

NO_CABE = "ese número es demasiado grande para ser el de una fila"
"""Lo que se contesta a quien pide una fila que SQLite no sabe ni nombrar."""


def explicar(ruta: Path, error: Exception) -> str:
    """Una línea: qué archivo, qué pasó y qué se puede hacer."""
    codigo = getattr(error, "sqlite_errorcode", None)
    if isinstance(codigo, int) and codigo & _BASE in _REMEDIOS:
        return f"{ruta}: {_REMEDIOS[codigo & _BASE]} ({error})"
    if isinstance(error, OSError):
        return f"{ruta}: no se puede abrir o escribir ({error.strerror or error})"
    return f"{ruta}: no se puede escribir ({error})"
