"""Abrir una bitácora solo para leerla, aunque otro la esté escribiendo o nadie pueda tocarla."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

from agentes.errores import ErrorBitacora, ErrorConfiguracion
from servicios.registros.esquema import MARCA
from servicios.registros.fallos import explicar
from servicios.registros.migraciones import MIGRACIONES
from servicios.registros.sesiones import elegir_entre, leer_sesiones

_ESPERA_S = 5.0


@dataclass(frozen=True, slots=True)
class Base:
    """Una bitácora abierta en solo lectura. Se obtiene con `abrir_base`."""

    ruta: Path
    db: sqlite3.Connection

    def leer(self, sql: str, *valores: Any) -> list[sqlite3.Row]:
        """Las filas de una consulta. Lanza `ErrorBitacora` si no se pueden leer."""
        return list(self.recorrer(sql, *valores))

    def recorrer(self, sql: str, *valores: Any) -> Iterator[sqlite3.Row]:
        """Las filas de una en una, para lo que no cabe en memoria. Lanza `ErrorBitacora`."""
        try:
            yield from self.db.execute(sql, valores)
        except sqlite3.Error as error:
            raise ErrorBitacora(explicar(self.ruta, error)) from error

    def elegir_sesion(self, pedida: str | None) -> str:
        """El id de una sesión, como lo entiende `elegir_sesion`; sin `pedida`, la última.

        Lanza `ErrorConfiguracion` si no hay ninguna o hay varias.
        """
        try:
            todas = leer_sesiones(self.db)
        except sqlite3.Error as error:
            raise ErrorBitacora(explicar(self.ruta, error)) from error
        return elegir_entre(todas, pedida or "").id

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
    with closing(_conectar(ruta)) as db:
        yield Base(ruta, db)


def _conectar(ruta: Path) -> sqlite3.Connection:
    try:
        return _conexion(ruta, "mode=ro")
    except sqlite3.OperationalError as error:
        # Una base en WAL no se abre en un disco de solo lectura si no está su `-shm`. Con el `-wal`
        # vacío está entera en su archivo y nadie la escribe: se puede leer tal cual.
        wal = ruta.with_name(f"{ruta.name}-wal")
        if wal.exists() and wal.stat().st_size:
            raise ErrorBitacora(explicar(ruta, error)) from error
        try:
            return _conexion(ruta, "mode=ro&immutable=1")
        except sqlite3.Error as otro:
            raise ErrorBitacora(explicar(ruta, otro)) from otro
    except sqlite3.Error as error:
        raise ErrorBitacora(explicar(ruta, error)) from error


def _conexion(ruta: Path, modo: str) -> sqlite3.Connection:
    origen = f"file:{quote(str(ruta.resolve()))}?{modo}"
    db = sqlite3.connect(origen, uri=True, timeout=_ESPERA_S, isolation_level=None)
    try:
        db.row_factory = sqlite3.Row
        db.text_factory = _texto
        db.execute("PRAGMA query_only = ON")
        _comprobar(db, ruta)
    except BaseException:
        db.close()
        raise
    return db


def _comprobar(db: sqlite3.Connection, ruta: Path) -> None:
    marca = int(db.execute("PRAGMA application_id").fetchone()[0])
    version = int(db.execute("PRAGMA user_version").fetchone()[0])
    if marca != MARCA:
        raise ErrorBitacora(f"{ruta}: no es una bitácora de Enjambre")
    if version > len(MIGRACIONES):
        raise ErrorBitacora(
            f"{ruta}: la escribió una versión más nueva de Enjambre (esquema {version}, aquí se"
            f" entiende hasta {len(MIGRACIONES)}); actualiza Enjambre"
        )
    if version < len(MIGRACIONES):
        raise ErrorBitacora(
            f"{ruta}: es de una versión anterior (esquema {version}, ahora es el"
            f" {len(MIGRACIONES)}); abre una sesión con python main.py y se pondrá al día"
        )


def _texto(crudo: bytes) -> str:
    """El de una base dañada puede no ser UTF-8."""
    return crudo.decode("utf-8", "replace")
