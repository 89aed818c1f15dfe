"""Las guardias de `conftest.py` muerden: cada falta de estas pruebas de mentira la encuentran."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

CASA = Path(__file__).resolve().parent.parent

FALTAS = """
import asyncio, os, socket, subprocess, warnings
import pytest

SUELTAS = []

async def test_deja_tarea():
    SUELTAS.append(asyncio.create_task(asyncio.Event().wait()))

@pytest.fixture
async def servidor():
    tarea = asyncio.create_task(asyncio.Event().wait())
    yield tarea
    tarea.cancel()
    await asyncio.wait([tarea])

async def test_limpia_con_tarea_de_su_servidor(servidor):
    assert not servidor.done()

async def test_limpia_con_tarea_que_acaba_sola():
    SUELTAS.append(asyncio.create_task(asyncio.sleep(0.05)))

def test_deja_proceso():
    SUELTAS.append(subprocess.Popen(["sleep", "60"]))

async def test_deja_proceso_asincrono():
    SUELTAS.append(await asyncio.create_subprocess_exec("sleep", "60"))

def test_limpia_con_proceso():
    assert subprocess.run(["true"]).returncode == 0

def test_sale_por_direccion():
    socket.create_connection(("192.0.2.1", 80), timeout=1)

def test_sale_por_nombre():
    socket.getaddrinfo("example.org", 443)

async def test_sale_con_asyncio():
    await asyncio.open_connection("192.0.2.1", 80)

def test_limpia_en_casa():
    with socket.create_server(("127.0.0.1", 0)) as aqui:
        socket.create_connection(aqui.getsockname()).close()

def test_avisa():
    warnings.warn("cuidado")

async def test_limpia_con_entorno():
    assert "GROQ_API_KEY" not in os.environ and "HTTPS_PROXY" not in os.environ
    assert os.environ["LANGSMITH_TRACING"] == "false"
    assert os.environ["ENJAMBRE_DATOS"].endswith("data")
    assert asyncio.get_running_loop().get_debug()
"""

RESULTADO = re.compile(r"^(?:FAILED|ERROR) \S+::(\w+)", re.MULTILINE)


def test_cada_guardia_encuentra_su_falta(tmp_path: Path) -> None:
    (tmp_path / "conftest.py").write_bytes((CASA / "tests" / "conftest.py").read_bytes())
    (tmp_path / "test_faltas.py").write_text(FALTAS, encoding="utf-8")
    configuracion = ["-c", str(CASA / "pyproject.toml"), "--rootdir", str(tmp_path)]
    orden = [sys.executable, "-m", "pytest", *configuracion, str(tmp_path), "-p", "no:randomly"]
    claves = {"GROQ_API_KEY": "x", "HTTPS_PROXY": "http://127.0.0.1:9"}
    salida = subprocess.run(
        orden,
        cwd=tmp_path,
        env={**os.environ, **claves},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    ).stdout
    esperadas = set(re.findall(r"def (test_(?:deja|sale|avisa)\w*)", FALTAS))
    assert set(RESULTADO.findall(salida)) == esperadas, salida
    for frase in ("dejó tareas vivas", "dejó procesos vivos", "no salen de esta máquina"):
        assert frase in salida
