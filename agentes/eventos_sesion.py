"""Los hechos de una sesión después de nacer: se reanuda, se le pone nombre, sale de otra."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from agentes.eventos import Evento


@dataclass(frozen=True, slots=True, kw_only=True)
class SesionReanudada(Evento):
    """Una sesión cerrada o cortada sigue en otro proceso, con una época nueva."""

    tipo: ClassVar[str] = "session_resume"
    version: str
    modelo: str
    aislamiento: str
    cara: str
    epoca: int

    @property
    def nivel(self) -> str:  # type: ignore[override]
        return "WARNING" if self.aislamiento == "local" else "INFO"

    @property
    def mensaje(self) -> str:
        return f"Sesión reanudada (época {self.epoca}) con {self.modelo}"


@dataclass(frozen=True, slots=True, kw_only=True)
class SesionNombrada(Evento):
    """La persona pone nombre a la sesión."""

    tipo: ClassVar[str] = "session_name"
    frase: ClassVar[str] = "nombre"
    nombre: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SesionBifurcada(Evento):
    """Esta sesión nace como copia de `origen` hasta su fila `fila` y sigue por su cuenta."""

    tipo: ClassVar[str] = "session_fork"
    origen: str
    fila: int

    @property
    def mensaje(self) -> str:
        return f"Bifurcada de {self.origen} en la fila {self.fila}"


@dataclass(frozen=True, slots=True, kw_only=True)
class OperacionHuerfana(Evento):
    """En el disco hay rastro de una operación cuya fila no está: se perdió con un apagón."""

    tipo: ClassVar[str] = "orphan_operation"
    nivel: ClassVar[str] = "WARNING"
    fila: int

    @property
    def mensaje(self) -> str:
        return f"La operación {self.fila} no está en la bitácora: pudo hacer algo; compruébalo"


@dataclass(frozen=True, slots=True, kw_only=True)
class DefinicionRechazada(Evento):
    """Un archivo de `agentes_json/` no se cargó."""

    tipo: ClassVar[str] = "swarm_init"
    frase: ClassVar[str] = "error"
    nivel: ClassVar[str] = "WARNING"
    error: str
