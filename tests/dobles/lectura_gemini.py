"""Leer el cuerpo de una petición de generateContent."""

from __future__ import annotations

from typing import Any

import orjson

from tests.dobles.peticion import Mensaje

_SALIDAS = ("output", "result", "error")


class LectorGemini:
    """La vista neutral de un cuerpo de generateContent."""

    def sistema(self, cuerpo: dict[str, Any]) -> str:
        """El texto de `systemInstruction`."""
        partes = (cuerpo.get("systemInstruction") or {}).get("parts") or []
        return "\n".join(str(p.get("text", "")) for p in partes)

    def herramientas(self, cuerpo: dict[str, Any]) -> list[str]:
        """Los nombres de las funciones declaradas."""
        return [f["name"] for f in declaradas(cuerpo)]

    def mensajes(self, cuerpo: dict[str, Any]) -> list[Mensaje]:
        """La historia; cada `functionResponse` es un mensaje `tool` aparte."""
        return [m for contenido in cuerpo["contents"] for m in _mensajes(contenido)]


def declaradas(cuerpo: dict[str, Any]) -> list[dict[str, Any]]:
    """Las declaraciones de todas las herramientas, en orden."""
    return [f for h in cuerpo.get("tools") or [] for f in h.get("functionDeclarations") or []]


def llamadas_de(contenido: dict[str, Any]) -> list[tuple[str, dict[str, Any]]]:
    """Las llamadas de un turno: (nombre, args)."""
    encontradas = (p["functionCall"] for p in contenido["parts"] if "functionCall" in p)
    return [(f["name"], f.get("args") or {}) for f in encontradas]


def _mensajes(contenido: dict[str, Any]) -> list[Mensaje]:
    partes = contenido["parts"]
    respuestas = [p["functionResponse"] for p in partes if "functionResponse" in p]
    salida = [Mensaje("tool", _salida(r.get("response")), (), r["name"]) for r in respuestas]
    texto = "".join(p.get("text") or "" for p in partes if not p.get("thought"))
    llamadas = tuple(llamadas_de(contenido))
    if texto or llamadas or not respuestas:
        rol = "assistant" if contenido["role"] == "model" else "user"
        salida.append(Mensaje(rol, texto, llamadas))
    return salida


def _salida(respuesta: Any) -> str:
    """El texto de un resultado: su único campo habitual o, si no, el JSON entero."""
    if isinstance(respuesta, dict) and len(respuesta) == 1:
        campo, valor = next(iter(respuesta.items()))
        if campo in _SALIDAS and isinstance(valor, str):
            return valor
    return orjson.dumps(respuesta).decode()
