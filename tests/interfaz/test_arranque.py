"""Los argumentos y la configuración: cada error, una línea y un 2."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.interfaz.test_headless import correr


@pytest.mark.parametrize(
    ("argumentos", "entrada", "variables", "dice"),
    [
        (["-p", "hola"], "", {}, "No hay modelo"),
        (["-p", "   "], "", {"MODEL": "demo"}, "la tarea está vacía"),
        ([], "", {"MODEL": "demo"}, "la tarea está vacía"),
        (["--no-existe"], "", {}, "--no-existe"),
        (["-p", "x", "--salida", "xml"], "", {}, "xml"),
        (["-p", "x"], "", {"MODEL": "llama3:8b"}, "llama3:8b"),
        (["-p", "x"], "", {"MODEL": "groq:x"}, "GROQ_API_KEY"),
        (["-p", "x"], "", {"MODEL": "openai:gpt-5"}, "OPENAI_API_KEY"),
        (["-p", "x"], "", {"MODEL": "demo", "ENJAMBRE_REINTENTOS": "mucho"}, "REINTENTOS"),
    ],
)
async def test_configuracion_mala(
    tmp_path: Path, argumentos: list[str], entrada: str, variables: dict[str, str], dice: str
) -> None:
    salida = await correr(tmp_path, *argumentos, entrada=entrada, **variables)
    assert salida.codigo == 2
    assert salida.texto == ""
    assert dice in salida.errores


async def test_la_demo_trabaja_sin_clave_si_se_pide(tmp_path: Path) -> None:
    salida = await correr(tmp_path, "-p", "ejecuta: echo $((6*7))", MODEL="demo")
    assert salida.codigo == 0
    assert "42" in salida.texto


async def test_una_base_ajena_se_rechaza_con_una_linea(tmp_path: Path) -> None:
    (tmp_path / "swarm.db").write_bytes(b"esto no es una base" * 100)
    salida = await correr(tmp_path, "-p", "hola", MODEL="demo")
    assert salida.codigo == 1
    assert "swarm.db" in salida.errores
    assert len(salida.errores.splitlines()) == 1


async def test_la_ayuda_sale_bien(tmp_path: Path) -> None:
    salida = await correr(tmp_path, "--help")
    assert salida.codigo == 0
    assert "--salida" in salida.texto
