"""Los caracteres que no caben en una orden: la persona vería una cosa y correría otra."""

from __future__ import annotations

import re

# De control (menos tabulador y salto de línea), de formato (bidireccionales, de ancho cero,
# etiquetas), separadores de línea, rellenos en blanco y lo que no es texto (sustitutos).
_PROHIBIDOS = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f"
    "\u00ad\u034f\u0600-\u0605\u061c\u06dd\u070f\u0890\u0891\u08e2\u115f\u1160\u17b4\u17b5\u180e"
    "\u200b-\u200f\u2028-\u202e\u2060-\u206f\u2800\u3164\ufeff\uffa0\ufff9-\ufffb"
    "\ud800-\udfff"
    "\U000110bd\U000110cd\U00013430-\U0001343f\U0001bca0-\U0001bca3\U0001d173-\U0001d17a"
    "\U000e0000-\U000e007f]"
)


def prohibido(comando: str) -> str:
    """El primer carácter prohibido, como «U+202E»; vacío si no hay ninguno."""
    hallado = _PROHIBIDOS.search(comando)
    return f"U+{ord(hallado[0]):04X}" if hallado else ""


def dudoso(comando: str) -> str:
    """El primero que no se ve o no se distingue de un blanco, como «U+00A0»; o vacío."""
    if comando.isascii():
        return ""
    raros = (letra for letra in comando if not (letra.isprintable() or letra in "\t\n"))
    variantes = (letra for letra in comando if "\ufe00" <= letra <= "\ufe0f")
    raro = next(raros, "") or next(variantes, "")
    return f"U+{ord(raro):04X}" if raro else ""
