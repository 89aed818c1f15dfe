"""Los hechos de los permisos: qué orden se preguntó, qué se decidió y quién."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import ClassVar

from agentes.eventos import Evento
from agentes.perfil_consola import Veredicto

_TOPE_MENSAJE = 200


class Alcance(StrEnum):
    """Hasta dónde llega un permiso: esta vez, la clase de orden para un agente o para todos."""

    UNA_VEZ = "una_vez"
    AGENTE = "agente"
    SESION = "sesion"


class Quien(StrEnum):
    """Quién decidió.

    `regla` es un permiso recordado de esta sesión; `politica`, las reglas y el modo del tipo;
    `plazo`, que nadie respondió a tiempo; `sin_persona`, que no había a quién preguntar.
    """

    USUARIO = "usuario"
    PLAZO = "plazo"
    SIN_PERSONA = "sin_persona"
    REGLA = "regla"
    POLITICA = "politica"


@dataclass(frozen=True, slots=True, kw_only=True)
class AprobacionPedida(Evento):
    """Una orden espera a que la persona la apruebe. `numero` es el de su grupo de peticiones."""

    tipo: ClassVar[str] = "approval_request"
    op: str
    numero: int
    orden: str
    clase: tuple[str, ...]
    motivo: str
    aislamiento: str
    carpeta: str

    @property
    def mensaje(self) -> str:
        return f"petición {self.numero}: {self.orden[:_TOPE_MENSAJE]} ({self.motivo})"


@dataclass(frozen=True, slots=True, kw_only=True)
class AprobacionResuelta(Evento):
    """Se decidió sobre una orden: `decision` es permitir o denegar.

    `motivo` es el de la decisión (de la persona, si dio uno); `espera_ms`, lo que se esperó.
    """

    tipo: ClassVar[str] = "approval_decision"
    op: str
    numero: int | None
    orden: str
    clase: tuple[str, ...]
    decision: Veredicto
    quien: Quien
    motivo: str
    alcance: Alcance
    espera_ms: int

    @property
    def nivel(self) -> str:  # type: ignore[override]
        """`WARNING` si se denegó."""
        return "INFO" if self.decision is Veredicto.PERMITIR else "WARNING"

    @property
    def mensaje(self) -> str:
        verbo = "permitida" if self.decision is Veredicto.PERMITIR else "denegada"
        porque = f": {self.motivo}" if self.motivo else ""
        return f"{verbo} ({self.quien}) {self.orden[:_TOPE_MENSAJE]}{porque}"
