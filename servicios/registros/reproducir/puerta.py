"""La puerta de una reproducción: cada llamada da lo que dio; nada se ejecuta.

Solo se repite lo que un agente hace en otros: lanzar, escribir, pausar, reanudar y cancelar.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from agentes.acciones import (
    Cancelar,
    Delegar,
    EnviarMensaje,
    Pausar,
    Reanudar,
    accion_desde,
)
from agentes.eventos import MASTER, Apunte
from agentes.eventos_llamada import HerramientaPedida, HerramientaTerminada
from agentes.guardado import OperacionGuardada
from agentes.respuestas import LlamadaHerramienta, Operacion, ResultadoHerramienta
from servicios.registros.reanudacion.reanudar import resultado_de
from servicios.registros.reproducir.anotador import AnotadorGrabado
from servicios.registros.reproducir.canonico import FilaGrabada
from servicios.registros.reproducir.guion import Guion

Hacer = Callable[[Apunte, Operacion], Awaitable[ResultadoHerramienta]]

_EN_OTROS = Delegar | EnviarMensaje | Cancelar | Pausar | Reanudar
_PROPIAS_TERMINADA = {"op", "intento", "tool", "ok", "cierre", "ms", "resultado"}


class PuertaGrabada:
    """Cada llamada da lo que dio. Solo se repite lo que un agente hace en otros."""

    def __init__(
        self,
        sesion: str,
        agente_id: str,
        anotador: AnotadorGrabado,
        guion: Guion,
        memoria: Mapping[str, OperacionGuardada] | None,
    ) -> None:
        self._sesion = sesion
        self._agente_id = agente_id
        self._anotador = anotador
        self._guion = guion
        self._memoria = dict(memoria or {})

    async def cruzar(
        self, llamada: LlamadaHerramienta, turno: int, causa: Apunte, hacer: Hacer
    ) -> tuple[ResultadoHerramienta, Apunte]:
        """El resultado grabado y su cierre. Si se quedó abierta, espera a que la corten."""
        op = f"{self._sesion}:{self._agente_id}:{turno}:{llamada.id}"
        guardada = self._memoria.pop(op, None)
        if guardada and guardada.cierre is not None and guardada.resultado is not None:
            return guardada.resultado, guardada.cierre
        cola = op.partition(":")[2]
        pedida, fila = await self._pedir(llamada, cola, causa, guardada)
        cierre = self._guion.buscar(
            self._agente_id, lambda f: f.tipo == "tool_execution" and _cola(f) == cola
        )
        cancelada = cierre is not None and self._se_cancelo(cierre, fila)
        with self._si_se_cancela(cierre, pedida):
            await pedida
            if guardada is None or fila is not None:
                await self._repetir(llamada, pedida, fila, hacer)
            elif cierre is not None:
                await self._repetir(llamada, pedida, self._anotador.grabada(pedida), hacer)
            if cierre is None or (cancelada and self._agente_id != MASTER):
                await self._guion.hasta(lambda: False)
                raise asyncio.CancelledError
            await self._guion.toca(cierre)
        cerrada = self._cerrar(cierre, pedida)
        if cancelada:  # al Master no lo cancela nadie de aquí: fue la persona
            raise asyncio.CancelledError
        return resultado_de(cierre.details), cerrada

    @contextmanager
    def _si_se_cancela(self, cierre: FilaGrabada | None, pedida: Apunte) -> Iterator[None]:
        """La cancelación puede llegar en cualquier punto; su cierre es el que fue."""
        try:
            yield
        except asyncio.CancelledError as cancelada:
            if cierre is not None and cierre.details["cierre"] == "interrumpido":
                self._cerrar(cierre, pedida)
                cancelada.args = (resultado_de(cierre.details),)
            raise

    async def _pedir(
        self,
        llamada: LlamadaHerramienta,
        cola: str,
        causa: Apunte,
        guardada: OperacionGuardada | None,
    ) -> tuple[Apunte, FilaGrabada | None]:
        """La intención grabada en este tramo, escrita otra vez; sin ella, la que ya había."""
        fila = self._guion.buscar(
            self._agente_id, lambda f: f.tipo == "tool_call_request" and _cola(f) == cola
        )
        if fila is None:
            if guardada is not None:
                return guardada.pedida, None
            await self._guion.hasta(lambda: self._guion.esperada(self._agente_id) is not None)
        else:
            await self._guion.toca(fila)
        datos: dict[str, Any] = fila.details if fila else {"args": llamada.args, "intento": 1}
        pedida = self._anotador.anotar(
            HerramientaPedida(
                agente_id=self._agente_id,
                op=f"{self._sesion}:{cola}",
                intento=datos["intento"],
                tool_call_id=llamada.id,
                tool=llamada.nombre,
                args=datos["args"],
            ),
            causa,
        )
        return pedida, fila

    async def _repetir(
        self, llamada: LlamadaHerramienta, pedida: Apunte, fila: FilaGrabada | None, hacer: Hacer
    ) -> None:
        """Vuelve a hacer en otros lo que aquella intención llegó a hacer."""
        accion = accion_desde(llamada)
        if fila is None or not isinstance(accion, _EN_OTROS):
            return
        hechos = await self._guion.efectos(fila)
        if hechos or self._guion.nacidos(fila):
            operacion = Operacion(str(fila.details["op"]), 0, int(fila.details["intento"]))
            await hacer(pedida, operacion)

    def _se_cancelo(self, cierre: FilaGrabada, fila: FilaGrabada | None) -> bool:
        """Un cierre «interrumpido» de su propio tramo es una cancelación; si no, un rescate."""
        return fila is not None and cierre.details["cierre"] == "interrumpido"

    def _cerrar(self, cierre: FilaGrabada, pedida: Apunte) -> Apunte:
        datos = cierre.details
        return self._anotador.anotar(
            HerramientaTerminada(
                agente_id=self._agente_id,
                op=f"{self._sesion}:{_cola(cierre)}",
                intento=datos["intento"],
                tool=datos["tool"],
                ok=datos["ok"],
                resultado=datos["resultado"],
                ms=datos["ms"],
                cierre=datos["cierre"],
                detalles_propios={k: v for k, v in datos.items() if k not in _PROPIAS_TERMINADA},
            ),
            pedida,
        )


def _cola(fila: FilaGrabada) -> str:
    """La `op` sin su sesión."""
    return str(fila.details.get("op", "")).partition(":")[2]
