"""Trabajos en segundo plano: órdenes que siguen mientras el agente hace otra cosa.

Cada uno es una orden encerrada como las demás, con una vida máxima. Mueren con su agente.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from agentes.errores import ErrorConsola
from agentes.perfil_consola import Espacio, PerfilConsola
from servicios.consola.marcha import Marcha
from servicios.consola.operaciones.disco import (
    Rastro,
    borrar_operacion,
    carpeta_de_operaciones,
)
from servicios.consola.pedido import MotivoFin
from servicios.consola.preparacion import Taller, reparo_de
from servicios.consola.reanudacion import Suerte, hallado, mirar
from servicios.consola.resultado import ResultadoComando, resultado_de
from servicios.consola.supervision.corrida import Corrida, Escrito
from servicios.consola.supervision.puertos import escucha_alguno

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
    fila: int | None
    corrida: Corrida | None
    final: asyncio.Future[ResultadoComando]


class Trabajos:
    """Los trabajos de todos los agentes, cuyas operaciones están en `datos`."""

    def __init__(self, taller: Taller, datos: Path, marcha: Marcha) -> None:
        self._taller = taller
        self._datos = datos
        self._marcha = marcha
        self._por_agente: dict[str, dict[str, _Trabajo]] = {}
        self._cuentas: dict[str, int] = {}
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

        Si el agente está congelado, espera a que no lo esté. Lanza `ErrorConsola` si el agente ya tiene `max_trabajos` o no se puede lanzar.
        """
        if reparo := reparo_de(command):
            raise ErrorConsola(reparo)
        await self._marcha.paso(agente_id)
        suyos = self._por_agente.setdefault(agente_id, {})
        vivos = [t.id for t in suyos.values() if not t.final.done()]
        if self._cerrados:
            raise ErrorConsola("la consola está cerrada")
        if len(vivos) >= perfil.max_trabajos:
            raise ErrorConsola(
                f"ya tienes {len(vivos)} trabajos en marcha ({', '.join(vivos)}), el máximo:"
                " para alguno con parar_trabajo"
            )
        numero = self._cuentas[agente_id] = self._cuentas.get(agente_id, 0) + 1
        preparada = self._taller.preparar(
            command, agente_id, perfil, fila=fila, segundos=perfil.vida_trabajo_s
        )
        corrida = await self._marcha.lanzar(agente_id, preparada)
        trabajo_id = f"t{numero}"
        final = asyncio.create_task(_acabar(corrida), name=f"{agente_id}:{trabajo_id}")
        await self._apuntar(_Trabajo(trabajo_id, command, fila, corrida, final), agente_id)
        return trabajo_id

    def siguiente_id(self, agente_id: str) -> str:
        """El que tendría el próximo trabajo de un agente."""
        return f"t{self._cuentas.get(agente_id, 0) + 1}"

    async def adoptar(self, trabajo_id: str, fila: int, command: str, agente_id: str) -> Suerte:
        """Vuelve a tener un trabajo que inició otra vida de la sesión. Devuelve qué fue de él.

        Si vive se puede leer y parar; si terminó o lo interrumpieron, leer lo que dejó. De los
        demás solo cuenta el número, que no se repite. Lanza `ErrorConsola` si el id no es uno de
        los nuestros o el trabajo no se pudo lanzar.
        """
        if not (numero := trabajo_id.removeprefix("t")).isdigit():
            raise ErrorConsola(f"«{trabajo_id[:40]}» no es el id de un trabajo")
        self._cuentas[agente_id] = max(int(numero), self._cuentas.get(agente_id, 0))
        rastro = Rastro(carpeta_de_operaciones(self._datos) / str(fila))
        suerte, corrida = await mirar(rastro)
        final: asyncio.Future[ResultadoComando]
        if corrida is not None:
            self._marcha.adoptar(agente_id, corrida)
            final = asyncio.create_task(_acabar(corrida), name=f"{agente_id}:{trabajo_id}")
        elif (resultado := hallado(rastro, suerte).resultado) is not None:
            final = asyncio.get_running_loop().create_future()
            final.set_result(resultado)
        else:
            return suerte
        await self._apuntar(_Trabajo(trabajo_id, command, fila, corrida, final), agente_id)
        return suerte

    def conserva(self, fila: int) -> bool:
        """Si es la de un trabajo que aún se recuerda."""
        return any(t.fila == fila for suyos in self._por_agente.values() for t in suyos.values())

    async def leer(self, trabajo_id: str, agente_id: str) -> EstadoTrabajo:
        """Cómo va un trabajo. Lanza `ErrorConsola` si no existe."""
        trabajo = self._buscar(trabajo_id, agente_id)
        if trabajo.final.done():
            resultado = trabajo.final.result()
            return EstadoTrabajo(
                trabajo.id, trabajo.command, False, resultado.salida, resultado.error, resultado
            )
        escrito = trabajo.corrida.escrito() if trabajo.corrida else Escrito("", "", 0)
        return EstadoTrabajo(trabajo.id, trabajo.command, True, escrito.salida, escrito.error, None)

    async def parar(self, trabajo_id: str, agente_id: str) -> EstadoTrabajo:
        """Mata un trabajo y vuelve cuando no queda nada de él. Lanza `ErrorConsola`."""
        trabajo = self._buscar(trabajo_id, agente_id)
        await _parar([trabajo])
        return await self.leer(trabajo_id, agente_id)

    async def parar_todos(self, agente_id: str) -> None:
        """Mata los de un agente; lo que dejaron se puede leer."""
        await _parar(self._por_agente.get(agente_id, {}).values())

    async def escucha(self, trabajo_id: str, agente_id: str, puerto: int) -> bool:
        """Si un trabajo vivo es quien escucha en ese puerto. Lanza `ErrorConsola` si no existe."""
        trabajo = self._buscar(trabajo_id, agente_id)
        if trabajo.final.done() or trabajo.fila is None:
            return False
        rastro = Rastro(carpeta_de_operaciones(self._datos) / str(trabajo.fila))
        supervisor = rastro.supervisor()
        if supervisor is None:
            return False
        # Donde cada agente tiene su red, lo que escuche en ella es suyo.
        if self._taller.aislamiento.red_de_cada_uno:
            return True
        return await asyncio.to_thread(escucha_alguno, supervisor.pid, puerto)

    async def olvidar(self, agente_id: str) -> None:
        """Mata los de un agente que terminó."""
        suyos = self._por_agente.pop(agente_id, {})
        await _parar(suyos.values())
        self._cuentas.pop(agente_id, None)
        await self._borrar(suyos.values())

    async def cerrar(self) -> None:
        """Mata todos y no acepta más; lo que dejaron sigue en el disco, por si se reanuda."""
        self._cerrados = True
        await _parar([t for suyos in self._por_agente.values() for t in suyos.values()])
        self._por_agente.clear()

    async def _apuntar(self, trabajo: _Trabajo, agente_id: str) -> None:
        trabajo.final.add_done_callback(_dar_por_visto)
        suyos = self._por_agente.setdefault(agente_id, {})
        suyos[trabajo.id] = trabajo
        # De los terminados solo se recuerdan los últimos.
        terminados = [t for t in suyos.values() if t.final.done()]
        viejos = terminados[:-_TERMINADOS_QUE_SE_GUARDAN]
        for viejo in viejos:
            del suyos[viejo.id]
        await self._borrar(viejos)

    async def _borrar(self, trabajos: Iterable[_Trabajo]) -> None:
        for fila in [t.fila for t in trabajos if t.fila is not None]:
            await asyncio.to_thread(borrar_operacion, self._datos, fila)

    def _buscar(self, trabajo_id: str, agente_id: str) -> _Trabajo:
        suyos = self._por_agente.get(agente_id, {})
        if trabajo_id not in suyos:
            hay = ", ".join(suyos) or "ninguno"
            raise ErrorConsola(f"no existe el trabajo «{trabajo_id[:40]}»; los tuyos: {hay}")
        return suyos[trabajo_id]


async def _acabar(corrida: Corrida) -> ResultadoComando:
    return resultado_de(await corrida.fin())


def _dar_por_visto(final: asyncio.Future[ResultadoComando]) -> None:
    """Un trabajo que nadie llega a leer no es un fallo nuestro."""
    if not final.cancelled():
        final.exception()


async def _parar(trabajos: Iterable[_Trabajo]) -> None:
    vivos = [t for t in trabajos if not t.final.done()]
    for corrida in [t.corrida for t in vivos if t.corrida is not None]:
        corrida.parar(MotivoFin.CANCELADO)
    if vivos:
        await asyncio.wait([t.final for t in vivos])
