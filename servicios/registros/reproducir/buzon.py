"""El buzón de una reproducción: en cada turno entra lo que entró, y cuando le toca."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from typing import TypeVar

from agentes.errores import ErrorModelo
from agentes.eventos import MASTER
from agentes.eventos_llamada import CANCELADA, PAUSADA
from agentes.mensajes import Aviso, Directiva, EntradaUsuario
from servicios.buzon import BuzonConVentana
from servicios.registros.reproducir.anotador import AnotadorGrabado
from servicios.registros.reproducir.canonico import FilaGrabada
from servicios.registros.reproducir.clases import es_aparte
from servicios.registros.reproducir.guion import Guion
from servicios.registros.reproducir.paradas import parada
from servicios.reloj import Reloj

Entrada = Directiva | Aviso | EntradaUsuario
T = TypeVar("T", bound=Entrada)


class BuzonGrabado(BuzonConVentana[T]):
    """Da en cada turno lo que entró en ese turno, y nada antes de que haya llegado.

    `ya_leidas` son las que la primera petición repite porque se cortó antes de contestarlas.
    """

    def __init__(
        self, agente_id: str, anotador: AnotadorGrabado, guion: Guion, reloj: Reloj
    ) -> None:
        super().__init__(reloj, lambda _: True)
        self._agente_id = agente_id
        self._anotador = anotador
        self._guion = guion
        self._dentro: dict[int, T] = {}
        self._arrastres = _arrastres(guion.filas.get(agente_id, ()))
        self._sin_enviar = 0
        self.ya_leidas = 0

    def entregar(self, mensaje: T) -> None:
        """Deja un mensaje y despierta al lector."""
        super().entregar(mensaje)
        grabada = self._anotador.grabada(mensaje.apunte)
        if grabada is not None:
            self._dentro[grabada.id] = mensaje
        self._guion.despertar()

    async def esperar(self) -> None:
        """Vuelve cuando hay algo que leer y lo siguiente es cosa de este agente."""
        if self._agente_id == MASTER:
            await self._guion.hasta(lambda: bool(self._toca_leer()) and self._estan())
            return
        await super().esperar()
        await self._guion.al_dia(self._agente_id)

    async def esperar_mas_de(self, cuantos: int) -> None:
        """Como `esperar`."""
        await super().esperar_mas_de(cuantos)
        await self._guion.al_dia(self._agente_id)

    async def al_dia(self) -> None:
        """Vuelve cuando lo siguiente es cosa de este agente."""
        await self._guion.al_dia(self._agente_id)

    async def juntar(self) -> list[T]:
        """Lo del turno que viene; si lo pararon sin enviar nada, no llega a empezarlo."""
        lote = await self.recoger()
        if lote and self._parada() is not None and self._guion.por_parar is self._parada():
            asyncio.get_running_loop().call_soon(self._guion.parar)
        return lote

    async def recoger(self) -> list[T]:
        """Lo del turno que viene, cuando está todo y le toca."""
        entrada, fin = self._siguiente_llamada(), self._parada()
        await self._guion.hasta(self._estan)
        if fin is None and entrada is None:
            await self._guion.hasta(lambda: False)
        elif fin is None and entrada is not None:
            await self._guion.toca_turno(entrada)
        filas = self._toca_leer()
        if fin is not None:
            self._sin_enviar += len(filas)
            if self._guion.propia(MASTER) is fin:
                self._guion.por_parar = fin
                self._guion.despertar()
        elif entrada is not None and not entrada.details.get("proposito"):
            self._guion.leer(self._agente_id, self._sin_enviar + len(filas))
            self._sin_enviar = 0
        leidas = [self._dentro.pop(fila) for fila in filas]
        resto = [m for m in self.vaciar() if not any(m is leida for leida in leidas)]
        for mensaje in resto:
            super().entregar(mensaje)
        return leidas

    def _parada(self) -> FilaGrabada | None:
        """Si lo siguiente que consta es que pararon al Master: no llegó a enviar lo que leyó."""
        return parada(self._guion) if self._agente_id == MASTER else None

    def _siguiente_llamada(self) -> FilaGrabada | None:
        """La petición del turno que viene; si se cortó antes, la del resumen que le hacía sitio."""
        corriente = self._guion.buscar(
            self._agente_id, lambda f: f.tipo == "llm_input" and not f.details.get("proposito")
        )
        return corriente or self._guion.buscar(self._agente_id, self._guion.hace_sitio)

    def _toca_leer(self) -> list[int]:
        """Las filas de lo que entra en el turno que viene: las primeras sin leer."""
        entrada, fin = self._siguiente_llamada(), self._parada()
        faltan = self._guion.sin_leer(self._agente_id)
        if fin is not None:
            return [f for f in faltan[self._sin_enviar :] if f <= (fin.causa or 0)]
        if entrada is None:
            return []
        if entrada.details.get("proposito"):
            return [f for f in faltan[self._sin_enviar :] if f < entrada.id]
        cuantas = int(entrada.details.get("entran", 0)) - self._repetidas(entrada)
        return list(faltan[self._sin_enviar : cuantas])

    def _repetidas(self, entrada: FilaGrabada) -> int:
        """Cuánto de lo que entra con una petición había entrado ya con la anterior, sin respuesta."""
        return self._arrastres.get(entrada.id, self.ya_leidas)

    def _estan(self) -> bool:
        return all(fila in self._dentro for fila in self._toca_leer())


def _arrastres(filas: Iterable[FilaGrabada]) -> dict[int, int]:
    """De cada petición menos la primera, cuántas entradas repite de la anterior.

    Lo que entró con una petición que falló vuelve a entrar con la siguiente, salvo si se retiró; si
    lo que no pudo fue hacerle sitio porque lo pararon, no se retiró.
    """
    arrastres: dict[int, int] = {}
    previa, entran, retiradas, resumenes = 0, 0, 0, set[int]()
    for fila in filas:
        if fila.tipo == "llm_input" and not fila.details.get("proposito"):
            if previa:
                arrastres[fila.id] = entran
            previa, entran, retiradas = fila.id, int(fila.details.get("entran", 0)), 0
        elif fila.tipo == "llm_input" and not es_aparte(fila):
            resumenes.add(fila.id)
        elif fila.causa == previa and _se_atendio(fila):
            retiradas, entran = entran if fila.tipo == "llm_call" else 0, 0
        elif fila.tipo == "master_error":
            retiradas = 0
        elif fila.causa in resumenes and _no_salio(fila):
            entran, retiradas = entran + retiradas, 0
    return arrastres


def _no_salio(fila: FilaGrabada) -> bool:
    """Si esa llamada la pararon: ni se contestó ni falló por sí misma."""
    return fila.tipo == "llm_call" and fila.details.get("clase") in {CANCELADA, PAUSADA}


def _se_atendio(fila: FilaGrabada) -> bool:
    if fila.tipo == "llm_call":
        return ErrorModelo("", clase=str(fila.details.get("clase", ""))).envenena
    return fila.tipo == "llm_output"
