"""`MODEL`: qué proveedor y qué modelo son."""

from __future__ import annotations

from pathlib import Path

import pytest

from agentes.errores import ErrorConfiguracion
from servicios.ajustes import Ajustes
from servicios.llm.preajustes import PREAJUSTES, resolver_modelo

VARIABLES = (
    "MODEL",
    "MODEL_NAME",
    "GOOGLE_API_KEY",
    "GEMINI_API_KEY",
    "OPENAI_API_KEY",
    "OPENAI_BASE_URL",
)


def ajustes_con(carpeta: Path, monkeypatch: pytest.MonkeyPatch, **variables: str) -> Ajustes:
    for nombre in VARIABLES:
        monkeypatch.delenv(nombre, raising=False)
    for nombre, valor in variables.items():
        monkeypatch.setenv(nombre, valor)
    return Ajustes.leer(carpeta)


@pytest.mark.parametrize(
    ("texto", "esperado"),
    [
        ("gemini:gemini-2.5-pro", "gemini:gemini-2.5-pro"),
        ("ollama:llama3:8b", "ollama:llama3:8b"),
        ("OpenAI: gpt-4o ", "openai:gpt-4o"),
        ("openrouter:anthropic/claude:beta", "openrouter:anthropic/claude:beta"),
        ("gemini-2.5-flash", "gemini:gemini-2.5-flash"),
        ("gpt-4o-mini", "openai:gpt-4o-mini"),
        ("o3", "openai:o3"),
        ("o4-mini", "openai:o4-mini"),
        ("demo", "demo:demo"),
        ("groq", f"groq:{PREAJUSTES['groq'].modelo}"),
        ("gemini", f"gemini:{PREAJUSTES['gemini'].modelo}"),
    ],
)
def test_se_reconoce(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, texto: str, esperado: str
) -> None:
    ajustes = ajustes_con(tmp_path, monkeypatch)
    referencia = resolver_modelo(texto, ajustes)
    assert str(referencia) == esperado
    assert resolver_modelo(str(referencia), ajustes) == referencia


@pytest.mark.parametrize("texto", ["llama3:8b", "mixtral", "ollama3", "o2", "openaigpt"])
def test_un_nombre_ambiguo_pide_el_proveedor(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, texto: str
) -> None:
    with pytest.raises(ErrorConfiguracion) as caso:
        resolver_modelo(texto, ajustes_con(tmp_path, monkeypatch))
    assert f"MODEL={texto}" in str(caso.value)
    assert "ollama" in str(caso.value)
    assert "\n" not in str(caso.value)


def test_con_un_servidor_propio_el_nombre_suelto_es_suyo(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ajustes = ajustes_con(tmp_path, monkeypatch, OPENAI_BASE_URL="http://127.0.0.1:1/v1")
    assert str(resolver_modelo("llama3:8b", ajustes)) == "openai:llama3:8b"


@pytest.mark.parametrize(
    ("claves", "proveedor"),
    [
        ({"GOOGLE_API_KEY": "g", "OPENAI_API_KEY": "o"}, "gemini"),
        ({"GEMINI_API_KEY": "g"}, "gemini"),
        ({"OPENAI_API_KEY": "o"}, "openai"),
    ],
)
def test_sin_model_decide_la_primera_clave(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, claves: dict[str, str], proveedor: str
) -> None:
    referencia = resolver_modelo("", ajustes_con(tmp_path, monkeypatch, **claves))
    assert str(referencia) == f"{proveedor}:{PREAJUSTES[proveedor].modelo}"


def test_sin_model_ni_claves_no_hay_modelo(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert resolver_modelo(None, ajustes_con(tmp_path, monkeypatch)) is None
    assert resolver_modelo("   ", ajustes_con(tmp_path, monkeypatch)) is None


@pytest.mark.parametrize("proveedor", ["vllm", "lmstudio"])
def test_un_servidor_sin_modelo_por_omision_pide_uno(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, proveedor: str
) -> None:
    with pytest.raises(ErrorConfiguracion, match=f"{proveedor}:MODELO"):
        resolver_modelo(proveedor, ajustes_con(tmp_path, monkeypatch))
