"""Lo que las operaciones de otra vida dejaron en el disco, según la bitácora."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from agentes.errores import ErrorBitacora
from servicios.registros.fallos import explicar
from servicios.registros.lectura.conexion import conectar_lectura

_OPERACION = "SELECT session, tool, cierre FROM commands WHERE id = ?"
_TRABAJOS = """
    SELECT c.agente_id, json_extract(r.details, '$.trabajo'), c.id, c.command,
        a.end_time IS NULL
    FROM commands AS c
    JOIN logs AS r ON r.id = c.fila_cierre
    JOIN agent_runs AS a ON a.session = c.session AND a.agent_id = c.agente_id
    WHERE c.session = ? AND c.tool = 'iniciar_trabajo' AND c.ok = 1 ORDER BY c.id"""


@dataclass(frozen=True, slots=True)
class TrabajoGuardado:
    """Un trabajo en segundo plano que se inició; `vive` dice si su agente no ha terminado."""

    agente_id: str
    trabajo_id: str
    fila: int
    orden: str
    vive: bool


@dataclass(frozen=True, slots=True)
class Restos:
    """De lo que hay en el disco: lo ya cerrado de esta sesión, lo de nadie y los trabajos."""

    cerradas: tuple[int, ...]
    huerfanas: tuple[int, ...]
    trabajos: tuple[TrabajoGuardado, ...]


def _trabajo(fila: tuple[str, str, int, str, int]) -> TrabajoGuardado:
    agente_id, trabajo_id, numero, orden, vive = fila
    return TrabajoGuardado(agente_id, trabajo_id, numero, orden, bool(vive))


def clasificar(ruta: Path, sesion: str, en_disco: Sequence[int]) -> Restos:
    """Qué es cada operación que hay en el disco. Bloquea. Lanza `ErrorBitacora`."""
    try:
        with closing(conectar_lectura(ruta)) as db:
            trabajos = [_trabajo(f) for f in db.execute(_TRABAJOS, (sesion,))]
            filas = {fila: db.execute(_OPERACION, (fila,)).fetchone() for fila in en_disco}
    except sqlite3.Error as error:
        raise ErrorBitacora(explicar(ruta, error)) from error
    de_trabajo = {t.fila for t in trabajos}
    cerradas = [
        fila
        for fila, datos in filas.items()
        if datos and datos[0] == sesion and datos[2] and fila not in de_trabajo
    ]
    return Restos(
        cerradas=tuple(cerradas),
        huerfanas=tuple(fila for fila, datos in filas.items() if datos is None),
        trabajos=tuple(t for t in trabajos if t.fila in filas),
    )
