"""La cadena de hashes de una sesión: cada fila responde de todas las anteriores.

    hash(fila) = sha256(hash de la anterior + JSON de todas sus columnas menos `hash`)

La primera de una sesión se encadena a `semilla(sesión)`. Es la única definición: la usan el
escritor, la migración y quien verifica.
"""

from __future__ import annotations

from collections.abc import Sequence
from hashlib import sha256

import orjson

COLUMNAS = (
    *("id", "timestamp", "agente_id", "tipo", "log_level", "mensaje", "details"),
    *("session", "causa", "epoca", "seq", "op", "intento"),
)
"""Las columnas de `logs` que entran en el hash, en orden."""


def semilla(sesion: str) -> str:
    """El hash del que parte la cadena de una sesión."""
    return sha256(f"enjambre:{sesion}".encode("utf-8", "backslashreplace")).hexdigest()


def eslabon(anterior: str, fila: Sequence[object]) -> str:
    """El hash de una fila (valores de `COLUMNAS`) detrás del de la anterior de su sesión.

    Lanza `TypeError` si un valor no es texto UTF-8, un entero de 64 bits o nulo.
    """
    return sha256(anterior.encode() + orjson.dumps(fila)).hexdigest()
