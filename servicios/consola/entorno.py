"""Con qué entorno corre una orden: una lista de lo permitido, nunca lo nuestro menos algo."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

RUTA_PROGRAMAS = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
"""El PATH de las órdenes, siempre el mismo."""

_FIJAS = {
    "PATH": RUTA_PROGRAMAS,
    "TERM": "dumb",
    "PAGER": "cat",
    "GIT_PAGER": "cat",
    "GIT_TERMINAL_PROMPT": "0",
    "PYTHONUNBUFFERED": "1",
    "CI": "1",
}


def entorno_de_orden(carpeta: Path, nuestro: Mapping[str, str] | None = None) -> dict[str, str]:
    """Devuelve el entorno de una orden que empieza en `carpeta`.

    De `nuestro` (por omisión, el del proceso) solo pasan el idioma y la zona horaria.
    """
    nuestro = os.environ if nuestro is None else nuestro
    heredadas = {
        nombre: valor
        for nombre, valor in nuestro.items()
        if nombre in {"LANG", "TZ"} or nombre.startswith("LC_")
    }
    if not {"LANG", "LC_ALL", "LC_CTYPE"} & heredadas.keys():
        heredadas["LANG"] = "C.UTF-8"
    return {**heredadas, **_FIJAS, "HOME": str(carpeta), "PWD": str(carpeta)}
