"""El editor, la búsqueda y el redibujo: teclas que no pierden lo escrito ni lo que se veía."""

from __future__ import annotations

import shlex
import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from tests.interfaz.apoyo_tmux import escrito, programa

pytestmark = [
    pytest.mark.tmux,
    pytest.mark.skipif(shutil.which("tmux") is None, reason="no hay tmux"),
]


async def test_editor_busqueda_y_redibujo(tmp_path: Path) -> None:
    editor = tmp_path / "editor"
    editor.write_text('#!/bin/sh\nprintf " y más" >> "$1"\n', encoding="utf-8")
    editor.chmod(0o755)
    async with programa(tmp_path / "data", EDITOR=str(editor), VISUAL="") as t:
        await t.se_ve("tokens")
        await t.enviar("/estado")
        await t.se_ve("bitácora:")
        await t.teclear("mitad")
        await t.hasta(lambda p: escrito(p) == "mitad")
        await t.pulsar("C-g")
        await t.hasta(lambda p: escrito(p) == "mitad y más")
        await t.pulsar("C-x", "C-e")
        await t.hasta(lambda p: escrito(p) == "mitad y más y más")
        antes = await t.pantalla()
        await t.pulsar("C-l")
        await t.teclear("!")
        pantalla = await t.hasta(lambda p: escrito(p) == "mitad y más y más!")
        assert "bitácora:" in antes
        assert "bitácora:" in pantalla
        await t.pulsar("C-c")
        await t.hasta(lambda p: escrito(p) == "")
        await t.pulsar("C-r")
        await t.teclear("est")
        await t.se_ve("/estado")
        await t.pulsar("Enter")
        await t.hasta(lambda p: "I-search" not in p)
        await t.hasta(lambda p: escrito(p) == "/estado")
        await t.pulsar("C-c")
        await t.enviar("salir")
        await t.se_ve("CODIGO=0")


async def test_lo_pegado_no_se_parte_aunque_se_escriba_por_encima(tmp_path: Path) -> None:
    crudo = tmp_path / "crudo"
    async with programa(tmp_path / "data") as t:
        await t.tmux("pipe-pane", "-o", f"cat >> {shlex.quote(str(crudo))}")
        await t.se_ve("tokens")
        await t.enviar(" y ".join(f"ejecuta: sleep {n / 20:.2f}; seq 4" for n in range(40)))
        await t.se_ve("lanzado")
        for n in range(30):
            await t.tmux("set-buffer", f"esto {n} es\nun pegado de\ntres líneas")
            await t.tmux("paste-buffer", "-p")
            await t.pulsar("Enter")
        await t.se_ve("agentes: 40 terminados", 60)
        assert b"\x1b[?2004l" not in crudo.read_bytes()
        await t.enviar("salir")
        await t.se_ve("CODIGO=0")
    # Y al salir, el terminal pega como antes.
    assert crudo.read_bytes().rfind(b"\x1b[?2004l") > crudo.read_bytes().rfind(b"\x1b[?2004h")
    with closing(sqlite3.connect(tmp_path / "data" / "swarm.db")) as db:
        sql = "SELECT details->>'$.texto' FROM logs WHERE tipo='master_input' ORDER BY id"
        dichas = [texto for (texto,) in db.execute(sql)]
    assert dichas[1:] == [f"esto {n} es\nun pegado de\ntres líneas" for n in range(30)]


async def test_el_titulo_de_la_ventana_vuelve_a_ser_el_de_antes(tmp_path: Path) -> None:
    async with programa(tmp_path) as t:
        await t.se_ve("tokens")
        antes = (await t.tmux("display-message", "-p", "#{pane_title}")).strip()
        await t.enviar("problema: ¿sigo?")
        await t.se_ve("ejecutor-1 problema")
        titulo = ""
        while titulo != "1 espera · Enjambre":
            titulo = (await t.tmux("display-message", "-p", "#{pane_title}")).strip()
        await t.enviar("salir")
        await t.se_ve("CODIGO=0")
        assert (await t.tmux("display-message", "-p", "#{pane_title}")).strip() in {antes, ""}


async def test_parar_a_todos_pregunta_antes_y_no_toca_lo_escrito(tmp_path: Path) -> None:
    async with programa(tmp_path) as t:
        await t.se_ve("tokens")
        await t.pulsar("C-x", "C-k")
        await t.se_ve("No hay agentes vivos.")
        await t.enviar("problema: ¿sigo?")
        await t.se_ve("ejecutor-1 problema")
        await t.teclear("n")
        await t.hasta(lambda p: escrito(p) == "n")
        await t.pulsar("C-x", "C-k")
        await t.se_ve("¿Cancelar a todos (ejecutor-1)? s/n")
        assert escrito(await t.pantalla()) == "n"
        await t.pulsar("Enter")
        await t.se_ve("No se cancela a nadie.")
        await t.pulsar("C-x", "C-k")
        await t.hasta(lambda p: p.count("¿Cancelar a todos") == 2)
        await t.enviar("s")
        await t.se_ve("Cancelados: ejecutor-1.")
        await t.enviar("salir")
        await t.se_ve("CODIGO=0")
