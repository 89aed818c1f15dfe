"""Con qué entorno corre una orden: una lista de lo permitido, nunca lo nuestro menos algo."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from pathlib import Path

RUTA_PROGRAMAS = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
"""El PATH de las órdenes, siempre el mismo."""

_FIJAS = {
    "PATH": RUTA_PROGRAMAS,
    "TERM": "dumb",
    "PAGER": "cat",
    "GIT_PAGER": "cat",
    "GIT_TERMINAL_PROMPT": "0",
    "GIT_CONFIG_NOSYSTEM": "1",
    "PYTHONUNBUFFERED": "1",
    "CI": "1",
}
_DE_LA_CASA = {*_FIJAS, "HOME", "PWD", "TMPDIR", "IFS", "ENV", "SHELLOPTS"}
_MANDAN = ("LD_", "BASH", "PYTHON", "GCONV_", "LOCPATH", "GLIBC_", "MALLOC_", "NLSPATH")
"""Cambian qué código ejecuta un programa antes de empezar; el lanzador las obedecería."""


def entorno_de_orden(
    carpeta: Path,
    casa: Path,
    nuestro: Mapping[str, str] | None = None,
    variables: Iterable[str] = (),
) -> dict[str, str]:
    """Devuelve el entorno de una orden que empieza en `carpeta` y tiene por HOME `casa`.

    De `nuestro` (por omisión, el del proceso) pasan el idioma, la zona horaria y las `variables`
    concedidas que no digan a un programa qué código cargar.
    """
    nuestro = os.environ if nuestro is None else nuestro
    concedidas = {v for v in variables if v not in _DE_LA_CASA and not v.startswith(_MANDAN)}
    heredadas = {
        nombre: valor
        for nombre, valor in nuestro.items()
        if nombre in {"LANG", "TZ"} or nombre.startswith("LC_") or nombre in concedidas
    }
    if not {"LANG", "LC_ALL", "LC_CTYPE"} & heredadas.keys():
        heredadas["LANG"] = "C.UTF-8"
    lugares = {"HOME": str(casa), "PWD": str(carpeta), "TMPDIR": str(casa / "tmp")}
    return {**heredadas, **_FIJAS, **lugares}
