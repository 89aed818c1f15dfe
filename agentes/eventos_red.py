"""Los hechos de la red: cada salida que pide una orden cuando su tipo tiene `red: lista`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from agentes.eventos import Evento


@dataclass(frozen=True, slots=True, kw_only=True)
class ConexionPedida(Evento):
    """Una orden quiso salir; si se le permite, la fila está comprometida antes de conectar.

    `destino` es «servidor:puerto» (o lo que llegó, si no lo era); `motivo` dice por qué no.
    """

    tipo: ClassVar[str] = "network_request"
    destino: str
    permitida: bool
    motivo: str = ""

    @property
    def mensaje(self) -> str:
        return f"{self.destino}: {'permitida' if self.permitida else f'negada, {self.motivo}'}"


@dataclass(frozen=True, slots=True, kw_only=True)
class ConexionCerrada(Evento):
    """Acabó una conexión permitida: los bytes de cada sentido, lo que duró y cómo acabó.

    `cierre` es `fin`, `inactiva`, `cortada`, `cancelada` o `sin_conexion`.
    """

    tipo: ClassVar[str] = "network_end"
    nivel: ClassVar[str] = "DEBUG"
    destino: str
    enviados: int
    recibidos: int
    ms: int
    cierre: str

    @property
    def mensaje(self) -> str:
        return f"{self.destino}: {self.enviados} B enviados, {self.recibidos} B recibidos"
