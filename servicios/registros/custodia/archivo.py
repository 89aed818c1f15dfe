"""Una sesión guardada aparte: un archivo comprimido que se puede leer y comprobar sin la base.

Es JSON por líneas con gzip. La primera es la cabecera; cada una de las demás, `[tabla, valores]`.
Lleva las filas de `logs` con su hash: se comprueba como en la base.
"""

from __future__ import annotations

import gzip
import os
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any

import orjson

from agentes.errores import ErrorBitacora
from servicios.registros.cadena import eslabon, semilla

TABLAS_DE_SESION = {
    "logs": "session",
    "agent_runs": "session",
    "model_calls": "session",
    "commands": "session",
    "messages": "session",
    "notices": "session",
    "sessions": "id",
}
"""Las tablas con filas de una sesión y la columna que dice de cuál son, en orden de borrado."""

_FORMATO = "enjambre-sesion-1"
_SQL = "SELECT * FROM {tabla} WHERE {columna} = ? ORDER BY 1"


@dataclass(frozen=True, slots=True)
class Archivada:
    """Lo que dice un archivo de la sesión que lleva; `hash` es el final de su cadena."""

    sesion: str
    primera_fila: int | None
    ultima_fila: int | None
    filas: int
    hash: str


def archivar(db: sqlite3.Connection, sesion: str, archivo: Path) -> str:
    """Escribe la sesión en `archivo`, que solo existe si está entero. Devuelve su sha256."""
    archivo.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    provisional = archivo.with_name(f"{archivo.name}.a-medias")
    try:
        with _escribir(provisional) as salida:
            salida.writelines(_lineas(db, sesion))
        huella = huella_de(provisional)
        provisional.replace(archivo)
    finally:
        provisional.unlink(missing_ok=True)
    _asegurar(archivo.parent)
    return huella


def _lineas(db: sqlite3.Connection, sesion: str) -> Iterator[bytes]:
    yield orjson.dumps({"formato": _FORMATO, "sesion": sesion}) + b"\n"
    for tabla, columna in TABLAS_DE_SESION.items():
        for fila in db.execute(_SQL.format(tabla=tabla, columna=columna), (sesion,)):
            yield orjson.dumps([tabla, fila]) + b"\n"


def huella_de(archivo: Path) -> str:
    """El sha256 del archivo. Lanza `OSError` si no se puede leer."""
    resumen = sha256()
    with archivo.open("rb") as entrada:
        while trozo := entrada.read(1 << 20):
            resumen.update(trozo)
    return resumen.hexdigest()


def leer(archivo: Path) -> Iterator[tuple[str, list[Any]]]:
    """Las filas archivadas: `(tabla, valores)`. Lanza `ErrorBitacora` si no es un archivo nuestro."""
    try:
        with gzip.open(archivo, "rb") as entrada:
            cabecera = orjson.loads(entrada.readline())
            if not isinstance(cabecera, dict) or cabecera.get("formato") != _FORMATO:
                raise ErrorBitacora(f"{archivo}: no es una sesión archivada de Enjambre")
            for linea in entrada:
                tabla, valores = orjson.loads(linea)
                yield tabla, valores
    except (OSError, EOFError, ValueError) as error:
        raise ErrorBitacora(f"{archivo}: no se puede leer ({error})") from error


def comprobar(archivo: Path) -> Archivada:
    """Recalcula la cadena de la sesión archivada.

    Lanza `ErrorBitacora` con la primera fila que no cuadra o si no se puede leer.
    """
    sesion, primera, ultima, filas, hash_ = "", None, None, 0, ""
    for tabla, valores in leer(archivo):
        if tabla != "logs":
            continue
        if not filas:
            sesion, primera = valores[7], valores[0]
            hash_ = semilla(sesion)
        *columnas, dicho = valores
        hash_ = eslabon(hash_, columnas)
        if hash_ != dicho or valores[7] != sesion:
            raise ErrorBitacora(f"{archivo}: la fila {valores[0]} no está como se escribió")
        ultima, filas = valores[0], filas + 1
    return Archivada(sesion, primera, ultima, filas, hash_)


@contextmanager
def _escribir(archivo: Path) -> Iterator[gzip.GzipFile]:
    """Un gzip que al cerrarse está en el disco y que solo su dueño puede leer."""
    fd = os.open(archivo, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(fd, "wb") as crudo:
        # Sin fecha: archivar dos veces lo mismo da el mismo archivo.
        with gzip.GzipFile("", "wb", 6, crudo, mtime=0) as salida:
            yield salida
        crudo.flush()
        os.fsync(crudo.fileno())


def _asegurar(carpeta: Path) -> None:
    """El nombre nuevo también está en el disco."""
    fd = os.open(carpeta, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)
