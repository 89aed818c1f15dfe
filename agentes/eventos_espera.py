"""Las esperas que pone el sistema: por tasa, antes de llamar, y en cola, por el tope de agentes."""

from __future__ import annotations

from dataclasses import dataclass

from agentes.eventos import Espera, EstadoCambiado

PASA = "le toca"
"""El motivo de la fila en que acaba una de estas esperas."""


@dataclass(frozen=True, slots=True, kw_only=True)
class EsperaImpuesta(EstadoCambiado):
    """El sistema hace esperar a un agente (`tasa`, `cola`) o lo deja seguir (`espera` vacía).

    Sale del reloj y de los demás, no de él: no cuenta al reproducir. `espera_s` es lo que se
    calcula que esperará o, al final, lo que esperó; `puesto`, el suyo en la cola, desde 1.
    """

    motivo: str
    puesto: int = 0
    espera_s: float = 0.0

    @property
    def mensaje(self) -> str:
        if self.espera is Espera.TASA:
            return f"espera unos {self.espera_s:.1f} s: {self.motivo} va a su ritmo"
        if self.espera is Espera.COLA:
            return f"en cola, puesto {self.puesto}: {self.motivo}"
        return f"sigue: {self.motivo}"
