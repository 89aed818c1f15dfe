"""Lo que una orden encerrada puede leer de la máquina: una lista corta, la misma para todos."""

from __future__ import annotations

import os
import pwd
import sys
from pathlib import Path

USR = Path("/usr")

ENLAZADAS = ("bin", "sbin", "lib", "lib32", "lib64", "libx32")
"""Carpetas de la raíz que casi siempre son enlaces a otra de `/usr`."""

ETC = tuple(
    Path("/etc", nombre)
    for nombre in (
        *("alternatives", "ld.so.cache", "ssl", "pki", "crypto-policies"),
        *("passwd", "group", "localtime"),
    )
)
"""De `/etc`, lo que los programas esperan encontrar y no guarda secretos.

Cada montaje de más se paga en cada orden.
"""

ETC_CON_RED = tuple(
    Path("/etc", nombre)
    for nombre in ("resolv.conf", "hosts", "nsswitch.conf", "host.conf", "gai.conf", "services")
)
"""Lo que hace falta además para encontrar a otras máquinas."""


def carpetas_de_python() -> tuple[Path, ...]:
    """Donde vive este Python y su entorno virtual, si no están en `/usr`."""
    ejecutable = Path(os.path.realpath(sys.executable))
    candidatas = (Path(sys.prefix), Path(sys.base_prefix), ejecutable.parent.parent)
    casa = casa_de_la_persona()
    elegidas: dict[Path, None] = {}
    for candidata in candidatas:
        for ruta in (candidata, candidata.resolve()):
            # Una que contuviera la casa de la persona la enseñaría entera.
            if not ruta.is_relative_to(USR) and not (casa and casa.is_relative_to(ruta)):
                elegidas[ruta] = None
    return tuple(elegidas)


def casa_de_la_persona() -> Path | None:
    """La carpeta personal de nuestro usuario según el sistema, que no es siempre `$HOME`."""
    try:
        return Path(pwd.getpwuid(os.getuid()).pw_dir).resolve()
    except KeyError:
        return None
