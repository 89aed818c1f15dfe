"""Qué filas se quieren: de quién, de qué clase, desde cuándo y cuántas."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from agentes.errores import ErrorConfiguracion
from servicios.registros.fallos import NO_CABE

LIMITE = 100
"""Filas que se enseñan si no se piden otras."""
LIMITE_MAXIMO = 100_000
"""Para más está `exportar`, que no las junta en memoria."""

Momento = int | str
"""Una fila (entero) o un instante UTC en el formato de la bitácora, quizá sin acabar."""


@dataclass(frozen=True, slots=True)
class Filtro:
    """Las condiciones de una pregunta; lo vacío no pide nada.

    `desde` y `hasta` entran los dos. Sin `desde` se quieren las últimas filas; con él, las
    primeras desde ahí.
    """

    agentes: tuple[str, ...] = ()
    tipos: tuple[str, ...] = ()
    niveles: tuple[str, ...] = ()
    texto: str = ""
    desde: Momento | None = None
    hasta: Momento | None = None
    limite: int = LIMITE


def condiciones(filtro: Filtro, texto: str = "mensaje") -> tuple[str, list[Any]]:
    """El `WHERE` (sin la palabra) y sus valores; `1` si no se pide nada.

    `texto` es la columna en que se busca el del filtro.
    """
    partes, valores = ["1"], []
    for parte, suyos in _condiciones(filtro, texto):
        partes.append(parte)
        valores += suyos
    return " AND ".join(partes), valores


def _condiciones(filtro: Filtro, texto: str) -> Iterator[tuple[str, list[Any]]]:
    listas = (
        ("agente_id", filtro.agentes),
        ("tipo", filtro.tipos),
        ("log_level", filtro.niveles),
    )
    for columna, admitidos in listas:
        if admitidos:
            yield f"{columna} IN ({', '.join('?' * len(admitidos))})", list(admitidos)
    if filtro.texto:
        buscado = re.sub(r"([%_\\])", r"\\\1", filtro.texto)
        yield rf"{texto} LIKE ? ESCAPE '\'", [f"%{buscado}%"]
    if filtro.desde is not None:
        columna = "fila" if isinstance(filtro.desde, int) else "timestamp"
        yield f"{columna} >= ?", [filtro.desde]
    if isinstance(filtro.hasta, int):
        yield "fila <= ?", [filtro.hasta]
    elif filtro.hasta is not None:
        # «hasta el 26» es hasta que acabe el 26: «~» va detrás de cualquier cifra o letra.
        yield "timestamp <= ?", [f"{filtro.hasta}~"]


def leer_fila(texto: str) -> int | None:
    """El número de una fila, quizá con `#`; `None` si no es un número.

    Lanza `ErrorConfiguracion` si ninguna podría tenerlo.
    """
    limpio = texto.strip().removeprefix("#")
    if not (limpio.isascii() and limpio.isdigit()):
        return None
    try:
        return int(limpio)
    except ValueError as error:  # ni Python lo lee: tiene miles de cifras
        raise ErrorConfiguracion(NO_CABE) from error


def leer_momento(texto: str) -> Momento:
    """Una fila o una fecha ISO-8601 (sin zona, UTC). Lanza `ErrorConfiguracion`."""
    fila = leer_fila(texto)
    if fila is not None:
        return fila
    limpio = texto.strip()
    try:
        instante = datetime.fromisoformat(limpio)
    except ValueError:
        raise ErrorConfiguracion(
            f"«{texto}» no es una fila ni una fecha: usa el número de una fila o una fecha UTC como"
            " 2026-01-31 o 2026-01-31T10:30"
        ) from None
    if instante.tzinfo is None:
        return limpio.replace(" ", "T")
    return f"{instante.astimezone(UTC):%Y-%m-%dT%H:%M:%S}"
