"""Landlock: el propio proceso se pone una cerca y ya no puede quitársela, ni él ni sus hijos.

Solo biblioteca estándar: corre entre el fork y el exec. La interfaz del núcleo está en
`linux/landlock.h`; cada versión (ABI) conoce más derechos y los que no conoce los rechaza.
"""

from __future__ import annotations

import ctypes
import errno
import os
import stat
import struct

from servicios.consola.pedido import Cerca

_CREAR, _ANADIR, _ENCERRAR = 444, 445, 446
_VERSION = 1
_REGLA_DE_RUTA = 1
_PR_SET_NO_NEW_PRIVS = 38

_EJECUTAR, _ESCRIBIR, _LEER_ARCHIVO, _LEER_CARPETA = 1 << 0, 1 << 1, 1 << 2, 1 << 3
_HACER_APARATO = 1 << 6 | 1 << 11
_DE_LA_ABI_1 = (1 << 13) - 1
_MOVER, _TRUNCAR, _IOCTL = 1 << 13, 1 << 14, 1 << 15
_TCP = 0b11
"""Escuchar y conectar."""
_AMBITOS = 0b11
"""Sockets abstractos y señales."""

_LEER = _EJECUTAR | _LEER_ARCHIVO | _LEER_CARPETA
_DE_ARCHIVO = _EJECUTAR | _ESCRIBIR | _LEER_ARCHIVO | _TRUNCAR | _IOCTL

_SIN_ALCANCE = (errno.ENOENT, errno.ENOTDIR, errno.EACCES, errno.ELOOP)
"""Una ruta que no se puede ni nombrar: negarla es lo mismo que saltársela."""

_libc = ctypes.CDLL(None, use_errno=True)


def abi() -> int:
    """La versión que entiende el núcleo; 0 si no tiene Landlock o está apagado."""
    return max(0, int(_libc.syscall(_CREAR, None, ctypes.c_size_t(0), ctypes.c_uint32(_VERSION))))


def cercar(cerca: Cerca, *, tcp_libre: bool) -> None:
    """Deja al proceso solo con lo que dice la cerca. Las rutas que no existen se saltan.

    También se salta lo de `escribir` que sea un enlace: lo pudo plantar otra orden. Sin
    `tcp_libre` no se conecta ni escucha por TCP (desde la ABI 4). Desde la 6, tampoco llega con
    señales ni con sockets abstractos a quien esté fuera. Lanza `OSError`.
    """
    version = abi()
    if version < 1:
        raise OSError(errno.ENOSYS, "este núcleo no tiene Landlock o lo tiene apagado")
    derechos = _derechos(version)
    reglas = _crear(version, derechos, 0 if tcp_libre else _TCP)
    try:
        for ruta in cerca.leer:
            _conceder(reglas, ruta, _LEER, 0)
        for ruta in cerca.escribir:
            _conceder(reglas, ruta, derechos & ~_HACER_APARATO, os.O_NOFOLLOW)
        for ruta in cerca.listar:
            _conceder(reglas, ruta, _LEER_CARPETA, os.O_NOFOLLOW)
        _exigir(_libc.prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), "prctl")
        _exigir(_libc.syscall(_ENCERRAR, reglas, ctypes.c_uint32(0)), "encerrar")
    finally:
        os.close(reglas)


def _derechos(version: int) -> int:
    """Todos los que esa versión sabe vigilar."""
    derechos = _DE_LA_ABI_1
    for desde, derecho in ((2, _MOVER), (3, _TRUNCAR), (5, _IOCTL)):
        if version >= desde:
            derechos |= derecho
    return derechos


def _crear(version: int, derechos: int, red: int) -> int:
    """Las reglas todavía vacías: lo que vigilan y, por ahora, niegan entero."""
    datos = struct.pack("=QQQ", derechos, red, _AMBITOS)
    largo = 24 if version >= 6 else 16 if version >= 4 else 8
    return _exigir(
        _libc.syscall(_CREAR, datos, ctypes.c_size_t(largo), ctypes.c_uint32(0)), "crear"
    )


def _conceder(reglas: int, ruta: str, derechos: int, opciones: int) -> None:
    try:
        fd = os.open(ruta, os.O_PATH | os.O_CLOEXEC | opciones)
    except OSError as fallo:
        if fallo.errno not in _SIN_ALCANCE:
            raise
        return
    try:
        modo = os.fstat(fd).st_mode
        if stat.S_ISLNK(modo):
            return
        # A lo que no es una carpeta el núcleo no le admite derechos de carpeta.
        concedido = derechos if stat.S_ISDIR(modo) else derechos & _DE_ARCHIVO
        regla = struct.pack("=Qi", concedido, fd)
        _exigir(_libc.syscall(_ANADIR, reglas, _REGLA_DE_RUTA, regla, ctypes.c_uint32(0)), ruta)
    finally:
        os.close(fd)


def _exigir(resultado: int, que: str) -> int:
    if resultado < 0:
        numero = ctypes.get_errno()
        raise OSError(numero, f"landlock, {que}: {os.strerror(numero)}")
    return resultado
