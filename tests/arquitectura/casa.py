"""La casa leída del disco: archivos, módulos y lo que hay arriba del todo."""

from __future__ import annotations

from collections.abc import Iterable
from fnmatch import fnmatch
from pathlib import Path

CASA = Path(__file__).resolve().parents[2]
PAQUETES = ("agentes", "prompts", "servicios")

ARRIBA = {
    "main.py",
    "agentes",
    "servicios",
    "prompts",
    "agentes_json",
    "docker",
    "tests",
    "requirements.txt",
    "requirements-lock.txt",
    "requirements-dev.txt",
    "pyproject.toml",
    "Makefile",
    "README.md",
    "README.es.md",
    "LICENSE",
    ".env.example",
    ".gitignore",
    ".ci",
}
"""Lo que hay arriba del todo, y nada más; `data` y `.env` los ignora git."""

CARPETAS_DE_PRUEBAS = {
    "arquitectura",
    "dobles",
    "documentacion",
    "nucleo",
    "rendimiento",
    "cruces",
    "larga",
    "tortura",
}
"""Las que no son espejo de un paquete; `nucleo` prueba los archivos de `servicios/` juntos."""


def fuentes_del_producto() -> dict[str, str]:
    """Ruta relativa → texto de cada archivo de Python que se entrega."""
    rutas = [CASA / "main.py", *(r for p in PAQUETES for r in sorted((CASA / p).rglob("*.py")))]
    return {str(r.relative_to(CASA)): r.read_text(encoding="utf-8") for r in rutas}


def fuentes_de_pruebas() -> dict[str, str]:
    """Ruta relativa → texto de cada archivo de Python de `tests/`."""
    rutas = sorted((CASA / "tests").rglob("*.py"))
    return {str(r.relative_to(CASA)): r.read_text(encoding="utf-8") for r in rutas}


def modulo_de(ruta: str) -> str:
    """`servicios/llm/__init__.py` → `servicios.llm`."""
    return ruta.removesuffix(".py").removesuffix("/__init__").replace("/", ".")


def ignorado(nombre: str, reglas: Iterable[str]) -> bool:
    """Si una regla de `.gitignore` tapa ese nombre de arriba del todo."""
    limpias = (regla.strip().strip("/") for regla in reglas)
    return any(fnmatch(nombre, regla) for regla in limpias if regla and regla[0] not in "#!")


def arriba(carpeta: Path = CASA) -> set[str]:
    """Los nombres de arriba del todo que git guardaría (una carpeta vacía no cuenta)."""
    reglas = (carpeta / ".gitignore").read_text(encoding="utf-8").splitlines()
    return {
        ruta.name
        for ruta in carpeta.iterdir()
        if ruta.name != ".git"
        and not ignorado(ruta.name, reglas)
        and not (ruta.is_dir() and not any(ruta.iterdir()))
    }


def carpetas_sin_espejo(pruebas: Iterable[str], producto: Iterable[str]) -> set[str]:
    """Las carpetas de `tests/` que no se llaman como un paquete ni están en la lista."""
    carpetas = {ruta.split("/")[1] for ruta in pruebas if ruta.count("/") > 1}
    partes = [ruta.split("/") for ruta in producto]
    espejos = {p[0] for p in partes if len(p) > 1} | {p[1] for p in partes if len(p) > 2}
    return carpetas - espejos - CARPETAS_DE_PRUEBAS
