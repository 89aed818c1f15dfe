"""Los hechos de un presupuesto: se fija, se reserva antes de llamar y se dice cómo va."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

from agentes.eventos import Evento


@dataclass(frozen=True, slots=True, kw_only=True)
class PresupuestoFijado(Evento):
    """La persona pone los topes de `de` (un agente, o el Master si son los de la sesión).

    `topes` son todos los que tiene desde ahora, no solo los que cambian.
    """

    tipo: ClassVar[str] = "budget_set"
    de: str
    topes: dict[str, Any]

    @property
    def mensaje(self) -> str:
        return f"Presupuesto de {self.de}: {self.topes}"


@dataclass(frozen=True, slots=True, kw_only=True)
class ReservaHecha(Evento):
    """Un intento de llamada aparta lo que puede gastar; se guarda antes de que salga.

    Su causa es la petición. `entrada` son tokens estimados y `salida`, los que se le dejan escribir.
    La cierra la fila con que acaba ese intento; sin ella, se dio por gastada.
    """

    tipo: ClassVar[str] = "budget_reserve"
    nivel: ClassVar[str] = "DEBUG"
    turno: int
    intento: int
    entrada: int
    salida: int
    usd: float

    @property
    def mensaje(self) -> str:
        return f"Reserva {self.entrada} + {self.salida} tokens ({self.usd:.4f} $)"


@dataclass(frozen=True, slots=True, kw_only=True)
class PresupuestoAvisado(Evento):
    """Se dice a un agente cómo va un presupuesto suyo o de su rama.

    `parte` es el tanto por ciento: 80 (aviso), 95 (último turno) o 100 (se acabó y se le pausa).
    `cuenta`, `recurso` y `tope` dicen de cuál, salvo al acabarse.
    """

    tipo: ClassVar[str] = "budget_warning"
    frase: ClassVar[str] = "texto"
    nivel: ClassVar[str] = "WARNING"
    si_hay: ClassVar[tuple[str, ...]] = ("cuenta", "recurso", "tope")
    parte: int
    texto: str
    cuenta: str = ""
    recurso: str = ""
    tope: float = 0
