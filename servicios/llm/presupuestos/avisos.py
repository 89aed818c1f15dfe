"""Decir a quien piensa cómo va su presupuesto: lo que lee él, su superior y la bitácora."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from langchain_core.messages import HumanMessage

from agentes.decisiones import Interlocutor, RespuestaModelo
from agentes.eventos import Apunte, Evento
from agentes.eventos_presupuesto import PresupuestoAvisado
from agentes.mensajes import ClaseAviso
from prompts.avisos import aviso_de_presupuesto, motivo_sin_presupuesto, pausa_de_presupuesto
from servicios.llm.presupuestos.tesoreria import CIERRA, Revision

if TYPE_CHECKING:
    from langchain_core.messages import BaseMessage

Anotar = Callable[[Evento, Apunte | None], Apunte]
Avisar = Callable[[str, ClaseAviso, str, Apunte], None]

AGOTADO = 100
"""La parte de quien ya no puede seguir."""


class Revisor(Protocol):
    """Quien sabe cómo van las cuentas."""

    async def revisar(self, agente_id: str) -> Revision:
        """Qué hay que decirle antes de que piense, y si ha de pararse."""
        ...


@dataclass(slots=True)
class AvisosPresupuesto:
    """Los de un agente. `avisar` los cuenta a su superior.

    `negado` es por qué no se pudo pagar lo último que quiso hacer, si aún no se ha parado por ello.
    """

    agente_id: str
    revisor: Revisor
    anotar: Anotar
    avisar: Avisar
    negado: str = ""

    async def revisar(self, historial: list[BaseMessage], causa: Apunte | None) -> str:
        """Le dice lo que toque, en su historia; devuelve por qué ha de pararse, o nada."""
        if self.negado:
            return self.negado
        revision = await self.revisor.revisar(self.agente_id)
        for hito in revision.hitos:
            hecho = PresupuestoAvisado(
                agente_id=self.agente_id,
                parte=hito.parte,
                texto=hito.texto,
                cuenta=hito.cuenta,
                recurso=hito.recurso,
                tope=hito.tope,
            )
            apunte = self.anotar(hecho, causa)
            ultimo = hito.parte == CIERRA
            texto = aviso_de_presupuesto(hito.parte, hito.texto, ultimo=ultimo)
            historial.append(HumanMessage(texto))
            if not ultimo:
                self.avisar(self.agente_id, ClaseAviso.PRESUPUESTO, hito.texto, apunte)
        return revision.parar

    def agotado(self, motivo: str, causa: Apunte | None) -> None:
        """No puede seguir: queda dicho, sin más que lo que se acabó, a la persona y a su superior."""
        motivo = motivo_sin_presupuesto(motivo)
        hecho = PresupuestoAvisado(agente_id=self.agente_id, parte=AGOTADO, texto=motivo)
        apunte = self.anotar(hecho, causa)
        self.avisar(self.agente_id, ClaseAviso.PRESUPUESTO, pausa_de_presupuesto(motivo), apunte)


def _a_nadie(*_: object) -> None:
    """El Master no tiene superior: la persona ya lo lee."""


class InterlocutorAvisado:
    """Un interlocutor que, antes de pensar, lee cómo va su presupuesto."""

    def __init__(
        self, agente_id: str, propio: Interlocutor, revisor: Revisor, anotar: Anotar
    ) -> None:
        self._propio = propio
        self._avisos = AvisosPresupuesto(agente_id, revisor, anotar, _a_nadie)

    async def pensar(
        self,
        historial: list[BaseMessage],
        causa: Apunte | None,
        avisos: tuple[Apunte, ...] = (),
        directivas: tuple[Apunte, ...] = (),
        lineas: tuple[Apunte, ...] = (),
    ) -> RespuestaModelo:
        """Como el suyo. Lanza `ErrorModelo`."""
        await self._avisos.revisar(historial, causa)
        return await self._propio.pensar(historial, causa, avisos, directivas, lineas)
