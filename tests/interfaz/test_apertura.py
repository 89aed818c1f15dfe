"""Abrir, seguir y bifurcar cuando algo no vale: una línea, un código, y nada escrito de más."""

from __future__ import annotations

import asyncio
import sqlite3
import sys
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path

import pytest

from servicios.registros.esquema.migraciones import MIGRACIONES
from tests.interfaz.apoyo_pty import en_pty
from tests.interfaz.test_headless import correr
from tests.registros.sesion_de_ejemplo import bitacora, grabar_sesion
from tests.registros.test_migraciones import volver_a_la_1

ENORME = "9" * 20
SIN_DOCKER = {"MODEL": "demo", "DOCKER_HOST": "unix:///no/existe.sock"}


def preguntar(datos: Path, sql: str) -> list[tuple[object, ...]]:
    with closing(sqlite3.connect(datos / "swarm.db")) as db:
        return db.execute(sql).fetchall()


async def test_lo_que_no_llego_a_abrirse_no_deja_ninguna_fila(tmp_path: Path) -> None:
    await correr(tmp_path, "-p", "hola", MODEL="demo")
    antes = preguntar(tmp_path, "SELECT id, tipo FROM logs")
    for como in (["-p", "hola"], ["--reanudar"]):
        salida = await correr(tmp_path, *como, "--aislamiento", "docker", **SIN_DOCKER)
        assert salida.codigo == 2
    assert preguntar(tmp_path, "SELECT id, tipo FROM logs") == antes
    assert preguntar(tmp_path, "SELECT codigo, motivo FROM sessions") == [(0, "tarea terminada")]


@pytest.mark.parametrize(
    "orden",
    [
        ("--bifurcar-en", ENORME),
        ("auditar", "por-que", ENORME),
        ("auditar", "linea", "--desde", ENORME),
        # Más cifras de las que Python convierte en número.
        ("auditar", "por-que", ENORME * 300),
        ("auditar", "linea", "--desde", ENORME * 300),
    ],
)
async def test_un_numero_que_no_cabe_en_una_fila_es_mal_uso(
    tmp_path: Path, orden: Sequence[str]
) -> None:
    await correr(tmp_path, "-p", "hola", MODEL="demo")
    salida = await correr(tmp_path, *orden, MODEL="demo")
    assert (salida.codigo, len(salida.errores.splitlines())) == (2, 1)
    assert "demasiado grande" in salida.errores


async def test_bifurcar_con_un_modelo_sin_clave_no_deja_otra_sesion(tmp_path: Path) -> None:
    await correr(tmp_path, "-p", "hola", MODEL="demo")
    salida = await correr(tmp_path, "--bifurcar-en", "4", "--modelo", "openai:gpt-5")
    assert salida.codigo == 2
    assert "OPENAI_API_KEY" in salida.errores
    assert preguntar(tmp_path, "SELECT count(*) FROM sessions") == [(1,)]


async def base_vieja(carpeta: Path) -> None:
    async with bitacora(carpeta / "nueva.db", "20260101-a") as gestor:
        await grabar_sesion(gestor)
    volver_a_la_1(carpeta / "nueva.db", carpeta / "swarm.db")


async def test_reanudar_pone_antes_al_dia_una_base_anterior(tmp_path: Path) -> None:
    await base_vieja(tmp_path)
    salida = await correr(tmp_path, "--reanudar", "no-existe", MODEL="demo")
    assert (salida.codigo, "no existe la sesión" in salida.errores) == (2, True)
    assert preguntar(tmp_path, "PRAGMA user_version") == [(len(MIGRACIONES),)]


async def test_las_ordenes_que_no_migran_dicen_como_ponerla_al_dia(tmp_path: Path) -> None:
    await base_vieja(tmp_path)
    for orden in (("podar", "x"), ("reproducir", "x")):
        salida = await correr(tmp_path, *orden)
        assert salida.codigo == 1
        assert "versión anterior" in salida.errores


async def test_podar_lo_mismo_dos_veces_es_una(tmp_path: Path) -> None:
    await correr(tmp_path, "-p", "hola", MODEL="demo")
    [(sesion,)] = preguntar(tmp_path, "SELECT id FROM sessions")
    salida = await correr(tmp_path, "podar", str(sesion), str(sesion)[:8])
    assert (salida.codigo, salida.texto.count("archivadas")) == (0, 1)


