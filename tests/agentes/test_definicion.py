"""Los tipos de agente: un archivo malo se nombra con su clave y los demás se cargan."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from agentes.definicion import Existencias, cargar_definiciones
from agentes.errores import ErrorConfiguracion, ErrorPlantilla

BUENO: dict[str, Any] = {
    "agent_type": "bueno",
    "rol": "r",
    "objetivo": "o",
    "instruction_prompt_file": "p.md",
    "available_tools": ["consola", "reportar_resultado_final"],
}


def leer_prompt(nombre: str) -> str:
    if nombre != "p.md":
        raise ErrorPlantilla(f"no se puede leer prompts/{nombre}")
    return 'Eres {agent_name} y usas llaves {así} {"json": 1}'


def comprobar_modelo(texto: str) -> None:
    if texto != "demo":
        raise ErrorConfiguracion(f"no se sabe qué modelo es «{texto}»")


HAY = Existencias({"consola", "reportar_resultado_final"}, leer_prompt, comprobar_modelo)


def escribir(carpeta: Path, nombre: str, **cambios: Any) -> None:
    datos = {k: v for k, v in {**BUENO, **cambios}.items() if v is not ...}
    (carpeta / nombre).write_text(json.dumps(datos), encoding="utf-8")


@pytest.mark.parametrize(
    ("cambios", "clave"),
    [
        ({"rol": ...}, "«rol»: falta"),
        ({"agent_type": ...}, "«agent_type»: falta"),
        ({"available_tools": ...}, "«available_tools»: falta"),
        ({"sobra": 1}, "«sobra»: clave desconocida"),
        ({"rol": 3}, "«rol»: ha de ser texto"),
        ({"rol": "  "}, "«rol»: está vacía"),
        ({"available_tools": "consola"}, "«available_tools»: ha de ser una lista"),
        ({"available_tools": ["volar"]}, "no existe la herramienta «volar»"),
        ({"available_tools": [1]}, "«available_tools»: solo nombres"),
        ({"available_tools": ["consola"]}, "falta reportar_resultado_final"),
        ({"available_tools": ["consola"] * 2}, "repetidas"),
        ({"max_iterations": True}, "«max_iterations»: ha de ser un entero"),
        ({"max_iterations": 0}, "«max_iterations»: ha de ser mayor que cero"),
        ({"limite_comando_s": "2"}, "«limite_comando_s»: ha de ser un número"),
        ({"model": "nadie:x"}, "«model»: no se sabe qué modelo es «nadie:x»"),
        ({"instruction_prompt_file": "no.md"}, "«instruction_prompt_file»: no se puede leer"),
        ({"agent_type": "../../x"}, "«agent_type»: solo letras"),
        ({"agent_type": "bueno"}, "«agent_type»: «bueno» ya existe"),
    ],
)
def test_un_archivo_malo_nombra_archivo_y_clave(
    tmp_path: Path, cambios: dict[str, Any], clave: str
) -> None:
    escribir(tmp_path, "a_bueno.json")
    escribir(tmp_path, "malo.json", **{"agent_type": "malo", **cambios})
    validas, errores = cargar_definiciones(tmp_path, HAY)
    assert list(validas) == ["bueno"]
    assert len(errores) == 1
    assert errores[0].startswith("agentes_json/malo.json: ")
    assert clave in errores[0]
    assert "\n" not in errores[0]


@pytest.mark.parametrize(
    ("contenido", "dice"),
    [
        (b'{"agent_type": ', "JSON roto en la línea 1"),
        (b"[1, 2]", "ha de ser un objeto"),
        ('{"rol": "ñ"}'.encode("latin-1"), "no está en UTF-8"),
        (b" " * 10_000_000, "pasa de 1 MiB"),
        (b'{"rol": "a", "rol": "b"}', "«rol»: clave repetida"),
        (b"[" * 100_000, "JSON que no se puede leer"),
        (b"", "JSON roto"),
    ],
)
def test_un_archivo_ilegible_no_impide_cargar_los_demas(
    tmp_path: Path, contenido: bytes, dice: str
) -> None:
    escribir(tmp_path, "bueno.json")
    (tmp_path / "malo.json").write_bytes(contenido)
    validas, errores = cargar_definiciones(tmp_path, HAY)
    assert list(validas) == ["bueno"]
    assert len(errores) == 1
    assert errores[0].startswith("agentes_json/malo.json")
    assert dice in errores[0]


def test_las_claves_opcionales_llegan(tmp_path: Path) -> None:
    escribir(tmp_path, "b.json", model="demo", max_iterations=3, limite_comando_s=1.5)
    validas, errores = cargar_definiciones(tmp_path, HAY)
    assert errores == []
    tipo = validas["bueno"]
    assert (tipo.model, tipo.max_iterations, tipo.limite_comando_s) == ("demo", 3, 1.5)
