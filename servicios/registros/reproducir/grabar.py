"""Una sesión sola en su propio archivo: lo que hace falta para reproducirla en otra parte."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path
from urllib.parse import quote

from agentes.errores import ErrorBitacora, ErrorConfiguracion
from servicios.registros.esquema.migraciones import preparar
from servicios.registros.fallos import explicar

_ESPERA_S = 10.0
_DE_LA_SESION = (
    ("logs", "session"),
    ("agent_runs", "session"),
    ("model_calls", "session"),
    ("commands", "session"),
    ("messages", "session"),
    ("notices", "session"),
    ("sessions", "id"),
)
"""Cada tabla y la columna que dice de qué sesión es la fila; la sesión, la última: mientras no
está, su época no rechaza las filas de las anteriores."""

_LAS_DEMAS = """
    INSERT INTO main.anclas (session, primera_fila, ultima_fila, filas, archivo, huella, podada)
    SELECT '(las demás)', 1, ultima, ultima - filas, '', '', strftime('%Y-%m-%dT%H:%M:%fZ', 'now')
    FROM (SELECT max(id) AS ultima, count(*) AS filas FROM main.logs) WHERE ultima > filas"""
"""Las filas de otras sesiones constan como quitadas: sin eso `verificar` las echaría en falta."""


def grabar_sesion(origen: Path, sesion: str, destino: Path) -> None:
    """Copia la sesión a una base nueva. Bloquea.

    Lanza `ErrorConfiguracion` si el destino ya existe o no hay dónde ponerlo, y `ErrorBitacora` si
    no se puede.
    """
    if destino.exists():
        raise ErrorConfiguracion(f"{destino}: ya existe; bórralo o pon otro nombre")
    if not destino.parent.is_dir():
        raise ErrorConfiguracion(f"{destino}: no existe la carpeta {destino.parent}")
    try:
        preparar(destino, espera_s=_ESPERA_S)
        with closing(
            sqlite3.connect(f"file:{quote(str(destino))}", uri=True, isolation_level=None)
        ) as db:
            db.execute("ATTACH ? AS origen", (f"file:{quote(str(origen.resolve()))}?mode=ro",))
            db.execute("PRAGMA foreign_keys = OFF")
            db.execute("BEGIN")
            db.execute("INSERT OR IGNORE INTO main.agentes SELECT * FROM origen.agentes")
            for tabla, columna in _DE_LA_SESION:
                db.execute(
                    f"INSERT INTO main.{tabla} SELECT * FROM origen.{tabla} WHERE {columna} = ?",  # noqa: S608
                    (sesion,),
                )
            db.execute(_LAS_DEMAS)
            db.execute("COMMIT")
            db.execute("DETACH origen")
            db.execute("PRAGMA journal_mode = DELETE")
    except sqlite3.Error as error:
        destino.unlink(missing_ok=True)
        raise ErrorBitacora(explicar(destino, error)) from error
    except ErrorBitacora:
        destino.unlink(missing_ok=True)
        raise
