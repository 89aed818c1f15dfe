"""El registro independiente: una línea JSON por cosa que hicieron el doble y la persona."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

Apunte = dict[str, Any]


class Registro:
    """Solo se añade. Cada apunte lleva su `clase`, su número y el segundo en que se hizo."""

    def __init__(self, ruta: Path) -> None:
        self._ruta = ruta
        self._apuntes: list[Apunte] = []

    def anotar(self, clase: str, **datos: Any) -> Apunte:
        """Un apunte más, en el disco antes de volver."""
        apunte = {"n": len(self._apuntes), "t": time.time(), "clase": clase, **datos}
        self._apuntes.append(apunte)
        with self._ruta.open("a", encoding="utf-8") as archivo:
            archivo.write(json.dumps(apunte, ensure_ascii=False) + "\n")
        return apunte

    def de(self, clase: str, **con: Any) -> Iterator[Apunte]:
        """Los de una clase, con esos valores, en orden."""
        for apunte in list(self._apuntes):
            if apunte["clase"] == clase and all(apunte.get(c) == v for c, v in con.items()):
                yield apunte


def leer(ruta: Path) -> list[Apunte]:
    """Los de un archivo."""
    return [json.loads(linea) for linea in ruta.read_text(encoding="utf-8").splitlines()]
