"""La forma de un archivo: tamaños, capturas amplias, lo que no se escribe."""

from __future__ import annotations

import ast
from collections.abc import Iterator

TOPE_ARCHIVO = 300
TOPE_FUNCION = 40
TOPE_MAIN = 120

CAPTURAS_AMPLIAS = {
    ("main.py", "main"),
    ("servicios/motores/local.py", "_vigilar"),
    ("servicios/conversacion.py", "_atender"),
    ("servicios/herramientas/registro.py", "ejecutar"),
}
"""Archivo y función que pueden tragarse cualquier fallo: las fronteras con nombre."""

_AMPLIAS = {"Exception", "BaseException"}


def funciones_largas(fuente: str, tope: int = TOPE_FUNCION) -> list[str]:
    """Las funciones de más líneas que el tope, con su línea y su tamaño."""
    return [
        f"{nodo.lineno} {nodo.name} ({largo} líneas)"
        for nodo in ast.walk(ast.parse(fuente))
        if isinstance(nodo, ast.FunctionDef | ast.AsyncFunctionDef)
        and (largo := (nodo.end_lineno or nodo.lineno) - nodo.lineno + 1) > tope
    ]


def lineas(fuente: str) -> int:
    """Cuántas líneas tiene un archivo."""
    return len(fuente.splitlines())


def aserciones(fuente: str) -> list[int]:
    """Las líneas con `assert`: `python -O` las borra, así que no protegen nada."""
    return [n.lineno for n in ast.walk(ast.parse(fuente)) if isinstance(n, ast.Assert)]


def escrituras(fuente: str) -> list[int]:
    """Las líneas que escriben con `print` o en la salida del proceso."""
    return [
        n.lineno for n in ast.walk(ast.parse(fuente)) if isinstance(n, ast.Call) and _escribe(n)
    ]


def _escribe(llamada: ast.Call) -> bool:
    match llamada.func:
        case ast.Name(id="print" | "input" | "pprint"):
            return True
        case ast.Attribute(
            value=ast.Attribute(value=ast.Name(id="sys"), attr="stdout" | "stderr" | "__stdout__")
        ):
            return True
    return False


def capturas_amplias(fuente: str) -> list[tuple[str, int]]:
    """Función y línea de cada captura de cualquier fallo que no lo vuelve a lanzar."""
    return list(_capturas(ast.parse(fuente), ""))


def _capturas(nodo: ast.AST, funcion: str) -> Iterator[tuple[str, int]]:
    for hijo in ast.iter_child_nodes(nodo):
        dentro = funcion
        if isinstance(hijo, ast.FunctionDef | ast.AsyncFunctionDef):
            dentro = hijo.name
        if isinstance(hijo, ast.ExceptHandler) and _se_traga_todo(hijo):
            yield dentro, hijo.lineno
        if isinstance(hijo, ast.Call) and _suprime_todo(hijo):
            yield dentro, hijo.lineno
        yield from _capturas(hijo, dentro)


def _se_traga_todo(captura: ast.ExceptHandler) -> bool:
    if isinstance(captura.body[-1], ast.Raise):
        return False
    return captura.type is None or _es_amplia(captura.type)


def _suprime_todo(llamada: ast.Call) -> bool:
    match llamada.func:
        case ast.Name(id="suppress") | ast.Attribute(attr="suppress"):
            return any(_es_amplia(arg) for arg in llamada.args)
    return False


def _es_amplia(tipo: ast.expr) -> bool:
    match tipo:
        case ast.Name(id=nombre) | ast.Attribute(attr=nombre):
            return nombre in _AMPLIAS
        case ast.Tuple(elts=tipos):
            return any(_es_amplia(t) for t in tipos)
    return False
