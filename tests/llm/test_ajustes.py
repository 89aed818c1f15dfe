"""Los ajustes: entorno sobre `.env`, errores de una línea y ninguna clave a la vista."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from agentes.errores import ErrorConfiguracion
from servicios.ajustes import RAIZ, VARIABLES, Ajustes


@pytest.fixture(autouse=True)
def entorno_limpio(monkeypatch: pytest.MonkeyPatch) -> None:
    for variable in VARIABLES.values():
        for nombre in variable.nombres:
            monkeypatch.delenv(nombre, raising=False)


def escribir(carpeta: Path, *lineas: str) -> Path:
    (carpeta / ".env").write_text("\n".join(lineas), encoding="utf-8")
    return carpeta


def test_sin_nada_valen_los_valores_por_omision(tmp_path: Path) -> None:
    ajustes = Ajustes.leer(tmp_path)
    assert ajustes.model is None
    assert ajustes.raiz == tmp_path
    assert ajustes.datos == tmp_path / "data"
    assert (ajustes.limite_llamada_s, ajustes.silencio_s, ajustes.reintentos) == (300, 90, 4)
    assert Ajustes.leer().raiz == RAIZ


def test_el_entorno_manda_sobre_el_archivo(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    escribir(tmp_path, "MODEL=demo", "ENJAMBRE_REINTENTOS=1", "OPENAI_API_KEY=del-archivo")
    monkeypatch.setenv("ENJAMBRE_REINTENTOS", "7")
    ajustes = Ajustes.leer(tmp_path)
    assert (ajustes.model, ajustes.reintentos) == ("demo", 7)
    assert ajustes.openai_api_key is not None
    assert ajustes.openai_api_key.get_secret_value() == "del-archivo"


def test_una_variable_vacia_es_como_no_ponerla(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    escribir(tmp_path, "GEMINI_API_KEY=g", "OPENAI_API_KEY=", "ENJAMBRE_SILENCIO_S=")
    monkeypatch.setenv("GOOGLE_API_KEY", "")
    monkeypatch.setenv("MODEL", "")
    ajustes = Ajustes.leer(tmp_path)
    assert ajustes.google_api_key is not None
    assert ajustes.google_api_key.get_secret_value() == "g"
    assert ajustes.openai_api_key is None
    assert ajustes.model is None
    assert ajustes.silencio_s == 90


def test_model_name_es_otro_nombre_de_model(tmp_path: Path) -> None:
    assert Ajustes.leer(escribir(tmp_path, "MODEL_NAME=gpt-4o")).model == "gpt-4o"


def test_clave_ve_cualquier_variable_y_el_archivo(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    escribir(tmp_path, "GROQ_API_KEY='  gsk  '", "XAI_API_KEY=archivo")
    monkeypatch.setenv("XAI_API_KEY", "entorno")
    ajustes = Ajustes.leer(tmp_path)
    assert ajustes.clave("GROQ_API_KEY") == "gsk"
    assert ajustes.clave("XAI_API_KEY") == "entorno"
    assert ajustes.clave("NO_EXISTE") is None


def test_ninguna_clave_sale_al_escribir_los_ajustes(tmp_path: Path) -> None:
    escribir(
        tmp_path, "OPENAI_API_KEY=sk-oculta", "GOOGLE_API_KEY=AIza-oculta", "GROQ_API_KEY=g-oculta"
    )
    ajustes = Ajustes.leer(tmp_path)
    assert "oculta" not in f"{ajustes!r} {ajustes!s} {ajustes.model_dump()}"


def test_una_clave_pegada_con_salto_de_linea_se_limpia(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", " sk-1\n")
    ajustes = Ajustes.leer(tmp_path)
    assert ajustes.openai_api_key is not None
    assert ajustes.openai_api_key.get_secret_value() == "sk-1"


def test_los_ajustes_no_se_cambian(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="frozen"):
        Ajustes.leer(tmp_path).reintentos = 3


def test_los_datos_se_pueden_mover(tmp_path: Path) -> None:
    assert Ajustes.leer(escribir(tmp_path, "ENJAMBRE_DATOS=otra")).datos == tmp_path / "otra"
    aparte = tmp_path / "aparte"
    assert Ajustes.leer(escribir(tmp_path, f"ENJAMBRE_DATOS={aparte}")).datos == aparte


@pytest.mark.parametrize(
    ("linea", "dice"),
    [
        ("ENJAMBRE_SILENCIO_S=mucho", "ha de ser un número"),
        ("ENJAMBRE_SILENCIO_S=nan", "ha de ser un número"),
        ("ENJAMBRE_SILENCIO_S=0", "mayor que 0"),
        ("ENJAMBRE_REINTENTOS=2.5", "número entero"),
        ("ENJAMBRE_REINTENTOS=-1", "el mínimo es 0"),
        ("ENJAMBRE_COMANDOS_SIMULTANEOS=99999", "el máximo es 1000"),
        ("OPENAI_BASE_URL=localhost:11434", "http://servidor:puerto"),
        ("GOOGLE_GEMINI_BASE_URL=http://h:999999", "http://servidor:puerto"),
    ],
)
def test_un_valor_malo_se_dice_en_una_linea(tmp_path: Path, linea: str, dice: str) -> None:
    with pytest.raises(ErrorConfiguracion) as caso:
        Ajustes.leer(escribir(tmp_path, linea))
    texto = str(caso.value)
    assert texto.startswith(linea)
    assert dice in texto
    assert "\n" not in texto


def test_un_archivo_que_no_es_utf8(tmp_path: Path) -> None:
    (tmp_path / ".env").write_bytes(b"MODEL=\xff\xfe")
    with pytest.raises(ErrorConfiguracion, match=r"\.env: no está en UTF-8"):
        Ajustes.leer(tmp_path)


def test_las_credenciales_de_una_direccion_no_se_ensenan(tmp_path: Path) -> None:
    with pytest.raises(ErrorConfiguracion) as caso:
        Ajustes.leer(escribir(tmp_path, "OPENAI_BASE_URL=ftp://ana:secreto@casa/v1"))
    assert "secreto" not in str(caso.value)


def test_cada_ajuste_dice_su_variable_y_su_significado() -> None:
    assert set(VARIABLES) == set(Ajustes.model_fields) - {"raiz"}
    for variable in VARIABLES.values():
        assert variable.nombres
        assert variable.significado


def test_leer_ajustes_y_modelos_no_importa_ningun_cliente() -> None:
    """Lo que va antes del primer aviso de la terminal ha de ser ligero."""
    programa = (
        "import sys, servicios.ajustes, servicios.llm.preajustes, servicios.cargar_llm;"
        "pesados = {'langchain_core', 'openai', 'google', 'httpx', 'httpx2', 'aiohttp'};"
        "print(sorted({m.partition('.')[0] for m in sys.modules} & pesados))"
    )
    salida = subprocess.run(
        [sys.executable, "-c", programa], cwd=RAIZ, capture_output=True, text=True, check=True
    )
    assert salida.stdout.strip() == "[]"


def test_una_comilla_sin_cerrar_nombra_el_archivo_y_la_linea(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / ".env").write_text('MODEL=demo\nOPENAI_API_KEY="sk-abc\n', encoding="utf-8")
    with pytest.raises(ErrorConfiguracion, match=r"\.env: la línea 2 no se entiende"):
        Ajustes.leer(tmp_path)
    assert capfd.readouterr() == ("", "")
