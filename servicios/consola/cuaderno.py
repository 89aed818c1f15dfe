"""Los archivos por los que el estado va y vuelve de cada orden.

Están en la casa del agente, que es suya: puede cambiar o enlazar lo que quiera en ella. Por eso
todo se abre a partir del descriptor de la casa y sin seguir enlaces.
"""

from __future__ import annotations

import os
import secrets
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from agentes.errores import ErrorConsola
from servicios.consola.estado import TOPE_ESTADO, Estado, escribir_preludio, interpretar_hoja

CARPETA = ".enjambre"
"""Dentro de la casa de cada agente."""

_ABRIR_CARPETA = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW


@dataclass(frozen=True, slots=True)
class Hojas:
    """Los dos archivos de una orden: el que bash lee al empezar y el que escribe al salir."""

    preludio: Path
    estado: Path


def abrir_hojas(
    casa: Path, duenio: int | None, estado: Estado | None, carpeta: Path, procesos: int | None
) -> Hojas:
    """Escribe las hojas de una orden que empieza en `carpeta`.

    `procesos` es el límite que ha de ponerse ella misma, si es cosa suya. Lanza `ErrorConsola`.
    """
    nombre = secrets.token_hex(6)
    hojas = Hojas(casa / CARPETA / f"preludio-{nombre}", casa / CARPETA / f"estado-{nombre}")
    preludio = escribir_preludio(hojas.estado, estado, carpeta, procesos)
    try:
        with _en(casa, duenio) as fd:
            _escribir(fd, hojas.estado.name, b"", 0o600, duenio)
            _escribir(fd, hojas.preludio.name, preludio, 0o400, duenio)
    except OSError as error:
        raise ErrorConsola(
            f"consola: no se puede escribir en {casa / CARPETA} ({error.strerror})"
        ) from error
    return hojas


def recoger_hojas(hojas: Hojas) -> Estado | None:
    """Lee y borra las hojas; `None` si la orden no dejó un estado que valga."""
    casa = hojas.estado.parent.parent
    with suppress(OSError), _en(casa, None) as fd:
        estado = _leer_acotado(fd, hojas.estado.name)
        for hoja in (hojas.preludio, hojas.estado):
            _quitar(hoja.name, fd)
        return interpretar_hoja(estado)
    return None


@contextmanager
def _en(casa: Path, duenio: int | None) -> Iterator[int]:
    """La carpeta de las hojas, creada si falta, sin pasar por ningún enlace."""
    raiz = os.open(casa, _ABRIR_CARPETA)
    try:
        with suppress(FileExistsError):
            os.mkdir(CARPETA, 0o700, dir_fd=raiz)
        if not stat.S_ISDIR(os.stat(CARPETA, dir_fd=raiz, follow_symlinks=False).st_mode):
            # El agente la cambió por otra cosa: su consola no se rompe por eso.
            os.unlink(CARPETA, dir_fd=raiz)
            os.mkdir(CARPETA, 0o700, dir_fd=raiz)
        fd = os.open(CARPETA, _ABRIR_CARPETA, dir_fd=raiz)
    finally:
        os.close(raiz)
    try:
        if duenio is not None and os.fstat(fd).st_uid != duenio:
            os.fchown(fd, duenio, duenio)
        yield fd
    finally:
        os.close(fd)


def _escribir(carpeta: int, nombre: str, datos: bytes, modo: int, duenio: int | None) -> None:
    fd = os.open(nombre, os.O_WRONLY | os.O_CREAT | os.O_EXCL, modo, dir_fd=carpeta)
    with os.fdopen(fd, "wb") as archivo:
        archivo.write(datos)
        if duenio is not None:
            os.fchown(fd, duenio, duenio)


def _quitar(nombre: str, carpeta: int) -> None:
    """Quita una hoja, o lo que el agente dejara con su nombre."""
    with suppress(OSError):
        os.unlink(nombre, dir_fd=carpeta)
        return
    with suppress(OSError):
        os.rmdir(nombre, dir_fd=carpeta)


def _leer_acotado(carpeta: int, nombre: str) -> bytes:
    try:
        fd = os.open(nombre, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK, dir_fd=carpeta)
    except OSError:
        return b""
    try:
        es_archivo = stat.S_ISREG(os.fstat(fd).st_mode)
        return os.read(fd, TOPE_ESTADO) if es_archivo else b""
    finally:
        os.close(fd)
