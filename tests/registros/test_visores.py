"""La base de una sesión de verdad se abre con datasette y sqlite-utils, también mientras se escribe."""

from __future__ import annotations

import asyncio
import json
import os
import sys
from pathlib import Path
from typing import Any

import pytest_asyncio
import sqlite_utils

from tests.interfaz.test_headless import correr
from tests.registros.sesion_de_ejemplo import bitacora, preguntar, problema

NUBE = {"DATASETTE_LOAD_PLUGINS": ""}


@pytest_asyncio.fixture(scope="module")
async def ruta(tmp_path_factory: Any) -> Path:
    """Lo que dejó el programa después de lanzar dos agentes, uno con una orden que falla."""
    datos = Path(tmp_path_factory.mktemp("visores"))
    salida = await correr(datos, "-p", "ejecuta: echo hola y ejecuta: exit 3", MODEL="demo")
    assert salida.codigo == 0, salida.errores
    return datos / "swarm.db"


async def modulo(*orden: str) -> Any:
    """Corre un programa de Python y devuelve el JSON que escribe."""
    proceso = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", *orden),
        env={**os.environ, **NUBE},
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    async with asyncio.timeout(60):
        salida, errores = await proceso.communicate()
    assert proceso.returncode == 0, errores.decode()
    return json.loads(salida)


async def datasette(ruta: Path, pregunta: str) -> Any:
    return await modulo("datasette", "serve", str(ruta), "--get", f"/{ruta.stem}/{pregunta}")


async def test_datasette_pone_nombre_a_cada_quien(ruta: Path) -> None:
    dicho = await datasette(ruta, "logs.json?_labels=on&_shape=objects&_size=max")
    nombres = {f["agente_id"]["value"]: f["agente_id"]["label"] for f in dicho["rows"]}
    assert nombres == dict(
        preguntar("SELECT agente_id, name FROM agentes JOIN logs USING (agente_id)", ruta)
    )
    assert nombres["master"] == "Master"
    assert nombres["ejecutor-1"].startswith("ejecutor-1 · ")
    ((sesion,),) = preguntar("SELECT id FROM sessions", ruta)
    assert {f["session"]["label"] for f in dicho["rows"]} == {sesion}
    causas = {f["id"]: f["causa"]["value"] for f in dicho["rows"] if f["causa"]}
    assert causas == dict(preguntar("SELECT id, causa FROM logs WHERE causa IS NOT NULL", ruta))


async def test_datasette_cuenta_por_facetas(ruta: Path) -> None:
    dicho = await datasette(ruta, "logs.json?_labels=on&_facet=tipo&_facet=agente_id&_size=0")
    for columna in ("tipo", "agente_id"):
        filas = preguntar(f"SELECT {columna}, count(*) FROM logs GROUP BY 1", ruta)
        facetas = dicho["facet_results"][columna]["results"]
        assert {f["value"]: f["count"] for f in facetas} == dict(filas)
    assert "Master" in {f["label"] for f in dicho["facet_results"]["agente_id"]["results"]}


async def test_el_codigo_de_salida_es_un_entero(ruta: Path) -> None:
    dicho = await datasette(ruta, "commands.json?_shape=array&_labels=on&command__notblank=1")
    assert sorted(f["return_code"] for f in dicho) == [0, 3]
    assert {type(f["return_code"]) for f in dicho} == {int}
    assert {f["agente_id"]["label"].split(" · ")[0] for f in dicho} == {"ejecutor-1", "ejecutor-2"}
    vista = await datasette(ruta, "v_comandos.json?_shape=array")
    assert sorted(f["return_code"] for f in vista) == [0, 3]


async def test_sqlite_utils_la_entiende(ruta: Path) -> None:
    tablas = await modulo("sqlite_utils", "tables", str(ruta), "--counts")
    cuentas = {t["table"]: t["count"] for t in tablas}
    assert (cuentas["sessions"], cuentas["agent_runs"]) == (1, 2)
    filas = await modulo("sqlite_utils", "rows", str(ruta), "commands", "--where", "command <> ''")
    assert sorted(f["return_code"] for f in filas) == [0, 3]
    db = sqlite_utils.Database(ruta)
    ajenas = {(f.column, f.other_table) for f in db.table("logs").foreign_keys}
    db.conn.close()
    assert ajenas == {("agente_id", "agentes"), ("session", "sessions"), ("causa", "logs")}


def test_la_base_esta_sana(ruta: Path) -> None:
    assert preguntar("PRAGMA integrity_check", ruta) == [("ok",)]
    assert preguntar("PRAGMA foreign_key_check", ruta) == []


async def test_se_mira_mientras_se_escribe(tmp_path: Path) -> None:
    ruta = tmp_path / "swarm.db"
    async with bitacora(ruta) as gestor:
        parar = asyncio.Event()

        async def escribir() -> int:
            filas = 0
            while not parar.is_set():
                filas = await gestor.anotar(problema(f"a-{filas % 5}"))
            return filas

        escritor = asyncio.create_task(escribir())
        antes = await gestor.anotar(problema("a-0"))
        pregunta = "logs.json?_labels=on&_facet=agente_id&_size=0"
        visto, tablas = await asyncio.gather(
            datasette(ruta, pregunta), modulo("sqlite_utils", "tables", str(ruta), "--counts")
        )
        parar.set()
        despues = await escritor
        assert not gestor.fallo.done()
    facetas = visto["facet_results"]["agente_id"]["results"]
    for contadas in (
        sum(f["count"] for f in facetas),
        next(t["count"] for t in tablas if t["table"] == "logs"),
    ):
        assert antes < contadas <= despues
