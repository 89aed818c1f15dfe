"""Lo que se pidió en una sesión y lo último que se contestó, de sus filas."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from agentes.errores import ErrorBitacora
from servicios.registros.fallos import explicar
from servicios.registros.lectura.conexion import conectar_lectura

_DEL_MASTER = """
    FROM logs WHERE session = ? AND agente_id = 'master' AND +tipo = '{tipo}'"""
_LINEAS = f"""
    SELECT timestamp, json_extract(details, '$.texto') {_DEL_MASTER.format(tipo="master_input")}
    ORDER BY epoca, seq"""
_RESPUESTA = f"""
    SELECT json_extract(details, '$.texto') {_DEL_MASTER.format(tipo="master_response_text")}
    ORDER BY epoca DESC, seq DESC LIMIT 1"""
_TOTALES = """
    SELECT coalesce(sum(tokens_in), 0), coalesce(sum(tokens_out), 0) FROM model_calls
    WHERE session = ?"""


@dataclass(frozen=True, slots=True)
class Recuento:
    """Las líneas de la persona con su hora (ISO-8601 UTC), lo último que dijo el Master y los
    tokens de todos."""

    lineas: tuple[tuple[str, str], ...]
    respuesta: str
    tokens_in: int
    tokens_out: int


def contar(ruta: Path, sesion: str) -> Recuento:
    """El recuento de una sesión. Bloquea. Lanza `ErrorBitacora` si no se puede leer."""
    try:
        with closing(conectar_lectura(ruta)) as db:
            lineas = tuple(db.execute(_LINEAS, (sesion,)).fetchall())
            respuesta = db.execute(_RESPUESTA, (sesion,)).fetchone()
            totales = db.execute(_TOTALES, (sesion,)).fetchone()
    except sqlite3.Error as error:
        raise ErrorBitacora(explicar(ruta, error)) from error
    return Recuento(lineas, respuesta[0] if respuesta else "", *totales)
