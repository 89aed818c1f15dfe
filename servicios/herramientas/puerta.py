"""La puerta: intención comprometida → ejecutar → cierre. Todo efecto pasa por aquí."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import replace

from agentes.eventos import Apunte, Evento
from agentes.eventos_llamada import HerramientaPedida, HerramientaTerminada
from agentes.respuestas import LlamadaHerramienta, ResultadoHerramienta

Anotar = Callable[[Evento, Apunte | None], Apunte]
Hacer = Callable[[Apunte], Awaitable[ResultadoHerramienta]]
"""Recibe la fila de su intención, que es la causa de todo lo que haga."""


class Puerta:
    """Los efectos de un agente. Su `op` es única: sesión, agente, turno y llamada."""

    def __init__(self, sesion: str, agente_id: str, anotar: Anotar) -> None:
        self._sesion = sesion
        self._agente_id = agente_id
        self._anotar = anotar

    async def cruzar(
        self, llamada: LlamadaHerramienta, turno: int, causa: Apunte, hacer: Hacer
    ) -> tuple[ResultadoHerramienta, Apunte]:
        """Espera a que la intención esté guardada, ejecuta y anota el cierre.

        Devuelve el resultado y la fila del cierre. Si la cancelan, el cierre dice que el efecto
        quedó interrumpido. Lanza `ErrorBitacora` si la intención no se pudo guardar.
        """
        op = f"{self._sesion}:{self._agente_id}:{turno}:{llamada.id}"
        pedida = self._anotar(
            HerramientaPedida(
                agente_id=self._agente_id,
                op=op,
                intento=1,
                tool_call_id=llamada.id,
                tool=llamada.nombre,
                args=llamada.args,
            ),
            causa,
        )
        inicio = time.monotonic()
        try:
            await pedida
            resultado = await hacer(pedida)
        except asyncio.CancelledError as cancelada:
            roto = _a_medias(llamada, cancelada)
            self._cerrar(llamada, (op, inicio, "interrumpido"), roto, pedida)
            raise
        return resultado, self._cerrar(llamada, (op, inicio, "resultado"), resultado, pedida)

    def _cerrar(
        self,
        llamada: LlamadaHerramienta,
        marcha: tuple[str, float, str],
        resultado: ResultadoHerramienta,
        pedida: Apunte,
    ) -> Apunte:
        op, inicio, cierre = marcha
        return self._anotar(
            HerramientaTerminada(
                agente_id=self._agente_id,
                op=op,
                intento=1,
                tool=llamada.nombre,
                ok=resultado.ok,
                resultado=resultado.para_modelo,
                ms=int((time.monotonic() - inicio) * 1000),
                detalles_propios=resultado.detalles,
                cierre=cierre,
            ),
            pedida,
        )


def _a_medias(
    llamada: LlamadaHerramienta, cancelada: asyncio.CancelledError
) -> ResultadoHerramienta:
    """Lo que dejó una herramienta cancelada: lo que traiga la cancelación o, sin nada, la orden."""
    for parcial in cancelada.args:
        if isinstance(parcial, ResultadoHerramienta):
            return replace(parcial, ok=False)
    texto = "interrumpido: se canceló mientras se ejecutaba"
    return ResultadoHerramienta(False, texto, detalles=_orden(llamada))


def _orden(llamada: LlamadaHerramienta) -> dict[str, object]:
    return {"command": llamada.args["command"]} if "command" in llamada.args else {}
