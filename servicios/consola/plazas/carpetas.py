"""Crear las carpetas de un agente sin fiarse de lo que haya en ellas: nunca se sigue un enlace.

Cada paso va desde el descriptor de la carpeta anterior; cambiar una ruta entre medias no lleva
a otro sitio. Todo lanza `OSError`.
"""

from __future__ import annotations

import os
import secrets
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

_CARPETA = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_NUEVO = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
_PRIVADA = 0o700


@contextmanager
def abierta(ruta: Path) -> Iterator[int]:
    """El descriptor de una carpeta nuestra, que se crea si no está."""
    ruta.mkdir(mode=0o711, parents=True, exist_ok=True)
    fd = os.open(ruta, _CARPETA)
    try:
        yield fd
    finally:
        os.close(fd)


@contextmanager
def propia(madre: int, nombre: str, duenio: int | None, *, rehacer: bool) -> Iterator[int]:
    """El descriptor de una subcarpeta privada de `duenio` (o nuestra), que se crea si no está.

    Con `rehacer`, lo que ocupe su lugar y no sea una carpeta se borra. Si su dueño le quitó los
    permisos, los recupera.
    """
    if rehacer:
        _quitar_si_no_es_carpeta(madre, nombre)
    with suppress(FileExistsError):
        os.mkdir(nombre, _PRIVADA, dir_fd=madre)
    fd = _abrir(madre, nombre)
    try:
        _dar(fd, duenio, _PRIVADA)
        yield fd
    finally:
        os.close(fd)


def poner_archivo(carpeta: int, nombre: str, texto: str, duenio: int | None) -> None:
    """Un archivo nuevo que solo lee `duenio` (o nosotros), en lugar del que hubiera.

    Una carpeta que ocupe su lugar se aparta con otro nombre: borrarla obligaría a recorrerla.
    """
    with suppress(FileNotFoundError):
        if stat.S_ISDIR(os.lstat(nombre, dir_fd=carpeta).st_mode):
            otro = f"{nombre}.apartada-{secrets.token_hex(4)}"
            os.rename(nombre, otro, src_dir_fd=carpeta, dst_dir_fd=carpeta)
        else:
            os.unlink(nombre, dir_fd=carpeta)
    fd = os.open(nombre, _NUEVO, 0o400, dir_fd=carpeta)
    with os.fdopen(fd, "w", encoding="utf-8") as archivo:
        archivo.write(texto)
        _dar(fd, duenio, 0o400)


def _abrir(madre: int, nombre: str) -> int:
    try:
        return os.open(nombre, _CARPETA, dir_fd=madre)
    except PermissionError:
        _recuperar(madre, nombre)
    return os.open(nombre, _CARPETA, dir_fd=madre)


def _recuperar(madre: int, nombre: str) -> None:
    """Devuelve los permisos a una carpeta que no se puede abrir más que para señalarla."""
    fd = os.open(nombre, _CARPETA | os.O_PATH, dir_fd=madre)
    try:
        os.chmod(f"/proc/self/fd/{fd}", _PRIVADA)  # noqa: PTH101
    finally:
        os.close(fd)


def _quitar_si_no_es_carpeta(madre: int, nombre: str) -> None:
    with suppress(FileNotFoundError):
        if not stat.S_ISDIR(os.lstat(nombre, dir_fd=madre).st_mode):
            os.unlink(nombre, dir_fd=madre)


def _dar(fd: int, duenio: int | None, permisos: int) -> None:
    datos = os.fstat(fd)
    if duenio is not None and (datos.st_uid, datos.st_gid) != (duenio, duenio):
        os.fchown(fd, duenio, duenio)
    if stat.S_IMODE(datos.st_mode) != permisos:
        os.fchmod(fd, permisos)
