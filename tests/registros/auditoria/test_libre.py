"""La consulta de la persona lee lo que quiera y no puede hacer nada más."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import pytest

from agentes.errores import ErrorConfiguracion
from servicios.registros.auditoria.base import Base, abrir_base
from servicios.registros.auditoria.en_json import json_visible
from servicios.registros.auditoria.hojas import Hoja
from servicios.registros.auditoria.libre import consultar


def preguntar(ruta: Path, sql: str, limite: int = 100, plazo_s: float = 10) -> Hoja:
    with abrir_base(ruta) as base:
        return consultar(base, sql, limite, plazo_s)


def test_una_consulta_contesta_con_sus_columnas_y_dice_que_hay_mas(ruta: Path) -> None:
    hoja = preguntar(ruta, "SELECT id, tipo, 1.5 AS x, x'00ff' FROM logs ORDER BY id", 2)
    assert hoja.columnas == ("id", "tipo", "x", "x'00ff'")
    assert hoja.filas == [
        (1, "system_init", 1.5, b"\x00\xff"),
        (2, "master_input", 1.5, b"\x00\xff"),
    ]
    assert "--limite" in hoja.nota


@pytest.mark.parametrize(
    "sql",
    [
        "WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n LIMIT 3) SELECT x FROM n",
        "SELECT agente_id, count(*) FROM v_linea GROUP BY 1 ORDER BY 2 DESC",
        "SELECT json_extract(details, '$.texto') FROM logs WHERE tipo = 'master_input'",
        "EXPLAIN QUERY PLAN SELECT * FROM logs",
        "PRAGMA table_info(logs)",
        "PRAGMA user_version",
        "SELECT name FROM pragma_table_info('logs')",
        "SELECT value FROM json_each('[1, 2]')",
        "SELECT * FROM v_causas WHERE fila = 5",
        "SELECT name FROM sqlite_master",
        "-- un comentario\nSELECT 1;",
    ],
)
def test_leer_se_puede_de_muchas_maneras(ruta: Path, sql: str) -> None:
    assert preguntar(ruta, sql).filas


def test_dos_columnas_con_el_mismo_nombre_no_se_pisan(ruta: Path) -> None:
    hoja = preguntar(ruta, "SELECT 1 AS a, 2 AS a, 3 AS b, 4 AS a")
    assert hoja.objetos() == [{"a": 1, "a:2": 2, "b": 3, "a:3": 4}]
    hoja = preguntar(ruta, "SELECT 1 AS a, 2 AS a, 3 AS 'a:2'")
    assert hoja.objetos() == [{"a": 1, "a:2": 2, "a:2:2": 3}]


def test_un_numero_que_json_no_tiene_sale_como_texto(ruta: Path) -> None:
    """`Infinity` a secas no es JSON y no lo lee nadie más que Python."""
    [objeto] = preguntar(ruta, "SELECT 9e999 AS i, -9e999 AS j, 1.5 AS k").objetos()
    assert json.loads(json_visible(objeto), parse_constant=pytest.fail) == {
        "i": "inf",
        "j": "-inf",
        "k": 1.5,
    }


@pytest.mark.parametrize(
    "sql",
    [
        "DELETE FROM logs",
        "UPDATE sessions SET motivo = 'x'",
        "INSERT INTO contadores VALUES ('x', 1)",
        "REPLACE INTO contadores VALUES ('x', 1)",
        "WITH x AS (SELECT 1) DELETE FROM notices",
        "INSERT INTO contadores VALUES ('x', 1) RETURNING numero",
        "UPDATE sqlite_master SET sql = ''",
        "DROP TRIGGER logs_no_borra",
        "CREATE TABLE t (a)",
        "CREATE TEMP TABLE t (a)",
        "CREATE TEMP VIEW t AS SELECT 1",
        "ALTER TABLE logs ADD COLUMN z",
        "ATTACH '{otra}' AS otra",
        "VACUUM INTO '{otra}'",
        "VACUUM",
        "REINDEX",
        "ANALYZE",
        "PRAGMA query_only = OFF",
        "PRAGMA query_only(0)",
        "PRAGMA user_version = 7",
        "PRAGMA application_id = 7",
        "PRAGMA writable_schema = ON",
        "PRAGMA journal_mode = DELETE",
        "PRAGMA wal_checkpoint(TRUNCATE)",
        "PRAGMA hard_heap_limit = 0",
        "SELECT load_extension('x')",
        "BEGIN IMMEDIATE",
        "SAVEPOINT a",
        "DETACH main",
    ],
)
def test_escribir_no_se_puede_de_ninguna(ruta: Path, sql: str, tmp_path: Path) -> None:
    otra = tmp_path / "otra.db"
    antes = hashlib.sha256(ruta.read_bytes()).digest()

    with pytest.raises(ErrorConfiguracion) as fallo:
        preguntar(ruta, sql.format(otra=otra))

    assert "\n" not in str(fallo.value)
    assert not otra.exists()
    assert hashlib.sha256(ruta.read_bytes()).digest() == antes


@pytest.mark.parametrize(
    ("sql", "dice"),
    [
        ("SELECT 1; DELETE FROM logs", "Una consulta cada vez"),
        ("", "vacía"),
        ("   -- nada", "vacía"),
        ("SELECT * FROM nada", "no such table"),
        ("SELEC 1", "syntax error"),
        ("SELECT ?", "La consulta no vale"),
        ("SELECT 1\0; SELECT 2", "La consulta no vale"),
    ],
)
def test_lo_que_no_vale_se_dice_en_una_linea(ruta: Path, sql: str, dice: str) -> None:
    with pytest.raises(ErrorConfiguracion, match=dice) as fallo:
        preguntar(ruta, sql)
    assert "\n" not in str(fallo.value)


def test_una_consulta_sin_fin_se_para(ruta: Path) -> None:
    sin_fin = (
        "WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n) SELECT count(*) FROM n"
    )
    with pytest.raises(ErrorConfiguracion, match=r"pasa de 0\.2 s"):
        preguntar(ruta, sin_fin, plazo_s=0.2)


def test_un_valor_enorme_no_se_hace(ruta: Path) -> None:
    with pytest.raises(ErrorConfiguracion, match="demasiada memoria"):
        preguntar(ruta, "SELECT hex(zeroblob(60000000)) || hex(zeroblob(60000000))")


def test_despues_de_una_mala_la_base_sigue_valiendo(ruta: Path) -> None:
    def dos(base: Base) -> int:
        with pytest.raises(ErrorConfiguracion):
            consultar(base, "DELETE FROM logs", 1)
        return len(base.leer("SELECT id FROM logs"))

    with abrir_base(ruta) as base:
        assert dos(base) > 1
