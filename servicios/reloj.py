"""El tiempo: el puerto del reloj, que una prueba adelanta, y el compás que reparte el bucle."""

from __future__ import annotations

import asyncio
import time
from collections import deque
from typing import Protocol


class Reloj(Protocol):
    """Segundos que solo crecen y una espera."""

    def ahora(self) -> float:
        """Segundos de un origen cualquiera; solo valen las diferencias."""
        ...

    async def dormir(self, segundos: float) -> None:
        """Vuelve cuando hayan pasado esos segundos."""
        ...


class RelojReal:
    """El de la máquina."""

    def ahora(self) -> float:
        """Reloj monótono en segundos."""
        return time.monotonic()

    async def dormir(self, segundos: float) -> None:
        """Espera real."""
        await asyncio.sleep(segundos)


class Compas:
    """Deja pasar a uno por vuelta del bucle, en orden de llegada.

    Cuando cientos despiertan a la vez, cada uno hace su parte pesada en una vuelta distinta y lo
    demás (el teclado, los avisos) se cuela entre medias.
    """

    def __init__(self) -> None:
        self._cola: deque[asyncio.Future[None]] = deque()
        self._ocupado = False

    async def turno(self) -> None:
        """Vuelve al momento si nadie pasó en esta vuelta; si no, cuando le toque."""
        bucle = asyncio.get_running_loop()
        if not self._ocupado:
            self._ocupado = True
            bucle.call_soon(self._siguiente)
            return
        espera: asyncio.Future[None] = bucle.create_future()
        self._cola.append(espera)
        await espera

    def _siguiente(self) -> None:
        while self._cola:
            espera = self._cola.popleft()
            if not espera.done():
                espera.set_result(None)
                asyncio.get_running_loop().call_soon(self._siguiente)
                return
        self._ocupado = False
