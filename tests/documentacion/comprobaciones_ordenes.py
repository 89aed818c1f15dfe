"""Las subórdenes del programa, tal como las entiende argparse, y lo que dice `estado --json`."""

from __future__ import annotations

import argparse
from collections.abc import Iterator

from servicios.registros.tablero.en_json import CLAVES
from tests.documentacion.lectura import Esquema, Manual, codigos, diferencias

COMUNES = {"-h", "--sesion", "--limite", "--json", "--csv", "--base"}
"""Las opciones que se cuentan una vez para todas."""


def subordenes(
    analizador: argparse.ArgumentParser, delante: str = ""
) -> Iterator[tuple[str, str, list[str]]]:
    """Cada suborden sin otras dentro, con lo que hace y sus opciones propias."""
    for accion in analizador._actions:
        if not isinstance(accion, argparse._SubParsersAction):
            continue
        for nombre, dentro in accion.choices.items():
            suyas = list(subordenes(dentro, f"{delante}{nombre} "))
            yield from suyas or [(f"{delante}{nombre}", str(dentro.description), _opciones(dentro))]


def _opciones(orden: argparse.ArgumentParser) -> list[str]:
    opciones = [accion.option_strings[0] for accion in orden._actions if accion.option_strings]
    return [opcion for opcion in opciones if opcion not in COMUNES]


def estado(manual: Manual, _: Esquema) -> list[str]:
    """Las claves de un agente en `estado --json`; en español, con sus mismas palabras."""
    filas = manual.tablas["estado"]
    quejas = diferencias("claves de estado", ["".join(codigos(f[0])) for f in filas], list(CLAVES))
    if manual.en_espanol:
        quejas += diferencias("qué dicen", [f[1] for f in filas], list(CLAVES.values()))
    return quejas
