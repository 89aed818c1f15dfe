"""`/ver ID`: un agente por dentro, en vivo mientras trabaja o en una foto."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from agentes.eventos import HechoAnotado, TextoDescartado, TextoParcial
from agentes.eventos_llamada import LlamadaTerminada
from servicios.interfaz.lineas import Linea, Tono
from servicios.interfaz.terminal.ficha_agente import ficha_agente
from servicios.interfaz.terminal.ordenes.comando import Escena
from servicios.interfaz.terminal.ordenes.tablero import foto

if TYPE_CHECKING:
    from servicios.buzon import Difusion, Suscripcion
    from servicios.interfaz.terminal.papel import Papel
    from servicios.registros.tablero.visto import Tablero
    from servicios.sistema import Sistema

TOPE_VIVO = 4_000
"""Caracteres del texto que su modelo está escribiendo: solo se ve el final."""


async def ver_agente(escena: Escena, agente_id: str) -> bool:
    """Sigue a un agente hasta que la persona vuelve; si ya acabó o no se puede, una foto."""
    sistema, papel = escena.sistema, escena.papel
    tablero = await foto(sistema)
    visto = tablero.de(agente_id)
    if visto is None or not visto.profundidad:
        decir_que_no_existe(agente_id, tablero, papel)
        return True
    seguidor = _Seguidor(sistema, agente_id)
    if not visto.estado.es_final:
        with sistema.bus.suscribir() as suscripcion:
            if await papel.ocupar(seguidor.pintar, seguidor.cambios(suscripcion)):
                return True
    for linea in await seguidor.pintar():
        papel.linea(linea)
    return True


def decir_que_no_existe(agente_id: str, tablero: Tablero, papel: Papel) -> None:
    """No hay ninguno con ese id: cuáles hay."""
    hay = ", ".join(visto.id for visto in tablero.agentes) or "ninguno"
    texto = f"No existe el agente «{agente_id}» en esta sesión. Los que hay: {hay}."
    papel.linea(Linea(texto, tono=Tono.AVISO, entera=True))


@dataclass(slots=True)
class _Seguidor:
    """Un agente y lo que su modelo está escribiendo ahora."""

    sistema: Sistema
    agente_id: str
    escribe: str = field(default="", init=False)

    async def cambios(self, suscripcion: Suscripcion) -> AsyncIterator[Difusion]:
        """Lo que pasa por el bus y es de este agente."""
        async for cosa in suscripcion:
            if self._es_suya(cosa):
                yield cosa

    def _es_suya(self, cosa: Difusion) -> bool:
        match cosa:
            case TextoParcial(agente_id=self.agente_id):
                self.escribe = (self.escribe + cosa.texto)[-TOPE_VIVO:]
            case TextoDescartado(agente_id=self.agente_id):
                self.escribe = ""
            case HechoAnotado() if cosa.evento.agente_id == self.agente_id:
                if isinstance(cosa.evento, LlamadaTerminada):
                    self.escribe = ""
            case _:
                return False
        return True

    async def pintar(self, _: int = 0) -> Sequence[Linea]:
        """La ficha de ahora mismo."""
        tablero = await foto(self.sistema)
        visto = tablero.de(self.agente_id)
        if visto is None:
            return [Linea("Este agente ya no está en la bitácora.", self.agente_id, Tono.AVISO)]
        return await ficha_agente(self.sistema, visto, self.escribe)
