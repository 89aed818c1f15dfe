"""Dos formas de comunicarse: el buzón (mensajes con destinatario, un lector) y el bus (hechos
y texto parcial, muchos lectores).

Nadie sondea: quien espera, espera una entrega.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Callable
from contextlib import contextmanager
from typing import TYPE_CHECKING, Generic, TypeVar

from agentes.eventos import HechoAnotado, TextoDescartado, TextoParcial
from servicios.reloj import Reloj

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

    async def al_dia(self) -> None:
        """Vuelve cuando consta lo que otros le hicieron antes de lo siguiente que hará: ya."""

    async def recoger(self) -> list[T]:
        """Lo que le toca leer ahora a su lector: todo lo que hay, sin esperar."""
        return self.vaciar()


class BuzonConVentana(Buzon[T]):
    """Un buzón cuyo lector lee ráfagas enteras.

    La ventana se cierra `tras_el_ultimo_s` después del último mensaje, como mucho
    `tras_el_primero_s` después del primero, o en cuanto hay uno urgente. Lo que no `despierta` no
    cuenta como llegado: se lee, en su sitio, con lo siguiente que lo haga.
    """

    def __init__(
        self,
        reloj: Reloj,
        es_urgente: Callable[[T], bool],
        tras_el_ultimo_s: float = 0.050,
        tras_el_primero_s: float = 0.250,
        despierta: Callable[[T], bool] = lambda _: True,
    ) -> None:
        super().__init__()
        self._despierta = despierta
        self._aparte: list[tuple[int, T]] = []
        self._reloj = reloj
        self._es_urgente = es_urgente
        self._tras_el_ultimo_s = tras_el_ultimo_s
        self._tras_el_primero_s = tras_el_primero_s

    def entregar(self, mensaje: T) -> None:
        """Deja un mensaje y, si lo merece, despierta al lector."""
        if self._despierta(mensaje):
            super().entregar(mensaje)
        else:
            self._aparte.append((len(self), mensaje))

    def vaciar(self) -> list[T]:
        """Saca todo lo que hay, en el orden en que llegó."""
        todo, aparte = super().vaciar(), self._aparte
        self._aparte = []
        for antes, mensaje in reversed(aparte):
            todo.insert(antes, mensaje)
        return todo

    async def juntar(self) -> list[T]:
        """Espera a que se cierre la ventana y saca lo que hay."""
        inicio = self._reloj.ahora()
        vistos = 0
        while not any(self._es_urgente(self.mirar(i)) for i in range(vistos, len(self))):
            vistos = len(self)
            queda = inicio + self._tras_el_primero_s - self._reloj.ahora()
            espera = min(self._tras_el_ultimo_s, queda)
            if espera <= 0 or not await self._llega_otro(vistos, espera):
                break
        return self.vaciar()

    async def _llega_otro(self, vistos: int, segundos: float) -> bool:
        llegada = asyncio.ensure_future(self.esperar_mas_de(vistos))
        plazo = asyncio.ensure_future(self._reloj.dormir(segundos))
        try:
            await asyncio.wait({llegada, plazo}, return_when=asyncio.FIRST_COMPLETED)
            return llegada.done()
        finally:
            llegada.cancel()
            plazo.cancel()
            await asyncio.gather(llegada, plazo, return_exceptions=True)


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
    """Difunde a todos los suscritos. Publicar es síncrono y nunca espera a un lector.

    Lo publicado antes de que haya nadie se le guarda al primero, hasta `LIMITE_PREVIOS`: la
    sesión empieza a contar antes de que su cara pueda suscribirse.
    """

    LIMITE_PREVIOS = 1_000

    def __init__(self) -> None:
        self._suscritos: list[Suscripcion] = []
        self._previos: deque[Difusion] | None = deque(maxlen=self.LIMITE_PREVIOS)

    def publicar(self, cosa: Difusion) -> None:
        """Entrega una copia de la referencia a cada suscrito."""
        if self._previos is not None:
            self._previos.append(cosa)
        for suscrito in self._suscritos:
            suscrito.recibir(cosa)

    @contextmanager
    def suscribir(self) -> Iterator[Suscripcion]:
        """Abre una suscripción mientras dure el bloque."""
        suscrito = Suscripcion()
        previos, self._previos = self._previos, None
        for cosa in previos or ():
            suscrito.recibir(cosa)
        self._suscritos.append(suscrito)
        try:
            yield suscrito
        finally:
            self._suscritos.remove(suscrito)
