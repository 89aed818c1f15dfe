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
from pathlib import Path

from servicios.consola.estado import TOPE_ESTADO, Estado, escribir_preludio, interpretar_hoja
from servicios.consola.operaciones.carpeta import CarpetaNueva
from servicios.consola.pedido import Cuaderno

CARPETA = ".enjambre"
"""Dentro de la casa de cada agente."""

_ABRIR_CARPETA = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW


def hacer_cuaderno(
    casa: Path, duenio: int | None, estado: Estado | None, carpeta: Path, procesos: int | None
) -> Cuaderno:
    """Las hojas de una orden que empieza en `carpeta`: la que lee bash y la que escribe al salir.

    `procesos` es el límite que ha de ponerse ella misma, si es cosa suya.
    """
    nombre = secrets.token_hex(6)
    preludio, hoja = (casa / CARPETA / f"{cual}-{nombre}" for cual in ("preludio", "estado"))
    texto = escribir_preludio(hoja, estado, carpeta, procesos)
    return Cuaderno(str(preludio), str(hoja), os.fsdecode(texto), duenio)


def poner_hojas(cuaderno: Cuaderno, nueva: CarpetaNueva) -> None:
    """Las pone en la casa, con los archivos ya hechos que cede `nueva`. Lanza `OSError`."""
    preludio, estado = Path(cuaderno.preludio), Path(cuaderno.estado)
    with _en(preludio.parent.parent, cuaderno.duenio) as fd:
        nueva.ceder(0, fd, estado.name, b"", 0o600, cuaderno.duenio)
        texto = os.fsencode(cuaderno.texto)
        nueva.ceder(1, fd, preludio.name, texto, 0o400, cuaderno.duenio)


def recoger_hojas(cuaderno: Cuaderno) -> Estado | None:
    """Lee y borra las hojas; `None` si la orden no dejó un estado que valga."""
    preludio, hoja = Path(cuaderno.preludio), Path(cuaderno.estado)
    with suppress(OSError), _en(preludio.parent.parent, None) as fd:
        estado = _leer_acotado(fd, hoja.name)
        for nombre in (preludio.name, hoja.name):
            _quitar(nombre, fd)
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
