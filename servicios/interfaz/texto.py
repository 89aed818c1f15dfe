"""Texto ajeno, apto para la pantalla: de un modelo o de una orden puede venir cualquier cosa."""

from __future__ import annotations

import re

_SECUENCIAS = re.compile(
    r"(?:\x1b\[|\x9b)[0-?]*[ -/]*[@-~]"  # CSI: colores, cursor, borrados
    r"|(?:\x1b[\]P^_X]|[\x90\x98\x9d-\x9f])[^\x07\x1b\n\x90\x98\x9c-\x9f]{0,4096}(?:\x07|\x1b\\|\x9c)"  # OSC, DCS
    r"|\x1b(?:[ -/]+[0-~]|[0-Zc])"  # las demás, cortas
)
_SALTOS = re.compile(r"\r\n?|[\x0b\x0c\x85\u2028\u2029]")
_INVISIBLES = re.compile(
    "["
    "\x00-\x08\x0b-\x1f\x7f-\x9f"  # controles C0 y C1
    "\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069"  # sentido de la escritura
    "\u00ad\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180e\u200b-\u200d\u2060-\u2065\u206a-\u206f"
    "\u3164\ufeff\uffa0\ufff9-\ufffb\U000e0000-\U000e0fff"  # sin ancho
    "\ud800-\udfff"  # mitades sueltas: no se pueden codificar
    "]"
)


def limpiar(texto: str) -> str:
    """El texto sin nada que mueva el cursor, cambie el sentido o no se vea.

    Quedan los saltos de línea y los tabuladores; un retorno de carro es un salto.
    """
    sin_secuencias = _SECUENCIAS.sub("", texto)
    return _INVISIBLES.sub("", _SALTOS.sub("\n", sin_secuencias))


def corto(texto: str, tope: int = 200) -> str:
    """Limpio, en una línea y con `tope` caracteres como mucho."""
    linea = " ".join(limpiar(texto[: tope * 20]).split())
    return linea if len(linea) <= tope else f"{linea[: tope - 1]}…"


def cabeza(texto: str, lineas: int, caracteres: int = 4_000) -> list[str]:
    """Las primeras líneas, limpias; si sobra texto, la última dice cuánto."""
    visibles = limpiar(texto[:caracteres]).rstrip("\n").split("\n")
    cortas = visibles[:lineas]
    if len(texto) > caracteres or len(visibles) > lineas:
        cortas.append(f"[… {len(texto)} caracteres en total]")
    return cortas
