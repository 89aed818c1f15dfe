"""Lo que se lleva gastado y hallado al buscar en una orden, con un solo plazo para todo."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass, field

from servicios.consola.permisos.arbol import Nodo, nodos

_PLAZO_S = 0.025
_MAXIMO_ORDENES = 300


def _plazo() -> float:
    return time.thread_time() + _PLAZO_S


@dataclass(slots=True)
class Busqueda:
    """Las órdenes simples halladas y si quedó algo sin mirar.

    `limite` es un instante de `time.thread_time`, en segundos, común a todos los análisis.
    """

    ordenes: list[list[str]] = field(default_factory=list)
    limite: float = field(default_factory=_plazo)
    incompleta: bool = False

    def agotada(self) -> bool:
        """Si ya no se puede seguir; entonces la búsqueda queda incompleta."""
        if len(self.ordenes) >= _MAXIMO_ORDENES or time.thread_time() > self.limite:
            self.incompleta = True
        return self.incompleta

    def nodos(self, raiz: Nodo) -> Iterator[Nodo]:
        """Los de `raiz` mientras quede plazo."""
        for nodo in nodos(raiz):
            if self.agotada():
                return
            yield nodo
