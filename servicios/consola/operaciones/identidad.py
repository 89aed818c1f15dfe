"""Quién es un proceso: su número se repite, así que hacen falta también cuándo y dónde nació."""

from __future__ import annotations

import os
from contextlib import suppress
from dataclasses import dataclass

_ARRANQUE = "/proc/sys/kernel/random/boot_id"
_MUERTO = (b"Z", b"X")
_NACIDO = 19
"""Posición de la hora de nacimiento tras el nombre en `/proc/PID/stat`."""


@dataclass(frozen=True, slots=True)
class Identidad:
    """Un proceso; `arranque` es el de la máquina y `nacido` va en tics desde entonces."""

    pid: int
    arranque: str
    nacido: int

    @classmethod
    def de(cls, pid: int) -> Identidad | None:
        """La del proceso vivo que tiene ahora ese número; `None` si no lo hay."""
        with suppress(OSError, IndexError, ValueError):
            # El nombre va entre paréntesis y puede llevar de todo, paréntesis incluidos.
            campos = _leer(f"/proc/{pid}/stat").rpartition(b")")[2].split()
            if campos[0] in _MUERTO:
                return None
            return cls(pid, _leer(_ARRANQUE).decode().strip(), int(campos[_NACIDO]))
        return None

    @classmethod
    def de_texto(cls, texto: str) -> Identidad | None:
        """La que escribió `texto`; `None` si no está entera."""
        with suppress(ValueError):
            pid, arranque, nacido = texto.split()
            return cls(int(pid), arranque, int(nacido))
        return None

    def texto(self) -> str:
        """Para guardarla."""
        return f"{self.pid} {self.arranque} {self.nacido}\n"

    def agarrar(self) -> int | None:
        """Un pidfd suyo, que quien lo pide cierra; `None` si ya no vive."""
        try:
            fd = os.pidfd_open(self.pid)
        except OSError:
            return None
        # Agarrado primero y mirado después: entre medias no puede cambiar de dueño el número.
        if Identidad.de(self.pid) == self:
            return fd
        os.close(fd)
        return None


def _leer(archivo: str) -> bytes:
    fd = os.open(archivo, os.O_RDONLY)
    try:
        return os.read(fd, 4096)
    finally:
        os.close(fd)
