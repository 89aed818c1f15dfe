"""A quién le toca: por turnos entre los que esperan, no por cuántas cosas pide cada uno."""

from __future__ import annotations

from collections import OrderedDict, deque
from collections.abc import Iterator
from typing import Generic, TypeVar

T = TypeVar("T")


class Turnos(Generic[T]):
    """Una cola por cada quién; sale uno de cada, en orden. Antes, los que ya tuvieron su turno."""

    def __init__(self) -> None:
        self._antes: OrderedDict[str, deque[T]] = OrderedDict()
        self._colas: OrderedDict[str, deque[T]] = OrderedDict()
        self._cuantos = 0

    def __len__(self) -> int:
        return self._cuantos

    def __iter__(self) -> Iterator[T]:
        """Todos, los de cada quién juntos."""
        for colas in (self._antes, self._colas):
            for cola in colas.values():
                yield from cola

    def poner(self, quien: str, cosa: T, *, antes: bool = False) -> None:
        """Se pone a la cola; `antes` es de quien ya tuvo su turno y no le sirvió."""
        colas = self._antes if antes else self._colas
        colas.setdefault(quien, deque()).append(cosa)
        self._cuantos += 1

    def sacar(self) -> T:
        """Lo primero de a quien le toca, que pasa a ser el último. `KeyError` si no hay nadie."""
        colas = self._antes or self._colas
        if not colas:
            raise KeyError("no espera nadie")
        quien, cola = next(iter(colas.items()))
        cosa = cola.popleft()
        self._cuantos -= 1
        if cola:
            colas.move_to_end(quien)
        else:
            del colas[quien]
        return cosa

    def quitar(self, quien: str, cosa: T) -> None:
        """Ya no espera."""
        colas = self._antes if cosa in self._antes.get(quien, ()) else self._colas
        colas[quien].remove(cosa)
        self._cuantos -= 1
        if not colas[quien]:
            del colas[quien]
