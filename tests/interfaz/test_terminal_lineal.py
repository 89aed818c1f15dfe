from __future__ import annotations

import asyncio
import io
import os
import re
import sys
from pathlib import Path

import pytest

from servicios.interfaz.lineas import Linea, Tono
from servicios.interfaz.terminal.cara import es_completo
from servicios.interfaz.terminal.lineal import PapelLlano, leer_lineas
from servicios.interfaz.terminal.ordenes.tabla import TECLAS_LLANAS
from tests.interfaz.apoyo_pty import en_pty
from tests.interfaz.apoyo_terminal import hasta

MAIN = (sys.executable, "main.py")


@pytest.mark.parametrize(
    ("entorno", "terminal", "completo"),
    [
        ({"TERM": "xterm"}, True, True),
        ({"TERM": "xterm", "NO_COLOR": ""}, True, True),
        ({"TERM": "xterm", "NO_COLOR": "1"}, True, False),
        ({"TERM": "dumb"}, True, False),
        ({}, True, False),
        ({"TERM": "xterm"}, False, False),
    ],
)
def test_cuando_hay_terminal_completo(
    entorno: dict[str, str], terminal: bool, completo: bool
) -> None:
    assert es_completo(entorno, es_terminal=terminal) is completo


@pytest.mark.parametrize(("no_color", "term"), [("1", "xterm"), ("", "dumb")])
async def test_sin_colores_se_conversa_sin_un_solo_escape(
    tmp_path: Path, no_color: str, term: str
) -> None:
    async with en_pty(*MAIN, ENJAMBRE_DATOS=str(tmp_path), NO_COLOR=no_color, TERM=term) as t:
        await t.se_ve("> ")
        t.teclear("ejecuta: echo hola-$((1+1)); printf '\\033[31mrojo'\n")
        await t.se_ve("ejecutor-1 terminó")
        await t.se_ve("hola-2")
        t.teclear("/agentes\n")
        await t.se_ve("señal")
        t.teclear("ejecuta: sleep 20.81\n")
        await t.se_ve("ejecutor-2 lanzado")
        t.teclear("salir\n")
        assert await asyncio.wait_for(t.proceso.wait(), 10) == 0
        await t.se_ve("Agentes cancelados: ejecutor-2.")
        assert b"\x1b" not in t.bytes
        assert "Traceback" not in t.texto


async def test_ctrl_d_y_ctrl_c_en_modo_llano(tmp_path: Path) -> None:
    for fin in ("\x04", "\x03\x03"):
        async with en_pty(*MAIN, ENJAMBRE_DATOS=str(tmp_path), NO_COLOR="1") as t:
            await t.se_ve("Modelo:")
            t.teclear(fin[:1])
            if fin[1:]:
                await t.se_ve("Otra vez Ctrl-C para salir.")
                t.teclear(fin[1:])
            assert await asyncio.wait_for(t.proceso.wait(), 10) == 0
            assert "Traceback" not in t.texto


async def test_en_modo_llano_ctrl_c_tira_la_linea_y_la_ayuda_no_cuenta_otras_teclas(
    tmp_path: Path,
) -> None:
    async with en_pty(*MAIN, ENJAMBRE_DATOS=str(tmp_path), NO_COLOR="1") as t:
        await t.se_ve("Modelo:")
        t.teclear("/ayuda\n")
        await t.se_ve("en una línea vacía, cierra la sesión")
        for tecla, hace in TECLAS_LLANAS:
            assert re.search(rf"^{tecla} +{hace}$", t.texto, re.MULTILINE)
        for otra in ("Tab", "Alt-Enter", "Arriba"):
            assert otra not in t.texto
        t.teclear("ejecuta: echo a medias")
        await t.se_ve("a medias")
        t.teclear("\x03")
        await t.se_ve("Otra vez Ctrl-C para salir.")
        t.teclear("/estado\n")
        await t.se_ve("agentes: ninguno")
        t.teclear("otra a medias")
        await t.se_ve("otra a medias")
        t.teclear("\x03")
        assert await asyncio.wait_for(t.proceso.wait(), 10) == 0


async def test_con_la_salida_en_un_archivo_el_texto_es_llano(tmp_path: Path) -> None:
    archivo = tmp_path / "salida.txt"
    with archivo.open("wb") as salida:
        async with en_pty(*MAIN, salida_aparte=salida.fileno(), ENJAMBRE_DATOS=str(tmp_path)) as t:
            await hasta(lambda: "Modelo:" in archivo.read_text(), 15)
            t.teclear("ejecuta: echo al-archivo\n")
            await hasta(lambda: "ejecutor-1 terminó" in archivo.read_text(), 15)
            t.teclear("salir\n")
            assert await asyncio.wait_for(t.proceso.wait(), 10) == 0
    assert "\x1b" not in archivo.read_text()
    assert "al-archivo" in archivo.read_text()


async def test_el_prompt_llano_vuelve_tras_cada_rafaga_y_no_en_medio() -> None:
    salida = io.StringIO()
    papel = PapelLlano(salida)
    papel.pedir()
    await asyncio.sleep(0)
    papel.linea(Linea("una\x1b[31m", "a-1", Tono.MAL))
    papel.linea(Linea("dos"))
    await asyncio.sleep(0)
    papel.linea_leida()
    papel.tabla(("id", "tarea"), [("largo-1", "x")])
    papel.callar()
    await asyncio.sleep(0)
    assert salida.getvalue() == "> \na-1 una\ndos\n> id       tarea\nlargo-1  x\n"


@pytest.mark.parametrize(
    ("escrito", "lineas"),
    [
        ("uno\ndos\n", ["uno", "dos", None]),
        ("ñandú sin salto", ["ñandú sin salto", None]),
        ("", [None]),
        ("\n\n", ["", "", None]),
    ],
)
async def test_leer_lineas(escrito: str, lineas: list[str | None]) -> None:
    lee, escribe = os.pipe()
    leidas: list[str | None] = []
    hilo = leer_lineas(lee, leidas.append)
    for octeto in escrito.encode():
        os.write(escribe, bytes([octeto]))
    os.close(escribe)
    await hasta(lambda: not hilo.is_alive())
    os.close(lee)
    assert leidas == lineas


def test_leer_de_dev_null_acaba_en_seguida() -> None:
    leidas: list[str | None] = []
    with Path(os.devnull).open("rb") as nada:
        leer_lineas(nada.fileno(), leidas.append).join(5)
    assert leidas == [None]
