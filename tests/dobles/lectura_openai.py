"""Leer el cuerpo de una petición de Chat Completions."""

from __future__ import annotations

from typing import Any

import orjson

from tests.dobles.peticion import Mensaje

SISTEMA = frozenset({"system", "developer"})


class LectorOpenAI:
    """La vista neutral de un cuerpo de Chat Completions."""

    def sistema(self, cuerpo: dict[str, Any]) -> str:
        """Los textos de sistema, esté donde esté cada uno."""
        mensajes = cuerpo.get("messages") or []
        return "\n".join(texto_de(m.get("content")) for m in mensajes if m["role"] in SISTEMA)

    def herramientas(self, cuerpo: dict[str, Any]) -> list[str]:
        """Los nombres de las funciones ofrecidas."""
        return [h["function"]["name"] for h in cuerpo.get("tools") or []]

    def mensajes(self, cuerpo: dict[str, Any]) -> list[Mensaje]:
        """La historia sin los mensajes de sistema."""
        return [_mensaje(m) for m in cuerpo["messages"] if m["role"] not in SISTEMA]


def texto_de(contenido: Any) -> str:
    """El texto de un contenido, sea cadena o lista de partes."""
    if isinstance(contenido, list):
        return "".join(str(parte.get("text", "")) for parte in contenido)
    return contenido or ""


def _mensaje(mensaje: dict[str, Any]) -> Mensaje:
    llamadas = tuple(
        (ll["function"]["name"], orjson.loads(ll["function"]["arguments"]))
        for ll in mensaje.get("tool_calls") or []
    )
    return Mensaje(
        rol=mensaje["role"],
        texto=texto_de(mensaje.get("content")),
        llamadas=llamadas,
        nombre=mensaje.get("tool_call_id") or mensaje.get("name") or "",
    )
