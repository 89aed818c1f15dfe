"""La base grande, en pequeño: la escribe el producto, está entera y contesta a todo."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from servicios.registros.custodia.verificar import verificar
from tests.registros.millon import generar, medir, preguntas
from tests.registros.sesion_de_ejemplo import preguntar


@pytest.fixture(scope="module")
def ruta(tmp_path_factory: pytest.TempPathFactory) -> Path:
    ruta = tmp_path_factory.mktemp("millon") / "swarm.db"
    generar(ruta, 8000)
    return ruta


def test_esta_entera_y_sana(ruta: Path) -> None:
    veredicto = verificar(ruta)
    assert (veredicto.rotura, veredicto.sesiones) == (None, 20)
    assert veredicto.filas >= 8000
    assert preguntar("PRAGMA foreign_key_check", ruta) == []
    assert preguntar("PRAGMA integrity_check", ruta) == [("ok",)]


def test_contesta_a_todo_y_lo_mide(ruta: Path) -> None:
    dichas: list[str] = []
    medir(ruta, dichas.append)
    assert len(dichas) == len(list(preguntas())) + 2
    assert not [linea for linea in dichas if "✘" in linea or linea.endswith("→ 0")]


# Lo que con un millón de filas no se puede recorrer entero para contestar a una pregunta corta.
GRANDES = {"logs", "SCAN logs", "SCAN l", "SCAN p", "SCAN f", "SCAN d"}


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT * FROM v_linea WHERE session = 's-03' ORDER BY fila DESC LIMIT 200",
        "SELECT * FROM v_linea WHERE session = 's-03' ORDER BY fila LIMIT 200",
        "SELECT * FROM v_errores ORDER BY fila DESC LIMIT 200",
        "SELECT * FROM v_errores WHERE session = 's-03'",
        "SELECT * FROM v_aprobaciones",
        "SELECT * FROM v_esperas WHERE motivo = 'superior'",
        "SELECT * FROM v_mensajes WHERE session = 's-03'",
        "SELECT * FROM v_causas WHERE fila = 7",
        "SELECT tipo, count(*) FROM logs GROUP BY tipo",
    ],
)
def test_no_se_recorre_la_bitacora_para_contestar(ruta: Path, sql: str) -> None:
    with closing(sqlite3.connect(ruta)) as db:
        plan = [fila[3] for fila in db.execute(f"EXPLAIN QUERY PLAN {sql}")]
    assert not [paso for paso in plan if paso in GRANDES], plan


def test_las_ultimas_esperas_se_juntan_por_orden(ruta: Path) -> None:
    with closing(sqlite3.connect(ruta)) as db:
        sql = "EXPLAIN QUERY PLAN SELECT * FROM v_esperas ORDER BY fila DESC LIMIT 200"
        plan = [fila[3] for fila in db.execute(sql)]
    assert "MERGE (UNION ALL)" in plan, plan
