"""Cuántos agentes corren a la vez. Los demás esperan en cola, en orden, a que se deje un puesto.

Quien espera a otro (a un hijo, a su superior) cede el suyo: si no, un árbol más hondo que los
puestos no acabaría nunca. Al volver va por delante de los que aún no han empezado.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from agentes.clase_agente import Agente
from agentes.eventos import Apunte, Espera, Evento
from agentes.eventos_espera import PASA, EsperaImpuesta


@dataclass(slots=True, eq=False)
class Turno:
    """Lo que pidió un agente: un puesto, que tiene o espera."""

    agente: Agente
    causa: Apunte
    vuelve: bool = False
    en_cola: bool = False
    llega: asyncio.Event = field(default_factory=asyncio.Event)


class Puestos:
    """Los puestos de una sesión. Pedir uno no espera; tenerlo, quizá."""

    def __init__(self, tope: int, anotar: Callable[[Evento, Apunte | None], object]) -> None:
        self._tope = tope
        self._anotar = anotar
        self._dentro: set[str] = set()
        self._vuelven: list[Turno] = []
        self._nuevos: list[Turno] = []

    def pedir(self, agente: Agente, causa: Apunte, *, vuelve: bool = False) -> Turno:
        """Un puesto o, si no queda, un sitio en la cola, que se anota."""
        turno = Turno(agente, causa, vuelve)
        if len(self._dentro) < self._tope and not self._cola:
            self._sentar(turno)
            return turno
        turno.en_cola = True
        (self._vuelven if vuelve else self._nuevos).append(turno)
        self._apuntar(turno, Espera.COLA, self._motivo, self._cola.index(turno) + 1)
        return turno

    def ocupar(self, agente_id: str) -> None:
        """Un puesto sin hacer cola, aunque no quede: ya estaba en marcha cuando se cortó."""
        self._dentro.add(agente_id)

    async def tener(self, turno: Turno) -> None:
        """Vuelve cuando tiene el puesto que pidió."""
        await turno.llega.wait()
        if turno.en_cola:
            turno.en_cola = False
            self._apuntar(turno, Espera.NADA, PASA, 0)

    @asynccontextmanager
    async def cedido(self, agente: Agente, causa: Apunte) -> AsyncIterator[None]:
        """El puesto de un agente es para otro mientras dure el bloque."""
        self.dejar(agente.nombre)
        yield
        await self.tener(self.pedir(agente, causa, vuelve=True))

    def dejar(self, agente_id: str) -> None:
        """Ya no tiene puesto ni lo espera; pasa el siguiente."""
        self._dentro.discard(agente_id)
        for cola in (self._vuelven, self._nuevos):
            cola[:] = [t for t in cola if t.agente.nombre != agente_id]
        while self._cola and len(self._dentro) < self._tope:
            self._sentar((self._vuelven or self._nuevos).pop(0))

    def esperan(self) -> frozenset[str]:
        """Los que están en cola."""
        return frozenset(t.agente.nombre for t in self._cola)

    def en_cola(self, agente_id: str) -> tuple[int, str] | None:
        """Su puesto en la cola, desde 1, y por qué espera; `None` si no está."""
        for puesto, turno in enumerate(self._cola, start=1):
            if turno.agente.nombre == agente_id:
                return puesto, self._motivo
        return None

    @property
    def _cola(self) -> list[Turno]:
        return [*self._vuelven, *self._nuevos]

    @property
    def _motivo(self) -> str:
        return f"en marcha {len(self._dentro)} a la vez, tope {self._tope}"

    def _sentar(self, turno: Turno) -> None:
        self._dentro.add(turno.agente.nombre)
        turno.llega.set()

    def _apuntar(self, turno: Turno, espera: Espera, motivo: str, puesto: int) -> None:
        hecho = EsperaImpuesta(
            agente_id=turno.agente.nombre,
            estado=turno.agente.estado,
            espera=espera,
            motivo=motivo,
            puesto=puesto,
        )
        self._anotar(hecho, turno.causa)
