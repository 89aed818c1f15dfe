"""Qué sesiones hay en la bitácora y cuál se quiere decir cuando se pide una."""

from __future__ import annotations

import secrets
import sqlite3
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from agentes.errores import ErrorBitacora, ErrorConfiguracion
from servicios.registros.esquema.migraciones import exigir_al_dia
from servicios.registros.fallos import explicar
from servicios.registros.lectura.conexion import conectar_lectura

_TODAS = """
    SELECT id, coalesce(nullif(name, id), ''), modelo, end_time IS NOT NULL, origen IS NOT NULL FROM sessions
    WHERE ultima_fila IS NOT NULL ORDER BY ultima_fila DESC"""

_LINAJE = """
    WITH RECURSIVE linaje (id, origen, paso) AS (
        SELECT id, origen, 0 FROM sessions WHERE id = ?
        UNION ALL
        SELECT s.id, s.origen, linaje.paso + 1
        FROM linaje JOIN sessions AS s ON s.id = linaje.origen
    )
    SELECT id, origen IS NOT NULL FROM linaje ORDER BY paso"""
_PODADA = "SELECT archivo FROM anclas WHERE ?1 IN (session, name)"


@dataclass(frozen=True, slots=True)
class SesionHallada:
    """Una sesión; `cerrada` si su último proceso se despidió.

    `sub` es la subcarpeta de los espacios de sus agentes, si nació de otra.
    """

    id: str
    nombre: str
    modelo: str
    cerrada: bool
    sub: str


def nueva_sesion() -> str:
    """Un id nuevo: la hora (UTC) y cuatro cifras al azar."""
    return f"{datetime.now(UTC):%Y%m%d-%H%M%S}-{secrets.token_hex(2)}"


def listar_sesiones(ruta: Path) -> list[SesionHallada]:
    """Las de la bitácora, la última en que pasó algo primero; ninguna si aún no hay base.

    Lanza `ErrorBitacora` si no se puede leer.
    """
    if not ruta.exists():
        return []
    try:
        with closing(conectar_lectura(ruta)) as db:
            exigir_al_dia(db, ruta)
            return leer_sesiones(db)
    except sqlite3.Error as error:
        raise ErrorBitacora(explicar(ruta, error)) from error


def leer_sesiones(db: sqlite3.Connection) -> list[SesionHallada]:
    """Las de una base ya abierta, la última en que pasó algo primero. Lanza `sqlite3.Error`."""
    filas = db.execute(_TODAS).fetchall()
    return [SesionHallada(f[0], f[1], f[2] or "", bool(f[3]), f[0] if f[4] else "") for f in filas]


def elegir_sesion(ruta: Path, pedida: str) -> SesionHallada:
    """La de ese id, nombre o principio de id que no deje dudas; vacío es la última.

    Lanza `ErrorConfiguracion` si no hay ninguna, hay varias o se podó: dice dónde está archivada.
    """
    if not ruta.exists():
        return _elegir_entre([], pedida)
    try:
        with closing(conectar_lectura(ruta)) as db:
            exigir_al_dia(db, ruta)
            return elegir_en(db, ruta, pedida)
    except sqlite3.Error as error:
        raise ErrorBitacora(explicar(ruta, error)) from error


def elegir_en(db: sqlite3.Connection, ruta: Path, pedida: str) -> SesionHallada:
    """Como `elegir_sesion`, con la base de `ruta` ya abierta. Lanza además `sqlite3.Error`."""
    todas = leer_sesiones(db)
    if pedida and pedida not in {s.id for s in todas}:
        podada = db.execute(_PODADA, (pedida,)).fetchone()
        if podada is not None:
            archivo = ruta.parent / podada[0]
            raise ErrorConfiguracion(
                f"la sesión «{pedida[:80]}» se podó: está archivada en {archivo}"
            )
    return _elegir_entre(todas, pedida)


def linaje_de(ruta: Path, sesion: str) -> list[tuple[str, str]]:
    """Esa sesión, aquella de la que salió y así hasta la primera, con la subcarpeta de cada una.

    Lanza `ErrorBitacora`.
    """
    try:
        with closing(conectar_lectura(ruta)) as db:
            return [(f[0], f[0] if f[1] else "") for f in db.execute(_LINAJE, (sesion,))]
    except sqlite3.Error as error:
        raise ErrorBitacora(explicar(ruta, error)) from error


def _elegir_entre(todas: list[SesionHallada], pedida: str) -> SesionHallada:
    if not todas:
        raise ErrorConfiguracion("no hay ninguna sesión: empieza una con python main.py")
    if not pedida:
        return todas[0]
    exactas = [s for s in todas if pedida in {s.id, s.nombre}]
    halladas = exactas or [s for s in todas if s.id.startswith(pedida)]
    if not halladas:
        raise ErrorConfiguracion(
            f"no existe la sesión «{pedida[:80]}»; míralas con: python main.py auditar sesiones"
        )
    if len(halladas) > 1:
        ids = ", ".join(s.id for s in halladas[:5])
        raise ErrorConfiguracion(f"«{pedida[:80]}» puede ser cualquiera de estas: {ids}")
    return halladas[0]
