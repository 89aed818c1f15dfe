"""Las formas en que un mismo valor puede salir escrito."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Iterator
from urllib.parse import quote, quote_plus

MINIMO = 8
"""Letras; un texto más corto sale por casualidad en cualquier parte."""

LITERALES = frozenset({"tal cual", "por líneas", "en JSON"})
"""Las formas en que el valor se lee a simple vista."""

HEXADECIMAL = "en hexadecimal"

_LINEA_MINIMA = 16
_PARA_BASH = re.compile(r"([^\w@%+=:,./-])")


def formas(valor: str) -> dict[str, str]:
    """Cada forma de escribir un valor → cómo se llama; ninguna si es demasiado corto."""
    halladas: dict[str, str] = {}
    if len(valor) < MINIMO:
        return halladas
    for como, texto in _formas(valor):
        if len(texto) >= MINIMO:
            halladas.setdefault(texto, como)
    return halladas


def _formas(valor: str) -> Iterator[tuple[str, str]]:
    yield "tal cual", valor
    for linea in valor.splitlines():
        if len(linea) >= _LINEA_MINIMA and not linea.startswith("-----"):
            yield "por líneas", linea
    for ascii_solo in (False, True):
        en_json = json.dumps(valor, ensure_ascii=ascii_solo)[1:-1]
        yield "en JSON", en_json
        yield "en JSON", json.dumps(en_json)[1:-1]
    for codificar in (quote, quote_plus):
        codificado = codificar(valor, safe="")
        yield "codificado para URL", codificado
        yield "codificado para URL", re.sub("%..", lambda par: par[0].lower(), codificado)
    yield "codificado para URL", quote(valor)
    yield "escapado para bash", _PARA_BASH.sub(r"\\\1", valor)
    crudo = valor.encode()
    yield HEXADECIMAL, crudo.hex()
    yield HEXADECIMAL, crudo.hex().upper()
    yield "al revés", valor[::-1]
    yield "en mayúsculas", valor.upper()
    yield "en minúsculas", valor.lower()
    for en_base64 in _en_base64(crudo):
        yield "en base64", en_base64
        yield "en base64", en_base64.replace("+", "-").replace("/", "_")


def _en_base64(crudo: bytes) -> Iterator[str]:
    """Lo que no depende de los vecinos, según caiga el valor al empezar un grupo de tres bytes."""
    for delante in range(3):
        entero = base64.b64encode(b"\0" * delante + crudo).decode()
        yield entero[(0, 2, 3)[delante] : (delante + len(crudo)) * 8 // 6]
