"""A quién le toca: por turnos entre los que esperan, no por cuántas cosas pide cada uno."""

from __future__ import annotations

from collections import OrderedDict, deque
from collections.abc import Iterator
from typing import Generic, TypeVar

T = TypeVar("T")


class Turnos(Generic[T]):
    """Una cola por cada quién; sale uno de cada, en orden."""

    def __init__(self) -> None:
        self._colas: OrderedDict[str, deque[T]] = OrderedDict()
        self._cuantos = 0

    def __len__(self) -> int:
        return self._cuantos

    def __iter__(self) -> Iterator[T]:
        """Todos, los de cada quién juntos."""
        for cola in self._colas.values():
            yield from cola

    def poner(self, quien: str, cosa: T, *, delante: bool = False) -> None:
        """Se pone a la cola; `delante` es de quien ya tuvo su turno y no le sirvió."""
        cola = self._colas.setdefault(quien, deque())
        self._cuantos += 1
        if delante:
            cola.appendleft(cosa)
            self._colas.move_to_end(quien, last=False)
        else:
            cola.append(cosa)

    def sacar(self) -> T:
        """Lo primero de a quien le toca, que pasa a ser el último. `KeyError` si no hay nadie."""
        quien, cola = next(iter(self._colas.items()), (None, None))
        if quien is None or cola is None:
            raise KeyError("no espera nadie")
        cosa = cola.popleft()
        self._cuantos -= 1
        if cola:
            self._colas.move_to_end(quien)
        else:
            del self._colas[quien]
        return cosa

    def quitar(self, quien: str, cosa: T) -> None:
        """Ya no espera."""
        cola = self._colas[quien]
        cola.remove(cosa)
        self._cuantos -= 1
        if not cola:
            del self._colas[quien]
