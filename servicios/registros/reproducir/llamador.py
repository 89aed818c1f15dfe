"""El modelo de una reproducción: cada llamada acaba como acabó, con sus reintentos."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import TYPE_CHECKING

from agentes.decisiones import RespuestaModelo
from agentes.errores import ErrorModelo
from agentes.eventos import MASTER
from agentes.eventos_llamada import (
    LlamadaFallida,
    LlamadaReintentada,
    LlamadaTerminada,
)
from agentes.respuestas import Uso
from servicios.llm.via import Marcha
from servicios.registros.lectura.historias import FilaHistoria, plegar_historia
from servicios.registros.reanudacion.a_medias import respuesta_de
from servicios.registros.reproducir.anotador import AnotadorGrabado
from servicios.registros.reproducir.canonico import FilaGrabada
from servicios.registros.reproducir.clases import es_cancelada
from servicios.registros.reproducir.guion import Guion

if TYPE_CHECKING:
    from langchain_core.messages import BaseMessage


class LlamadorGrabado:
    """Hace de modelo: cada llamada acaba como acabó, con sus reintentos."""

    def __init__(self, agente_id: str, anotador: AnotadorGrabado, guion: Guion) -> None:
        self._agente_id = agente_id
        self._anotador = anotador
        self._guion = guion

    async def hacer(self, mensajes: Sequence[BaseMessage], marcha: Marcha) -> RespuestaModelo:
        """La respuesta grabada de esa llamada. Lanza el error con que acabó, si no la hubo."""
        del mensajes
        grabada = self._anotador.grabada(marcha.entrada)
        while True:
            fila = self._guion.buscar(
                self._agente_id,
                lambda f: (
                    f.tipo in {"llm_call", "llm_output"}
                    and grabada is not None
                    and f.causa == grabada.id
                ),
            )
            if fila is None or (es_cancelada(fila) and not self._la_paro_la_persona(fila)):
                await self._hasta_que_la_paren(marcha)
            else:
                await self._guion.toca(fila)
                if fila.tipo == "llm_output":
                    return self._contestar(fila, marcha)
                self._fallar(fila, marcha)

    def _contestar(self, fila: FilaGrabada, marcha: Marcha) -> RespuestaModelo:
        datos = fila.details
        evento = LlamadaTerminada(
            agente_id=self._agente_id,
            **{**datos, "uso": Uso(**datos["uso"]), "llamadas": tuple(datos["llamadas"])},
        )
        apunte = self._anotador.anotar(evento, marcha.entrada)
        plegada = plegar_historia(
            [FilaHistoria(fila.id, fila.tipo, datos | {"proposito": ""}, None)]
        )
        if plegada.salida is None:
            raise ErrorModelo("la grabación no trae la respuesta", clase="respuesta")
        respuesta = respuesta_de(plegada.salida)
        return RespuestaModelo(
            respuesta.mensaje,
            respuesta.texto,
            respuesta.llamadas,
            respuesta.razon,
            respuesta.uso,
            apunte,
            respuesta.turno,
        )

    def _fallar(self, fila: FilaGrabada, marcha: Marcha) -> None:
        """Un intento que no valió o, si fue el último, el error con que acabó."""
        datos = fila.details
        if "espera_s" in datos:
            evento = LlamadaReintentada(agente_id=self._agente_id, **datos)
            self._anotador.anotar(evento, marcha.entrada)
            return
        fin = LlamadaFallida(agente_id=self._agente_id, **datos)
        self._anotador.anotar(fin, marcha.entrada)
        if es_cancelada(fila):
            raise asyncio.CancelledError
        raise ErrorModelo(str(datos["error"]), clase=str(datos["clase"]))

    async def _hasta_que_la_paren(self, marcha: Marcha) -> None:
        """Nunca se contestó: se espera a la cancelación, que deja su fila si la dejó."""
        try:
            await self._guion.hasta(lambda: False)
        except asyncio.CancelledError:
            fila = self._guion.esperada(self._agente_id)
            if fila is not None and es_cancelada(fila):
                evento = LlamadaFallida(agente_id=self._agente_id, **fila.details)
                self._anotador.anotar(evento, marcha.entrada)
            raise

    def _la_paro_la_persona(self, fila: FilaGrabada) -> bool:
        """La respuesta del Master se para sola; a un agente lo paran desde fuera."""
        siguiente = self._guion.propia(self._agente_id, fila.id)
        return (
            self._agente_id == MASTER and siguiente is not None and siguiente.tipo == "master_loop"
        )
