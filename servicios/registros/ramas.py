"""De filas sueltas al árbol que son: cada una debajo de su superior."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Generic, TypeVar

from agentes.eventos import MASTER

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Nudo(Generic[T]):
    """Una fila en su sitio del árbol; `rama` es lo que se pinta delante de su nombre."""

    fila: T
    nivel: int
    rama: str


def colgar(
    filas: Iterable[T], id_de: Callable[[T], str], superior_de: Callable[[T], str]
) -> Iterator[Nudo[T]]:
    """Cada fila detrás de su superior y antes que sus hermanas menores; raíz, el Master.

    La que tiene un superior que no está cuelga del Master.
    """
    todas = list(filas)
    conocidos = {id_de(fila) for fila in todas}
    hijos: dict[str, list[T]] = defaultdict(list)
    for fila in todas:
        superior = superior_de(fila)
        hijos[superior if superior in conocidos else MASTER].append(fila)
    # De arriba abajo y sin recursión: un árbol puede ser más hondo que la pila.
    pendientes = [(fila, 0, "") for fila in reversed(hijos.pop(MASTER, []))]
    while pendientes:
        fila, nivel, margen = pendientes.pop()
        siguiente = pendientes[-1][1] if pendientes else -1
        ultimo = siguiente < nivel
        yield Nudo(fila, nivel, f"{margen}{'└ ' if ultimo else '├ '}" if nivel else "")
        dentro = f"{margen}{'  ' if ultimo else '│ '}" if nivel else ""
        suyos = hijos.pop(id_de(fila), [])
        pendientes += [(hijo, nivel + 1, dentro) for hijo in reversed(suyos)]
