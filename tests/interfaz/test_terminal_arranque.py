from __future__ import annotations

import asyncio
import json
import os
import pty
import statistics
import sys
import termios
import time
from pathlib import Path

import pytest

from servicios.interfaz.terminal.teclado import TecladoSinHuecos
from tests.interfaz.apoyo_pty import en_pty

MAIN = (sys.executable, "main.py")

PESADOS = (
    "langchain_core",
    "langchain_openai",
    "langchain_google_genai",
    "openai",
    "google",
    "pydantic",
    "pydantic_settings",
    "aiohttp",
    "aiosqlite",
    "jsonschema",
    "servicios.sistema",
)

TESTIGO = """
import asyncio, json, sys
import main
from agentes.errores import ErrorBitacora
from servicios.interfaz import terminal

class Abrir:
    async def __aenter__(self):
        with open(sys.argv[1], "w") as archivo:
            json.dump(sorted(sys.modules), archivo)
        raise ErrorBitacora("hasta aquí")
    async def __aexit__(self, *_):
        pass

sys.exit(asyncio.run(terminal.conversar(Abrir)))
"""


async def test_con_el_prompt_en_pantalla_no_se_ha_importado_nada_pesado(tmp_path: Path) -> None:
    lista = tmp_path / "modulos.json"
    async with en_pty(sys.executable, "-c", TESTIGO, str(lista)) as t:
        await t.se_ve("hasta aquí")
        assert t.texto.index("›") < t.texto.index("hasta aquí")
        assert await asyncio.wait_for(t.proceso.wait(), 10) == 1
    modulos = json.loads(lista.read_text())
    assert "prompt_toolkit" in modulos
    assert [m for m in modulos if m.startswith(PESADOS)] == []


@pytest.mark.solo
async def test_el_prompt_se_ve_enseguida(tmp_path: Path) -> None:
    suelo, prompt = [], []
    for _ in range(3):
        inicio = time.monotonic()
        base = await asyncio.create_subprocess_exec(
            sys.executable, "-c", "import prompt_toolkit, rich"
        )
        await base.wait()
        suelo.append(time.monotonic() - inicio)
        inicio = time.monotonic()
        async with en_pty(*MAIN, ENJAMBRE_DATOS=str(tmp_path)) as t:
            await t.se_ve("›")
            prompt.append(time.monotonic() - inicio)
            await t.se_ve("Modelo:")
            t.teclear("\x04")
            assert await asyncio.wait_for(t.proceso.wait(), 10) == 0
    assert statistics.median(prompt) < 1.5 * statistics.median(suelo) + 0.3


@pytest.mark.parametrize("no_color", ["", "1"])
async def test_una_configuracion_mala_es_una_linea_y_un_2(tmp_path: Path, no_color: str) -> None:
    datos = str(tmp_path)
    async with en_pty(*MAIN, ENJAMBRE_DATOS=datos, MODEL="raro:x", NO_COLOR=no_color) as t:
        assert await asyncio.wait_for(t.proceso.wait(), 10) == 2
        await t.se_ve("MODEL=raro:x")
        assert "Traceback" not in t.texto


async def test_sin_clave_ni_modelo_conversa_la_demostracion(tmp_path: Path) -> None:
    async with en_pty(*MAIN, ENJAMBRE_DATOS=str(tmp_path), MODEL="") as t:
        await t.se_ve("Demostración con reglas fijas")
        t.teclear("salir\r")
        assert await asyncio.wait_for(t.proceso.wait(), 10) == 0


def test_escribir_encima_no_devuelve_el_terminal_al_modo_normal() -> None:
    maestro, esclavo = pty.openpty()
    with os.fdopen(esclavo, "r") as terminal:
        teclado = TecladoSinHuecos(terminal)
        with teclado.raw_mode(), teclado.cooked_mode():
            locales = termios.tcgetattr(esclavo)[3]
            assert not locales & (termios.ECHO | termios.ICANON)
    os.close(maestro)
