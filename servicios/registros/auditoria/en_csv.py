"""CSV (RFC 4180) que se puede abrir con una hoja de cálculo sin que ejecute nada."""

from __future__ import annotations

import csv
import json
import re
from collections.abc import Iterable, Sequence
from typing import Any, TextIO

from servicios.consola.secretos.limpieza import limpiar
from servicios.registros.auditoria.relato import Relato

_FORMULA = re.compile(r"[=+\-@\t\n]|\s+[=+\-@]")


def escribir_csv(salida: TextIO, columnas: Sequence[str], filas: Iterable[Sequence[Any]]) -> None:
    """Comas, comillas dobles y líneas acabadas en CRLF; un nulo es una celda vacía."""
    hoja = csv.writer(salida, lineterminator="\r\n")
    hoja.writerow([celda(columna) for columna in columnas])
    for fila in filas:
        hoja.writerow([celda(valor) for valor in fila])


def celda(valor: Any) -> Any:
    """Lo que una hoja de cálculo tomaría por fórmula lleva delante un apóstrofo.

    Es el texto que empieza por `=`, `+`, `-`, `@`, tabulador o salto; los números no se tocan.
    """
    if isinstance(valor, bytes):
        return valor.hex()
    if not isinstance(valor, str):
        return valor
    limpio = limpiar(valor)
    return f"'{limpio}" if _FORMULA.match(limpio) else limpio


_LINEA = (
    *("id", "timestamp", "session", "agente_id", "tipo", "log_level", "mensaje", "causa"),
    *("epoca", "seq", "op", "intento", "details"),
)


def exportar_csv(relato: Relato, salida: TextIO) -> str:
    """La línea de tiempo, con `details` en JSON. Devuelve la nota de lo que falta.

    Las demás tablas salen con `auditar … --csv`.
    """
    filas = (
        [json.dumps(f[c], ensure_ascii=False) if c == "details" else f[c] for c in _LINEA]
        for f in relato.parte("filas")
    )
    escribir_csv(salida, _LINEA, filas)
    return ""
