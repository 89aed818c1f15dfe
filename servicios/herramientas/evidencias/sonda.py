"""Comprueba una afirmación desde dentro del encierro: `PYTHON -I -S -c (este texto) AFIRMACIÓN`.

Solo biblioteca estándar, solo lee y solo escribe su veredicto, en una línea de JSON. Los archivos
se abren desde la carpeta de trabajo, componente a componente y sin seguir ningún enlace.
"""

from __future__ import annotations

import hashlib
import http.client
import json
import os
import re
import shutil
import sqlite3
import stat
import subprocess
import sys
import tempfile
import time
from typing import IO, Any

_TOPE_TEXTO = 16 * 1024 * 1024
_TOPE_BASE = 256 * 1024 * 1024
_TOPE_FILAS = 1_000
_TOPE_RESPUESTA = 1024 * 1024
_TROZO = 1024 * 1024
_ESPERA_HTTP_S = 5.0
_ARRANQUE_S = 8.0
_SALIDA = 1
_CARPETA = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_ARCHIVO = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
_LECTURA = {
    *(sqlite3.SQLITE_SELECT, sqlite3.SQLITE_READ),
    *(sqlite3.SQLITE_FUNCTION, sqlite3.SQLITE_RECURSIVE),
}
"""Lo que puede hacer una consulta."""
_LIBRES = {"load_extension", "writefile", "readfile", "edit", "fts3_tokenizer"}


class NoSeCumpleError(Exception):
    """La afirmación es falsa o no se puede comprobar; el texto dice por qué."""


def abrir(ruta: str) -> IO[bytes]:
    """El archivo, que ha de ser corriente, no vacío y estar en la carpeta sin pasar por enlaces."""
    *carpetas, nombre = [parte for parte in ruta.split("/") if parte not in {"", "."}] or [""]
    aqui = os.open(".", _CARPETA)
    try:
        for carpeta in carpetas:
            siguiente = os.open(carpeta, _CARPETA, dir_fd=aqui)
            os.close(aqui)
            aqui = siguiente
        fd = os.open(nombre, _ARCHIVO, dir_fd=aqui)
    except FileNotFoundError:
        raise NoSeCumpleError("no existe") from None
    except OSError as error:
        raise NoSeCumpleError(
            f"no se abre ({error.strerror}): ha de ser un archivo, sin enlaces por el camino"
        ) from None
    finally:
        os.close(aqui)
    archivo = os.fdopen(fd, "rb")
    datos = os.fstat(fd)
    if not stat.S_ISREG(datos.st_mode):
        raise NoSeCumpleError("no es un archivo corriente")
    if not datos.st_size:
        raise NoSeCumpleError("está vacío: no prueba nada")
    return archivo


def de_archivo(datos: dict[str, Any]) -> None:
    """Su sha256."""
    suma = hashlib.sha256()
    with abrir(datos["ruta"]) as archivo:
        while trozo := archivo.read(_TROZO):
            suma.update(trozo)
    if suma.hexdigest() != datos["sha256"].lower():
        raise NoSeCumpleError("su sha256 es otro")


def de_texto(datos: dict[str, Any]) -> None:
    """Si contiene un texto o algo que cumple una expresión."""
    with abrir(datos["ruta"]) as archivo:
        crudo = archivo.read(_TOPE_TEXTO + 1)
    if len(crudo) > _TOPE_TEXTO:
        raise NoSeCumpleError("pasa de 16 MiB: afirma su sha256, o usa una orden")
    contenido = crudo.decode("utf-8", "replace")
    if "texto" in datos:
        esta = datos["texto"] in contenido
    else:
        esta = re.search(datos["expresion"], contenido, re.MULTILINE) is not None
    if not esta:
        raise NoSeCumpleError("no contiene eso")


def de_sql(datos: dict[str, Any]) -> None:
    """Lo que da una consulta que solo lee, sobre una copia con lo que tuviera a medio guardar."""
    with tempfile.TemporaryDirectory() as carpeta:
        copia = f"{carpeta}/base"
        _copiar(datos["base"], copia)
        for cola in ("-wal", "-journal"):
            try:
                _copiar(datos["base"] + cola, copia + cola)
            except NoSeCumpleError:
                continue
        filas = _consultar(copia, datos["consulta"])
    if filas != [linea.rstrip("\r") for linea in datos["espera"].rstrip("\n").split("\n")]:
        raise NoSeCumpleError(f"salen otras filas ({len(filas)})")


