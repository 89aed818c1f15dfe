"""Los hechos de la persona y del sistema sobre lo que se dice: apartes, silencios y vueltas."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from agentes.eventos import Evento


@dataclass(frozen=True, slots=True, kw_only=True)
class PreguntaAparte(Evento):
    """La persona pregunta sin que quede en ninguna historia; `sobre` es a quién o de quién."""

    tipo: ClassVar[str] = "aside_question"
    frase: ClassVar[str] = "texto"
    texto: str
    sobre: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ProblemaOmitido(Evento):
    """Un texto del Master no nombra a un agente cuyo problema acababa de leer."""

    tipo: ClassVar[str] = "problem_omitted"
    nivel: ClassVar[str] = "WARNING"
    omitido: str

    @property
    def mensaje(self) -> str:
        return f"el Master no mencionó el problema de {self.omitido}"


@dataclass(frozen=True, slots=True, kw_only=True)
class VueltaDetectada(Evento):
    """Un agente da vueltas. `patron` es de qué clase, `veces` cuántas y `que` lo que se repite.

    `paso` es lo que se hace: decírselo (1), avisar también a su superior (2) o pausarlo (3).
    """

    tipo: ClassVar[str] = "loop_detected"
    nivel: ClassVar[str] = "WARNING"
    patron: str
    veces: int
    paso: int
    que: str

    @property
    def mensaje(self) -> str:
        return f"{self.patron} ×{self.veces} (paso {self.paso}): {self.que}"


PARADA = "respuesta parada por la persona"
"""El motivo de un turno que interrumpió ella."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TurnoInterrumpido(Evento):
    """La persona paró la respuesta del Master, o el Master llegó a su tope de rondas."""

    tipo: ClassVar[str] = "master_loop"
    frase: ClassVar[str] = "motivo"
    nivel: ClassVar[str] = "WARNING"
    motivo: str
