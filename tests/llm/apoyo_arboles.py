"""Árboles de agentes sobre un proveedor que admite N llamadas por segundo, con el reloj virtual.

Cada agente de mentira llama por la vía de verdad (`Llamador`), lanza a sus hijos, les espera sin
ocupar nada y llama otra vez.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from langchain_core.messages import AIMessage, BaseMessage

from agentes.clase_agente import Agente
from agentes.errores import ErrorModeloPasajero
from agentes.eventos import Apunte, Evento
from agentes.eventos_llamada import LlamadaReintentada
from servicios.llm.admision import Admision
from servicios.llm.colector import Validadores
from servicios.llm.flujo import Fin, MensajeUnido, Razon, Trozo, TrozoTexto
from servicios.llm.llamada import Llamador
from servicios.llm.via import Marcha, Politica, Via
from servicios.motores.puestos import Puestos
from tests.bucle_virtual import RelojDelBucle

NIVELES = 3
_LISTO = MensajeUnido(AIMessage("listo"))
_SIN_HERRAMIENTAS = Validadores(())
_NEGAR_S = 0.05


@dataclass(frozen=True, slots=True)
class Nodo:
    """Un agente: cuántas veces llama antes y después de esperar a sus hijos."""

    nombre: str
    antes: int
    despues: int
    hijos: tuple[Nodo, ...] = ()

    @property
    def llamadas(self) -> int:
        return self.antes + self.despues + sum(h.llamadas for h in self.hijos)


def arbol_al_azar(azar: random.Random, agentes: int = 16) -> Nodo:
    """Un árbol de tantos agentes en tres niveles, cada uno bajo otro cualquiera de más arriba."""
    bajo: dict[int, list[int]] = {n: [] for n in range(agentes)}
    nivel = {0: 1}
    for n in range(1, agentes):
        padre = azar.choice([p for p, hondo in nivel.items() if hondo < NIVELES])
        bajo[padre].append(n)
        nivel[n] = nivel[padre] + 1

    def nodo(n: int) -> Nodo:
        hijos = tuple(nodo(h) for h in bajo[n])
        return Nodo(f"agente-{n}", azar.randint(1, 3), azar.randint(1, 2) if hijos else 0, hijos)

    return nodo(0)


class Apuntado:
    """Un recibo de una bitácora que no hay."""

    id = 1

    def __await__(self) -> Any:
        return asyncio.sleep(0).__await__()


@dataclass(slots=True)
class Proveedor:
    """Un modelo con un cubo de fichas: niega lo que pasa de su ritmo y dice cuánto esperar.

    También niega, si se dice, lo que pasa de `a_la_vez`. `dice` es lo que cuenta de lo que falta. Con `perfecto` nunca niega: sirve cada llamada en el
    instante en que cabe.
    """

    por_segundo: float
    cubo: int
    latencia_s: float
    perfecto: bool = False
    a_la_vez: int = 1_000
    dice: Callable[[float], float | None] = float
    servidas: int = 0
    negadas: int = 0
    dentro: int = 0
    puerta: str = "simulado"
    contexto: int = 0
    _lleno_en: float = 0.0

    @property
    def referencia(self) -> str:
        return "simulado:n-por-segundo"

    async def emitir(
        self, mensajes: Sequence[BaseMessage], herramientas: Sequence[Any], salida: int = 0
    ) -> AsyncIterator[Trozo]:
        ahora = asyncio.get_running_loop().time()
        lleno_en = max(self._lleno_en, ahora) + 1 / self.por_segundo
        falta = lleno_en - ahora - self.cubo / self.por_segundo
        if (falta > 1e-9 or self.dentro >= self.a_la_vez) and not self.perfecto:
            self.negadas += 1
            await asyncio.sleep(_NEGAR_S)
            pedida = self.dice(max(falta - _NEGAR_S, 0.0))
            raise ErrorModeloPasajero("despacio", clase="tasa", espera_s=pedida, satura=True)
        self._lleno_en = lleno_en
        self.dentro += 1
        await asyncio.sleep(max(falta, 0.0) + self.latencia_s)
        self.dentro -= 1
        self.servidas += 1
        yield TrozoTexto("listo")
        yield Fin(Razon.COMPLETA, "stop")
        yield _LISTO

    async def cerrar(self) -> None:
        """Nada."""


@dataclass(slots=True)
class Corrida:
    """Un árbol en marcha: por dónde llama, cuántos puestos hay y qué quedó anotado."""

    proveedor: Proveedor
    puestos: int = 64
    hechos: list[Evento] = field(default_factory=list)
    acabados: int = 0
    dentro: int = 0
    maximo_dentro: int = 0

    def anotar(self, evento: Evento, causa: Apunte | None = None) -> Apunte:
        self.hechos.append(evento)
        return Apuntado()

    @property
    def mas_reintentos(self) -> int:
        """El mayor número de intentos que necesitó una llamada."""
        return max((h.intento for h in self.hechos if isinstance(h, LlamadaReintentada)), default=0)

    async def correr(self, raiz: Nodo) -> float:
        """Todo el árbol; devuelve los segundos que tardó. Una llamada que falla sale de aquí."""
        via, reparto = self.via(), Puestos(self.puestos, self.anotar)
        await self._agente(raiz, via, reparto)
        return via.reloj.ahora()

    def via(self) -> Via:
        """Lo que comparten todas las llamadas."""
        reloj = RelojDelBucle()
        admision = Admision(256, reloj=reloj, anotar=self.anotar)
        return Via(self.anotar, lambda _: None, admision, reloj, Politica())

    async def _agente(self, nodo: Nodo, via: Via, reparto: Puestos) -> None:
        llamador = Llamador(nodo.nombre, self.proveedor, via)
        agente = Agente(nodo.nombre, "t", "r", "o", "m", "t", "s")
        await reparto.tener(reparto.pedir(agente, Apuntado()))
        self._entra(1)
        await self._llamar(llamador, nodo.antes)
        async with asyncio.TaskGroup() as grupo:
            hijos = [grupo.create_task(self._agente(h, via, reparto)) for h in nodo.hijos]
            if hijos:
                self._entra(-1)
                async with reparto.cedido(agente, Apuntado()):
                    await asyncio.wait(hijos)
                self._entra(1)
        await self._llamar(llamador, nodo.despues)
        self._entra(-1)
        reparto.dejar(nodo.nombre)
        self.acabados += 1

    def _entra(self, cuantos: int) -> None:
        self.dentro += cuantos
        self.maximo_dentro = max(self.maximo_dentro, self.dentro)

    async def _llamar(self, llamador: Llamador, veces: int) -> None:
        for turno in range(veces):
            if self.proveedor.perfecto:  # lo ideal no necesita portero
                _ = [trozo async for trozo in self.proveedor.emitir([], ())]
                continue
            await self.llamar(llamador, turno)

    @staticmethod
    async def llamar(llamador: Llamador, turno: int = 0) -> None:
        """Una llamada."""
        await llamador.hacer([], Marcha(Apuntado(), turno, 0.0, _SIN_HERRAMIENTAS))
