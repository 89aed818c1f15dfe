"""Texto ajeno sin trampas: de un modelo o de una orden puede venir cualquier cosa.

La misma limpieza vale para la pantalla, la bitácora y el modelo: los tres ven lo mismo.
"""

from __future__ import annotations

import re

# Empieza por una clase de caracteres, y no por una alternativa: así la búsqueda es diez veces
# más rápida.
_SECUENCIAS = re.compile(
    r"[\x1b\x90\x98\x9b\x9d-\x9f](?:"
    r"(?:(?<=\x1b)\[|(?<=\x9b))[0-?]*[ -/]*[@-~]"  # CSI: colores, cursor, borrados
    # OSC, DCS, APC, PM y SOS: títulos, portapapeles, enlaces
    r"|(?:(?<=\x1b)[\]P^_X]|(?<=[\x90\x98\x9d-\x9f]))"
    r"[^\x07\x1b\n\x90\x98\x9c-\x9f]{0,4096}(?:\x07|\x1b\\|\x9c)"
    r"|(?<=\x1b)(?:[ -/]+[0-~]|[0-Zc])"  # las demás, cortas
    r")"
)
_CONTROLES = "\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff"
_OCULTOS = (
    "\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069"  # sentido de la escritura
    "\u00ad\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b\u2060-\u2065\u206a-\u206f"
    "\u3164\ufe00-\ufe0d\ufeff\uffa0\ufff9-\ufffb\U0001bca0-\U0001bca3\U0001d173-\U0001d17a"
    "\U000e0000-\U000e0fff"  # sin ancho
)
_UNIONES = "\u200c\u200d\ufe0e\ufe0f"
_RAROS = re.compile(f"[{_CONTROLES}{_OCULTOS}{_UNIONES}]")
RUIDO = rf"[\s\ufffd{_CONTROLES}{_OCULTOS}{_UNIONES}]|<U\+[0-9A-F]{{4,6}}>"
"""Lo que puede partir un valor sin que deje de leerse: blancos, invisibles y cómo se enseñan."""

_SOSPECHA = re.compile(f"[{_CONTROLES}{_OCULTOS}{_UNIONES}\u2028\u2029]")

_EMOJI = "\u2190-\u2bff\U0001f000-\U0001faff"
_LETRAS = "\u0600-\u06ff\u0750-\u077f\u08a0-\u08ff\u0900-\u0dff"
_UNION_DEBIDA = re.compile(
    f"(?:(?<=[{_EMOJI}])|(?<=[{_EMOJI}]\ufe0f))\u200d(?=[{_EMOJI}])"
    f"|(?<=[{_LETRAS}])[\u200c\u200d](?=[{_LETRAS}])"
    "|(?<![\ufe00-\ufe0f])[\ufe0e\ufe0f]"
)


def limpiar(texto: str) -> str:
    """El texto sin nada que mueva el cursor, cambie el sentido o no se vea.

    Las secuencias de terminal desaparecen; un control suelto es «�» y un carácter invisible se
    ve como `<U+202E>`, salvo donde compone un emoji o enlaza letras que lo piden. Quedan los
    tabuladores y los saltos de línea; un retorno de carro es un salto. Limpiar dos veces es
    limpiar una.
    """
    if _SOSPECHA.search(texto) is None:
        return texto
    limpio = _SECUENCIAS.sub("", texto)
    for salto in ("\r\n", "\r", "\u2028", "\u2029"):
        limpio = limpio.replace(salto, "\n")
    return _RAROS.sub(_a_la_vista, limpio)


def _a_la_vista(raro: re.Match[str]) -> str:
    letra = raro[0]
    if letra < "\xa0" or "\ud800" <= letra <= "\udfff":
        return "\ufffd"
    if letra in _UNIONES and _UNION_DEBIDA.match(raro.string, raro.start()):
        return letra
    return f"<U+{ord(letra):04X}>"
