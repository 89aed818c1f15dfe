"""El guion de un tramo grabado: qué hecho viene ahora de cada agente y quién espera su turno.

Un tramo es lo que escribió un proceso. El orden de cada agente se respeta fila a fila;
entre agentes, solo lo que uno hace en la secuencia de otro: mensajes, mandos, cancelaciones y líneas.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from agentes.errores import ErrorEnjambre
from agentes.eventos import SISTEMA, USUARIO
from servicios.registros.reanudacion.bifurcar import CORTADA
from servicios.registros.reproducir.canonico import FilaGrabada
from servicios.registros.reproducir.clases import (
    AJENAS,
    COPIADAS,
    DE_SISTEMA,
    FIN_DE_RAFAGA,
    es_aparte,
    es_cancelada,
    es_fin_cortado,
    es_parada,
    la_sigue,
    pide_compactar,
)


class ErrorDivergencia(ErrorEnjambre):
    """La reproducción se aparta de lo grabado; el texto nombra el primer hecho distinto."""


@dataclass(slots=True)
class Guion:
    """Lo grabado de un tramo. `cortado` si el proceso no llegó a cerrar la sesión.

    `llegadas` son, por destinatario, las filas de lo que entró en su buzón, en su orden, y
    `leidas`, cuántas ha leído, también en los tramos anteriores. `por_parar` es la fila que dice que
    se paró al Master, cuando ya está donde lo pararon y leyó lo que entonces había leído, y `parar`,
    con lo que se le para.
    """

    filas: Mapping[str, Sequence[FilaGrabada]]
    llegadas: Mapping[str, Sequence[int]]
    cortado: bool
    leidas: dict[str, int]
    acabado: bool = False
    por_parar: FilaGrabada | None = None
    parar: Callable[[], object] = bool
    _hechas: set[int] = field(default_factory=set)
    _puntero: dict[str, int] = field(default_factory=dict)
    _fines: set[int] = field(default_factory=set)
    _efectos: dict[int, list[FilaGrabada]] = field(default_factory=dict)
    _compactan: set[int] = field(default_factory=set)
    _a_peticion: set[int] = field(default_factory=set)
    _al_margen: set[int] = field(default_factory=set)
    _cambio: asyncio.Event = field(default_factory=asyncio.Event)
    avances: int = 0

    def __post_init__(self) -> None:
        aperturas = {f.id for f in self.filas.get(SISTEMA, ())}
        todas = [f for suyas in self.filas.values() for f in suyas]
        self._fines.update(f.id for f in todas if es_fin_cortado(f))
        for fila in todas:
            if fila.tipo in AJENAS and fila.causa is not None and fila.causa not in self._fines:
                self._efectos.setdefault(fila.causa, []).append(fila)
            if es_aparte(fila) or (fila.causa in self._al_margen and la_sigue(fila)):
                self._al_margen.add(fila.id)
            elif pide_compactar(fila) or (fila.causa in self._compactan and la_sigue(fila)):
                self._compactan.add(fila.id)
                if fila.causa in aperturas | self._a_peticion:
                    self._a_peticion.add(fila.id)

    # --- mirar --------------------------------------------------------------------------

    def quedan(self, agente_id: str) -> Iterator[FilaGrabada]:
        """Lo que falta de un agente."""
        suyas = self.filas.get(agente_id, ())
        for indice in range(self._puntero.get(agente_id, 0), len(suyas)):
            yield suyas[indice]

    def esperada(self, agente_id: str) -> FilaGrabada | None:
        """La siguiente fila de un agente que no se copia; `None` si no queda ninguna."""
        return next((f for f in self.quedan(agente_id) if not self.se_copia(f)), None)

    def por_copiar(self, agente_id: str) -> list[FilaGrabada]:
        """Las que se copian antes de la siguiente."""
        copiables: list[FilaGrabada] = []
        for fila in self.quedan(agente_id):
            if not self.se_copia(fila):
                break
            copiables.append(fila)
        return copiables

    def buscar(self, agente_id: str, cumple: Callable[[FilaGrabada], bool]) -> FilaGrabada | None:
        """La primera que queda de un agente y cumple eso."""
        return next((f for f in self.quedan(agente_id) if cumple(f)), None)

    def propia(self, agente_id: str, tras: int = 0) -> FilaGrabada | None:
        """La primera que decidió un agente (después de esa): ni se copia ni es cosa de otro."""
        return self.buscar(
            agente_id, lambda f: f.id > tras and not (self.se_copia(f) or self._es_ajena(f))
        )

    def de_la_persona(self) -> list[FilaGrabada]:
        """Todo lo que hizo la persona en este tramo, en su orden."""
        suyas = [
            f
            for filas in self.filas.values()
            for f in filas
            if f.tipo == "master_input"
            or (f.tipo in AJENAS and f.details.get("de") == "usuario")
            or (f.tipo == "llm_input" and self._la_pidio(f))
            or es_parada(f)
        ]
        return sorted(suyas, key=lambda f: f.id)

    def _la_pidio(self, fila: FilaGrabada) -> bool:
        """Si con esa llamada empieza una compactación suya; la de un relevo solo la sigue."""
        return fila.id in self._a_peticion and fila.causa not in self._a_peticion

    def solo_queda_cerrar(self) -> bool:
        """Si lo que falta lo escribe el cierre (o nada, si no llegó a haberlo)."""
        return all(not self.cortado and self._es_de_cierre(f) for f in self._pendientes())

    def _es_de_cierre(self, fila: FilaGrabada) -> bool:
        """Si la escribe quien muere al cerrar; cada superior manda parar entonces a los suyos."""
        match fila.tipo:
            case "llm_call":
                return es_cancelada(fila)
            case "tool_execution":
                return bool(fila.details.get("cierre") == "interrumpido")
            case "swarm_management":
                return fila.causa in self._fines
            case _:
                return fila.id in self._fines

    def por_que_se_atasca(self) -> str:
        """Qué se esperaba cuando dejó de avanzar: lo más antiguo que no llegó."""
        fila = min(self._pendientes(), key=lambda f: f.id)
        return f"primer hecho distinto: {fila.agente_id}, fila {fila.id} ({fila.tipo}): no llegó a pasar"

    def _pendientes(self) -> Iterator[FilaGrabada]:
        """Lo que falta de todos, sin el sistema ni lo que solo se copia."""
        for agente_id in self.filas:
            if agente_id != SISTEMA:
                yield from (f for f in self.quedan(agente_id) if not self.se_copia(f))

    def sin_leer(self, agente_id: str) -> Sequence[int]:
        """Las filas de lo que llegó a su buzón y aún no ha leído, en su orden."""
        return self.llegadas.get(agente_id, ())[self.leidas.get(agente_id, 0) :]

    def leer(self, agente_id: str, cuantas: int) -> None:
        """Ya leyó las primeras."""
        self.leidas[agente_id] = self.leidas.get(agente_id, 0) + cuantas

    # --- avanzar y esperar --------------------------------------------------------------

    def avanzar(self, fila: FilaGrabada) -> None:
        """Esa fila ya está otra vez escrita."""
        self._hechas.add(fila.id)
        self._puntero[fila.agente_id] = self._puntero.get(fila.agente_id, 0) + 1
        self.avances += 1
        self.despertar()

    def despertar(self) -> None:
        """Quien espera vuelve a mirar."""
        antes, self._cambio = self._cambio, asyncio.Event()
        antes.set()

    async def hasta(self, cumple: Callable[[], bool]) -> None:
        """Vuelve cuando se cumple eso."""
        while not cumple():
            await self._cambio.wait()

    def consta(self, fila: FilaGrabada) -> bool:
        """Si esa fila ya está otra vez escrita."""
        return fila.id in self._hechas

    def la_pide(self, fila: FilaGrabada) -> bool:
        """Si es de una compactación que pidió la persona."""
        return fila.id in self._a_peticion

    async def llega_a(self, fila: FilaGrabada) -> None:
        """Vuelve cuando esa es la siguiente de su agente y cabe lo que arrastra en los suyos."""
        await self.hasta(
            lambda: (
                self.esperada(fila.agente_id) is fila
                and self._caben(fila)
                and self._a_quien_alcanza(fila)
            )
        )

    async def toca(self, fila: FilaGrabada) -> None:
        """Vuelve cuando esa es la siguiente de su agente y puede hacer lo que hizo en otros."""
        await self.hasta(lambda: self.esperada(fila.agente_id) is fila and self._libre(fila))

    async def toca_turno(self, entrada: FilaGrabada) -> None:
        """Vuelve cuando su agente puede empezar ese turno, que quizá empiece por compactar."""
        await self.hasta(lambda: self._empieza(entrada) and self._libre(entrada))

    async def al_dia(self, agente_id: str) -> None:
        """Vuelve cuando lo siguiente de un agente es cosa suya."""
        await self.hasta(lambda: not self._espera_a_otro(agente_id))

    async def efectos(self, fila: FilaGrabada) -> list[FilaGrabada]:
        """Lo que una intención hizo en otros, cuando ya puede volver a hacerlo."""
        efectos = self._efectos.get(fila.id, [])
        await self.hasta(lambda: self._caben(fila) and all(map(self._a_quien_alcanza, efectos)))
        return efectos

    def nacidos(self, fila: FilaGrabada) -> list[FilaGrabada]:
        """Los agentes que lanzó una intención."""
        return [
            suyas[0]
            for suyas in self.filas.values()
            if suyas and suyas[0].tipo == "agent_run_start" and suyas[0].causa == fila.id
        ]

    def se_copia(self, fila: FilaGrabada) -> bool:
        """Si no la decide el núcleo: se escribe otra vez, tal cual, cuando le toca."""
        if fila.agente_id == SISTEMA:
            return fila.tipo not in DE_SISTEMA
        if fila.agente_id == USUARIO or fila.id in self._al_margen:
            return True
        if fila.tipo == "tool_execution":
            return bool(fila.details.get("resultado") == CORTADA)
        return fila.tipo in COPIADAS

    def hace_sitio(self, fila: FilaGrabada) -> bool:
        """Si es la petición de un resumen que nadie pidió: la historia no cabía."""
        de_otro = self._a_peticion | self._al_margen
        return pide_compactar(fila) and fila.id not in de_otro

    def _empieza(self, entrada: FilaGrabada) -> bool:
        for fila in self.quedan(entrada.agente_id):
            if fila is entrada or fila.id in self._compactan - self._a_peticion:
                return True
            if not (fila.tipo == "budget_warning" or self.se_copia(fila)):
                return False
        return False

    def _espera_a_otro(self, agente_id: str) -> bool:
        fila = self.esperada(agente_id)
        # El final de quien cortó el cierre tampoco lo pone él: ahí ya no pasaba de donde estaba.
        return fila is not None and (self._es_ajena(fila) or fila.id in self._fines)

    def _es_ajena(self, fila: FilaGrabada) -> bool:
        """Si la escribe otro, o es de la compactación que le pidió la persona."""
        return fila.tipo in AJENAS or fila.id in self._a_peticion

    def _libre(self, fila: FilaGrabada) -> bool:
        """Si lo que sigue a esa fila sin esperar a nadie puede llegar a los demás."""
        rafaga = [*self._rafaga(fila)]
        return all(map(self._caben, rafaga)) and self._a_quien_deja(rafaga)

    def _a_quien_deja(self, rafaga: Iterable[FilaGrabada]) -> bool:
        """Si ya se sabe: quien acaba sin haber esperado para a los suyos que aún viven."""
        for fila in rafaga:
            if fila.tipo == "agent_loop" or "espera_s" in fila.details or fila.id in self._fines:
                return True  # por medio se espera, o no acaba él: lo cortan
            if fila.tipo == "agent_run_end":
                otros = (a for a in self.filas if a not in {SISTEMA, fila.agente_id})
                return self._van_por(fila, otros)
        return True

    def _rafaga(self, fila: FilaGrabada) -> Iterator[FilaGrabada]:
        """Lo que se escribe sin esperar a nada desde esa fila."""
        for propia in self.quedan(fila.agente_id):
            if propia.tipo in FIN_DE_RAFAGA:
                return
            yield propia

    def _a_quien_alcanza(self, fila: FilaGrabada) -> bool:
        """Si ya se sabe: una cancelación para a los que cuelgan de su agente y aún viven."""
        if fila.tipo != "swarm_management":
            return True
        return self._van_por(fila, (agente_id for agente_id in self.filas if agente_id != SISTEMA))

    def _van_por(self, fila: FilaGrabada, agentes: Iterable[str]) -> bool:
        """Si de esos no falta nada anterior a esa fila."""
        siguientes = map(self.esperada, agentes)
        return all(f is None or f.id >= fila.id for f in siguientes)

    def _caben(self, fila: FilaGrabada) -> bool:
        return all(
            self.esperada(e.agente_id) is e and self._caben(e)
            for e in self._efectos.get(fila.id, ())
        )
