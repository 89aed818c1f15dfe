"""Lo que se deja en un buzón: una línea de la persona, una directiva o un aviso."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from agentes.eventos import Apunte, EstadoAgente


class ClaseAviso(StrEnum):
    """De qué habla un aviso al superior."""

    RESULTADO = "resultado"
    PROBLEMA = "problema"
    FALLO = "fallo"
    LIMITE = "limite"
    CANCELADO = "cancelado"
    SESION = "sesion"
    BUCLE = "bucle"
    LINEA_DIRECTA = "linea_directa"
    PRESUPUESTO = "presupuesto"

    @classmethod
    def de_estado(cls, estado: EstadoAgente) -> ClaseAviso:
        """La clase con la que se cuenta un estado final."""
        return {
            EstadoAgente.COMPLETED: cls.RESULTADO,
            EstadoAgente.MAX_ITERATIONS: cls.LIMITE,
            EstadoAgente.CANCELLED: cls.CANCELADO,
        }.get(estado, cls.FALLO)

    @property
    def es_urgente(self) -> bool:
        """Un problema espera respuesta: cierra la ventana en que se juntan los avisos."""
        return self is ClaseAviso.PROBLEMA

    @property
    def despierta(self) -> bool:
        """Si vale por sí solo una llamada de quien lo recibe; si no, va con lo siguiente que llegue."""
        return self not in {ClaseAviso.LINEA_DIRECTA, ClaseAviso.PRESUPUESTO}

    @property
    def es_nota(self) -> bool:
        """Si lo cuenta el sistema en una línea: no hay un reporte detrás que leer."""
        return self in {ClaseAviso.BUCLE, ClaseAviso.LINEA_DIRECTA, ClaseAviso.PRESUPUESTO}


@dataclass(frozen=True, slots=True)
class EntradaUsuario:
    """Una línea escrita por la persona."""

    texto: str
    apunte: Apunte

    @property
    def despierta(self) -> bool:
        """Siempre: espera respuesta."""
        return True


@dataclass(frozen=True, slots=True)
class Directiva:
    """Un mensaje dirigido a un agente; `de` es el id de quien lo manda."""

    de: str
    texto: str
    apunte: Apunte


@dataclass(frozen=True, slots=True)
class Aviso:
    """Lo que un agente cuenta a su superior. `texto` va entero; quien lo lee recibe la cabeza.

    `nota` es lo que probó, dicho por el enjambre; vacía si no dio pruebas ni se le pedían.
    """

    agente_id: str
    rol: str
    clase: ClaseAviso
    texto: str
    apunte: Apunte
    nota: str = ""

    @property
    def despierta(self) -> bool:
        """Si vale por sí solo una llamada de quien lo recibe."""
        return self.clase.despierta


def reparo_de_linea(texto: str) -> str:
    """Por qué un texto no puede llegar tal cual a un agente, o nada."""
    if not texto.strip():
        return "no lleva texto"
    if "\0" in texto:
        return "lleva un carácter NUL, que ni la bitácora ni un modelo pueden guardar tal cual"
    if any("\ud800" <= letra <= "\udfff" for letra in texto):
        return "lleva media pareja de sustitutos, que no es texto Unicode"
    return ""
