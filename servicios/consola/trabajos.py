"""Trabajos en segundo plano: órdenes que siguen mientras el agente hace otra cosa.

Cada uno es una orden encerrada como las demás, con una vida máxima. Mueren con su agente.
"""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Iterable
from dataclasses import dataclass

from agentes.errores import ErrorConsola
from agentes.perfil_consola import Espacio, PerfilConsola
from servicios.consola.cuaderno import recoger_hojas
from servicios.consola.pedido import MotivoFin
from servicios.consola.preparacion import Preparada, Taller, reparo_de
from servicios.consola.resultado import ResultadoComando, resultado_de

_TERMINADOS_QUE_SE_GUARDAN = 8


@dataclass(frozen=True, slots=True)
class EstadoTrabajo:
    """Cómo va un trabajo: lo escrito hasta ahora y, si acabó, su resultado."""

    id: str
    command: str
    vivo: bool
    salida: str
    error: str
    resultado: ResultadoComando | None


@dataclass(slots=True)
class _Trabajo:
    id: str
    command: str
    preparada: Preparada
    final: asyncio.Task[ResultadoComando]


class Trabajos:
    """Los trabajos de todos los agentes."""

    def __init__(self, taller: Taller) -> None:
        self._taller = taller
        self._por_agente: dict[str, dict[str, _Trabajo]] = {}
        self._cuentas: dict[str, itertools.count[int]] = {}
        self._cerrados = False

    def carpeta_de(self, agente_id: str, perfil: PerfilConsola) -> str:
        """Dónde empieza cualquiera de los suyos, para una persona. Lanza `ErrorConsola`."""
        if perfil.espacio is Espacio.PROPIO:
            return "su espacio"
        return str(self._taller.plazas.plaza(agente_id, perfil).carpeta)

    async def iniciar(
        self, command: str, agente_id: str, perfil: PerfilConsola, fila: int | None = None
    ) -> str:
        """Pone una orden en segundo plano y devuelve su id (`t1`, `t2`…).

        Lanza `ErrorConsola` si el agente ya tiene `max_trabajos` o no se puede lanzar.
        """
        del fila  # todavía no deja nada en el disco
        if reparo := reparo_de(command):
            raise ErrorConsola(reparo)
        suyos = self._por_agente.setdefault(agente_id, {})
        vivos = [t.id for t in suyos.values() if not t.final.done()]
        if self._cerrados:
            raise ErrorConsola("la consola está cerrada")
        if len(vivos) >= perfil.max_trabajos:
            raise ErrorConsola(
                f"ya tienes {len(vivos)} trabajos en marcha ({', '.join(vivos)}), el máximo:"
                " para alguno con parar_trabajo"
            )
        numero = next(self._cuentas.setdefault(agente_id, itertools.count(1)))
        preparada = await self._taller.preparar(
            command, agente_id, perfil, segundos=perfil.vida_trabajo_s
        )
        trabajo_id = f"t{numero}"
        final = asyncio.create_task(_acabar(preparada), name=f"{agente_id}:{trabajo_id}")
        final.add_done_callback(_dar_por_visto)
        suyos[trabajo_id] = _Trabajo(trabajo_id, command, preparada, final)
        _olvidar_viejos(suyos)
        return trabajo_id

    async def leer(self, trabajo_id: str, agente_id: str) -> EstadoTrabajo:
        """Cómo va un trabajo. Lanza `ErrorConsola` si no existe."""
        trabajo = self._buscar(trabajo_id, agente_id)
        if trabajo.final.done():
            resultado = trabajo.final.result()
            return EstadoTrabajo(
                trabajo.id, trabajo.command, False, resultado.salida, resultado.error, resultado
            )
        escrito = await trabajo.preparada.corrida.escrito()
        return EstadoTrabajo(trabajo.id, trabajo.command, True, escrito.salida, escrito.error, None)

    async def parar(self, trabajo_id: str, agente_id: str) -> EstadoTrabajo:
        """Mata un trabajo y vuelve cuando no queda nada de él. Lanza `ErrorConsola`."""
        trabajo = self._buscar(trabajo_id, agente_id)
        await _parar([trabajo])
        return await self.leer(trabajo_id, agente_id)

    async def olvidar(self, agente_id: str) -> None:
        """Mata los de un agente que terminó."""
        await _parar(self._por_agente.pop(agente_id, {}).values())
        self._cuentas.pop(agente_id, None)

    async def cerrar(self) -> None:
        """Mata todos y no acepta más."""
        self._cerrados = True
        await asyncio.gather(*(self.olvidar(agente) for agente in list(self._por_agente)))

    def _buscar(self, trabajo_id: str, agente_id: str) -> _Trabajo:
        suyos = self._por_agente.get(agente_id, {})
        if trabajo_id not in suyos:
            hay = ", ".join(suyos) or "ninguno"
            raise ErrorConsola(f"no existe el trabajo «{trabajo_id[:40]}»; los tuyos: {hay}")
        return suyos[trabajo_id]


async def _acabar(preparada: Preparada) -> ResultadoComando:
    informe = await preparada.corrida.fin()
    recoger_hojas(preparada.hojas)
    return resultado_de(informe, preparada.limites)


def _dar_por_visto(final: asyncio.Task[ResultadoComando]) -> None:
    """Un trabajo que nadie llega a leer no es un fallo nuestro."""
    if not final.cancelled():
        final.exception()


async def _parar(trabajos: Iterable[_Trabajo]) -> None:
    vivos = [t for t in trabajos if not t.final.done()]
    for trabajo in vivos:
        trabajo.preparada.corrida.parar(MotivoFin.CANCELADO)
    if vivos:
        await asyncio.wait([t.final for t in vivos])


def _olvidar_viejos(suyos: dict[str, _Trabajo]) -> None:
    """De los terminados solo se recuerdan los últimos."""
    terminados = [t.id for t in suyos.values() if t.final.done()]
    for trabajo_id in terminados[:-_TERMINADOS_QUE_SE_GUARDAN]:
        del suyos[trabajo_id]
