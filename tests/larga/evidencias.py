"""Lo que las órdenes dejaron en el disco: qué empezó, cuántas veces, y qué acabó."""

from __future__ import annotations

import re
from collections import Counter
from pathlib import Path

ETERNA = re.compile(r"eterno-\d+\.1\.")
"""El nombre de la segunda orden de un eterno, la que no acaba."""


class Evidencias:
    """Las de todos los espacios y las de la carpeta desde la que escribe la persona."""

    def __init__(self, datos: Path, carpeta: Path) -> None:
        self._espacios = datos / "espacios"
        self._carpeta = carpeta

    def empezadas(self) -> Counter[str]:
        """Cada orden y las veces que empezó."""
        return self._leer("empezadas")

    def acabadas(self) -> Counter[str]:
        """Cada orden y las veces que llegó a su final."""
        return self._leer("acabadas")

    def en_marcha(self) -> set[str]:
        """Las que ahora mismo están a medias."""
        acabadas = self.acabadas()
        return {nombre for nombre in self.empezadas() if nombre not in acabadas}

    def eternas(self) -> set[str]:
        """Las que no acabarían nunca."""
        return {nombre for nombre in self.en_marcha() if ETERNA.match(nombre)}

    def _leer(self, archivo: str) -> Counter[str]:
        rutas = [*self._espacios.glob(f"*/{archivo}"), self._carpeta / archivo]
        textos = (r.read_text(encoding="utf-8") for r in rutas if r.exists())
        return Counter(nombre for texto in textos for nombre in texto.split())
