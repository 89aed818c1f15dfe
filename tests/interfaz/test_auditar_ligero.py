"""Lo pesado no se carga para enseñar el prompt ni para leer los argumentos."""

from __future__ import annotations

import subprocess
import sys

from servicios.ajustes import RAIZ

PESADOS = ("langchain_core", "pydantic", "pydantic_settings", "requests", "httpx", "aiosqlite")


def test_el_programa_se_importa_sin_lo_pesado() -> None:
    mira = f"import sys, main; print(sorted(set({PESADOS!r}) & set(sys.modules)))"
    hecho = subprocess.run(
        [sys.executable, "-c", mira], cwd=RAIZ, capture_output=True, text=True, check=True
    )
    assert hecho.stdout.strip() == "[]"
