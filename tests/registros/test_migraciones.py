"""Abrir la base: crearla, ponerla al día entera o rechazarla sin tocarla."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from agentes.errores import ErrorBitacora
from servicios.registros.esquema.esquema import TABLAS
from servicios.registros.esquema.migraciones import MIGRACIONES, migrar
from servicios.registros.esquema.vistas import VISTAS
from tests.registros.sesion_de_ejemplo import bitacora, grabar_sesion, preguntar, problema


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
        *("tokens_in", "tokens_out", "cost", "model", "verificacion"),
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


def volver_a_la_1(nueva: Path, vieja: Path) -> None:
    """La base `nueva` tal como la habría escrito el esquema 1."""
    with closing(sqlite3.connect(vieja, isolation_level=None)) as db:
        migrar(db, vieja, MIGRACIONES[:1])
        db.execute("ATTACH ? AS nueva", (str(nueva),))
        for tabla in ("sessions", "agentes", "logs", *PROYECCIONES, "contadores"):
            columnas = [c[1] for c in db.execute(f"PRAGMA main.table_info({tabla})")]
            valores = ["NULL" if c == "hash" else c for c in columnas]
            origen = f"nueva.{tabla}"
            if tabla == "agentes":
                origen = "(SELECT DISTINCT session, agente_id, clase FROM nueva.logs"
                origen += " JOIN nueva.agentes USING (agente_id))"
            donde = "de <> 'usuario'" if tabla == "messages" else "true"
            db.execute(
                f"INSERT INTO {tabla} ({', '.join(columnas)})"
                f" SELECT {', '.join(valores)} FROM {origen} WHERE {donde}"
            )


PROYECCIONES = ("agent_runs", "model_calls", "commands", "messages", "notices")


async def test_una_base_del_esquema_1_queda_como_si_fuera_del_2(tmp_path: Path) -> None:
    nueva, vieja = tmp_path / "nueva.db", tmp_path / "vieja.db"
    for sesion in ("s-1", "s-2"):
        async with bitacora(nueva, sesion) as gestor:
            await gestor.siguiente_numero("ejecutor")
            await grabar_sesion(gestor)
    volver_a_la_1(nueva, vieja)
    async with bitacora(vieja, "s-2"):
        pass
    for tabla in TABLAS:
        filas = [preguntar(f"SELECT * FROM {tabla} ORDER BY 1", b) for b in (nueva, vieja)]
        if tabla == "messages":
            assert [f[:5] for f in filas[1]] == [f[:5] for f in filas[0]]
        else:
            assert filas[1] == filas[0], tabla
    sql = "SELECT name, sql FROM sqlite_master ORDER BY name"
    assert preguntar(sql, vieja) == preguntar(sql, nueva)
    assert preguntar("PRAGMA foreign_key_check", vieja) == []
    assert preguntar("PRAGMA integrity_check", vieja) == [("ok",)]
    async with bitacora(vieja, "s-2") as gestor:
        fila = await gestor.anotar(problema("a-1"))
    ultimas = preguntar("SELECT max(id) FROM logs WHERE session = 's-2'", nueva)
    assert (gestor.epoca, fila) == (2, ultimas[0][0] + 1)


async def test_una_base_del_esquema_1_danada_no_se_toca(tmp_path: Path, ruta: Path) -> None:
    async with bitacora(tmp_path / "nueva.db") as gestor:
        await grabar_sesion(gestor)
    volver_a_la_1(tmp_path / "nueva.db", ruta)
    with closing(sqlite3.connect(ruta)) as db:
        db.execute("UPDATE commands SET session = 'no existe'")
        db.commit()
    assert "filas sin dueño" in await rechazo(ruta)


def test_migrar_es_todo_o_nada(ruta: Path) -> None:
    def m003_rota(db: sqlite3.Connection) -> None:
        db.execute("CREATE TABLE a_medias (x)")
        db.execute("INSERT INTO no_existe VALUES (1)")

    with closing(sqlite3.connect(ruta, isolation_level=None)) as db:
        migrar(db, ruta, MIGRACIONES)
        with pytest.raises(sqlite3.OperationalError, match="no_existe"):
            migrar(db, ruta, (*MIGRACIONES, m003_rota))
    assert objetos(ruta, "table") == set(TABLAS)
    assert preguntar("PRAGMA user_version", ruta) == [(len(MIGRACIONES),)]


def test_migrar_aplica_solo_lo_que_falta_y_rehace_las_vistas(ruta: Path) -> None:
    def m003_columna(db: sqlite3.Connection) -> None:
        db.execute("ALTER TABLE sessions ADD COLUMN apodo TEXT")

    with closing(sqlite3.connect(ruta, isolation_level=None)) as db:
        migrar(db, ruta, MIGRACIONES)
        for _ in range(2):
            migrar(db, ruta, (*MIGRACIONES, m003_columna))
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
