"""Lo que los agentes tienen en marcha: cuántas órdenes corren a la vez y cuáles están congeladas.

Congelar a un agente detiene todo lo suyo (la orden, los trabajos y las comprobaciones) y hace
esperar a lo que iba a empezar, hasta que se le descongele.
"""

from __future__ import annotations

import asyncio
from collections import Counter, deque
from collections.abc import AsyncIterator, Awaitable, Iterator
from contextlib import asynccontextmanager, contextmanager

from servicios.consola.supervision.corrida import Corrida
from servicios.reloj import Compas


class Cupo:
    """Sitios para las órdenes que corren, en orden de llegada."""

    def __init__(self, sitios: int) -> None:
        self._libres = sitios
        self._cola: deque[asyncio.Future[None]] = deque()

    async def tomar(self) -> None:
        """Espera un sitio y se queda con él."""
        if self._libres > 0:
            self._libres -= 1
            return
        espera: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._cola.append(espera)
        try:
            await espera
        except asyncio.CancelledError:
            if espera.done() and not espera.cancelled():
                self.soltar(1)
            raise

    def tomar_ya(self, cuantos: int) -> None:
        """Sin esperar: los de quienes ya corren, aunque por un rato sean más que sitios."""
        self._libres -= cuantos

    def soltar(self, cuantos: int) -> None:
        """Deja libres sitios que se tenían."""
        self._libres += cuantos
        while self._libres > 0 and self._cola:
            espera = self._cola.popleft()
            if not espera.done():
                self._libres -= 1
                espera.set_result(None)


class Marcha:
    """Lo que corre de cada agente; `simultaneas` son las órdenes a la vez entre todos.

    Las congeladas no ocupan sitio: parar a muchos agentes no deja a los demás sin consola.
    """

    def __init__(self, simultaneas: int) -> None:
        self._cupo = Cupo(simultaneas)
        self._compas = Compas()
        self._con_sitio: Counter[str] = Counter()
        self._corridas: dict[str, set[Corrida]] = {}
        self._naciendo: dict[str, set[asyncio.Future[None]]] = {}
        self._puertas: dict[str, asyncio.Event] = {}
        self._turnos: dict[str, asyncio.Lock] = {}
        self._cerrada = False

    # --- lo que empieza -----------------------------------------------------------------

    async def paso(self, agente_id: str) -> None:
        """Espera a que el agente no esté congelado, o a que se cierre."""
        while not self._cerrada and (puerta := self._puertas.get(agente_id)) is not None:
            await puerta.wait()

    @asynccontextmanager
    async def sitio(self, agente_id: str) -> AsyncIterator[None]:
        """Dentro hay sitio para una orden de ese agente, que al entrar no está congelado."""
        while True:
            await self.paso(agente_id)
            await self._cupo.tomar()
            try:
                await self._compas.turno()
            except asyncio.CancelledError:
                self._cupo.soltar(1)
                raise
            if self._cerrada or agente_id not in self._puertas:
                break
            self._cupo.soltar(1)
        with self._contada(agente_id):
            yield

    @contextmanager
    def sitio_de_adoptada(self, agente_id: str) -> Iterator[None]:
        """Lo mismo para una que ya corre: no espera."""
        if agente_id not in self._puertas:
            self._cupo.tomar_ya(1)
        with self._contada(agente_id):
            yield

    @contextmanager
    def _contada(self, agente_id: str) -> Iterator[None]:
        self._con_sitio[agente_id] += 1
        try:
            yield
        finally:
            self._con_sitio[agente_id] -= 1
            if agente_id not in self._puertas:
                self._cupo.soltar(1)

    async def lanzar(self, agente_id: str, preparada: Awaitable[Corrida]) -> Corrida:
        """Lanza una suya; si lo congelan mientras nace, nace para detenerse. No traga errores."""
        nacida: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        suyas = self._naciendo.setdefault(agente_id, set())
        suyas.add(nacida)
        try:
            corrida = await preparada
            self._apuntar(agente_id, corrida)
            if agente_id in self._puertas:
                corrida.pedir_congelada(si=True)
            return corrida
        finally:
            suyas.discard(nacida)
            nacida.set_result(None)

    def adoptar(self, agente_id: str, corrida: Corrida) -> None:
        """Una que ya corría: queda como esté su agente, no como la encontró."""
        self._apuntar(agente_id, corrida)
        corrida.pedir_congelada(si=agente_id in self._puertas)

    def _apuntar(self, agente_id: str, corrida: Corrida) -> None:
        self._corridas[agente_id] = {*self._vivas(agente_id), corrida}

    def _vivas(self, agente_id: str) -> list[Corrida]:
        return [c for c in self._corridas.get(agente_id, ()) if not c.terminada]

    # --- congelar -----------------------------------------------------------------------

    async def congelar(self, agente_id: str) -> int:
        """Detiene todo lo suyo y lo que empiece; vuelve cuando nadie corre. Dice cuántas son."""
        async with self._turno(agente_id):
            if agente_id not in self._puertas:
                self._puertas[agente_id] = asyncio.Event()
                self._cupo.soltar(self._con_sitio[agente_id])
            for corrida in self._vivas(agente_id):
                corrida.pedir_congelada(si=True)
            while naciendo := self._naciendo.get(agente_id):
                await asyncio.wait(naciendo)
            esperas = [c.hasta_congelada(si=True) for c in self._vivas(agente_id)]
            return sum(await asyncio.gather(*esperas))

    async def descongelar(self, agente_id: str) -> None:
        """Todo lo suyo sigue donde estaba; vuelve cuando sigue."""
        async with self._turno(agente_id):
            vivas = self._vivas(agente_id)
            for corrida in vivas:
                corrida.pedir_congelada(si=False)
            self._abrir(agente_id)
            await asyncio.gather(*(c.hasta_congelada(si=False) for c in vivas))

    def olvidar(self, agente_id: str) -> None:
        """Ese agente terminó: el próximo que se llame igual no está congelado."""
        self._abrir(agente_id)
        self._turnos.pop(agente_id, None)
        self._corridas.pop(agente_id, None)

    def cerrar(self) -> None:
        """Deja pasar a quien esperaba, que verá que está cerrada."""
        self._cerrada = True
        for puerta in self._puertas.values():
            puerta.set()

    def _abrir(self, agente_id: str) -> None:
        if (puerta := self._puertas.pop(agente_id, None)) is not None:
            self._cupo.tomar_ya(self._con_sitio[agente_id])
            puerta.set()

    def _turno(self, agente_id: str) -> asyncio.Lock:
        return self._turnos.setdefault(agente_id, asyncio.Lock())
