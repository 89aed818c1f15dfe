"""Lo que el clasificador necesita saber de una sesión, ya leído: datos puros."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from agentes.eventos import EstadoAgente
from agentes.presupuesto import Presupuesto


@dataclass(frozen=True, slots=True)
class OrdenAbierta:
    """Una herramienta pedida y sin cierre; `command` es la orden, si es de consola."""

    fila: int
    tool: str
    command: str

    @property
    def texto(self) -> str:
        """Lo que se pidió, en una línea de consola o por su nombre."""
        return f"$ {self.command}" if self.command else self.tool


@dataclass(frozen=True, slots=True)
class OrdenMirada:
    """Lo que hay en el disco de una orden abierta: si vive, cuándo escribió y lo que lleva escrito.

    `salida` es lo de su última salida que escribió, sin secretos y ya acotado.
    """

    viva: bool
    escrito: datetime | None = None
    salida: str = ""


@dataclass(frozen=True, slots=True)
class Huella:
    """Las últimas filas de quien no ha terminado.

    `senal` es la hora de la última que escribió él; `paso`, el tipo de la última que cambia lo que
    está haciendo, con su hora y sus detalles; `espera`, la que dice su última fila `agent_loop`, y
    `problema`, el que reportó, si está en pausa; `salida`, lo último que imprimió una herramienta
    suya ya cerrada.
    """

    senal: datetime | None = None
    paso: str = ""
    desde: datetime | None = None
    detalles: Mapping[str, Any] = field(default_factory=dict)
    orden: OrdenAbierta | None = None
    salida: str = ""
    espera: str = ""
    problema: str = ""


@dataclass(frozen=True, slots=True)
class AgenteLeido:
    """Una fila de `agent_runs`. `desenlace` es su resultado o el motivo de su final."""

    id: str
    tipo: str
    rol: str
    superior: str
    tarea: str
    estado: EstadoAgente
    inicio: datetime
    fin: datetime | None
    desenlace: str
    tokens_in: int
    tokens_out: int
    coste: float | None
    modelo: str
    verificacion: str | None


@dataclass(frozen=True, slots=True)
class Leido:
    """Una sesión: sus agentes, por orden de nacimiento, y las huellas de los que no acabaron.

    La del Master está siempre. `senal` es la hora de la última fila de la sesión y `presupuestos`, los
    topes de quien tiene alguno.
    """

    sesion: str
    nombre: str
    modelo: str
    inicio: datetime
    senal: datetime | None
    agentes: tuple[AgenteLeido, ...]
    huellas: Mapping[str, Huella]
    presupuestos: Mapping[str, Presupuesto] = field(default_factory=dict)
