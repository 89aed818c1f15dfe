"""Los hechos del mando: lo que alguien ordena sobre un agente, en la secuencia de ese agente."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import ClassVar

from agentes.eventos import Evento


class Mando(StrEnum):
    """Lo que se puede ordenar, además de cancelar."""

    PAUSAR = "pausar"
    PASO = "paso"
    """Una llamada al modelo con sus herramientas, y otra vez en pausa."""

    REANUDAR = "reanudar"


@dataclass(frozen=True, slots=True, kw_only=True)
class MandoDado(Evento):
    """Alguien (`de`) pausa a un agente, le deja dar un paso o lo reanuda.

    Detrás va siempre la fila `agent_loop` con el estado en que lo deja.
    """

    tipo: ClassVar[str] = "agent_control"
    mando: Mando
    de: str

    @property
    def mensaje(self) -> str:
        return f"{self.mando} de {self.de}"


@dataclass(frozen=True, slots=True, kw_only=True)
class CancelacionPedida(Evento):
    """Alguien (`de`) manda parar a un agente."""

    tipo: ClassVar[str] = "swarm_management"
    frase: ClassVar[str] = "de"
    de: str
