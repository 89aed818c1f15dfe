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


_RAIZ = Path(__file__).resolve().parents[3]
"""La carpeta del programa, con sus claves y quizá con sus datos."""

_DE_PYTHON = ("bin", "lib", "lib64", "include", "share", "pyvenv.cfg")
_SIN_IMPORTANCIA = {*_DE_PYTHON, ".gitignore", ".lock", "CACHEDIR.TAG", "etc", "man"}
_MARCAS = (".base-", ".dev-", ".a-medias")
"""Lo que deja en `.venv` nuestro Makefile: archivos vacíos."""


def carpetas_de_python() -> tuple[Path, ...]:
    """Donde vive este Python y su entorno virtual, si no están en `/usr`.

    De una carpeta que es también otra cosa (`python -m venv .`), solo lo que es de Python.
    """
    ejecutable = Path(os.path.realpath(sys.executable))
    candidatas = (Path(sys.prefix), Path(sys.base_prefix), ejecutable.parent.parent)
    elegidas: dict[Path, None] = {}
    for candidata in candidatas:
        for ruta in (candidata, candidata.resolve()):
            if ruta != Path("/") and not ruta.is_relative_to(USR):
                elegidas |= dict.fromkeys(_de_python(ruta))
    return tuple(elegidas)


def _de_python(carpeta: Path) -> list[Path]:
    """La carpeta entera si no enseña nada más que Python; si no, sus trozos."""
    casa = casa_de_la_persona()
    ajenas = (_RAIZ, *((casa,) if casa else ()))
    try:
        real, nombres = carpeta.resolve(strict=True), set(os.listdir(carpeta))  # noqa: PTH208
    except OSError:
        return []
    mezclada = "pyvenv.cfg" in nombres and not all(map(_sin_importancia, nombres))
    if not mezclada and not any(ajena.is_relative_to(real) for ajena in ajenas):
        return [carpeta]
    return [carpeta / nombre for nombre in _DE_PYTHON if nombre in nombres]


def _sin_importancia(nombre: str) -> bool:
    return nombre in _SIN_IMPORTANCIA or nombre.startswith(_MARCAS)


def casa_de_la_persona() -> Path | None:
    """La carpeta personal de nuestro usuario según el sistema, que no es siempre `$HOME`."""
    try:
        return Path(pwd.getpwuid(os.getuid()).pw_dir).resolve()
    except KeyError:
        return None
