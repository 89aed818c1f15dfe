"""Abrir una bitácora solo para leerla, aunque otro la esté escribiendo o nadie pueda tocarla."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from agentes.errores import ErrorBitacora, ErrorConfiguracion
from servicios.registros.esquema.migraciones import exigir_al_dia
from servicios.registros.fallos import NO_CABE, explicar
from servicios.registros.lectura.conexion import conectar_lectura
from servicios.registros.lectura.sesiones import elegir_en


@dataclass(frozen=True, slots=True)
class Base:
    """Una bitácora abierta en solo lectura. Se obtiene con `abrir_base`."""

    ruta: Path
    db: sqlite3.Connection

    def leer(self, sql: str, *valores: Any) -> list[sqlite3.Row]:
        """Las filas de una consulta. Lanza `ErrorBitacora` si no se pueden leer."""
        return list(self.recorrer(sql, *valores))

    def recorrer(self, sql: str, *valores: Any) -> Iterator[sqlite3.Row]:
        """Las filas de una en una, para lo que no cabe en memoria.

        Lanza `ErrorBitacora`, o `ErrorConfiguracion` si un número no cabe en una fila.
        """
        try:
            yield from self.db.execute(sql, valores)
        except OverflowError as error:
            raise ErrorConfiguracion(NO_CABE) from error
        except sqlite3.Error as error:
            raise ErrorBitacora(explicar(self.ruta, error)) from error

    def elegir_sesion(self, pedida: str | None) -> str:
        """El id de una sesión, como lo entiende `elegir_sesion`; sin `pedida`, la última.

        Lanza `ErrorConfiguracion` si no hay ninguna, hay varias o se podó.
        """
        try:
            return elegir_en(self.db, self.ruta, pedida or "").id
        except sqlite3.Error as error:
            raise ErrorBitacora(explicar(self.ruta, error)) from error

    def extremos(self, sesion: str) -> tuple[int, int]:
        """La primera y la última fila de una sesión; 0 y 0 si no tiene."""
        # Por separado, cada una es una mirada al índice; juntas lo recorrerían entero.
        ((primera, ultima),) = self.leer(
            "SELECT (SELECT min(id) FROM logs WHERE session = ?1),"
            " (SELECT max(id) FROM logs WHERE session = ?1)",
            sesion,
        )
        return int(primera or 0), int(ultima or 0)


@contextmanager
def abrir_base(ruta: Path) -> Iterator[Base]:
    """Abre una bitácora que ya existe; nada de lo que se haga con ella la cambia.

    Lanza `ErrorConfiguracion` si no existe y `ErrorBitacora` si no es nuestra, es de otra versión
    o está dañada.
    """
    if not ruta.is_file():
        raise ErrorConfiguracion(
            f"{ruta}: no hay bitácora; empieza una sesión con python main.py, o di dónde está con"
            " ENJAMBRE_DATOS o --base"
        )
    try:
        db = conectar_lectura(ruta)
    except sqlite3.Error as error:
        raise ErrorBitacora(explicar(ruta, error)) from error
    with closing(db):
        _preparar(db, ruta)
        yield Base(ruta, db)


def _preparar(db: sqlite3.Connection, ruta: Path) -> None:
    db.row_factory = sqlite3.Row
    db.text_factory = _texto
    try:
        exigir_al_dia(db, ruta)
    except sqlite3.Error as error:
        raise ErrorBitacora(explicar(ruta, error)) from error


def _texto(crudo: bytes) -> str:
    """El de una base dañada puede no ser UTF-8."""
    return crudo.decode("utf-8", "replace")