async def test_ctrl_d_al_preguntar_cual_se_sigue_es_una_linea(tmp_path: Path) -> None:
    await correr(tmp_path, "-p", "hola", MODEL="demo")
    await correr(tmp_path, "-p", "hola", MODEL="demo")
    with closing(sqlite3.connect(tmp_path / "swarm.db")) as db:
        db.execute("UPDATE sessions SET end_time = NULL")
        db.commit()
    orden = (sys.executable, "main.py", "--reanudar")
    async with en_pty(*orden, ENJAMBRE_DATOS=str(tmp_path), MODEL="demo") as t:
        await t.se_ve("Cuál sigo")
        t.teclear("\x04")
        assert await asyncio.wait_for(t.proceso.wait(), 10) == 2
        await t.se_ve("no se dijo cuál")
    assert "EOFError" not in t.texto


async def test_un_numero_enorme_en_una_orden_no_acaba_la_conversacion(tmp_path: Path) -> None:
    orden = (sys.executable, "main.py")
    async with en_pty(*orden, ENJAMBRE_DATOS=str(tmp_path), MODEL="demo", NO_COLOR="1") as t:
        await t.se_ve("> ")
        for linea in (f"/por-que {ENORME}", f"/bifurcar {ENORME}", "estado"):
            t.teclear(f"{linea}\n")
        await t.se_ve("ningún agente")
        assert t.texto.count("demasiado grande") == 2
        t.teclear("salir\n")
        assert await asyncio.wait_for(t.proceso.wait(), 10) == 0


async def test_una_bifurcacion_sin_abrir_lleva_el_modelo_de_su_origen_y_se_repite(
    tmp_path: Path,
) -> None:
    orden = (sys.executable, "main.py")
    async with en_pty(*orden, ENJAMBRE_DATOS=str(tmp_path), MODEL="demo:uno", NO_COLOR="1") as t:
        await t.se_ve("> ")
        t.teclear("estado\n")
        await t.se_ve("ningún agente")
        t.teclear("/bifurcar\n")
        await t.se_ve("Para abrirla")
        t.teclear("salir\n")
        await asyncio.wait_for(t.proceso.wait(), 10)
    [(hija,)] = preguntar(tmp_path, "SELECT id FROM sessions WHERE origen IS NOT NULL")
    assert preguntar(tmp_path, "SELECT DISTINCT modelo FROM sessions") == [("demo:uno",)]
    assert "Igual" in (await correr(tmp_path, "reproducir", str(hija))).texto


async def test_lo_que_se_bifurca_con_otro_modelo_se_repite_igual(tmp_path: Path) -> None:
    await correr(tmp_path, "-p", "hola", MODEL="demo")
    bifurcada = await correr(
        tmp_path, "--bifurcar-en", "4", "--modelo", "demo:otro", "-p", "estado"
    )
    assert bifurcada.codigo == 0
    [(hija,)] = preguntar(tmp_path, "SELECT id FROM sessions WHERE origen IS NOT NULL")
    modelos = f"SELECT DISTINCT modelo FROM model_calls WHERE session = '{hija}' ORDER BY 1"
    assert preguntar(tmp_path, modelos) == [("demo:demo",), ("demo:otro",)]
    salida = await correr(tmp_path, "reproducir", str(hija))
    assert (salida.codigo, salida.texto[:5]) == (0, "Igual")


def ultima(datos: Path, que: str) -> str:
    """La fila más alta de un tipo en la sesión más nueva."""
    [(fila,)] = preguntar(
        datos,
        "SELECT max(l.id) FROM logs AS l WHERE l.session = (SELECT session FROM logs"
        f" ORDER BY id DESC LIMIT 1) AND l.tipo = '{que}'",
    )
    return str(fila)


@pytest.mark.parametrize("desde", ["llm_output", "llm_input"])
async def test_la_bifurcacion_de_una_bifurcacion_se_repite_igual(
    tmp_path: Path, desde: str
) -> None:
    """Cada una trae copiado lo que antes escribieron varios procesos, también sus cortes."""
    await correr(tmp_path, "-p", "ejecuta: echo a y problema: falta b", MODEL="demo")
    for _ in range(3):
        hija = await correr(tmp_path, "--bifurcar-en", ultima(tmp_path, desde), MODEL="demo")
        assert "es una bifurcación de" in hija.texto
    for [sesion] in preguntar(tmp_path, "SELECT id FROM sessions"):
        repetida = await correr(tmp_path, "reproducir", str(sesion))
        assert repetida.texto.startswith("Igual:"), repetida.texto + repetida.errores
    assert preguntar(tmp_path, "SELECT * FROM notices WHERE estado <> 'visto'") == preguntar(
        tmp_path, "SELECT * FROM notices WHERE destinatario LIKE 'ejecutor-%'"
    )
