"""Una hoja en la salida: tabla para leer, JSON o CSV para otros programas."""

from __future__ import annotations

import re
import shutil
import sys
from argparse import Namespace
from collections.abc import Callable
from typing import Any

from rich.cells import cell_len
from rich.console import Console

from agentes.respuestas import con_textos
from servicios.interfaz.terminal.papel import PapelRico
from servicios.interfaz.texto import corto
from servicios.registros.auditoria.en_csv import escribir_csv
from servicios.registros.auditoria.en_json import json_visible
from servicios.registros.auditoria.hojas import Hoja

Redactar = Callable[[str], str]

ANCHO_DE_CELDA = 40
"""Caracteres de una celda de en medio; la última se lee entera, en una línea o plegada."""
ANCHO_DE_ULTIMA = 400

_INSTANTE = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?Z")


def formato_de(argumentos: Namespace) -> str:
    """`tabla`, `json` o `csv`."""
    if argumentos.json:
        return "json"
    return "csv" if argumentos.csv else "tabla"


def escribir(hoja: Hoja, formato: str, redactar: Redactar) -> None:
    """Escribe la hoja en la salida (`tabla`, `json` o `csv`) y su nota en la de error.

    Lanza `OSError` si no se puede escribir.
    """
    limpia = Hoja(hoja.columnas, con_textos(hoja.filas, redactar), hoja.vista, hoja.nota)
    _FORMATOS[formato](limpia)
    sys.stdout.flush()
    if hoja.nota:
        print(hoja.nota, file=sys.stderr)


def _json(hoja: Hoja) -> None:
    """Una lista con un objeto por línea."""
    sys.stdout.write("[")
    for numero, objeto in enumerate(hoja.objetos()):
        sys.stdout.write(",\n" if numero else "\n")
        sys.stdout.write(json_visible(objeto))
    sys.stdout.write("\n]\n")


def _csv(hoja: Hoja) -> None:
    escribir_csv(sys.stdout, hoja.columnas, hoja.filas)


# --- tabla ------------------------------------------------------------------------------


def _tabla(hoja: Hoja) -> None:
    titulos = hoja.con_algo()
    elegidas = hoja.elegir(titulos)
    if not elegidas:
        print("Nada que enseñar.")
        return
    filas = [[_celda(c, ANCHO_DE_CELDA) for c in f[:-1]] + [_ultima(f)] for f in elegidas]
    if not sys.stdout.isatty():
        _alinear([list(titulos), *filas])
        return
    ancho = shutil.get_terminal_size().columns
    consola = Console(markup=False, emoji=False, highlight=False, width=ancho)
    PapelRico(consola, lambda _: None).tabla(titulos, filas, entera=True)


def _ultima(fila: tuple[Any, ...]) -> str:
    return _celda(fila[-1], ANCHO_DE_ULTIMA)


def _celda(valor: object, tope: int) -> str:
    match valor:
        case None:
            return ""
        case float():
            return f"{valor:.3f}".rstrip("0").rstrip(".")
        case bytes():
            return corto(valor.hex(), tope)
        case str() if _INSTANTE.fullmatch(valor):
            return valor[:19].replace("T", " ")
        case _:
            texto = str(valor)
            sangria = len(texto) - len(texto.lstrip(" "))
            return " " * min(sangria, tope // 2) + corto(texto, tope)


def _alinear(filas: list[list[str]]) -> None:
    """Una fila por línea, aunque sea larga: la salida la lee otro programa."""
    anchos = [max(cell_len(celda) for celda in columna) for columna in zip(*filas, strict=True)]
    for fila in filas:
        celdas = (c + " " * (ancho - cell_len(c)) for c, ancho in zip(fila, anchos, strict=True))
        print("  ".join(celdas).rstrip())


_FORMATOS: dict[str, Callable[[Hoja], None]] = {"tabla": _tabla, "json": _json, "csv": _csv}
