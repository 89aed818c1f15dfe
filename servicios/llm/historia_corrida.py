"""El hash corrido de una historia: cada mensaje se mira una vez, y cada paso cuesta lo mismo.

h_i = sha256(h_{i-1} + canónico(mensaje_i))
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from typing import Any

import orjson
from langchain_core.messages import AIMessage, BaseMessage, ToolMessage

_REPETIDOS = {"function_call", "tool_calls"}
"""Copias de las llamadas que dejan los clientes; las que valen van aparte."""
_LARGO = 32
_HONDO = 64
_ENTERO_MAXIMO = 2**63 - 1


class HistoriaCorrida:
    """Sigue una historia que crece por el final y, rara vez, se recorta o se cambia.

    `medir` da el tamaño de un mensaje; `tamano` es la suma de los de la historia. De los mensajes
    se guarda la identidad: si uno se cambia por otro, se vuelve a mirar desde él.
    """

    def __init__(self, medir: Callable[[BaseMessage], int]) -> None:
        self._medir = medir
        self._mensajes: list[BaseMessage] = []
        self._hashes = bytearray()
        self._tamanos: list[int] = []

    def __len__(self) -> int:
        return len(self._mensajes)

    def seguir(self, historia: Sequence[BaseMessage]) -> int:
        """Se pone al día y devuelve cuántos mensajes del principio son los de la vez anterior."""
        iguales = self._iguales(historia)
        del self._mensajes[iguales:]
        del self._tamanos[iguales:]
        del self._hashes[iguales * _LARGO :]
        for mensaje in historia[iguales:]:
            resumen = hashlib.sha256(bytes(self._hashes[-_LARGO:]))
            resumen.update(canonico(mensaje))
            self._hashes += resumen.digest()
            self._tamanos.append(self.tamano + self._medir(mensaje))
            self._mensajes.append(mensaje)
        return iguales

    def _iguales(self, historia: Sequence[BaseMessage]) -> int:
        """El principio común. Como solo cambia por el final, basta mirar el último que coincide."""
        corte = min(len(self._mensajes), len(historia))
        while corte and self._mensajes[corte - 1] is not historia[corte - 1]:
            corte -= 1
        return corte

    @property
    def hash(self) -> str:
        """El de la historia entera, en hexadecimal; vacío si no hay nada."""
        return self._hashes[-_LARGO:].hex()

    @property
    def tamano(self) -> int:
        """Lo que mide la historia entera."""
        return self._tamanos[-1] if self._tamanos else 0


def hash_de(historia: Sequence[BaseMessage]) -> str:
    """El hash corrido de una historia suelta."""
    corrida = HistoriaCorrida(lambda _: 0)
    corrida.seguir(historia)
    return corrida.hash


def canonico(mensaje: BaseMessage) -> bytes:
    """Lo que dice un mensaje, siempre con los mismos bytes, también después de guardarlo.

    Sin lo que cambia de una vez a otra: ids, metadatos de la respuesta y uso.
    """
    datos: dict[str, Any] = {
        "tipo": mensaje.type,
        "contenido": mensaje.content,
        "extra": {k: v for k, v in mensaje.additional_kwargs.items() if k not in _REPETIDOS},
    }
    if isinstance(mensaje, AIMessage):
        datos["llamadas"] = [[ll["name"], ll["args"]] for ll in mensaje.tool_calls]
    elif isinstance(mensaje, ToolMessage):
        datos["herramienta"] = mensaje.name
    try:
        crudo = orjson.dumps(datos, option=orjson.OPT_SORT_KEYS)
    except orjson.JSONEncodeError:
        crudo = b"\\u0000"
    if b"\\u0000" not in crudo:
        return crudo
    return orjson.dumps(_guardable(datos), default=str, option=orjson.OPT_SORT_KEYS)


def _guardable(valor: Any, hondura: int = 0) -> Any:
    """Como queda un valor en la bitácora: sin NUL, sin sustitutos sueltos, enteros que caben."""
    if hondura > _HONDO:
        return "…"
    match valor:
        case str():
            return valor.replace("\0", "").encode("utf-8", "backslashreplace").decode()
        case dict():
            pares = ((_guardable(str(k)), v) for k, v in valor.items())
            return {k: _guardable(v, hondura + 1) for k, v in pares}
        case list() | tuple():
            return [_guardable(v, hondura + 1) for v in valor]
        case int() if abs(valor) > _ENTERO_MAXIMO:
            return hex(valor)
    return valor
