"""Quién puede llamar ahora: una puerta por proveedor, modelo y clave, en el momento de llamar.

Se pasa por turnos entre agentes. Lo que una llamada aprende (que no se admitió, cuánto pide
esperar el proveedor) vale para todas las de su puerta. Quien espera a un agente no está aquí.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from agentes.errores import ErrorModeloPasajero
from agentes.eventos import Apunte, Espera, EstadoAgente, Evento
from agentes.eventos_espera import PASA, EsperaImpuesta
from servicios.llm.freno import Freno
from servicios.llm.turnos import Turnos
from servicios.reloj import Reloj, RelojReal

ESPERA_MAXIMA_S = 120.0
"""Si un servidor pide esperar más, no se espera: se falla diciéndolo."""
UMBRAL_S = 0.5
"""La espera que ya se cuenta: por debajo, no merece una fila."""

_HOLGURA_S = 1e-6


@dataclass(frozen=True, slots=True)
class Peticion:
    """Quién quiere llamar, a qué modelo y la fila de su llamada.

    `desde` es la ronda en que lo intentó por primera vez, `aguanta`, las que espera si el proveedor
    no admite a nadie, y `repite`, si a esta ya no la admitió.
    """

    agente_id: str
    modelo: str
    causa: Apunte | None = None
    desde: int = 0
    aguanta: int = 4
    repite: bool = False


@dataclass(slots=True, eq=False)
class _Espera:
    """Uno que espera en una puerta. `desde` y `hasta` son lo que se dijo en la bitácora."""

    peticion: Peticion
    desde: float
    dentro: float | None = None
    dicha: bool = False
    hasta: float = 0.0
    fallo: ErrorModeloPasajero | None = None
    aviso: asyncio.Event = field(default_factory=asyncio.Event)


Anotar = Callable[[Evento, Apunte | None], object]


def _a_nadie(_: Evento, __: Apunte | None) -> None:
    """Sin bitácora."""


class _Puerta:
    """Una puerta: su freno, quién espera y quién de ellos vigila el reloj por todos."""

    def __init__(self, freno: Freno, reloj: Reloj, anotar: Anotar) -> None:
        self.freno = freno
        self.esperan: Turnos[_Espera] = Turnos()
        self._reloj = reloj
        self._anotar = anotar
        self._vela: _Espera | None = None

    async def entrar(self, peticion: Peticion) -> float:
        """Vuelve cuando le toca: el instante en que sale. Lanza `ErrorModeloPasajero`."""
        ahora = self._reloj.ahora()
        if self.freno.abre_en - ahora > ESPERA_MAXIMA_S:
            raise self._cerrada(peticion, ahora)
        if not self.esperan and self.freno.hay_sitio and self.freno.faltan(ahora) <= _HOLGURA_S:
            self.freno.empezar(ahora)
            return ahora
        espera = _Espera(peticion, ahora)
        self.esperan.poner(peticion.agente_id, espera, antes=peticion.repite)
        self._decir(espera, ahora, len(self.esperan) - 1)
        try:
            return await self._hasta_entrar(espera)
        except asyncio.CancelledError:
            self._irse(espera)
            raise
        finally:
            if espera.dicha:
                self._anotar_espera(espera, Espera.NADA, self._reloj.ahora() - espera.desde)

    async def _hasta_entrar(self, espera: _Espera) -> float:
        """Espera a que la llamen; mientras nadie más lo haga, vigila el reloj por todas."""
        while espera.dentro is None:
            if espera.fallo is not None:
                raise espera.fallo
            faltan = self.freno.faltan(self._reloj.ahora())
            if self._vela is None and self.freno.hay_sitio and faltan > _HOLGURA_S:
                self._vela = espera
                try:
                    await self._reloj.dormir(faltan)
                finally:
                    self._vela = None
            else:
                espera.aviso.clear()
                self.repartir()
                await espera.aviso.wait()
            self.repartir()
        return espera.dentro

    def repartir(self) -> None:
        """Deja pasar a los que caben y, si falta esperar, despierta a uno que vigile."""
        ahora = self._reloj.ahora()
        while self.esperan and self.freno.hay_sitio and self.freno.faltan(ahora) <= _HOLGURA_S:
            siguiente = self.esperan.sacar()
            self.freno.empezar(ahora)
            siguiente.dentro = ahora
            siguiente.aviso.set()
        if self.esperan and self.freno.hay_sitio and self._vela is None:
            next(iter(self.esperan)).aviso.set()

    def negada(self, inicio: float, pedida_s: float | None) -> None:
        """Una no se admitió: los que esperan lo saben y, si es para rato o en vano, se van."""
        ahora = self._reloj.ahora()
        self.freno.negada(inicio, ahora, pedida_s)
        for puesto, espera in enumerate(self.esperan):
            self._decir(espera, ahora, puesto)
        tarde = self.freno.abre_en - ahora > ESPERA_MAXIMA_S
        for espera in [*self.esperan]:
            if tarde or self.freno.en_vano(espera.peticion.desde) > espera.peticion.aguanta:
                self.esperan.quitar(espera.peticion.agente_id, espera)
                espera.fallo = self._cerrada(espera.peticion, ahora)
                espera.aviso.set()

    def _irse(self, espera: _Espera) -> None:
        """La cancelaron: deja su sitio o su turno y, si vigilaba, lo hará otra."""
        if espera.dentro is not None:
            self.freno.acabar(espera.dentro)
        elif espera.fallo is None:
            self.esperan.quitar(espera.peticion.agente_id, espera)
        self.repartir()

    def _cerrada(self, peticion: Peticion, ahora: float) -> ErrorModeloPasajero:
        faltan = self.freno.abre_en - ahora
        cuando = f"no atiende hasta dentro de {faltan:.0f} s"
        if faltan <= ESPERA_MAXIMA_S:
            cuando = "no admite ninguna llamada"
        texto = f"{peticion.modelo} pide ir más despacio y {cuando}"
        return ErrorModeloPasajero(texto, clase="tasa", espera_s=faltan, satura=True)

    def _decir(self, espera: _Espera, ahora: float, delante: int) -> None:
        """Una fila, la primera vez que se ve que la espera será larga."""
        tardara = self.freno.tardara(ahora, delante)
        espera.hasta = ahora + tardara
        if not espera.dicha and tardara >= UMBRAL_S:
            espera.dicha = True
            self._anotar_espera(espera, Espera.TASA, tardara)

    def _anotar_espera(self, espera: _Espera, cual: Espera, segundos: float) -> None:
        hecho = EsperaImpuesta(
            agente_id=espera.peticion.agente_id,
            estado=EstadoAgente.RUNNING,
            espera=cual,
            motivo=espera.peticion.modelo if cual is Espera.TASA else PASA,
            espera_s=round(segundos, 3),
        )
        self._anotar(hecho, espera.peticion.causa)


class Admision:
    """Las puertas del proceso. `por_minuto` es el tope de llamadas de cada una (0, ninguno)."""

    def __init__(
        self,
        simultaneas: int,
        *,
        por_minuto: float = 0,
        reloj: Reloj | None = None,
        anotar: Anotar = _a_nadie,
    ) -> None:
        self._simultaneas = simultaneas
        self._por_segundo = por_minuto / 60
        self._reloj = reloj or RelojReal()
        self._anotar = anotar
        self._puertas: dict[str, _Puerta] = {}

    @asynccontextmanager
    async def puerta(self, clave: str, peticion: Peticion) -> AsyncIterator[None]:
        """Ocupa un sitio mientras dure el bloque; si sale por no admitida, frena a todos.

        Lanza `ErrorModeloPasajero` si la puerta no abre hasta dentro de mucho.
        """
        puerta = self._la(clave)
        inicio = await puerta.entrar(peticion)
        try:
            yield
        except ErrorModeloPasajero as error:
            if error.satura:
                puerta.negada(inicio, error.espera_s)
            raise
        else:
            puerta.freno.respondida(inicio, self._reloj.ahora())
        finally:
            puerta.freno.acabar(inicio)
            puerta.repartir()

    def rondas(self, clave: str) -> int:
        """Las veces que esa puerta no admitió a nadie, hasta ahora."""
        return self._la(clave).freno.rondas

    def en_vano(self, clave: str, desde: int) -> int:
        """De ellas, las seguidas y sin respuesta desde esa."""
        return self._la(clave).freno.en_vano(desde)

    def faltan(self, clave: str) -> float:
        """Segundos que faltan para que esa puerta vuelva a abrir."""
        return max(self._la(clave).freno.abre_en - self._reloj.ahora(), 0.0)

    def esperan(self) -> dict[str, float]:
        """Quiénes esperan por tasa y cuántos segundos se calcula que les faltan."""
        ahora = self._reloj.ahora()
        return {
            espera.peticion.agente_id: max(espera.hasta - ahora, 0.0)
            for puerta in self._puertas.values()
            for espera in puerta.esperan
            if espera.dicha
        }

    def _la(self, clave: str) -> _Puerta:
        puerta = self._puertas.get(clave)
        if puerta is None:
            freno = Freno(self._simultaneas, self._por_segundo)
            puerta = self._puertas[clave] = _Puerta(freno, self._reloj, self._anotar)
        return puerta
