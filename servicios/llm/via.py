"""Lo que una llamada a un modelo necesita saber: por dónde sale y cómo va."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from agentes.eventos import Apunte, Evento, TextoDescartado, TextoParcial
from servicios.llm.admision import Admision
from servicios.llm.colector import Validadores
from servicios.llm.presupuestos.caja import Caja, Gasto
from servicios.llm.redaccion import Redactar, Retener, no_retener
from servicios.reloj import Compas

if TYPE_CHECKING:
    from servicios.reloj import Reloj

Anotar = Callable[[Evento, Apunte | None], Apunte]
Detenido = Callable[[], bool]
"""Si lo que haga quien llama ya no ha de salir, porque lo pausaron, si no salió antes."""

Publicar = Callable[[TextoParcial | TextoDescartado], None]


def nadie_lo_detiene() -> bool:
    """Quien no se puede pausar."""
    return False


@dataclass(frozen=True, slots=True)
class Politica:
    """Límites de una llamada: `limite_s` por intento, `silencio_s` entre trozos."""

    reintentos: int = 4
    limite_s: float = 300.0
    silencio_s: float = 90.0
    espera_base_s: float = 1.0


@dataclass(frozen=True, slots=True)
class Via:
    """Lo que comparten todas las llamadas del proceso.

    `redactar` quita los secretos de un texto; `retener` dice cuánto del final de uno a medias
    hay que esperar antes de enseñarlo; `caja` paga cada intento.
    """

    anotar: Anotar
    publicar: Publicar
    admision: Admision
    reloj: Reloj
    politica: Politica
    compas: Compas = field(default_factory=Compas)
    redactar: Redactar = str
    retener: Retener = no_retener
    caja: Caja = field(default_factory=Caja)


@dataclass(slots=True)
class Marcha:
    """Cómo va una llamada: su fila, con qué herramientas, el intento y el texto que no valió.

    `ronda` es por la que iba su puerta al empezar. Que no la admitan solo gasta un intento si no
    admiten a nadie. `estimado` son los tokens que se calcula que ocupa la petición y `gasto`, lo que
    costó el último intento, si llegó a salir. `detenido` se mira justo antes de que salga.
    """

    entrada: Apunte
    turno: int
    inicio: float
    juego: Validadores
    proposito: str = ""
    estimado: int = 0
    detenido: Detenido = nadie_lo_detiene
    gasto: Gasto | None = None
    intento: int = 0
    fallos: int = 0
    ronda: int = 0
    descartado: str = ""
