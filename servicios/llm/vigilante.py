"""Qué se hace con un agente que da vueltas: decírselo, decírselo a su superior y pausarlo."""

from __future__ import annotations

from collections.abc import Callable

from langchain_core.messages import HumanMessage

from agentes.clase_agente import Agente
from agentes.eventos import Apunte, Evento
from agentes.eventos_linea import VueltaDetectada
from agentes.mensajes import ClaseAviso
from prompts.avisos import aviso_de_vueltas, problema_de_vueltas
from servicios.llm.vueltas import PAUSAR, Umbrales, Vuelta, mirar

Anotar = Callable[[Evento, Apunte | None], Apunte]
Avisar = Callable[[str, ClaseAviso, str, Apunte], None]


class Vigilante:
    """Mira la historia de un agente tras cada turno; `ya_consta`, si lo del turno que se cortó ya se contó.

    No espera a nada: lo que anota va en la misma transacción que la pausa que lo sigue.
    """

    def __init__(
        self,
        agente: Agente,
        anotar: Anotar,
        avisar: Avisar,
        umbrales: Umbrales,
        *,
        ya_consta: bool = False,
    ) -> None:
        self._agente = agente
        self._anotar = anotar
        self._avisar = avisar
        self._umbrales = umbrales
        self._ya_consta = ya_consta

    def vigilar(self, causa: Apunte) -> str:
        """Da el paso que toque; devuelve el problema con que hay que pausarlo, o nada."""
        vuelta = mirar(self._agente.historial, self._umbrales)
        constaba, self._ya_consta = self._ya_consta, False
        if vuelta is None:
            return ""
        if not constaba:
            self._contar(vuelta, causa)
        self._agente.historial.append(HumanMessage(aviso_de_vueltas(str(vuelta), vuelta.paso)))
        return problema_de_vueltas(str(vuelta)) if vuelta.paso == PAUSAR else ""

    def _contar(self, vuelta: Vuelta, causa: Apunte) -> None:
        hecho = VueltaDetectada(
            agente_id=self._agente.nombre,
            patron=vuelta.patron,
            veces=vuelta.veces,
            paso=vuelta.paso,
            que=vuelta.que,
        )
        apunte = self._anotar(hecho, causa)
        if 1 < vuelta.paso < PAUSAR:
            self._avisar(self._agente.nombre, ClaseAviso.BUCLE, str(vuelta), apunte)
