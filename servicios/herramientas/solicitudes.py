"""Qué es una petición de permiso, con qué se junta y cómo se responde: datos y nada más."""

from __future__ import annotations

from dataclasses import dataclass

from agentes.eventos import Apunte
from agentes.eventos_permisos import Alcance, Quien

Llave = tuple[tuple[str, ...], str, str, str, str]
"""La orden analizada y su riesgo: por qué se pregunta, aislamiento, carpeta y modo."""

_SEPARADORES = {"&&", "||", ";", "|", "&"}


@dataclass(frozen=True, slots=True)
class Solicitud:
    """Una orden por la que hay que preguntar.

    `clase` es la orden ya analizada, lo que se recuerda si se aprueba para más de una vez; vacía,
    la orden no se pudo analizar y solo se aprueba esa vez. `motivo` es por qué se pregunta;
    `aislamiento` y `carpeta`, dónde correría; `modo`, cómo, si no es a la vista del agente; `causa`,
    la fila de su intención.
    """

    agente_id: str
    op: str
    orden: str
    clase: tuple[str, ...]
    motivo: str
    aislamiento: str
    carpeta: str
    modo: str = ""
    causa: Apunte | None = None

    @property
    def llave(self) -> Llave:
        """Lo que han de tener igual dos órdenes para ser la misma."""
        clase = self.clase or ("", self.orden)
        return (clase, self.motivo, self.aislamiento, self.carpeta, self.modo)

    @property
    def grupo(self) -> Llave:
        """Lo que han de tener igual para preguntarse juntas: programa, opciones y por qué.

        Solo pueden cambiar los demás argumentos, y de una orden sola: se ven y se leen todas.
        """
        if not self.clase or _SEPARADORES & set(self.clase):
            return self.llave
        programa, *resto = self.clase
        forma = (programa, *(p if p.startswith("-") else "…" for p in resto))
        return (forma, *self.llave[1:])


@dataclass(frozen=True, slots=True)
class Resolucion:
    """La decisión sobre una solicitud. `motivo` es el de quien decidió; puede ir vacío."""

    permitida: bool
    quien: Quien
    motivo: str = ""
    alcance: Alcance = Alcance.UNA_VEZ
    espera_ms: int = 0


@dataclass(frozen=True, slots=True)
class Grupo:
    """Peticiones parecidas de uno o más agentes, que se responden a la vez.

    `ordenes` y `clases` son las distintas; `quieta_s`, los segundos desde que llegó la última distinta.
    """

    numero: int
    agentes: tuple[str, ...]
    ordenes: tuple[str, ...]
    clases: tuple[tuple[str, ...], ...]
    motivo: str
    aislamiento: str
    carpeta: str
    modo: str
    quieta_s: float
