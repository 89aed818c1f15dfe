"""Dos formas de comunicarse: el buzón (mensajes con destinatario, un lector) y el bus (hechos
y texto parcial, muchos lectores).

Nadie sondea: quien espera, espera una entrega.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Generic, TypeVar

from agentes.eventos import HechoAnotado, TextoDescartado, TextoParcial

if TYPE_CHECKING:
    from collections.abc import Iterator

T = TypeVar("T")

Difusion = HechoAnotado | TextoParcial | TextoDescartado
"""Lo que viaja por el bus."""


class Buzon(Generic[T]):
    """Mensajes en orden para un solo lector. Entregar nunca espera."""

    def __init__(self) -> None:
        self._cola: deque[T] = deque()
        self._llegada = asyncio.Event()

    def __len__(self) -> int:
        return len(self._cola)

    def entregar(self, mensaje: T) -> None:
        """Deja un mensaje y despierta al lector."""
        self._cola.append(mensaje)
        self._llegada.set()

    async def recibir(self) -> T:
        """Espera y saca el mensaje más antiguo."""
        await self.esperar()
        return self.tomar()

    async def esperar(self) -> None:
        """Vuelve cuando hay al menos un mensaje, sin sacarlo."""
        while not self._cola:
            self._llegada.clear()
            await self._llegada.wait()

    async def esperar_mas_de(self, cuantos: int) -> None:
        """Vuelve cuando hay más de `cuantos` mensajes."""
        while len(self._cola) <= cuantos:
            self._llegada.clear()
            await self._llegada.wait()

    def tomar(self) -> T:
        """Saca el más antiguo; `IndexError` si no hay."""
        return self._cola.popleft()

    def mirar(self, indice: int) -> T:
        """El mensaje en esa posición, sin sacarlo."""
        return self._cola[indice]

    def vaciar(self) -> list[T]:
        """Saca todo lo que hay."""
        todo = list(self._cola)
        self._cola.clear()
        return todo


class Suscripcion:
    """Un lector del bus: un iterador asíncrono de lo publicado desde que se abrió.

    Los hechos se guardan todos; el texto parcial se descarta si el lector se atrasa.
    """

    LIMITE_PARCIALES = 2_000

    def __init__(self) -> None:
        self._buzon: Buzon[Difusion] = Buzon()

    def recibir(self, cosa: Difusion) -> None:
        """La llama el bus."""
        if isinstance(cosa, TextoParcial) and len(self._buzon) >= self.LIMITE_PARCIALES:
            return
        self._buzon.entregar(cosa)

    def pendientes(self) -> list[Difusion]:
        """Lo que aún no se ha leído, sin esperar."""
        return self._buzon.vaciar()

    async def __aiter__(self) -> AsyncIterator[Difusion]:
        while True:
            yield await self._buzon.recibir()


class BusEventos:
    """Difunde a todos los suscritos. Publicar es síncrono y nunca espera a un lector."""

    def __init__(self) -> None:
        self._suscritos: list[Suscripcion] = []

    def publicar(self, cosa: Difusion) -> None:
        """Entrega una copia de la referencia a cada suscrito."""
        for suscrito in self._suscritos:
            suscrito.recibir(cosa)

    @contextmanager
    def suscribir(self) -> Iterator[Suscripcion]:
        """Abre una suscripción mientras dure el bloque."""
        suscrito = Suscripcion()
        self._suscritos.append(suscrito)
        try:
            yield suscrito
        finally:
            self._suscritos.remove(suscrito)
