"""Lo que detiene a un agente vivo: la pausa que le mandan y lo que espera de su buzón.

    pausar → fila con el estado en pausa → (su orden se congela) → su bucle se para en la frontera
    frontera → antes de cada llamada al modelo y de cada llamada a una herramienta

Una pausa mandada va por encima de lo que el agente ya esperaba: nada de lo que llega a su buzón lo
hace seguir.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from agentes.clase_agente import Agente
from agentes.eventos import Apunte, Espera, EstadoAgente, EstadoCambiado
from agentes.guardado import PausaGuardada
from agentes.mensajes import Aviso, Directiva
from agentes.respuestas import ResultadoHerramienta
from servicios.puertos import Anotar, Congelador, Puesto

if TYPE_CHECKING:
    from servicios.buzon import Buzon

_CON_FILA = {Espera.HIJO, Espera.SUPERIOR, Espera.EN_BUCLE, Espera.PRESUPUESTO}
_CON_FILA |= {Espera.USUARIO, Espera.ORDEN}
"""Las que constan en una fila de estado; las demás se deducen de lo que está haciendo."""


@dataclass(frozen=True, slots=True)
class PuertosParadas:
    """De qué viven: `se_detuvo` recibe a quien se para en una frontera."""

    anotar: Anotar
    puesto: Puesto
    congelador: Congelador
    se_detuvo: Callable[[str], None]


class Paradas:
    """Las de un agente. Los mandos son de fuera; todo lo demás, de su bucle."""

    def __init__(
        self, agente: Agente, buzon: Buzon[Directiva | Aviso], puertos: PuertosParadas
    ) -> None:
        self._agente = agente
        self._buzon = buzon
        self._puertos = puertos
        self._de = ""
        self._paso_por_dar = False
        self._dando_paso = False
        self._no_bastan = 0
        self._cambio = asyncio.Event()
        self._cerrojo = asyncio.Lock()

    # --- cómo está ----------------------------------------------------------------------

    @property
    def mandada(self) -> str:
        """Quién mandó la pausa que sigue en pie, también mientras da un paso; vacío si nadie."""
        return self._de

    @property
    def da_un_paso(self) -> bool:
        """Si se le dejó dar un paso y no lo ha acabado."""
        return self._paso_por_dar or self._dando_paso

    @property
    def tiene_directivas(self) -> bool:
        """Si hay una directiva sin leer con la que pueda seguir."""
        cuentan = range(self._no_bastan, len(self._buzon))
        return any(isinstance(self._buzon.mirar(i), Directiva) for i in cuentan)

    @property
    def espera_directiva(self) -> bool:
        """Si contó un problema y nadie le ha contestado."""
        return self._agente.estado is EstadoAgente.PAUSED and not self.tiene_directivas

    @property
    def espera_a_los_suyos(self) -> bool:
        """Si espera a un hijo y aún no le ha llegado nada."""
        return self._agente.espera is Espera.HIJO and not self._buzon

    @property
    def esta_quieto(self) -> bool:
        """Si está en pausa, sea por lo que sea, y no tiene con qué seguir."""
        if self._agente.estado.es_final:
            return False
        parado = bool(self._agente.pausado_por) and self._agente.espera is not Espera.MODELO
        return parado or self.espera_directiva

    def detenido(self) -> bool:
        """Si está en pausa, o su paso está por dar: lo suyo que no ha salido no es ese paso."""
        return bool(self._agente.pausado_por) or self._paso_por_dar

    @property
    def se_queda(self) -> bool:
        """Si sigue en pausa, con lo que tenía, cuando se cierre y se reanude la sesión."""
        return bool(self._de) or self.espera_directiva

    # --- los mandos ---------------------------------------------------------------------

    def pausar(self, de: str, orden: Apunte) -> None:
        """En pausa desde ahora: lo que ya hace, si no se congela, lo acaba. Corta un paso a medias."""
        self._de, self._paso_por_dar, self._dando_paso = de, False, False
        self._detener(orden)

    def dar_paso(self, orden: Apunte) -> None:
        """Deja pasar lo que tuviera pendiente y una llamada al modelo con sus herramientas."""
        self._paso_por_dar = True
        self._soltar(orden)

    def reanudar(self, orden: Apunte) -> None:
        """Sigue por donde iba."""
        self._de, self._paso_por_dar, self._dando_paso = "", False, False
        self._soltar(orden)

    def retomar(self, pausa: PausaGuardada) -> None:
        """La que tenía en otra vida; si se cortó mientras daba un paso, ahora consta."""
        self._de = self._agente.pausado_por = pausa.de
        if not pausa.consta:
            self._detener(pausa.orden)

    async def acordar(self) -> None:
        """Su consola, como él: congelada si está en pausa. Vuelve cuando lo está."""
        async with self._cerrojo:
            congelador, nombre = self._puertos.congelador, self._agente.nombre
            if self._agente.pausado_por:
                await congelador.congelar(nombre)
            else:
                await congelador.descongelar(nombre)

    def _detener(self, causa: Apunte) -> None:
        self._agente.pausado_por = self._de
        self._anotar_vista(causa)

    def _soltar(self, causa: Apunte) -> None:
        self._agente.pausado_por = ""
        self._anotar_vista(causa)
        self._cambio.set()

    def _anotar_vista(self, causa: Apunte) -> None:
        estado, espera = self._agente.a_la_vista
        self._anotar(estado, espera if espera in _CON_FILA else Espera.NADA, causa)

    # --- lo que espera su bucle ---------------------------------------------------------

    async def frontera(self, causa: Apunte, *, piensa: bool = False) -> None:
        """Donde se para quien está en pausa, sin ocupar puesto; `piensa` si ahora toca el modelo."""
        await self._buzon.al_dia()
        if piensa and self._dando_paso:
            self._dando_paso = False
            self._detener(causa)
            await self.acordar()
        while self._agente.pausado_por:
            self._puertos.se_detuvo(self._agente.nombre)
            async with self._puertos.puesto.cedido(self._agente, causa):
                await self._libre()
        if piensa and self._paso_por_dar:
            self._paso_por_dar, self._dando_paso = False, True

    async def hasta_un_hijo(self, causa: Apunte) -> None:
        """Espera a que le llegue algo de los suyos."""
        espera = self.cambiar(EstadoAgente.RUNNING, Espera.HIJO, causa)
        await self._ceder(espera, self._buzon.esperar)
        self.cambiar(EstadoAgente.RUNNING, Espera.NADA, causa)

    async def hasta_una_directiva(self, causa: Apunte, *, nueva: bool) -> None:
        """Espera a que le contesten; los avisos de sus hijos no lo hacen seguir.

        Si ha de ser `nueva`, las que ya tenía sin leer cuando se paró no bastan.
        """
        self._no_bastan = len(self._buzon) if nueva else 0
        await self._ceder(causa, self._directiva)
        self._no_bastan = 0
        self.cambiar(EstadoAgente.RUNNING, Espera.NADA, causa)

    def cambiar(self, estado: EstadoAgente, espera: Espera, causa: Apunte) -> Apunte:
        """Su estado es otro, y consta."""
        self._agente.estado, self._agente.espera = estado, espera
        return self._anotar(estado, espera, causa)

    def _anotar(self, estado: EstadoAgente, espera: Espera, causa: Apunte) -> Apunte:
        hecho = EstadoCambiado(agente_id=self._agente.nombre, estado=estado, espera=espera)
        return self._puertos.anotar(hecho, causa)

    async def _ceder(self, causa: Apunte, llega: Callable[[], Awaitable[None]]) -> None:
        """El puesto es para otro hasta que llega lo que espera y nadie lo tiene en pausa."""
        async with self._puertos.puesto.cedido(self._agente, causa):
            await llega()
            await self._libre()
        await self.frontera(causa)  # lo pudieron pausar en la cola

    async def _directiva(self) -> None:
        while not self.tiene_directivas:
            await self._buzon.esperar_mas_de(len(self._buzon))

    async def _libre(self) -> None:
        """Vuelve cuando nadie lo tiene en pausa."""
        await self._buzon.al_dia()
        while self._agente.pausado_por:
            self._cambio.clear()
            await self._cambio.wait()
            await self._buzon.al_dia()


@contextmanager
def al_cortarse(contestar: Callable[[str], None]) -> Iterator[None]:
    """Si la cancelación trae lo que la llamada llegó a dar, se contesta antes de que siga."""
    try:
        yield
    except asyncio.CancelledError as cortada:
        for dado in cortada.args:
            if isinstance(dado, ResultadoHerramienta):
                contestar(dado.para_modelo)
        raise
