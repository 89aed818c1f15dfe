"""Cuánto ocupa una historia y cuánto cabe: se estima barato y se corrige con lo que cobra el modelo."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import orjson
from langchain_core.messages import AIMessage, BaseMessage

if TYPE_CHECKING:
    from prompts.tool_definitions import Esquema

CONTEXTO_OMISION = 128_000
"""Tokens que se suponen a un modelo del que no se sabe nada."""
UMBRAL = 0.8
"""Parte del contexto a partir de la cual se compacta."""
BYTES_POR_TOKEN = 4

_POR_MENSAJE = 8
_POR_LLAMADA = 16
_FACTOR_MINIMO, _FACTOR_MAXIMO = 0.5, 4.0
_LIMITE_MINIMO = 1_000


def medir(mensaje: BaseMessage) -> int:
    """Los tokens estimados de un mensaje, con las llamadas que pide."""
    contenido = mensaje.content
    tokens = _POR_MENSAJE + medir_texto(contenido if isinstance(contenido, str) else mensaje.text)
    if isinstance(mensaje, AIMessage):
        for llamada in mensaje.tool_calls:
            tokens += _POR_LLAMADA + medir_texto(llamada["name"] + str(llamada["args"]))
    return tokens


def medir_texto(texto: str) -> int:
    """Los tokens estimados de un texto."""
    return -(-len(texto.encode("utf-8", "replace")) // BYTES_POR_TOKEN)


def medir_esquemas(esquemas: Sequence[Esquema]) -> int:
    """Los tokens estimados de unas herramientas."""
    return sum(medir_texto(orjson.dumps(esquema).decode()) for esquema in esquemas)


class Contexto:
    """El sitio que tiene un agente en su modelo.

    Lo medido va en tokens estimados; `tokens` los pasa a los que cobra el proveedor, con la
    razón que dio la última llamada. `fijo` es lo que ocupan las herramientas.
    """

    def __init__(self, limite: int, fijo: int) -> None:
        self.limite = limite or CONTEXTO_OMISION
        self._fijo = fijo
        self._factor = 1.0

    def tokens(self, medida: int) -> int:
        """Los tokens de una petición cuya historia mide eso."""
        return round((self._fijo + medida) * self._factor)

    def lleno(self, medida: int) -> bool:
        """Si una historia que mide eso pasa del umbral."""
        return self.tokens(medida) > self.limite * UMBRAL

    def desborda(self, medida: int) -> bool:
        """Si una historia que mide eso no cabe de ninguna manera."""
        return self.tokens(medida) > self.limite

    def parte(self, fraccion: float) -> int:
        """Una fracción del contexto, en la unidad en que se mide."""
        return int(self.limite * fraccion / self._factor)

    def corregir(self, medida: int, reales: int) -> None:
        """Una petición que medía eso costó `reales` tokens; cero es que el proveedor no lo dijo."""
        if reales > 0:
            factor = reales / max(1, self._fijo + medida)
            self._factor = min(max(factor, _FACTOR_MINIMO), _FACTOR_MAXIMO)

    def no_cupo(self, medida: int) -> None:
        """El proveedor dijo que no cabía: el límite de verdad es menor."""
        self.limite = max(_LIMITE_MINIMO, min(self.limite, int(self.tokens(medida) * 0.9)))
