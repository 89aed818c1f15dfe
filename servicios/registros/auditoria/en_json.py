"""Una sesión en JSON: todo, y lo que no se ve o mueve el cursor escrito como `\\uXXXX`."""

from __future__ import annotations

import json
import math
from typing import Any, TextIO

from servicios.consola.secretos.limpieza import limpiar
from servicios.registros.auditoria.relato import PARTES, Relato

FORMATO = 1
"""Versión de esta forma; cambia si deja de leerse igual."""


def exportar_json(relato: Relato, salida: TextIO) -> str:
    """Un objeto con la sesión y sus partes, una fila por línea. Devuelve la nota de lo que falta."""
    salida.write(f'{{"formato": {FORMATO},\n"sesion": {json_visible(relato.cabecera())}')
    for parte in PARTES:
        salida.write(f',\n"{parte}": [')
        for numero, objeto in enumerate(relato.parte(parte)):
            salida.write(",\n" if numero else "\n")
            salida.write(json_visible(objeto))
        salida.write("]")
    salida.write("}\n")
    return ""


def json_visible(valor: Any) -> str:
    """JSON en una línea que no engaña a quien lo mira en una pantalla, sin perder nada."""
    try:
        texto = json.dumps(valor, ensure_ascii=False, default=_ajeno, allow_nan=False)
    except ValueError:
        return json_visible(_finito(valor))
    return texto if limpiar(texto) == texto else json.dumps(valor, default=_ajeno)


def _finito(valor: Any) -> Any:
    """Lo mismo con los números que JSON no tiene (`inf`) escritos como texto."""
    match valor:
        case float() if not math.isfinite(valor):
            return str(valor)
        case dict():
            return {clave: _finito(dentro) for clave, dentro in valor.items()}
        case list() | tuple():
            return [_finito(dentro) for dentro in valor]
        case _:
            return valor


def _ajeno(valor: object) -> str:
    return valor.hex() if isinstance(valor, bytes) else str(valor)
