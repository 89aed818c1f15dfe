"""Una tarea con presupuesto, como proceso: con qué código sale y qué dice."""

from __future__ import annotations

import asyncio
import json
import os
import sqlite3
import sys
from asyncio.subprocess import DEVNULL, PIPE
from contextlib import closing
from pathlib import Path

import pytest

from agentes.respuestas import Uso
from tests.apoyo import CONSOLA, REPORTAR, delegar, tipo, variables_de
from tests.dobles.guion import Guion
from tests.dobles.openai import DobleOpenAI
from tests.dobles.respuestas import Fin, llamar, texto
from tests.interfaz.test_headless import correr
from tests.tortura.cliente import copiar_programa


async def test_sin_presupuesto_que_lo_pague_sale_con_4_y_dice_como_seguir(tmp_path: Path) -> None:
    guion = Guion(
        {
            "Master": [delegar("a"), texto("espero", uso=Uso(9_000, 5)), texto("fin")],
            "ejecutor-*": [llamar(REPORTAR, {"resultado": "nunca"})],
        }
    )
    async with DobleOpenAI(guion) as doble:
        de_doble = variables_de("openai", doble)
        salida = await correr(tmp_path, "-p", "a", "--presupuesto", "tokens=4000", **de_doble)
    assert salida.codigo == 4
    assert "presupuesto agotado" in salida.errores
    assert "--presupuesto tokens=N --salida texto" in salida.errores


async def test_si_lo_que_se_corta_es_la_respuesta_del_master_tambien_dice_como_seguir(
    tmp_path: Path,
) -> None:
    cortada = texto("y " * 900, uso=Uso(1_000, 2_000), fin=Fin.LONGITUD)
    async with DobleOpenAI(Guion({"Master": [cortada]})) as doble:
        de_doble = variables_de("openai", doble)
        salida = await correr(tmp_path, "-p", "a", "--presupuesto", "tokens=4000", **de_doble)
    assert salida.codigo == 4
    assert "Se acabó el presupuesto (la respuesta no cupo en los" in salida.errores


async def test_un_agente_de_mas_tambien_es_un_4_aunque_el_master_acabe(tmp_path: Path) -> None:
    guion = Guion({"Master": [delegar("a"), texto("sin ayuda no puedo")]})
    async with DobleOpenAI(guion) as doble:
        de_doble = variables_de("openai", doble)
        salida = await correr(tmp_path, "-p", "a", "--presupuesto", "agentes=0", **de_doble)
    assert (salida.codigo, salida.texto) == (4, "sin ayuda no puedo\n")
    assert "la sesión: gastado 0 agentes de 0 agentes" in salida.errores
    assert "--presupuesto agentes=N --salida texto" in salida.errores


async def test_si_alcanza_sale_con_0(tmp_path: Path) -> None:
    async with DobleOpenAI(Guion({"Master": [texto("hola", uso=Uso(10, 2))]})) as doble:
        topes = "tokens=50000,segundos=60,comandos=3,agentes=2"
        de_doble = variables_de("openai", doble)
        salida = await correr(tmp_path, "-p", "a", "--presupuesto", topes, **de_doble)
    assert (salida.codigo, salida.texto) == (0, "hola\n")


async def test_un_tope_de_dinero_sin_precio_es_una_linea_y_un_2(tmp_path: Path) -> None:
    async with DobleOpenAI(Guion({"Master": [texto("hola")]})) as doble:
        de_doble = variables_de("openai", doble)
        negada = await correr(tmp_path, "-p", "a", "--presupuesto", "usd=1", **de_doble)
        assert (negada.codigo, negada.texto) == (2, "")
        assert negada.errores.count("\n") == 1
        assert "no se sabe el precio de openai:gpt-prueba" in negada.errores
        assert doble.peticiones == []
        precio = {"modelos": {"openai:gpt-prueba": {"entrada": 1, "salida": 2}}}
        (tmp_path / "precios.json").write_text(json.dumps(precio))
        salida = await correr(tmp_path, "-p", "a", "--presupuesto", "usd=1", **de_doble)
    assert (salida.codigo, salida.texto) == (0, "hola\n")


async def test_la_demostracion_no_cuesta_nada(tmp_path: Path) -> None:
    argumentos = ("-p", "ejecuta: echo hola", "--presupuesto", "usd=0")
    salida = await correr(tmp_path, *argumentos, MODEL="demo")
    assert salida.codigo == 0, salida.errores
    with closing(sqlite3.connect(tmp_path / "swarm.db")) as db:
        assert db.execute("SELECT cost FROM agent_runs").fetchall() == [(0.0,)]


@pytest.mark.parametrize(
    ("topes", "dice"),
    [
        ("euros=3", "--presupuesto: «euros» no es un recurso"),
        ("tokens=-2", "--presupuesto: tokens: ha de ser un número desde 0"),
        ("", "--presupuesto: está vacío"),
    ],
)
async def test_un_presupuesto_mal_escrito_es_una_linea_y_un_2(
    tmp_path: Path, topes: str, dice: str
) -> None:
    salida = await correr(tmp_path, "-p", "a", f"--presupuesto={topes}", MODEL="demo")
    assert (salida.codigo, salida.texto) == (2, "")
    assert salida.errores.count("\n") == 1
    assert dice in salida.errores


async def test_un_presupuesto_dicho_dos_veces_no_pierde_el_primero(tmp_path: Path) -> None:
    dos = ("--presupuesto", "tokens=9000", "--presupuesto", "usd=1")
    salida = await correr(tmp_path, "-p", "a", *dos, MODEL="demo")
    assert (salida.codigo, salida.texto) == (2, "")
    assert "--presupuesto: se dijo dos veces; ponlo todo en una, con comas" in salida.errores


async def test_si_el_tope_era_de_un_agente_dice_donde_se_sube(tmp_path: Path) -> None:
    guion = Guion(
        {
            "Master": [delegar("a", tipo="corto"), texto("espero")],
            "corto-*": [llamar(CONSOLA, {"command": "true"})],
        }
    )
    async with DobleOpenAI(guion) as doble:
        corto = tipo("corto", presupuesto={"comandos": 0})
        raiz = copiar_programa(tmp_path, variables_de("openai", doble), corto)
        proceso = await asyncio.create_subprocess_exec(
            *(sys.executable, str(raiz / "main.py"), "-p", "a"),
            env={k: v for k, v in os.environ.items() if "KEY" not in k and "URL" not in k},
            stdin=DEVNULL,
            stdout=DEVNULL,
            stderr=PIPE,
        )
        async with asyncio.timeout(60):
            errores = (await proceso.communicate())[1].decode()
    assert proceso.returncode == 4
    assert "/presupuesto ID recurso=+N" in errores
    assert "corto-1: presupuesto agotado, queda en pausa · corto-1: gastado 0 comandos" in errores


@pytest.mark.parametrize("valor", ["-1", "NaN", "true", "1" + "0" * 400])
async def test_una_tabla_de_precios_rota_nombra_el_archivo(tmp_path: Path, valor: str) -> None:
    tabla = f'{{"modelos": {{"openai:x": {{"entrada": {valor}, "salida": 2}}}}}}'
    (tmp_path / "precios.json").write_text(tabla)
    salida = await correr(tmp_path, "-p", "a", MODEL="demo")
    assert (salida.codigo, salida.texto) == (2, "")
    assert "precios.json: «entrada» ha de ser un número desde 0" in salida.errores
