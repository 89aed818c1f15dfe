"""Las órdenes de ejemplo: una por línea, con su familia delante.

En el texto, ⏎ es un salto de línea y ‹U+202E›, el carácter de ese código.
"""

from __future__ import annotations

import re
from pathlib import Path

_CODIGO = re.compile(r"‹U\+([0-9A-F]+)›")


def leer(nombre: str) -> list[tuple[str, str]]:
    """(familia, orden) de un archivo de esta carpeta."""
    texto = Path(__file__).with_name(f"{nombre}.txt").read_text(encoding="utf-8")
    familia = ""
    ordenes: list[tuple[str, str]] = []
    for linea in texto.split("\n"):
        if linea.startswith("## "):
            familia = linea[3:]
        elif linea:
            con_saltos = linea.replace("⏎", "\n")
            orden = _CODIGO.sub(lambda m: chr(int(m[1], 16)), con_saltos)
            ordenes.append((familia, orden))
    return ordenes


HOSTILES = leer("hostiles")
NEGADAS = leer("negadas")
CORRIENTES = leer("corrientes")
TRABAJO = leer("trabajo")
