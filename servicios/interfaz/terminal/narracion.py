"""Del bus al papel: los hechos en líneas y el texto del Master según llega."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterable, Callable
from typing import TYPE_CHECKING

from agentes.eventos import (
    MASTER,
    Evento,
    HechoAnotado,
    TextoDescartado,
    TextoMaster,
    TextoParcial,
)
from agentes.eventos_linea import TurnoInterrumpido
from agentes.eventos_permisos import AprobacionPedida
from servicios.interfaz.lineas import Linea, Tono, linea_de
from servicios.interfaz.terminal.papel import Papel

if TYPE_CHECKING:
    from servicios.buzon import Difusion

RESPIRO = 50
"""Cosas contadas antes de dejar correr a los demás."""

TOPE_VIVO = 8_000
"""Caracteres del texto en marcha que se conservan: solo se ve el final."""


class Narrador:
    """Lee el bus y lo pasa al papel. El texto del Master crece en vivo hasta que es un hecho.

    `al_pedir` cuenta una petición de permiso en lugar de su línea; `al_hecho`, tras cada hecho.
    """

    def __init__(
        self,
        papel: Papel,
        al_pedir: Callable[[AprobacionPedida], None] | None = None,
        al_hecho: Callable[[], None] | None = None,
    ) -> None:
        self._papel = papel
        self._al_pedir = al_pedir
        self._al_hecho = al_hecho
        self._vivo = ""
        self._descartado = ""

    async def seguir(self, difusion: AsyncIterable[Difusion]) -> None:
        """Cuenta lo que llega hasta que la cancelen; respira en las ráfagas."""
        contadas = 0
        async for cosa in difusion:
            self.contar(cosa)
            contadas += 1
            if contadas % RESPIRO == 0:
                await asyncio.sleep(0)

    def contar(self, cosa: Difusion) -> None:
        """Cuenta una cosa del bus."""
        match cosa:
            case HechoAnotado():
                self._contar_hecho(cosa.evento)
                if self._al_hecho is not None:
                    self._al_hecho()
            case TextoParcial() if cosa.agente_id == MASTER:
                self._cambiar_vivo((self._vivo + cosa.texto)[-TOPE_VIVO:])
            case TextoDescartado() if cosa.agente_id == MASTER:
                self._descartado = self._vivo
                self._cambiar_vivo("")

    def _contar_hecho(self, evento: Evento) -> None:
        if isinstance(evento, TextoMaster):
            self._contar_respuesta(evento)
            return
        if isinstance(evento, AprobacionPedida) and self._al_pedir is not None:
            self._al_pedir(evento)
            return
        if isinstance(evento, TurnoInterrumpido) and self._descartado:
            self._papel.linea(Linea(self._descartado, tono=Tono.TENUE, entera=True))
        linea = linea_de(evento)
        if linea is None:
            return
        self._papel.linea(linea)
        if evento.agente_id == MASTER:
            self._descartado = ""

    def _contar_respuesta(self, evento: TextoMaster) -> None:
        self._descartado = ""
        self._cambiar_vivo("")
        self._papel.respuesta(evento.texto)
        if evento.cortado:
            motivo = "la respuesta quedó cortada: el proveedor llegó a su límite de longitud"
            self._papel.linea(Linea(motivo, MASTER, Tono.AVISO, entera=True))

    def _cambiar_vivo(self, texto: str) -> None:
        if texto != self._vivo:
            self._vivo = texto
            self._papel.vivo(texto)
