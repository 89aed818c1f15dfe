"""Abrir la base: crearla, ponerla al día entera o rechazarla sin tocarla."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from agentes.errores import ErrorBitacora
from servicios.registros.esquema import TABLAS
from servicios.registros.migraciones import MIGRACIONES, migrar
from servicios.registros.vistas import VISTAS
from tests.registros.sesion_de_ejemplo import bitacora, preguntar, problema


@pytest.fixture
def ruta(tmp_path: Path) -> Path:
    return tmp_path / "swarm.db"


def objetos(ruta: Path, tipo: str) -> set[str]:
    sql = "SELECT name FROM sqlite_master WHERE type = ? AND name NOT LIKE 'sqlite_%'"
    return {nombre for (nombre,) in preguntar(sql, ruta, (tipo,))}


async def test_una_base_nueva_tiene_lo_documentado(ruta: Path) -> None:
    async with bitacora(ruta):
        pass
    assert objetos(ruta, "table") == set(TABLAS)
    assert objetos(ruta, "view") == set(VISTAS)
    assert preguntar("PRAGMA user_version", ruta) == [(len(MIGRACIONES),)]
    assert preguntar("PRAGMA journal_mode", ruta) == [("wal",)]


async def test_las_columnas_de_la_semilla_estan(ruta: Path) -> None:
    async with bitacora(ruta):
        pass
    logs = [columna[1] for columna in preguntar("PRAGMA table_info(logs)", ruta)]
    assert logs == [
        *("id", "timestamp", "agente_id", "tipo", "log_level", "mensaje", "details"),
        *("session", "causa", "epoca", "seq", "op", "intento", "hash"),
    ]
    runs = [columna[1] for columna in preguntar("PRAGMA table_info(agent_runs)", ruta)]
    assert runs == [
        *("id", "agent_id", "agent_type", "agent_rol", "agent_objetivo", "task_description"),
        *("start_time", "end_time", "status", "session", "parent", "result", "error"),
        *("tokens_in", "tokens_out", "cost", "model"),
    ]


@pytest.mark.parametrize(
    "sql",
    [
        "UPDATE logs SET mensaje = 'otra cosa'",
        "DELETE FROM logs",
        "UPDATE logs SET id = 99 WHERE id = 1",
    ],
)
async def test_logs_solo_se_anade(ruta: Path, sql: str) -> None:
    async with bitacora(ruta) as gestor:
        await gestor.anotar(problema("a-1", "intocable"))
    with pytest.raises(sqlite3.IntegrityError, match="logs solo se añade"):
        preguntar(sql, ruta)
    assert preguntar("SELECT id, mensaje FROM logs", ruta) == [(1, "intocable")]


def test_migrar_es_todo_o_nada(ruta: Path) -> None:
    def m002_rota(db: sqlite3.Connection) -> None:
        db.execute("CREATE TABLE a_medias (x)")
        db.execute("INSERT INTO no_existe VALUES (1)")

    with closing(sqlite3.connect(ruta, isolation_level=None)) as db:
        migrar(db, ruta, MIGRACIONES)
        with pytest.raises(sqlite3.OperationalError, match="no_existe"):
            migrar(db, ruta, (*MIGRACIONES, m002_rota))
    assert objetos(ruta, "table") == set(TABLAS)
    assert preguntar("PRAGMA user_version", ruta) == [(len(MIGRACIONES),)]


def test_migrar_aplica_solo_lo_que_falta_y_rehace_las_vistas(ruta: Path) -> None:
    def m002_columna(db: sqlite3.Connection) -> None:
        db.execute("ALTER TABLE sessions ADD COLUMN apodo TEXT")

    with closing(sqlite3.connect(ruta, isolation_level=None)) as db:
        migrar(db, ruta, MIGRACIONES)
        for _ in range(2):
            migrar(db, ruta, (*MIGRACIONES, m002_columna))
        db.execute("SELECT apodo FROM sessions")
    assert objetos(ruta, "view") == set(VISTAS)
    assert preguntar("PRAGMA user_version", ruta) == [(len(MIGRACIONES) + 1,)]


async def rechazo(ruta: Path) -> str:
    antes = ruta.read_bytes()
    with pytest.raises(ErrorBitacora) as error:
        async with bitacora(ruta):
            pytest.fail("no debía abrirse")
    assert ruta.read_bytes() == antes
    assert "\n" not in str(error.value)
    return str(error.value)


async def test_una_base_mas_nueva_se_rechaza(ruta: Path) -> None:
    async with bitacora(ruta):
        pass
    with closing(sqlite3.connect(ruta)) as db:
        db.execute(f"PRAGMA user_version = {len(MIGRACIONES) + 1}")
    assert "versión más nueva de Enjambre" in await rechazo(ruta)


@pytest.mark.parametrize("sentencia", ["CREATE TABLE logs (id)", "PRAGMA user_version = 1"])
async def test_una_base_ajena_se_rechaza(ruta: Path, sentencia: str) -> None:
    with closing(sqlite3.connect(ruta)) as db:
        db.execute(sentencia)
    assert "otro programa y no se toca" in await rechazo(ruta)


async def test_lo_que_no_es_una_base_se_rechaza(ruta: Path) -> None:
    ruta.write_text("esto no es una base de datos\n" * 100)
    assert "no es una base de datos SQLite" in await rechazo(ruta)


async def test_una_carpeta_imposible_es_una_linea(tmp_path: Path) -> None:
    (tmp_path / "data").write_text("soy un archivo")
    with pytest.raises(ErrorBitacora, match=r"swarm\.db: no se puede abrir"):
        async with bitacora(tmp_path / "data" / "swarm.db"):
            pytest.fail("no debía abrirse")


async def test_una_carpeta_en_lugar_de_la_base_es_una_linea(ruta: Path) -> None:
    ruta.mkdir()
    with pytest.raises(ErrorBitacora, match=r"swarm\.db: no se puede abrir"):
        async with bitacora(ruta):
            pytest.fail("no debía abrirse")
