"""La salida y el cierre de una tarea: señales, tuberías rotas, textos imposibles y disco roto."""

from __future__ import annotations

import asyncio
import json
import shutil
import signal
import sqlite3
import sys
from pathlib import Path

import pytest

from servicios.ajustes import RAIZ
from tests.consola.apoyo import sueno
from tests.interfaz.test_headless import correr, entorno, esperar_proceso, lanzar


def filas(carpeta: Path, sql: str) -> list[tuple[object, ...]]:
    db = sqlite3.connect(carpeta / "swarm.db")
    try:
        return db.execute(sql).fetchall()
    finally:
        db.close()


async def test_cerrar_la_ventana_cierra_las_filas(tmp_path: Path) -> None:
    orden = f"sleep {sueno()}"
    proceso = await lanzar(tmp_path, "-p", f"ejecuta: {orden}", MODEL="demo")
    await esperar_proceso(orden, vivo=True)
    proceso.send_signal(signal.SIGHUP)
    await asyncio.wait_for(proceso.communicate(), 20)
    assert proceso.returncode == 129
    assert filas(tmp_path, "SELECT status FROM agent_runs") == [("cancelled",)]
    assert filas(tmp_path, "SELECT codigo FROM sessions") == [(129,)]
    await esperar_proceso(orden, vivo=False)


@pytest.mark.parametrize(
    ("redireccion", "codigo"),
    [("2>/dev/full", 0), (">/dev/full", 1), ("--salida jsonl >/dev/full", 1)],
)
async def test_la_bitacora_y_el_proceso_dicen_el_mismo_codigo(
    tmp_path: Path, redireccion: str, codigo: int
) -> None:
    orden = f"{sys.executable} {RAIZ / 'main.py'} -p 'ejecuta: echo hola' {redireccion}"
    proceso = await asyncio.create_subprocess_shell(
        orden,
        env=entorno(tmp_path, MODEL="demo"),
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    salida, errores = await asyncio.wait_for(proceso.communicate(), 30)
    assert proceso.returncode == codigo
    assert b"Traceback" not in errores
    assert b"Exception" not in errores
    assert filas(tmp_path, "SELECT codigo FROM sessions") == [(codigo,)]
    if codigo == 0:
        assert b"hola" in salida


async def test_sin_lector_la_tarea_no_sigue_gastando(tmp_path: Path) -> None:
    orden = (
        f"{sys.executable} {RAIZ / 'main.py'} -p 'ejecuta: sleep 40 y ejecuta: echo a'"
        " --salida jsonl | head -1"
    )
    proceso = await asyncio.create_subprocess_shell(
        orden,
        env=entorno(tmp_path, MODEL="demo"),
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    salida, _ = await asyncio.wait_for(proceso.communicate(), 25)
    assert json.loads(salida)["tipo"] == "system_init"
    assert filas(tmp_path, "SELECT codigo FROM sessions") == [(1,)]


async def test_bytes_que_no_son_utf8_no_pierden_el_objeto(tmp_path: Path) -> None:
    salida = await correr(tmp_path, "-p", "ejecuta: echo \udcff", "--salida", "json", MODEL="demo")
    assert salida.codigo == 0
    assert json.loads(salida.texto)["agentes"]


async def test_una_pantalla_que_no_sabe_escribir_enes_no_pierde_la_respuesta(
    tmp_path: Path,
) -> None:
    salida = await correr(
        tmp_path, "-p", "ejecuta: echo x→y", MODEL="demo", PYTHONIOENCODING="ascii"
    )
    assert salida.codigo == 0
    assert "x?y" in salida.texto


async def test_el_texto_hostil_sale_limpio(tmp_path: Path) -> None:
    orden = "ejecuta: printf '\\033[2J\\033]52;c;aGk=\\007\\302\\233[31m\\342\\200\\256x'"
    salida = await correr(tmp_path, "-p", orden, MODEL="demo")
    assert salida.codigo == 0
    for malo in ("\x1b", "\x9b", "\u202e", "\x07"):
        assert malo not in salida.texto + salida.errores


async def test_la_bitacora_borrada_es_una_sola_linea(tmp_path: Path) -> None:
    datos = tmp_path / "datos"
    proceso = await lanzar(
        tmp_path,
        "-p",
        "ejecuta: sleep 2; echo x y ejecuta: sleep 60",
        MODEL="demo",
        ENJAMBRE_DATOS=str(datos),
    )
    await esperar_proceso("sleep 60", vivo=True)
    shutil.rmtree(datos)
    _, errores = await asyncio.wait_for(proceso.communicate(), 30)
    assert proceso.returncode == 1
    assert b"Traceback" not in errores
    assert b"Exception" not in errores
    assert errores.decode().strip().splitlines()[-1].endswith("vuelve a empezar")


@pytest.mark.parametrize(
    ("variables", "dice"),
    [({"ENJAMBRE_DATOS": "/dev/null/x"}, "ENJAMBRE_DATOS"), ({"MODEL": "nadie:x"}, "nadie")],
)
async def test_una_carpeta_imposible_es_un_2(
    tmp_path: Path, variables: dict[str, str], dice: str
) -> None:
    salida = await correr(tmp_path, "-p", "x", **{"MODEL": "demo", **variables})
    assert salida.codigo == 2
    assert dice in salida.errores
    assert len(salida.errores.strip().splitlines()) == 1
