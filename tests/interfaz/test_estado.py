"""`python main.py estado`: con enjambre, sin él, tras un corte y en cualquier pantalla."""

from __future__ import annotations

import asyncio
import json
import sys
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from tests.apoyo import PROBLEMA, delegar, doble_de, variables_de
from tests.dobles.guion import Guion
from tests.dobles.respuestas import llamar, texto
from tests.interfaz.apoyo_pty import en_pty
from tests.interfaz.test_headless import correr

IGUALES = ("id", "superior", "estado", "motivo", "tokens_in", "tokens_out", "senal", "tarea")


async def test_sin_base_o_sin_enjambre_en_marcha_lo_dice_y_sale_con_0(tmp_path: Path) -> None:
    vacio = await correr(tmp_path, "estado", "--json")
    dicho = json.loads(vacio.texto)
    assert (vacio.codigo, dicho["vivo"], dicho["sesion"], dicho["agentes"]) == (0, False, None, [])
    assert not (tmp_path / "swarm.db").exists()
    assert (await correr(tmp_path, "estado")).texto.startswith("Todavía no hay ninguna sesión")

    hecha = await correr(tmp_path, "-p", "ejecuta: echo hola", "--salida", "json", MODEL="demo")
    sesion = json.loads(hecha.texto)["sesion"]
    for argumentos in ((), (sesion,), (sesion[:-2],)):
        cerrada = await correr(tmp_path, "estado", *argumentos, "--json")
        dicho = json.loads(cerrada.texto)
        assert (cerrada.codigo, dicho["vivo"], dicho["sesion"]) == (0, False, sesion)
        assert [(a["id"], a["estado"]) for a in dicho["agentes"]] == [("ejecutor-1", "completed")]
    otra = await correr(tmp_path, "estado", "no-existe")
    assert (otra.codigo, otra.texto, otra.errores.count("\n")) == (2, "", 1)


async def test_tras_un_kill_9_dice_que_no_esta_en_marcha_y_al_reanudar_vuelve(
    tmp_path: Path,
) -> None:
    guion = Guion(
        {
            "Master": lambda p: texto("espera") if p.resultados else delegar("algo"),
            "ejecutor-1": [llamar(PROBLEMA, {"descripcion_problema": "no sé seguir"})],
        }
    )
    async with doble_de("openai", guion) as doble:
        variables: dict[str, Any] = variables_de("openai", doble)
        llano = partial(
            en_pty, sys.executable, "main.py", ENJAMBRE_DATOS=str(tmp_path), NO_COLOR="1"
        )
        async with llano(**variables) as t:
            await t.se_ve("Modelo:")
            t.teclear("haz algo\n")
            await t.se_ve("problema · no sé seguir")
            t.proceso.kill()
            await t.proceso.wait()
        muerta = json.loads((await correr(tmp_path, "estado", "--json")).texto)
        (agente,) = muerta["agentes"]
        assert (muerta["vivo"], agente["estado"], agente["espera"]) == (False, "paused", "reanudar")
        async with llano("--reanudar", muerta["sesion"], **variables) as t:
            await t.se_ve("en pausa ejecutor-1")
            viva = json.loads((await correr(tmp_path, "estado", "--json")).texto)
            assert (viva["vivo"], viva["sesion"]) == (True, muerta["sesion"])
            (vuelto,) = viva["agentes"]
            assert {k: vuelto[k] for k in IGUALES} == {k: agente[k] for k in IGUALES}
            assert vuelto["espera"] == "superior"


@pytest.mark.parametrize(
    ("no_color", "term"), [("1", "xterm"), ("", "dumb"), ("", "xterm-256color")]
)
async def test_en_un_terminal_cabe_en_80_columnas_y_en_una_tuberia_va_entero(
    tmp_path: Path, no_color: str, term: str
) -> None:
    orden = "ejecuta: echo " + "palabra-" * 40
    assert (await correr(tmp_path, "-p", orden, MODEL="demo")).codigo == 0
    tuberia = await correr(tmp_path, "estado", NO_COLOR=no_color, TERM=term)
    assert "\x1b" not in tuberia.texto
    assert "palabra-" * 40 in tuberia.texto
    programa = (sys.executable, "main.py", "estado")
    async with en_pty(
        *programa,
        ENJAMBRE_DATOS=str(tmp_path),
        COLUMNS="80",
        LINES="24",
        NO_COLOR=no_color,
        TERM=term,
    ) as t:
        await asyncio.wait_for(t.proceso.wait(), 20)
        await t.se_ve("ejecutor-1  terminado")
        assert (b"\x1b" in t.bytes) == (term == "xterm-256color")
        if term != "xterm-256color":
            assert max(map(len, t.texto.splitlines())) <= 80
