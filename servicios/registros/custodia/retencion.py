"""Lo que ocupa cada sesión y cómo se quitan de la base las que ya no hacen falta.

Podar una sesión es archivarla entera y borrar sus filas dejando un ancla: qué filas eran, su
último hash y dónde están. Los números de agente no vuelven a darse.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, ExitStack, closing, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import quote

from agentes.errores import ErrorBitacora
from servicios.registros.custodia.archivo import TABLAS_DE_SESION, archivar, comprobar
from servicios.registros.fallos import explicar

Tomar = Callable[[str], AbstractContextManager[object]]
"""Se queda con una sesión mientras dure el bloque; lanza `ErrorEnjambre` si ya tiene dueño."""

_ESPERA_S = 10.0
_TAMANOS = """SELECT id, nullif(name, id), start_time, end_time, filas, bytes FROM sessions
    ORDER BY start_time, id"""
_SESION = """SELECT s.end_time IS NULL, nullif(s.name, s.id), s.filas, s.ultima_fila, s.ultimo_hash,
        (SELECT min(id) FROM logs WHERE session = s.id)
    FROM sessions AS s WHERE s.id = ?"""
_ANCLA = """INSERT INTO anclas (session, name, primera_fila, ultima_fila, filas, ultimo_hash,
    archivo, huella, podada) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)"""
_BORRADO = "DELETE FROM {tabla} WHERE {columna} = ?"
_GUARDIANES = "SELECT name, sql FROM sqlite_master WHERE type = 'trigger'"


@dataclass(frozen=True, slots=True)
class Tamano:
    """Lo que ocupa una sesión: sus filas y los bytes de sus textos. `fin` falta si está abierta."""

    sesion: str
    nombre: str | None
    inicio: str
    fin: str | None
    filas: int
    bytes: int


@dataclass(frozen=True, slots=True)
class Ancla:
    """Lo que queda en la base de una sesión podada."""

    sesion: str
    nombre: str | None
    primera_fila: int | None
    ultima_fila: int | None
    filas: int
    ultimo_hash: str | None
    archivo: Path
    huella: str


def tamanos(ruta: Path) -> list[Tamano]:
    """Lo que ocupa cada sesión, de la más antigua a la más nueva. Lanza `ErrorBitacora`."""
    with _abierta(ruta, "ro") as db:
        return [Tamano(*fila) for fila in db.execute(_TAMANOS)]


def podar(ruta: Path, sesiones: Sequence[str], carpeta: Path, tomar: Tomar) -> list[Ancla]:
    """Archiva las sesiones en `carpeta` y las quita de la base, todas o ninguna.

    Han de estar cerradas y sin dueño, y nada de lo que se queda puede depender de ellas (una
    bifurcación se poda a la vez que su origen, o antes). Lanza `ErrorBitacora` si no se puede, o
    lo que lance `tomar`; la base queda entonces como estaba. Bloquea.
    """
    with ExitStack() as llaves:
        for sesion in sesiones:
            llaves.enter_context(tomar(sesion))
        db = llaves.enter_context(_abierta(ruta, "rw"))
        cerradas = [_cerrada(ruta, db, sesion) for sesion in sesiones]
        with ExitStack() as sobras:
            for sesion in sesiones:
                sobras.callback(_archivo(carpeta, sesion).unlink, missing_ok=True)
            anclas = [_archivada(ruta, db, cerrada, carpeta) for cerrada in cerradas]
            _quitar(ruta, db, anclas)
            sobras.pop_all()
        return anclas


def vaciar(ruta: Path) -> None:
    """Devuelve al disco el sitio de lo podado. Bloquea la base mientras dura; lanza `ErrorBitacora`."""
    with _abierta(ruta, "rw") as db:
        db.execute("VACUUM")
        db.execute("PRAGMA wal_checkpoint(TRUNCATE)")


@dataclass(frozen=True, slots=True)
class _Cerrada:
    """Lo que dice la base de una sesión que se puede podar."""

    sesion: str
    nombre: str | None
    filas: int
    ultima_fila: int | None
    ultimo_hash: str | None
    primera_fila: int | None


def _cerrada(ruta: Path, db: sqlite3.Connection, sesion: str) -> _Cerrada:
    conocida = db.execute(_SESION, (sesion,)).fetchone()
    if conocida is None:
        raise ErrorBitacora(f"{ruta}: no hay ninguna sesión {sesion}")
    abierta, *resto = conocida
    if abierta:
        raise ErrorBitacora(
            f"{ruta}: la sesión {sesion} no se cerró y puede reanudarse; reanúdala y ciérrala antes"
        )
    return _Cerrada(sesion, *resto)


def _archivo(carpeta: Path, sesion: str) -> Path:
    return carpeta / f"{sesion}.jsonl.gz"


def _archivada(ruta: Path, db: sqlite3.Connection, c: _Cerrada, carpeta: Path) -> Ancla:
    """Escribe el archivo de una sesión y comprueba que dice lo que la base."""
    archivo = _archivo(carpeta, c.sesion)
    huella = archivar(db, c.sesion, archivo)
    dicho = comprobar(archivo)
    final = (c.filas, c.ultima_fila, c.ultimo_hash)
    if c.filas and (dicho.filas, dicho.ultima_fila, dicho.hash) != final:
        raise ErrorBitacora(f"{ruta}: la sesión {c.sesion} no está entera y no se poda: verifícala")
    filas = (c.primera_fila, c.ultima_fila, c.filas, c.ultimo_hash)
    return Ancla(c.sesion, c.nombre, *filas, archivo, huella)


def _quitar(ruta: Path, db: sqlite3.Connection, anclas: Sequence[Ancla]) -> None:
    """Borra las sesiones archivadas y deja sus anclas, en una transacción."""
    ahora = datetime.now(UTC).isoformat(timespec="milliseconds")[:-6] + "Z"
    # Con ellas activas se miraría toda la base por cada fila; se miran una vez, al acabar.
    db.execute("PRAGMA foreign_keys = OFF")
    db.execute("BEGIN IMMEDIATE")
    try:
        guardianes = db.execute(_GUARDIANES).fetchall()
        for nombre, _ in guardianes:
            db.execute(f"DROP TRIGGER {nombre}")
        for ancla in anclas:
            for tabla, columna in TABLAS_DE_SESION.items():
                db.execute(_BORRADO.format(tabla=tabla, columna=columna), (ancla.sesion,))
            db.execute(_ANCLA, (*_columnas(ancla, ruta.parent), ahora))
        for _, sql in guardianes:
            db.execute(sql)
        _exigir_sueltas(ruta, db)
        db.execute("COMMIT")
    finally:
        if db.in_transaction:
            db.execute("ROLLBACK")


def _columnas(a: Ancla, datos: Path) -> tuple[object, ...]:
    filas = (a.primera_fila, a.ultima_fila, a.filas, a.ultimo_hash)
    # Relativo si se puede: la carpeta de datos puede cambiar de sitio.
    dentro = a.archivo.is_relative_to(datos)
    archivo = a.archivo.relative_to(datos) if dentro else a.archivo
    return (a.sesion, a.nombre, *filas, str(archivo), a.huella)


def _exigir_sueltas(ruta: Path, db: sqlite3.Connection) -> None:
    """Nada de lo que queda apunta a lo que se va."""
    for tabla, fila, _, _ in db.execute("PRAGMA foreign_key_check"):
        columna = TABLAS_DE_SESION.get(tabla, "rowid")
        (quien,) = db.execute(f"SELECT {columna} FROM {tabla} WHERE rowid = ?", (fila,)).fetchone()  # noqa: S608 - nombres del esquema
        raise ErrorBitacora(
            f"{ruta}: la sesión {quien} depende de una de las que se podan ({tabla}); "
            "pódala a la vez o antes"
        )


@contextmanager
def _abierta(ruta: Path, modo: str) -> Iterator[sqlite3.Connection]:
    origen = f"file:{quote(str(ruta))}?mode={modo}"
    try:
        with closing(sqlite3.connect(origen, uri=True, timeout=_ESPERA_S)) as db:
            db.isolation_level = None
            db.execute("PRAGMA synchronous = FULL")
            yield db
    except (sqlite3.Error, OSError) as error:
        raise ErrorBitacora(explicar(ruta, error)) from error
