"""Quién escucha en un puerto: los sockets que tienen abiertos unos procesos, según /proc."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from servicios.consola.supervision.procesos import descendientes

_ESCUCHA = "0A"
_NODO = re.compile(r"socket:\[(\d+)\]")
_TABLAS = ("tcp", "tcp6")


def escucha_alguno(pid: int, puerto: int) -> bool:
    """Si algún proceso que cuelga de `pid` escucha por TCP en `puerto`. Bloquea un momento."""
    return any(
        not _sockets(proceso).isdisjoint(_nodos_que_escuchan(proceso, puerto))
        for proceso in descendientes(pid)
    )


def _sockets(pid: int) -> set[str]:
    """Los números de nodo de los suyos; ninguno si ya no vive o no se deja mirar."""
    abiertos: list[Path] = []
    with suppress(OSError):
        abiertos = list(Path(f"/proc/{pid}/fd").iterdir())
    hallados = (_NODO.fullmatch(_destino(descriptor)) for descriptor in abiertos)
    return {hallado[1] for hallado in hallados if hallado}


def _destino(descriptor: Path) -> str:
    with suppress(OSError):
        return str(descriptor.readlink())
    return ""


def _nodos_que_escuchan(pid: int, puerto: int) -> Iterator[str]:
    """Los de la red en que vive ese proceso, sean de quien sean."""
    for tabla in _TABLAS:
        lineas: list[str] = []
        with suppress(OSError):
            lineas = Path(f"/proc/{pid}/net/{tabla}").read_text(encoding="ascii").splitlines()
        for campos in map(str.split, lineas[1:]):
            if campos[3] == _ESCUCHA and int(campos[1].rpartition(":")[2], 16) == puerto:
                yield campos[9]
