"""Lo que vuelve de un modelo o de una herramienta: datos puros, sin clases de proveedor."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from enum import Enum
from typing import Any, Self

SIN_PAGAR = "presupuesto"
"""El motivo de lo que no se hizo porque no cabía en un presupuesto."""

_HONDO = 64


def en_unicode(texto: str) -> str:
    """El texto sin mitades sueltas de un par sustituto: las parejas se unen, lo demás es «�»."""
    if texto.isascii():
        return texto
    return texto.encode("utf-16", "surrogatepass").decode("utf-16", "replace")


def con_textos(valor: Any, cambiar: Callable[[str], str], hondura: int = 0) -> Any:
    """Una copia de unos datos (dicts, listas, tuplas) con cada texto pasado por `cambiar`.

    Lo demás queda igual; lo demasiado hondo sale como «…».
    """
    if hondura > _HONDO:
        return "…"
    match valor:
        case Enum():
            return valor
        case str():
            return cambiar(valor)
        case dict():
            pares = ((con_textos(k, cambiar), v) for k, v in valor.items())
            return {k: con_textos(v, cambiar, hondura + 1) for k, v in pares}
        case list():
            return [con_textos(v, cambiar, hondura + 1) for v in valor]
        case tuple():
            return tuple(con_textos(v, cambiar, hondura + 1) for v in valor)
        case _:
            return valor


@dataclass(frozen=True, slots=True)
class Uso:
    """Tokens de una llamada; `cacheados` es la parte de `entrada` que el proveedor tenía en caché."""

    entrada: int = 0
    salida: int = 0
    cacheados: int = 0

    def __add__(self, otro: Uso) -> Uso:
        return Uso(
            self.entrada + otro.entrada, self.salida + otro.salida, self.cacheados + otro.cacheados
        )

    @property
    def total(self) -> int:
        """Entrada más salida."""
        return self.entrada + self.salida


@dataclass(frozen=True, slots=True)
class LlamadaHerramienta:
    """Una llamada pedida por el modelo. Con `error` no se ejecuta: el texto es su respuesta."""

    id: str
    nombre: str
    args: dict[str, Any]
    error: str | None = None


@dataclass(frozen=True, slots=True)
class Operacion:
    """Un uso de una herramienta: `fila` es la de su intención, ya comprometida.

    `op` (sesión:agente:turno:llamada) es la misma en todos sus intentos; la fila, una por intento.
    `efecto` es el agente que ya se lanzó o al que ya llegó, si un corte impidió cerrarla.
    """

    op: str
    fila: int
    intento: int = 1
    efecto: str = ""


@dataclass(frozen=True, slots=True)
class ResultadoHerramienta:
    """Un resultado con dos públicos: `para_modelo` entra en la historia, `para_usuario` se enseña.

    Un fallo de herramienta también es un valor (`ok=False`), nunca una excepción.
    `detalles` va a la bitácora; en la consola lleva `command, stdout, stderr, return_code`.
    `datos` es lo que puede venir de cualquiera (la salida de una orden): la puerta hace con ello
    un `para_modelo` en JSON, entre marcas que solo ella sabe poner.
    """

    ok: bool
    para_modelo: str
    para_usuario: str = ""
    detalles: dict[str, Any] = field(default_factory=dict)
    datos: dict[str, Any] | None = None

    @classmethod
    def de_accion(cls, texto: str, *, negada: str) -> Self:
        """El de una acción; la que empieza por `negada` no se hizo porque no cabía en un presupuesto."""
        detalles = {"motivo": SIN_PAGAR} if texto.startswith(negada) else {}
        return cls(True, texto, detalles=detalles)

    @property
    def sin_pagar(self) -> str:
        """Si no se hizo porque no cabía en un presupuesto, lo que se dijo; si no, nada."""
        return self.para_modelo if self.detalles.get("motivo") == SIN_PAGAR else ""
