"""Una consulta de la persona, de solo lectura de verdad.

Tres cercas, cada una basta: la conexión es `mode=ro`, lleva `query_only`, y un autorizador solo
deja leer. Además hay un tiempo máximo y un tope de memoria.
"""

from __future__ import annotations

import sqlite3
import time
from contextlib import suppress
from itertools import chain, count

from agentes.errores import ErrorConfiguracion
from servicios.registros.auditoria.base import Base
from servicios.registros.auditoria.hojas import Hoja

PLAZO_S = 10.0
"""Lo más que corre una consulta."""

_MEMORIA = 512 * 1024 * 1024
_VALOR_MAXIMO = 64 * 1024 * 1024
_PASOS_ENTRE_MIRADAS = 20_000

_LEER = {
    sqlite3.SQLITE_SELECT,
    sqlite3.SQLITE_READ,
    sqlite3.SQLITE_RECURSIVE,
}
_FUNCIONES_NO = {"load_extension", "fts3_tokenizer"}
_PRAGMAS_SIN_VALOR = {
    *("application_id", "user_version", "page_count", "page_size", "freelist_count", "encoding"),
    *("journal_mode", "compile_options", "table_list", "database_list", "function_list"),
}
_PRAGMAS_DE_MIRAR = {
    *("table_info", "table_xinfo", "index_list", "index_info", "index_xinfo", "table_list"),
    *("foreign_key_list", "foreign_key_check", "integrity_check", "quick_check"),
}


def consultar(base: Base, sql: str, limite: int, plazo_s: float = PLAZO_S) -> Hoja:
    """Las primeras `limite` filas de una consulta.

    Lanza `ErrorConfiguracion`, en una línea, si no es una sola consulta de lectura, no se
    entiende o tarda demasiado.
    """
    fin = time.monotonic() + plazo_s
    db = base.db
    with suppress(sqlite3.Error):
        db.execute(f"PRAGMA hard_heap_limit = {_MEMORIA}")
    db.setlimit(sqlite3.SQLITE_LIMIT_LENGTH, _VALOR_MAXIMO)
    db.setlimit(sqlite3.SQLITE_LIMIT_ATTACHED, 0)
    db.set_progress_handler(lambda: time.monotonic() > fin, _PASOS_ENTRE_MIRADAS)
    db.set_authorizer(_autorizar)
    try:
        cursor = db.execute(sql)
        if cursor.description is None:
            raise ErrorConfiguracion("La consulta está vacía: escribe SELECT …")
        filas = [tuple(fila) for fila in cursor.fetchmany(limite + 1)]
    except (sqlite3.Error, sqlite3.Warning, MemoryError, ValueError) as error:
        raise ErrorConfiguracion(_explicar(error, plazo_s)) from error
    finally:
        db.set_authorizer(None)
        db.set_progress_handler(None, 0)
    nota = f"Hay más filas: --limite N (ahora {limite})" if len(filas) > limite else ""
    return Hoja(_columnas(cursor), filas[:limite], (), nota)


def _autorizar(
    accion: int, uno: str | None, dos: str | None, _base: str | None, _desde: str | None
) -> int:
    if accion in _LEER:
        return sqlite3.SQLITE_OK
    if accion == sqlite3.SQLITE_UPDATE and uno == "sqlite_master":
        # Así declara SQLite sus tablas de mentira (`json_each`, `pragma_table_info`). Cambiar el
        # esquema de verdad pide además `PRAGMA writable_schema`, que no pasa.
        return sqlite3.SQLITE_OK
    if accion == sqlite3.SQLITE_FUNCTION and (dos or "").lower() not in _FUNCIONES_NO:
        return sqlite3.SQLITE_OK
    if accion == sqlite3.SQLITE_PRAGMA:
        nombre = (uno or "").lower()
        if nombre in _PRAGMAS_DE_MIRAR or (dos is None and nombre in _PRAGMAS_SIN_VALOR):
            return sqlite3.SQLITE_OK
    return sqlite3.SQLITE_DENY


def _columnas(cursor: sqlite3.Cursor) -> tuple[str, ...]:
    """Sus nombres, distintos: los repetidos llevan detrás su número."""
    nombres: list[str] = []
    for nombre, *_resto in cursor.description:
        posibles = chain((nombre,), (f"{nombre}:{numero}" for numero in count(2)))
        nombres.append(next(posible for posible in posibles if posible not in nombres))
    return tuple(nombres)


def _explicar(error: Exception, plazo_s: float) -> str:
    texto = " ".join(str(error).split()) or type(error).__name__
    if "one statement" in texto:
        return "Una consulta cada vez: quita lo que va detrás del punto y coma"
    if "not authorized" in texto or "prohibited" in texto or "readonly" in texto:
        return f"Aquí solo se lee: la consulta quería hacer otra cosa ({texto})"
    if "interrupted" in texto:
        return f"La consulta pasa de {plazo_s:g} s y se paró: ponle condiciones o un LIMIT"
    if isinstance(error, MemoryError) or "out of memory" in texto or "too big" in texto:
        return f"La consulta necesita demasiada memoria ({texto})"
    return f"La consulta no vale: {texto}"
