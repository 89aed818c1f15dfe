"""Texto ajeno, limpio y a la medida de la pantalla."""

from __future__ import annotations

import re
import shutil
import sys

from servicios.consola.secretos.limpieza import limpiar

TOPE_A_LA_VISTA = 1_500
LINEAS_A_LA_VISTA = 20
"""Lo más que se enseña de una orden por la que se pregunta; de las demás, el principio y el final."""

_HUECO = re.compile(r"(?:[^\S\n]|\u2800){9,}")
_SALTOS = re.compile(r"\n(?:[^\S\n]*\n){8,}")


def corto(texto: str, tope: int = 200) -> str:
    """Limpio, en una línea y con `tope` caracteres como mucho; si se cortó algo, acaba en «…»."""
    junto = " ".join(texto.split(maxsplit=tope * 20))
    linea = " ".join(limpiar(junto[: tope * 20]).split())
    if len(junto) <= tope * 20 and len(linea) <= tope:
        return linea
    return f"{linea[: tope - 1]}…"


def ancho_de_salida() -> int | None:
    """Las columnas de la pantalla; `None` si la salida no es una."""
    return shutil.get_terminal_size().columns if sys.stdout.isatty() else None


def cabeza(texto: str, lineas: int, caracteres: int = 4_000) -> list[str]:
    """Las primeras líneas, limpias; si sobra texto, la última dice cuánto."""
    visibles = limpiar(texto[:caracteres]).rstrip("\n").split("\n")
    cortas = visibles[:lineas]
    if len(texto) > caracteres or len(visibles) > lineas:
        cortas.append(f"[… {len(texto)} caracteres en total]")
    return cortas


def sin_huecos(texto: str) -> str:
    """Limpio y con cada hueco de más de ocho blancos o saltos de línea dicho en vez de dejado."""
    limpio = _HUECO.sub(lambda hueco: f"[… {len(hueco[0])} blancos …]", limpiar(texto))
    return _SALTOS.sub(lambda saltos: f"\n[… {saltos[0].count(chr(10))} saltos …]\n", limpio)


def recortado(texto: str) -> str:
    """Un texto sin huecos, entero si es corto; si no, el principio, cuánto falta y el final.

    No depende del ancho de la pantalla: lo que devuelve es lo mismo en todas.
    """
    lineas = texto.split("\n")
    if len(texto) <= TOPE_A_LA_VISTA and len(lineas) <= LINEAS_A_LA_VISTA:
        return texto
    mitad = LINEAS_A_LA_VISTA // 2
    principio = "\n".join(lineas[:mitad])[: TOPE_A_LA_VISTA // 2]
    final = "\n".join(lineas[-mitad:])[-TOPE_A_LA_VISTA // 2 :]
    faltan = len(texto) - len(principio) - len(final)
    return f"{principio}\n[… faltan {faltan} de {len(texto)} caracteres …]\n{final}"
