"""La respuesta a una pregunta: columnas con nombre, filas y lo que falta por enseñar."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Hoja:
    """Filas con sus columnas.

    `vista` son las columnas de la tabla de pantalla (vacía: todas); JSON y CSV las llevan todas.
    `nota` dice qué quedó fuera y cómo pedirlo; vacía si no falta nada.
    """

    columnas: tuple[str, ...]
    filas: list[tuple[Any, ...]]
    vista: tuple[str, ...] = ()
    nota: str = ""

    def elegir(self, columnas: Sequence[str]) -> list[tuple[Any, ...]]:
        """Las filas con solo esas columnas, en ese orden."""
        sitios = [self.columnas.index(columna) for columna in columnas]
        return [tuple(fila[sitio] for sitio in sitios) for fila in self.filas]

    def con_algo(self) -> tuple[str, ...]:
        """Las columnas de la tabla de pantalla que no están vacías en todas las filas."""
        llenas = {
            columna
            for sitio, columna in enumerate(self.columnas)
            if any(fila[sitio] not in {None, ""} for fila in self.filas)
        }
        return tuple(columna for columna in self.vista or self.columnas if columna in llenas)

    def objetos(self) -> list[dict[str, Any]]:
        """Cada fila como `{columna: valor}`."""
        return [dict(zip(self.columnas, fila, strict=True)) for fila in self.filas]