def _copiar(ruta: str, destino: str) -> None:
    with abrir(ruta) as origen, open(destino, "wb") as copia:  # noqa: PTH123 - sin pathlib
        if os.fstat(origen.fileno()).st_size > _TOPE_BASE:
            raise NoSeCumpleError("pasa de 256 MiB")
        shutil.copyfileobj(origen, copia)


def _consultar(ruta: str, consulta: str) -> list[str]:
    leidas: set[str] = set()

    def vigilar(que: int, uno: str | None, dos: str | None, *_: object) -> int:
        if que == sqlite3.SQLITE_READ and uno and not uno.startswith("sqlite_"):
            leidas.add(uno)
        ajena = que == sqlite3.SQLITE_FUNCTION and dos in _LIBRES
        return sqlite3.SQLITE_DENY if que not in _LECTURA or ajena else sqlite3.SQLITE_OK

    db = sqlite3.connect(ruta, isolation_level=None)
    try:
        db.execute("SELECT count(*) FROM sqlite_master").fetchone()
        db.set_authorizer(vigilar)
        filas = db.execute(consulta).fetchmany(_TOPE_FILAS + 1)
    except sqlite3.Error as error:
        raise NoSeCumpleError(f"la consulta no se puede hacer, o no solo lee ({error})") from None
    finally:
        db.close()
    if not leidas:
        raise NoSeCumpleError("la consulta no lee ninguna tabla")
    return ["|".join("" if c is None else str(c) for c in fila) for fila in filas]


def de_http(datos: dict[str, Any]) -> None:
    """Lo que contesta el puerto; con `lanzar`, después de poner en marcha esa orden aquí dentro."""
    if "lanzar" not in datos:
        _pedir(datos)
        return
    if _abierto(datos["puerto"]):
        raise NoSeCumpleError("el puerto lo tiene otro: no se puede repetir ahora")
    orden = ["/bin/bash", "-c", datos["lanzar"]]
    nada = subprocess.DEVNULL
    with subprocess.Popen(orden, stdin=nada, stdout=nada, stderr=nada) as trabajo:
        try:
            final = time.monotonic() + _ARRANQUE_S
            while not _abierto(datos["puerto"]) and time.monotonic() < final:
                time.sleep(0.05)
            _pedir(datos)
        finally:
            trabajo.kill()


def _abierto(puerto: int) -> bool:
    conexion = http.client.HTTPConnection("127.0.0.1", puerto, timeout=1)
    try:
        conexion.connect()
    except OSError:
        return False
    finally:
        conexion.close()
    return True


def _pedir(datos: dict[str, Any]) -> None:
    conexion = http.client.HTTPConnection("127.0.0.1", datos["puerto"], timeout=_ESPERA_HTTP_S)
    try:
        conexion.request("GET", datos["ruta"])
        respuesta = conexion.getresponse()
        estado, cuerpo = respuesta.status, respuesta.read(_TOPE_RESPUESTA)
    except (OSError, http.client.HTTPException) as error:
        raise NoSeCumpleError(f"no contesta ({type(error).__name__})") from None
    finally:
        conexion.close()
    if estado != datos.get("estado", 200):
        raise NoSeCumpleError(f"contesta con el código {estado}")
    if datos.get("contiene", "") not in cuerpo.decode("utf-8", "replace"):
        raise NoSeCumpleError("la respuesta no contiene eso")


_CLASES = {"archivo": de_archivo, "texto": de_texto, "sql": de_sql, "http": de_http}


def principal() -> None:
    """Lee la afirmación del primer argumento y escribe si se cumple y, si no, por qué."""
    datos = json.loads(sys.argv[1])
    porque = ""
    try:
        _CLASES[datos["clase"]](datos)
    except NoSeCumpleError as error:
        porque = str(error)
    except (OSError, ValueError, MemoryError, RecursionError) as error:
        porque = f"no se pudo comprobar ({type(error).__name__})"
    os.write(_SALIDA, json.dumps({"cumple": not porque, "porque": porque}).encode() + b"\n")


if __name__ == "__main__":
    principal()
