"""Una petición recibida, con una vista que no depende del proveedor."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass(frozen=True, slots=True)
class Mensaje:
    """Un turno de la historia enviada: `rol` es `user`, `assistant` o `tool`.

    `llamadas` son (nombre, args); en un turno `tool`, `nombre` es el id de la llamada (OpenAI)
    o el nombre de la herramienta (Gemini).
    """

    rol: str
    texto: str = ""
    llamadas: tuple[tuple[str, dict[str, Any]], ...] = ()
    nombre: str = ""


class Lector(Protocol):
    """Sabe leer el cuerpo de las peticiones de un proveedor."""

    def sistema(self, cuerpo: dict[str, Any]) -> str:
        """El texto de la instrucción de sistema."""
        ...

    def herramientas(self, cuerpo: dict[str, Any]) -> list[str]:
        """Los nombres de las herramientas ofrecidas."""
        ...

    def mensajes(self, cuerpo: dict[str, Any]) -> list[Mensaje]:
        """La historia sin la instrucción de sistema."""
        ...


@dataclass(slots=True)
class Peticion:
    """Lo que llegó y cómo acabó.

    `llegada` y `terminada` son segundos del reloj del bucle; `terminada` es None mientras se
    contesta. `estado` es el HTTP contestado; `rechazo`, por qué no valía. `abandonada` dice que
    el cliente se fue antes de tiempo.
    """

    cuerpo: dict[str, Any]
    cabeceras: Mapping[str, str]
    ruta: str
    modelo: str
    llegada: float
    lector: Lector = field(repr=False)
    agente: str = ""
    estado: int = 200
    rechazo: str = ""
    terminada: float | None = None
    abandonada: bool = False

    @property
    def sistema(self) -> str:
        """El texto de la instrucción de sistema."""
        return self.lector.sistema(self.cuerpo)

    @property
    def herramientas(self) -> list[str]:
        """Los nombres de las herramientas ofrecidas, en orden."""
        return self.lector.herramientas(self.cuerpo)

    @property
    def mensajes(self) -> list[Mensaje]:
        """La historia enviada, sin la instrucción de sistema."""
        return self.lector.mensajes(self.cuerpo)

    @property
    def ultimo(self) -> Mensaje:
        """El último turno enviado."""
        return self.mensajes[-1]

    @property
    def resultados(self) -> list[str]:
        """Los textos de los resultados de herramienta, en orden."""
        return [m.texto for m in self.mensajes if m.rol == "tool"]

    @property
    def todo_el_texto(self) -> str:
        """Los textos de todos los turnos, uno por línea: para buscar en ellos."""
        return "\n".join(m.texto for m in self.mensajes)

    @property
    def turnos(self) -> int:
        """Cuántas respuestas del modelo hay en la historia."""
        return sum(m.rol == "assistant" for m in self.mensajes)

    @property
    def turnos_con_llamadas(self) -> int:
        """De ellas, las que pidieron alguna herramienta."""
        return sum(bool(m.llamadas) for m in self.mensajes)

    @property
    def pedidas(self) -> list[tuple[str, dict[str, Any]]]:
        """Las llamadas que hay en la historia, en orden: nombre y argumentos."""
        return [ll for m in self.mensajes for ll in m.llamadas]

    @property
    def dicho(self) -> str:
        """Lo que le han dicho, un turno por línea: sus encargos, sus avisos y sus directivas."""
        return "\n".join(m.texto for m in self.mensajes if m.rol == "user")
