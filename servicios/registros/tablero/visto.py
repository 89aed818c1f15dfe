"""Lo que enseña el tablero: una sesión y sus agentes tal como están en un instante. Datos puros."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from agentes.eventos import Espera, EstadoAgente
from agentes.presupuesto import Presupuesto

USUARIO = Espera.USUARIO
"""No seguirá hasta que la persona diga algo."""

EN_BUCLE = frozenset({"bucle", "en_bucle"})
"""Se le paró porque daba vueltas sin avanzar."""

ATASCADO = "atascado"
"""No da señales de vida y no tiene ninguna orden viva."""

SIN_REANUDAR = "reanudar"
"""Su sesión no está en marcha: espera a que alguien la reanude."""


@dataclass(frozen=True, slots=True)
class Visto:
    """Un agente, o el Master. Los tiempos van en segundos; `coste`, en dólares, si consta.

    `espera` es por qué espera: un valor de `agentes.eventos.Espera`, `atascado`, `reanudar` o lo
    que diga su última fila `agent_loop`. `falta_s` es lo que queda de una espera con final;
    `motivo`, de qué es (el problema, la orden por aprobar, el error); `senal_s`, la edad de su
    última señal de vida; `orden`, la que tiene abierta, y `salida`, lo que
    lleva escrito; `rama`, lo que se pinta delante de su id; `presupuesto`, sus topes (los del Master
    son los de la sesión).
    """

    id: str
    tipo: str
    rol: str
    superior: str
    profundidad: int
    rama: str
    estado: EstadoAgente
    espera: str
    falta_s: float | None
    motivo: str
    senal: datetime | None
    senal_s: float | None
    orden: str
    salida: str
    ultima_linea: str
    tokens_in: int
    tokens_out: int
    coste: float | None
    tiempo_s: float
    verificacion: str | None
    modelo: str
    tarea: str
    presupuesto: Presupuesto

    @property
    def tokens(self) -> int:
        """Los de entrada y los de salida."""
        return self.tokens_in + self.tokens_out

    @property
    def espera_a_la_persona(self) -> bool:
        """Si no seguirá hasta que una persona haga algo."""
        return self.espera in {Espera.APROBACION, Espera.PRESUPUESTO, USUARIO, SIN_REANUDAR}


@dataclass(frozen=True, slots=True)
class Tablero:
    """Una sesión en un instante. `vivo` es si algún proceso la tiene abierta.

    Los `agentes` van en el orden del árbol, los que siguen antes que los que acabaron.
    """

    sesion: str
    nombre: str
    vivo: bool
    ahora: datetime
    master: Visto
    agentes: tuple[Visto, ...]

    @property
    def todos(self) -> tuple[Visto, ...]:
        """El Master y los agentes."""
        return (self.master, *self.agentes)

    def de(self, agente_id: str) -> Visto | None:
        """El que tiene ese id."""
        return next((v for v in self.todos if v.id == agente_id), None)
