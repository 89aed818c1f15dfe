"""Una pregunta al margen: el modelo la contesta con un contexto que no se toca.

Va con su propósito, así que sus filas no son historia de nadie, y sin herramientas: no puede hacer
nada. Puede ir a la vez que otra llamada del mismo agente.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import orjson
from langchain_core.messages import (
    AIMessage,
    BaseMessage,
    HumanMessage,
    ToolMessage,
    message_to_dict,
)

from agentes.decisiones import RespuestaModelo
from agentes.eventos import Apunte
from agentes.eventos_llamada import LlamadaIniciada
from servicios.llm.colector import Validadores
from servicios.llm.flujo import ModeloLLM
from servicios.llm.historia_corrida import hash_de
from servicios.llm.historial import reparar
from servicios.llm.llamada import Llamador
from servicios.llm.medidas_contexto import medir
from servicios.llm.redaccion import HistoriaLimpia
from servicios.llm.via import Marcha, Via

APARTE = "aparte"
"""El propósito de estas llamadas."""

_SIN_HERRAMIENTAS = Validadores(())


@dataclass(frozen=True, slots=True)
class Aparte:
    """Quien contesta al margen; el gasto va a la cuenta de `agente_id`."""

    agente_id: str
    modelo: ModeloLLM
    via: Via

    async def contestar(
        self, contexto: Sequence[BaseMessage], pregunta: str, causa: Apunte, turno: int
    ) -> RespuestaModelo:
        """La respuesta a una pregunta que se hace detrás de `contexto`, sin cambiarlo.

        `turno` es el de la última llamada corriente. Lanza `ErrorModelo` si no hay respuesta.
        """
        mensajes = [*sin_llamadas(contexto), HumanMessage(pregunta)]
        limpios = HistoriaLimpia(self.via.redactar).tomar(mensajes, 0)
        entrada = self.via.anotar(
            LlamadaIniciada(
                agente_id=self.agente_id,
                turno=turno,
                modelo=self.modelo.referencia,
                nuevos=(message_to_dict(limpios[-1]),),
                historia=hash_de(limpios),
                contexto=self.modelo.contexto,
                proposito=APARTE,
            ),
            causa,
        )
        ahora, estimado = self.via.reloj.ahora(), sum(map(medir, limpios))
        marcha = Marcha(entrada, turno, ahora, _SIN_HERRAMIENTAS, APARTE, estimado)
        llamador = Llamador(self.agente_id, self.modelo, self.via)
        return await llamador.hacer(reparar(limpios), marcha)


def sin_llamadas(historia: Sequence[BaseMessage]) -> Iterator[BaseMessage]:
    """Los mismos mensajes con las llamadas y sus respuestas contadas en texto.

    Sin herramientas declaradas, un proveedor puede no admitir que la historia las use.
    """
    for mensaje in historia:
        if isinstance(mensaje, AIMessage):
            pedidas = [
                f"[pedí {ll['name']} {orjson.dumps(ll['args'], default=str).decode()}]"
                for ll in mensaje.tool_calls
            ]
            yield AIMessage("\n".join(filter(str.strip, [mensaje.text, *pedidas])))
        elif isinstance(mensaje, ToolMessage):
            yield HumanMessage(f"[respuesta de {mensaje.name}]\n{mensaje.text}")
        else:
            yield mensaje
