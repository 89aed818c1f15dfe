"""Lo que un doble contesta, sin hablar de ningún proveedor.

El mismo guion sirve a los dos dobles: cada uno traduce estos valores a su protocolo.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum, auto
from typing import TYPE_CHECKING, Any

import orjson

from agentes.respuestas import Uso

if TYPE_CHECKING:
    from collections.abc import Sequence

ID_AUTOMATICO = "(automático)"
"""El doble inventa un id único; con `None` la llamada sale sin id."""


class Fin(StrEnum):
    """Con qué motivo dice el modelo que terminó."""

    AUTO = auto()
    LLAMADAS = auto()
    LONGITUD = auto()
    FILTRO = auto()
    FILTRO_PETICION = auto()
    MALFORMADA = auto()


class ClaseCorte(StrEnum):
    """Cómo se estropea un flujo ya empezado."""

    REINICIO = auto()
    LIMPIO = auto()
    ERROR = auto()
    SILENCIO = auto()


@dataclass(frozen=True, slots=True)
class Corte:
    """Una avería tras los primeros `tras` fragmentos (por omisión, la mitad).

    `espera_s` es lo que dura el silencio antes de cerrar.
    """

    clase: ClaseCorte
    tras: int | None = None
    espera_s: float = 0.0


@dataclass(frozen=True, slots=True)
class Error:
    """Una contestación que no es del modelo: estado HTTP, código del proveedor y cabeceras.

    Con `crudo` el cuerpo es ese texto, servido como HTML; con `reinicio` no hay respuesta.
    """

    estado: int = 500
    mensaje: str = "The server had an error while processing your request."
    codigo: str | None = None
    retry_after: str | None = None
    crudo: str | None = None
    reinicio: bool = False


@dataclass(frozen=True, slots=True)
class Llamada:
    """Una llamada a herramienta. `crudo` sustituye al JSON de `args`, letra por letra.

    `indice` fuerza el índice del fragmento (solo lo tiene el protocolo de OpenAI).
    """

    nombre: str
    args: dict[str, Any] = field(default_factory=dict)
    crudo: str | None = None
    id: str | None = ID_AUTOMATICO
    indice: int | None = None

    @property
    def texto_args(self) -> str:
        """Los argumentos tal como viajan."""
        return orjson.dumps(self.args).decode() if self.crudo is None else self.crudo


@dataclass(frozen=True, slots=True)
class Respuesta:
    """Una contestación entera.

    `pausa_s` se espera antes de las cabeceras; `entre_trozos_s`, entre fragmentos; `trozos` dice
    en cuántos se parte el texto (y, en OpenAI, los argumentos de cada llamada).
    """

    texto: str = ""
    llamadas: tuple[Llamada, ...] = ()
    pausa_s: float = 0.0
    entre_trozos_s: float = 0.0
    trozos: int = 3
    uso: Uso | None = None
    fin: Fin = Fin.AUTO
    corte: Corte | None = None
    error: Error | None = None


def llamada(nombre: str, args: dict[str, Any] | None = None, **opciones: Any) -> Llamada:
    """Una llamada suelta, para juntar varias en `respuesta(llamadas=[...])`."""
    return Llamada(nombre, args or {}, **opciones)


def texto(contenido: str, **opciones: Any) -> Respuesta:
    """El modelo contesta solo texto."""
    return Respuesta(texto=contenido, **opciones)


def llamar(nombre: str, args: dict[str, Any] | None = None, **opciones: Any) -> Respuesta:
    """El modelo pide una sola herramienta."""
    return Respuesta(llamadas=(Llamada(nombre, args or {}),), **opciones)


def respuesta(texto: str = "", llamadas: Sequence[Llamada] = (), **opciones: Any) -> Respuesta:
    """Texto y llamadas juntos, con cualquier campo de `Respuesta` como opción."""
    return Respuesta(texto=texto, llamadas=tuple(llamadas), **opciones)


def partir(contenido: str, trozos: int) -> list[str]:
    """Corta un texto en a lo sumo `trozos` pedazos no vacíos."""
    if not contenido:
        return []
    largo = -(-len(contenido) // max(1, min(trozos, len(contenido))))
    return [contenido[i : i + largo] for i in range(0, len(contenido), largo)]


def uso_de(contestada: Respuesta, cuerpo_bytes: int) -> Uso:
    """El uso pedido por el guion o, sin él, uno proporcional al tamaño (4 letras por token)."""
    if contestada.uso is not None:
        return contestada.uso
    salida = len(contestada.texto) + sum(len(ll.texto_args) for ll in contestada.llamadas)
    return Uso(entrada=max(1, cuerpo_bytes // 4), salida=max(1, salida // 4))
