"""Quien paga cada intento de llamada: aparta, lo deja guardado, deja salir y cobra lo que fue.

    reservar → fila `budget_reserve` comprometida → la petición → cobrar

Un intento que no trae su uso (falló, o el proveedor no lo dice) cuesta la entrada estimada más lo
que llegó a escribir: nunca se cuenta de menos.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from agentes.errores import ErrorModelo
from agentes.eventos import Apunte, Evento
from agentes.eventos_presupuesto import ReservaHecha
from agentes.presupuesto import Presupuesto, Recurso
from agentes.respuestas import Uso
from prompts.avisos import sin_presupuesto
from servicios.llm.presupuestos.precios import Precio, Precios
from servicios.llm.presupuestos.tesoreria import Reserva, Revision, Tesoreria
from servicios.reloj import Reloj, RelojReal

Anotar = Callable[[Evento, Apunte | None], Apunte]

PRESUPUESTO = "presupuesto"
"""La clase del error de la llamada que no cabe en un presupuesto."""


@dataclass(frozen=True, slots=True)
class Cargo:
    """Un intento que quiere salir: de quién, a qué modelo, con qué entrada estimada y por qué fila."""

    agente_id: str
    modelo: str
    turno: int
    intento: int
    entrada: int
    causa: Apunte


@dataclass(frozen=True, slots=True)
class Pago:
    """Un intento en marcha; sin `reserva`, no hay tope que lo acote."""

    cargo: Cargo
    precio: Precio | None
    reserva: Reserva | None = None

    @property
    def salida(self) -> int:
        """Los tokens que se le deja escribir; cero, los que quiera."""
        return self.reserva.salida if self.reserva else 0

    @property
    def es_corto(self) -> bool:
        """Si se le dejó escribir menos de lo normal porque no quedaba más."""
        return self.reserva is not None and self.reserva.es_corta


@dataclass(frozen=True, slots=True)
class Gasto:
    """Lo que costó un intento. `usd` es `None` si no se sabe el precio de su modelo."""

    uso: Uso
    usd: float | None
    estimado: bool

    def datos(self) -> dict[str, Any]:
        """Lo que se guarda de él."""
        datos: dict[str, Any] = {"entrada": self.uso.entrada, "salida": self.uso.salida}
        datos |= {"cacheados": self.uso.cacheados} if self.uso.cacheados else {}
        datos |= {} if self.usd is None else {"usd": self.usd}
        return {**datos, "estimado": True} if self.estimado else datos


def _a_nadie(_: Evento, __: Apunte | None) -> Apunte:
    raise RuntimeError("sin presupuesto no se aparta nada")


@dataclass(slots=True)
class Caja:
    """La de todas las llamadas de una sesión."""

    tesoreria: Tesoreria = field(default_factory=Tesoreria)
    precios: Precios = field(default_factory=lambda: Precios({}))
    reloj: Reloj = field(default_factory=RelojReal)
    anotar: Anotar = _a_nadie
    _cambio: asyncio.Event = field(default_factory=asyncio.Event)
    _ordenes: Counter[str] = field(default_factory=Counter)
    _congelados: set[str] = field(default_factory=set)
    _cortadas: dict[str, float] = field(default_factory=dict)

    async def reservar(self, cargo: Cargo) -> Pago:
        """Vuelve cuando ya puede salir. Lanza `ErrorModelo` (`presupuesto`) si no cabe.

        Si solo lo impide lo que otras llamadas tienen apartado, espera a que acaben.
        """
        precio = self.precios.de(cargo.modelo)
        reserva = None
        if self.tesoreria.limitado(cargo.agente_id):
            reserva = await self._apartar(cargo, precio)
        self.tesoreria.empezar(cargo.agente_id, self.reloj.ahora())
        return Pago(cargo, precio, reserva)

    async def _apartar(self, cargo: Cargo, precio: Precio | None) -> Reserva:
        while True:
            ahora = self.reloj.ahora()
            hecha = self.tesoreria.reservar(cargo.agente_id, cargo.entrada, precio, ahora)
            if isinstance(hecha, Reserva):
                break
            if not hecha.espera:
                raise ErrorModelo(hecha.motivo, clase=PRESUPUESTO)
            cambio = self._cambio
            await cambio.wait()
        try:
            await self.anotar(_como_fila(cargo, hecha), cargo.causa)
        except BaseException:
            self._soltar(hecha)  # no llegó a salir
            raise
        return hecha

    def cobrar(self, pago: Pago, uso: Uso, escrito: int) -> Gasto:
        """El intento acabó, bien o mal. `escrito` son los tokens estimados de lo que llegó."""
        self.devolver(pago)
        cargo = pago.cargo
        estimado = not uso.total
        if estimado:
            uso = Uso(cargo.entrada, escrito)
        usd = pago.precio.de(uso) if pago.precio else None
        self.tesoreria.cobrar(cargo.agente_id, uso.total, usd or 0.0)
        return Gasto(uso, usd, estimado)

    def devolver(self, pago: Pago) -> None:
        """El intento no llegó a salir: no cuesta nada."""
        if pago.reserva is not None:
            self._soltar(pago.reserva)
        self.tesoreria.acabar(pago.cargo.agente_id, self.reloj.ahora())

    # --- lo demás que se paga -----------------------------------------------------------

    def abrir(self, agente_id: str, superior: str, presupuesto: Presupuesto) -> None:
        """La cuenta de uno que nace, bajo la de su superior."""
        self.tesoreria.abrir(agente_id, superior, presupuesto)

    async def revisar(self, agente_id: str) -> Revision:
        """Qué hay que decirle antes de que piense, y si ha de pararse."""
        return self.tesoreria.revisar(agente_id, self.reloj.ahora())

    def negar_agente(self, superior: str) -> str:
        """Gasta un agente más o, si no se puede, lo que ha de leer quien lo pide."""
        return self._negar(superior, Recurso.AGENTES)

    def negar_orden(self, agente_id: str) -> str:
        """Gasta una orden más o, si no se puede, lo que ha de leer quien la pide."""
        return self._negar(agente_id, Recurso.COMANDOS)

    def _negar(self, agente_id: str, recurso: Recurso) -> str:
        motivo = self.tesoreria.pedir(agente_id, recurso, self.reloj.ahora())
        return sin_presupuesto(motivo) if motivo else ""

    @contextmanager
    def en_marcha(self, agente_id: str) -> Iterator[None]:
        """Una orden suya corre mientras dure el bloque, salvo lo que esté congelada."""
        self._ordenes[agente_id] += 1
        if agente_id not in self._congelados:
            self.tesoreria.empezar(agente_id, self.reloj.ahora())
        try:
            yield
        finally:
            self._ordenes[agente_id] -= 1
            if agente_id not in self._congelados:
                self.tesoreria.acabar(agente_id, self.reloj.ahora())

    def segundos(self, agente_id: str) -> float:
        """Los que lleva gastados él solo."""
        solo, *_ = self.tesoreria.cuentas(agente_id)
        return solo.usado(Recurso.SEGUNDOS, self.reloj.ahora())

    def cortada(self, agente_id: str, contados: float) -> None:
        """Una orden suya se quedó a medias con el programa, y ya cuentan esos segundos de ella."""
        self._cortadas[agente_id] = contados

    def saldar(self, agente_id: str, duro: float, contados: float) -> None:
        """Lo que duró en total la que se quedó a medias: se suma lo que corrió sin que se viera."""
        falta = duro - contados - self._cortadas.pop(agente_id, 0.0)
        if falta > 0:
            self.tesoreria.sumar_tiempo(agente_id, falta)

    def congelar(self, agente_id: str) -> None:
        """Sus órdenes dejan de gastar tiempo; repetirlo no cambia nada."""
        if agente_id not in self._congelados:
            self._congelados.add(agente_id)
            for _ in range(self._ordenes[agente_id]):
                self.tesoreria.acabar(agente_id, self.reloj.ahora())

    def descongelar(self, agente_id: str) -> None:
        """Y vuelven a gastarlo."""
        if agente_id in self._congelados:
            self._congelados.discard(agente_id)
            for _ in range(self._ordenes[agente_id]):
                self.tesoreria.empezar(agente_id, self.reloj.ahora())

    def avisar(self) -> None:
        """Algo cambió: quien espera vuelve a mirar."""
        antes, self._cambio = self._cambio, asyncio.Event()
        antes.set()

    def _soltar(self, reserva: Reserva) -> None:
        self.tesoreria.soltar(reserva)
        self.avisar()


def _como_fila(cargo: Cargo, reserva: Reserva) -> ReservaHecha:
    return ReservaHecha(
        agente_id=cargo.agente_id,
        turno=cargo.turno,
        intento=cargo.intento,
        entrada=reserva.entrada,
        salida=reserva.salida,
        usd=reserva.usd,
    )
