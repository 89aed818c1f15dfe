"""Un bucle de asyncio cuyo reloj salta: nadie espera de verdad y un bloqueo se ve en el acto."""

from __future__ import annotations

import asyncio
import selectors
from collections.abc import Coroutine
from typing import Any, TypeVar

T = TypeVar("T")


class Bloqueo(RuntimeError):
    """Todos esperan y nada puede despertarlos: ni el reloj ni un descriptor."""


class _Selector(selectors.SelectSelector):
    """En vez de dormir, adelanta el reloj."""

    def __init__(self) -> None:
        super().__init__()
        self.ahora = 0.0

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        if timeout is None:
            raise Bloqueo("todos esperan y nada puede despertarlos")
        if timeout > 0:
            self.ahora += timeout
        return []


class _BucleVirtual(asyncio.SelectorEventLoop):
    def __init__(self) -> None:
        self._tiempo = _Selector()
        super().__init__(self._tiempo)

    def time(self) -> float:
        return self._tiempo.ahora


class RelojDelBucle:
    """El puerto del reloj sobre el del bucle que corre."""

    def ahora(self) -> float:
        return asyncio.get_running_loop().time()

    async def dormir(self, segundos: float) -> None:
        await asyncio.sleep(segundos)


def correr_virtual(cosa: Coroutine[Any, Any, T]) -> T:
    """Corre hasta el final en un bucle propio; lanza `Bloqueo` si se queda sin quien lo despierte."""
    bucle = _BucleVirtual()
    try:
        return bucle.run_until_complete(cosa)
    finally:
        pendientes = asyncio.all_tasks(bucle)
        for tarea in pendientes:
            tarea.cancel()
        if pendientes:
            bucle.run_until_complete(asyncio.gather(*pendientes, return_exceptions=True))
        bucle.close()
