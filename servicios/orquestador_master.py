"""El Master: conversa y decide. No ejecuta nada y no conoce a nadie.

Le llega lo que dijo la persona y lo que avisan los agentes; devuelve texto Y acciones.
"""

from __future__ import annotations

from collections.abc import Sequence

from langchain_core.messages import BaseMessage, HumanMessage, SystemMessage

from agentes.acciones import AccionPedida, accion_desde
from agentes.decisiones import Interlocutor, RespuestaModelo, Turno
from agentes.errores import ErrorModelo
from agentes.eventos import MASTER, Apunte
from agentes.guardado import HistoriaGuardada
from agentes.respuestas import Uso
from servicios.llm.historial import adaptar, retirar_lo_nuevo


class OrquestadorMaster:
    """La historia del Master y su siguiente decisión. Una llamada a la vez.

    Con `guardada` sigue por donde se cortó.
    """

    def __init__(
        self,
        interlocutor: Interlocutor,
        instrucciones: str,
        guardada: HistoriaGuardada | None = None,
    ) -> None:
        self._interlocutor = interlocutor
        self._historial: list[BaseMessage] = [SystemMessage(instrucciones)]
        self._causa: Apunte | None = None
        self._avisos: list[Apunte] = []
        self._lineas: list[Apunte] = []
        self.uso = Uso()
        if guardada is not None:
            self._historial[:] = guardada.mensajes
            self._causa = guardada.causa
            self._avisos.extend(guardada.reentrega.avisos)
            self._lineas.extend(guardada.reentrega.lineas)
            self.uso = guardada.uso

    @property
    def historia(self) -> tuple[BaseMessage, ...]:
        """Una copia de su historia tal como está ahora."""
        return tuple(self._historial)

    def add_message_to_history(
        self,
        message: BaseMessage | str,
        causa: Apunte | None = None,
        avisos: Sequence[Apunte] = (),
        lineas: Sequence[Apunte] = (),
    ) -> None:
        """Añade una notificación, una línea de la persona o la respuesta de una acción.

        Un `SystemMessage` entra como notificación marcada. `avisos` y `lineas` son los que trae.
        """
        self._historial.append(adaptar(message))
        self._causa = causa or self._causa
        self._avisos.extend(avisos)
        self._lineas.extend(lineas)

    async def process_input_and_events(
        self, input_from_user: str | None = None, causa: Apunte | None = None
    ) -> Turno:
        """Piensa con lo nuevo y devuelve el texto para la persona y las acciones que pide.

        Lanza `ErrorModelo`; si repetir la historia volvería a fallar, lo nuevo se retira de ella.
        """
        if input_from_user is not None:
            self._historial.append(HumanMessage(input_from_user))
            self._causa = causa or self._causa
        avisos, lineas = tuple(self._avisos), tuple(self._lineas)
        try:
            respuesta = await self._interlocutor.pensar(
                self._historial, self._causa, avisos, lineas=lineas
            )
        except ErrorModelo as error:
            if error.envenena:
                retirar_lo_nuevo(self._historial)
                self._avisos.clear()
                self._lineas.clear()
            raise
        del self._avisos[: len(avisos)]
        del self._lineas[: len(lineas)]
        self._historial.append(respuesta.mensaje)
        self._causa = respuesta.apunte
        self.uso += respuesta.uso
        return turno_de(respuesta)


def turno_de(respuesta: RespuestaModelo) -> Turno:
    """Lo que decide el Master con esa respuesta de su modelo."""
    return Turno(
        texto=respuesta.texto,
        acciones=tuple(
            AccionPedida(MASTER, accion_desde(llamada), llamada, respuesta.apunte)
            for llamada in respuesta.llamadas
        ),
        causa=respuesta.apunte,
        turno=respuesta.turno,
        cortado=respuesta.razon == "longitud",
    )
