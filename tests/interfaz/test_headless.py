"""El programa de verdad, como proceso: una tarea, su salida, su código y ninguna traza."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sqlite3
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from servicios.ajustes import RAIZ
from tests.apoyo import (
    CONSOLA,
    PROBLEMA,
    PROVEEDORES,
    REPORTAR,
    delegar,
    doble_de,
    variables_de,
)
from tests.consola.apoyo import sueno
from tests.dobles.base import Doble
from tests.dobles.fallos import fallo
from tests.dobles.guion import Guion
from tests.dobles.respuestas import llamar, texto


@dataclass(frozen=True)
class Salida:
    codigo: int
    texto: str
    errores: str


def entorno(carpeta: Path, **variables: str) -> dict[str, str]:
    limpio = {k: v for k, v in os.environ.items() if "KEY" not in k and "URL" not in k}
    return {**limpio, "ENJAMBRE_DATOS": str(carpeta), "ENJAMBRE_REINTENTOS": "1", **variables}


async def lanzar(carpeta: Path, *argumentos: str, **variables: str) -> Process:
    return await asyncio.create_subprocess_exec(
        sys.executable,
        str(RAIZ / "main.py"),
        *argumentos,
        cwd=carpeta,
        env=entorno(carpeta, **variables),
        stdin=PIPE,
        stdout=PIPE,
        stderr=PIPE,
    )


async def correr(carpeta: Path, *argumentos: str, entrada: str = "", **variables: str) -> Salida:
    proceso = await lanzar(carpeta, *argumentos, **variables)
    async with asyncio.timeout(60):
        salida, errores = await proceso.communicate(entrada.encode())
    assert proceso.returncode is not None
    resultado = Salida(proceso.returncode, salida.decode(), errores.decode())
    assert "Traceback" not in resultado.texto + resultado.errores
    return resultado


@pytest.fixture
def proveedor() -> str:
    """El de las pruebas a las que les da igual; las demás los recorren."""
    return "openai"


con_todos = pytest.mark.parametrize("proveedor", PROVEEDORES)


@pytest.fixture
async def doble(proveedor: str) -> AsyncIterator[Doble]:
    async with doble_de(proveedor, Guion()) as abierto:
        yield abierto


@con_todos
async def test_una_tarea_en_texto(proveedor: str, doble: Doble, tmp_path: Path) -> None:
    doble.guion.poner("Master", [delegar("x", dice="voy"), texto("espera"), texto("son 5")])
    doble.guion.poner(
        "ejecutor-1",
        [llamar(CONSOLA, {"command": "echo hola | wc -c"}), llamar(REPORTAR, {"resultado": "5"})],
    )
    salida = await correr(tmp_path, "-p", "cuenta", **variables_de(proveedor, doble))
    doble.comprobar()
    assert (salida.codigo, salida.texto) == (0, "son 5\n")
    assert "ejecutor-1: $ echo hola | wc -c → código 0" in salida.errores


async def test_la_tarea_por_la_entrada_y_en_json(
    proveedor: str, doble: Doble, tmp_path: Path
) -> None:
    doble.guion.poner("Master", [delegar("x"), texto("espera"), texto("listo «ñ»")])
    doble.guion.poner("ejecutor-1", [llamar(REPORTAR, {"resultado": "5"})])
    salida = await correr(
        tmp_path, "--salida", "json", entrada="cuenta ñ\n", **variables_de(proveedor, doble)
    )
    objeto = json.loads(salida.texto)
    assert (salida.codigo, objeto["codigo"], objeto["texto"]) == (0, 0, "listo «ñ»")
    assert objeto["agentes"][0]["resultado"] == "5"
    assert objeto["agentes"][0]["estado"] == "completed"
    assert objeto["uso"]["entrada"] > 0
    assert objeto["sesion"]
    assert "cuenta ñ" in doble.peticiones[0].ultimo.texto


async def test_jsonl_es_cada_hecho_de_la_base(proveedor: str, doble: Doble, tmp_path: Path) -> None:
    doble.guion.poner("Master", [texto("hola")])
    salida = await correr(
        tmp_path, "-p", "hola", "--salida", "jsonl", **variables_de(proveedor, doble)
    )
    lineas = [json.loads(linea) for linea in salida.texto.splitlines()]
    db = sqlite3.connect(tmp_path / "swarm.db")
    filas = db.execute("SELECT id, tipo FROM logs ORDER BY id").fetchall()
    db.close()
    assert [(ll["id"], ll["tipo"]) for ll in lineas] == filas
    assert [tipo for _, tipo in filas] == [
        "system_init",
        "master_input",
        "llm_input",
        "llm_output",
        "master_response_text",
        "system_exit",
    ]


async def test_un_agente_en_pausa_es_un_1_y_se_nombra(
    proveedor: str, doble: Doble, tmp_path: Path
) -> None:
    doble.guion.poner("Master", [delegar("x"), texto("espera"), texto("necesita la clave")])
    doble.guion.poner("ejecutor-1", [llamar(PROBLEMA, {"descripcion_problema": "¿clave?"})])
    salida = await correr(tmp_path, "-p", "x", **variables_de(proveedor, doble))
    assert (salida.codigo, salida.texto) == (1, "necesita la clave\n")
    assert "ejecutor-1 quedó en pausa" in salida.errores


async def test_un_agente_fallido_es_un_1(proveedor: str, doble: Doble, tmp_path: Path) -> None:
    doble.guion.poner("Master", [delegar("x"), texto("espera"), texto("no pudo")])
    doble.guion.poner("ejecutor-1", fallo("500"))
    salida = await correr(tmp_path, "-p", "x", **variables_de(proveedor, doble))
    assert (salida.codigo, salida.texto) == (1, "no pudo\n")


@con_todos
async def test_si_el_master_no_puede_es_un_1_con_una_linea(
    proveedor: str, doble: Doble, tmp_path: Path
) -> None:
    doble.guion.poner("Master", fallo("500"))
    salida = await correr(tmp_path, "-p", "x", **variables_de(proveedor, doble))
    assert salida.codigo == 1
    assert salida.errores.splitlines()[-1].startswith("master: ")


@con_todos
async def test_una_clave_mala_y_un_modelo_que_no_existe_son_un_2(
    proveedor: str, tmp_path: Path
) -> None:
    clave = "OPENAI_API_KEY" if proveedor == "openai" else "GOOGLE_API_KEY"
    modelos = ["gpt-prueba", "gemini-3-prueba"]
    async with doble_de(proveedor, Guion({"Master": texto("hola")}), modelos=modelos) as doble:
        variables = variables_de(proveedor, doble)
        mala = await correr(tmp_path, "-p", "x", **{**variables, clave: "clave-mala-123"})
        assert mala.codigo == 2
        assert clave in mala.errores
        assert "clave-mala-123" not in mala.errores
        otro = await correr(tmp_path, "-p", "x", **{**variables, "MODEL": f"{proveedor}:no-hay"})
        assert otro.codigo == 2
        assert "no-hay" in otro.errores
        assert "MODEL" in otro.errores


@con_todos
async def test_sin_servidor_hay_una_linea_que_lo_dice(proveedor: str, tmp_path: Path) -> None:
    async with doble_de(proveedor, Guion()) as doble:
        variables = variables_de(proveedor, doble)
    salida = await correr(tmp_path, "-p", "x", **variables)
    assert salida.codigo == 1
    assert "127.0.0.1" in salida.errores.splitlines()[-1]


@pytest.mark.parametrize(("senal", "codigo"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
async def test_una_senal_cierra_las_filas_y_mata_lo_suyo(
    proveedor: str, doble: Doble, tmp_path: Path, senal: signal.Signals, codigo: int
) -> None:
    doble.guion.poner("Master", [delegar("x"), texto("espera")])
    orden = f"sleep {sueno()}"
    doble.guion.poner("ejecutor-1", [llamar(CONSOLA, {"command": orden})])
    proceso = await lanzar(tmp_path, "-p", "x", **variables_de(proveedor, doble))
    assert proceso.stdin is not None
    proceso.stdin.close()
    await doble.esperar(1, "ejecutor-1", 30)
    await esperar_proceso(orden, vivo=True)
    proceso.send_signal(senal)
    async with asyncio.timeout(20):
        _, errores = await proceso.communicate()
    assert proceso.returncode == codigo
    assert b"Traceback" not in errores
    await esperar_proceso(orden, vivo=False)
    db = sqlite3.connect(tmp_path / "swarm.db")
    assert db.execute("SELECT status, end_time IS NULL FROM agent_runs").fetchall() == [
        ("cancelled", 0)
    ]
    assert db.execute("SELECT codigo FROM sessions").fetchall() == [(codigo,)]
    assert db.execute("SELECT tipo FROM logs ORDER BY id DESC LIMIT 1").fetchone() == (
        "system_exit",
    )
    db.close()


async def test_kill_9_no_pierde_lo_confirmado_ni_deja_procesos(
    proveedor: str, doble: Doble, tmp_path: Path
) -> None:
    orden = f"sleep {sueno()}"
    doble.guion.poner("Master", [delegar("x", "y"), texto("espera")])
    doble.guion.poner(
        "ejecutor-*",
        [
            llamar(CONSOLA, {"command": "echo uno"}),
            llamar(CONSOLA, {"command": f"setsid {orden} & {orden}"}),
        ],
    )
    proceso = await lanzar(
        tmp_path,
        *("-p", "x", "--salida", "jsonl"),
        **variables_de(proveedor, doble),
        ENJAMBRE_LIMITE_COMANDO_S="3",
    )
    assert proceso.stdin is not None
    proceso.stdin.close()
    await doble.esperar(2, "ejecutor-1", 30)
    await esperar_proceso(orden, vivo=True)
    proceso.kill()
    salida, _ = await proceso.communicate()
    await esperar_proceso(orden, vivo=False)
    db = sqlite3.connect(tmp_path / "swarm.db")
    assert db.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    ids = {fila[0] for fila in db.execute("SELECT id FROM logs")}
    db.close()
    confirmados = {json.loads(ll)["id"] for ll in salida.decode().splitlines() if ll.endswith("}")}
    assert confirmados
    assert confirmados <= ids


async def esperar_proceso(orden: str, *, vivo: bool) -> None:
    """Espera hasta 30 s a que haya (o no) un proceso con esa orden."""
    buscado = orden.replace(" ", "\0") + "\0"
    for _ in range(600):
        hay = any(_cmdline(p) == buscado for p in Path("/proc").glob("[0-9]*/cmdline"))
        if hay is vivo:
            return
        await asyncio.sleep(0.05)
    raise AssertionError(f"«{orden}» {'no ' if vivo else ''}está en marcha")


def _cmdline(ruta: Path) -> str:
    try:
        return ruta.read_text(errors="replace")
    except OSError:
        return ""
