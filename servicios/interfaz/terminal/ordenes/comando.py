"""Qué es una orden de la conversación y qué recibe quien la hace."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from servicios.interfaz.terminal.papel import Papel

if TYPE_CHECKING:
    from servicios.sistema import Sistema

Teclas = tuple[tuple[str, str], ...]
"""Cada tecla y lo que hace."""


@dataclass(frozen=True, slots=True)
class Escena:
    """Lo que necesita una orden: el sistema, dónde escribir, cómo salir y qué teclas hay."""

    sistema: Sistema
    papel: Papel
    salir: Callable[[], None]
    teclas: Teclas


Hacer = Callable[[Escena, str], Awaitable[bool]]
"""Hace una orden con sus argumentos; `False` si no se entienden."""

TODOS = "todos"
RAMA = "rama"
SALIR = "salir"
CONSOLA = "!orden"
"""Una orden de la persona: una exclamación y lo que va detrás."""
DIRECTA = "@ID"
"""La línea directa: una arroba, el id de un agente y, tras un blanco, lo que se le dice."""


@dataclass(frozen=True, slots=True)
class Comando:
    """Una orden: su nombre, sus argumentos (o vacío), lo que hace y quién la hace.

    `hacer` es «módulo:función» de este paquete: una función que es `Hacer`; se importa cuando se
    pide, así lo que arrastra no retrasa el prompt. `palabras` es cuántas admite detrás y `alias`,
    sus otros nombres; la que `tarda` no hace esperar a lo que se escriba después.
    """

    nombre: str
    args: str
    significado: str
    hacer: str
    palabras: range = range(1)
    alias: tuple[str, ...] = ()
    tarda: bool = False

    @property
    def uso(self) -> str:
        """Cómo se escribe."""
        return f"{self.nombre} {self.args}".strip()
