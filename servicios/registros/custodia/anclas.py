"""Si lo podado sigue archivado tal como dice su ancla."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from agentes.errores import ErrorBitacora
from servicios.registros.custodia.archivo import comprobar, huella_de

# Las filas que no se trajo una sesión grabada aparte constan como podadas, sin archivo.
_ANCLAS = """SELECT session, primera_fila, ultima_fila, filas, ultimo_hash, archivo, huella
    FROM anclas WHERE archivo <> '' ORDER BY session"""


@dataclass(frozen=True, slots=True)
class Podada:
    """Lo que se sabe del archivo de una sesión podada: si está y, si está mal, qué le pasa."""

    sesion: str
    archivo: Path
    esta: bool
    queja: str = ""


def podadas(db: sqlite3.Connection, datos: Path) -> Iterator[Podada]:
    """Las de esa base, cuyos archivos se buscan desde `datos`. Lanza `sqlite3.Error`."""
    for sesion, *dicho, nombre, huella in db.execute(_ANCLAS):
        archivo = datos / nombre
        if archivo.is_file():
            yield Podada(sesion, archivo, True, _queja(archivo, dicho, huella))
        else:
            yield Podada(sesion, archivo, False)


def _queja(archivo: Path, dicho: list[object], huella: str) -> str:
    try:
        if huella_de(archivo) != huella:
            return f"{archivo}: no es el archivo que se guardó al podarla"
        hay = comprobar(archivo)
    except (ErrorBitacora, OSError) as error:
        return str(error)
    if dicho[2] and [hay.primera_fila, hay.ultima_fila, hay.filas, hay.hash] != dicho:
        return f"su ancla no dice lo mismo que {archivo}"
    return ""
