"""Lo que un tipo de agente puede hacer en la consola: dónde, hasta dónde y preguntando qué."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Espacio(StrEnum):
    """En qué carpeta trabaja un agente."""

    PROPIO = "propio"
    PROYECTO = "proyecto"
    SOLO_LECTURA = "solo_lectura"


class Red(StrEnum):
    """A dónde llegan sus órdenes: a nada, a los destinos de una lista o a todo."""

    NINGUNA = "ninguna"
    LISTA = "lista"
    LIBRE = "libre"


class Aprobacion(StrEnum):
    """Qué se hace con una orden que habría que preguntar."""

    EN_AISLAMIENTO_LIBRE = "en_aislamiento_libre"
    ESTRICTA = "estricta"
    NUNCA_PREGUNTAR = "nunca_preguntar"


class Veredicto(StrEnum):
    """Lo que se decide sobre una orden; también lo que puede decir una regla."""

    PERMITIR = "permitir"
    PREGUNTAR = "preguntar"
    DENEGAR = "denegar"


@dataclass(frozen=True, slots=True)
class Regla:
    """Vale para toda orden simple cuyos primeros argumentos, ya analizados, sean `orden`."""

    decision: Veredicto
    orden: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class PerfilConsola:
    """La consola de un tipo de agente. `None` es el valor general de los ajustes.

    Los tiempos van en segundos, `limite_salida` en bytes y los `_mb` en MiB. `red_destinos`
    («servidor:puerto») solo cuenta con `red: lista`; `variables` son las de nuestro entorno que
    pasan a las órdenes.
    """

    limite_comando_s: float | None = None
    limite_salida: int | None = None
    limite_memoria_mb: int = 1024
    limite_procesos: int = 128
    limite_archivo_mb: int = 256
    limite_espacio_mb: int = 1024
    espacio: Espacio = Espacio.PROPIO
    red: Red = Red.NINGUNA
    red_destinos: tuple[str, ...] = ()
    aprobacion: Aprobacion = Aprobacion.EN_AISLAMIENTO_LIBRE
    reglas: tuple[Regla, ...] = ()
    variables: tuple[str, ...] = ()
    max_trabajos: int = 2
    vida_trabajo_s: float = 600.0
