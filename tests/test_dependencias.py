"""Cada dependencia se gana el sitio: lo que se importa se pide, lo que se pide se importa."""

from __future__ import annotations

import ast
import re
import sys
from importlib.metadata import packages_distributions

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from tests.arquitectura.casa import CASA, PAQUETES, fuentes_del_producto

COMPARTIDOS = {"google.genai": "google-genai"}
"""Módulos cuyo primer nombre se reparte entre varias distribuciones."""


def pedidas(archivo: str) -> dict[str, Requirement]:
    """Nombre → requisito de cada línea de un archivo de requisitos."""
    lineas = (CASA / archivo).read_text(encoding="utf-8").splitlines()
    limpias = (re.split(r"(?:^|\s+)#", linea)[0].strip() for linea in lineas)
    requisitos = [Requirement(linea) for linea in limpias if linea and linea[0] != "-"]
    return {canonicalize_name(requisito.name): requisito for requisito in requisitos}


def importadas() -> set[str]:
    """Las distribuciones que el producto importa, también de forma perezosa."""
    duenios = packages_distributions()
    nombres = {
        nombre
        for fuente in fuentes_del_producto().values()
        for nodo in ast.walk(ast.parse(fuente))
        for nombre in modulos(nodo)
    }
    encontradas: set[str] = set()
    for nombre in nombres:
        primero = nombre.split(".")[0]
        if primero in sys.stdlib_module_names or primero in {*PAQUETES, "main"}:
            continue
        compartido = COMPARTIDOS.get(".".join(nombre.split(".")[:2]))
        encontradas.add(canonicalize_name(compartido or duenios[primero][0]))
    return encontradas


def modulos(nodo: ast.AST) -> list[str]:
    """Los módulos que nombra un nodo de importación."""
    match nodo:
        case ast.Import(names=nombres):
            return [nombre.name for nombre in nombres]
        case ast.ImportFrom(module=str(base)):
            return [base]
    return []


def test_lo_que_se_importa_se_pide_y_lo_que_se_pide_se_importa() -> None:
    assert importadas() == set(pedidas("requirements.txt"))


def test_lo_pedido_tiene_su_version_probada_dentro_del_rango() -> None:
    probadas = pedidas("requirements-lock.txt")
    for archivo in ("requirements.txt", "requirements-dev.txt"):
        for nombre, requisito in pedidas(archivo).items():
            version = str(probadas[nombre].specifier).removeprefix("==")
            assert version in requisito.specifier, f"{archivo}: {nombre}"


def test_las_probadas_son_versiones_exactas_sin_direcciones() -> None:
    texto = (CASA / "requirements-lock.txt").read_text(encoding="utf-8")
    lineas = [linea for linea in texto.splitlines() if not linea.startswith("#")]
    assert lineas
    assert [li for li in lineas if not re.fullmatch(r"[A-Za-z0-9._-]+==[A-Za-z0-9.]+", li)] == []
