"""Leer un archivo que pudo poner un agente sin que un enlace nos lleve a otro sitio.

Comprobar la ruta y abrirla después deja un hueco para cambiarla entre medias; aquí es el núcleo
quien se niega a salir de la carpeta mientras la recorre.
"""

from __future__ import annotations

import ctypes
import errno
import os
import stat
from pathlib import Path

from agentes.errores import ErrorConsola

_OPENAT2 = 437  # el mismo número en todas las arquitecturas
_SIN_ENLACES_MAGICOS = 0x02
_SIN_ENLACES = 0x04
_POR_DEBAJO = 0x08
_ABRIR = os.O_RDONLY | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC
_CARPETA = os.O_PATH | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_NO_HAY_LLAMADA = {errno.ENOSYS, errno.EPERM}
_INTENTOS = 8

_libc = ctypes.CDLL(None, use_errno=True)


class _Como(ctypes.Structure):
    """`struct open_how`."""

    _fields_ = (
        ("flags", ctypes.c_uint64),
        ("mode", ctypes.c_uint64),
        ("resolve", ctypes.c_uint64),
    )


def leer_dentro(base: Path, relativa: str, tope: int) -> bytes:
    """Los bytes de un archivo de `base`, como mucho `tope`.

    Lanza `ErrorConsola`, que nombra el archivo, si no está, no es un archivo corriente, pasa de
    `tope` o hay un enlace simbólico en su camino.
    """
    fd = abrir_dentro(base, relativa)
    with os.fdopen(fd, "rb") as archivo:
        datos = archivo.read(tope + 1)
    if len(datos) > tope:
        raise ErrorConsola(f"{relativa}: pasa de {tope} bytes")
    return datos


def abrir_dentro(base: Path, relativa: str) -> int:
    """El descriptor, de solo lectura, de un archivo corriente de `base`.

    Lanza `ErrorConsola` como `leer_dentro`.
    """
    partes = _partes(relativa)
    try:
        carpeta = os.open(base, _CARPETA)
        try:
            fd = _abrir(carpeta, partes)
        finally:
            os.close(carpeta)
    except OSError as error:
        raise ErrorConsola(f"{relativa}: {_en_claro(error)}") from error
    if not stat.S_ISREG(os.fstat(fd).st_mode):
        os.close(fd)
        raise ErrorConsola(f"{relativa}: no es un archivo corriente")
    return fd


def _partes(relativa: str) -> list[str]:
    partes = [parte for parte in relativa.split("/") if parte not in {"", "."}]
    if relativa.startswith("/") or ".." in partes or "\0" in relativa or not partes:
        raise ErrorConsola(f"{relativa!r}: no es una ruta de dentro de la carpeta")
    return partes


def _abrir(carpeta: int, partes: list[str]) -> int:
    try:
        return _abrir_de_una_vez(carpeta, "/".join(partes))
    except OSError as error:
        if error.errno not in _NO_HAY_LLAMADA:
            raise
    return abrir_paso_a_paso(carpeta, partes)


def _abrir_de_una_vez(carpeta: int, ruta: str) -> int:
    como = _Como(_ABRIR, 0, _POR_DEBAJO | _SIN_ENLACES | _SIN_ENLACES_MAGICOS)
    numero = errno.EAGAIN
    for _ in range(_INTENTOS):
        fd: int = _libc.syscall(
            ctypes.c_long(_OPENAT2),
            ctypes.c_int(carpeta),
            os.fsencode(ruta),
            ctypes.byref(como),
            ctypes.c_size_t(ctypes.sizeof(como)),
        )
        if fd >= 0:
            return fd
        numero = ctypes.get_errno()
        if numero not in {errno.EAGAIN, errno.EINTR}:
            break
    raise OSError(numero, os.strerror(numero))


def abrir_paso_a_paso(carpeta: int, partes: list[str]) -> int:
    """Lo mismo donde el núcleo no tiene `openat2`: cada tramo desde el anterior, sin enlaces.

    Lanza `OSError`.
    """
    actual = os.dup(carpeta)
    try:
        for parte in partes[:-1]:
            siguiente = os.open(parte, _CARPETA, dir_fd=actual)
            os.close(actual)
            actual = siguiente
        return os.open(partes[-1], _ABRIR | os.O_NOFOLLOW, dir_fd=actual)
    finally:
        os.close(actual)


def _en_claro(error: OSError) -> str:
    if error.errno == errno.ELOOP:
        return "hay un enlace simbólico en el camino y no se sigue"
    return error.strerror or str(error)
