"""Texto que SQLite acepta siempre: sin bytes NUL, sin sustitutos sueltos, JSON sin sorpresas."""

from __future__ import annotations

from dataclasses import fields, is_dataclass
from enum import Enum
from typing import Any

import orjson

_HONDO = 64
_ENTERO_MAXIMO = 2**63 - 1


def seguro(texto: str) -> str:
    """Devuelve el texto sin NUL y con los sustitutos sueltos escritos como `\\udcXX`."""
    if "\0" in texto:
        texto = texto.replace("\0", "")
    if texto.isascii():
        return texto
    return texto.encode("utf-8", "backslashreplace").decode("utf-8")


def peso(texto: str) -> int:
    """Los bytes que ocupa un texto en la base."""
    return len(texto) if texto.isascii() else len(texto.encode())


def entero(valor: object) -> int | None:
    """Devuelve el valor si es un entero que cabe en una columna; si no, `None`."""
    if isinstance(valor, int) and abs(valor) <= _ENTERO_MAXIMO:
        return int(valor)
    return None


def a_json(datos: dict[str, Any]) -> str:
    """Serializa los detalles de un evento; ningún valor raro lo hace fallar.

    Los bytes salen como su `repr`, los enteros de más de 64 bits en hexadecimal y lo demasiado
    hondo (o circular) como «…».
    """
    try:
        crudo = orjson.dumps(datos, default=_ajeno)
    except orjson.JSONEncodeError:
        return orjson.dumps(_limpio(datos)).decode()
    if b"\\u0000" in crudo:
        return orjson.dumps(_limpio(datos)).decode()
    return crudo.decode()


def _ajeno(valor: object) -> str:
    return repr(valor) if isinstance(valor, (bytes, bytearray)) else str(valor)


def _limpio(valor: Any, hondura: int = 0) -> Any:
    if hondura > _HONDO:
        return "…"
    match valor:
        case Enum():
            return _limpio(valor.value, hondura + 1)
        case dict():
            return {seguro(str(k)): _limpio(v, hondura + 1) for k, v in valor.items()}
        case list() | tuple() | set() | frozenset():
            return [_limpio(v, hondura + 1) for v in valor]
        case _ if is_dataclass(valor):
            return {f.name: _limpio(getattr(valor, f.name), hondura + 1) for f in fields(valor)}
        case _:
            return _limpio_simple(valor)


def _limpio_simple(valor: Any) -> Any:
    match valor:
        case str():
            return seguro(str(valor))
        case None | bool() | float():
            return valor
        case int():
            return valor if entero(valor) is not None else hex(valor)
        case _:
            return seguro(_ajeno(valor))
