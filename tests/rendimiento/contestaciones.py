"""Lo que contesta el modelo de las medidas, en los dos protocolos y ya en bytes.

No hay guion ni memoria: el nombre del modelo dice qué hacer y la historia que llega, por dónde va.

- `obrero.TURNOS.HERRAMIENTA.LATENCIA_MS.FINAL`: tantas llamadas a `nada` o `consola` y al final
  `resultado` o `problema`.
- `maestro.LATENCIA_MS`: a la línea «lanza 3 rapido, 1 lento» delega; a lo demás contesta texto.
"""

from __future__ import annotations

import re
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import orjson

NADA = "nada"
CONSOLA = "ejecutar_comando_consola"
RESULTADO = "reportar_resultado_final"
PROBLEMA = "reportar_problema"
DELEGAR = "delegate_task"

_MODELO = re.compile(rb'"model":\s*"([^"]+)"')
_MODELO_EN_RUTA = re.compile(rb"/models/(?:gemini-)?([^:]+):")
_HECHAS = re.compile(rb'"role":\s*"tool"|"functionResponse"')
_PEDIDO = re.compile(r"(\d+) (\w+)")
_CABEZA = (
    b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nCache-Control: no-cache\r\n"
    b"Transfer-Encoding: chunked\r\n\r\n"
)
_FIRMA = "CkQBc2lnbmF0dXJhLWRlLW1lbnRpcmEtcGFyYS1sYXMtbWVkaWRhcy1kZS1yZW5kaW1pZW50bw=="

Llamada = tuple[str, dict[str, Any]]


@dataclass(frozen=True, slots=True)
class Contestacion:
    """Quién preguntó, cuánto tarda el modelo y los bytes de la respuesta HTTP entera."""

    modelo: str
    latencia_s: float
    crudo: bytes


def contestar(ruta: bytes, cuerpo: bytes) -> Contestacion:
    """La respuesta a una petición de cualquiera de los dos protocolos."""
    de_ruta = _MODELO_EN_RUTA.search(ruta)
    hallado = de_ruta or _MODELO.search(cuerpo)
    if hallado is None:
        msg = f"petición sin modelo: {ruta!r} {cuerpo[:200]!r}"
        raise ValueError(msg)
    modelo = hallado.group(1).decode()
    gemini = de_ruta is not None
    clase, *partes = modelo.split(".")
    if clase == "maestro":
        return Contestacion(modelo, int(partes[0]) / 1000, _del_maestro(gemini, cuerpo))
    hechas = len(_HECHAS.findall(cuerpo))
    return Contestacion(modelo, int(partes[2]) / 1000, _del_obrero(gemini, modelo, hechas))


def _del_maestro(gemini: bool, cuerpo: bytes) -> bytes:
    linea = _ultima_linea(gemini, orjson.loads(cuerpo))
    if not linea.startswith("lanza "):
        return _respuesta(gemini, "Visto.", [])
    llamadas = [
        (DELEGAR, {"agent_type": tipo, "task_description": f"Da tus pasos, obrero {n}."})
        for cuantos, tipo in _PEDIDO.findall(linea)
        for n in range(int(cuantos))
    ]
    return _respuesta(gemini, "", llamadas)


def _ultima_linea(gemini: bool, cuerpo: dict[str, Any]) -> str:
    """Lo último que se dijo, si lo dijo la persona o el sistema; nada si es de una herramienta."""
    if gemini:
        return str(cuerpo["contents"][-1]["parts"][-1].get("text", ""))
    ultimo = cuerpo["messages"][-1]
    return str(ultimo["content"]) if ultimo["role"] == "user" else ""


@lru_cache(maxsize=4096)
def _del_obrero(gemini: bool, modelo: str, hechas: int) -> bytes:
    _, turnos, herramienta, _, final = modelo.split(".")
    paso = f"paso {hechas + 1} de {turnos}"
    if hechas < int(turnos):
        orden = {"command": f"echo {paso}"}
        llamada = (CONSOLA, orden) if herramienta == "consola" else (NADA, {"texto": paso * 3})
        return _respuesta(gemini, f"Voy con el {paso}, que es como los demás.", [llamada])
    if final == "problema" and hechas == int(turnos):
        return _respuesta(gemini, "", [(PROBLEMA, {"descripcion_problema": "No sé seguir."})])
    return _respuesta(gemini, "", [(RESULTADO, {"resultado": f"Dados {turnos} pasos."})])


def _respuesta(gemini: bool, texto: str, llamadas: list[Llamada]) -> bytes:
    if gemini:
        eventos = [orjson.dumps(e) for e in _de_gemini(texto, llamadas)]
    else:
        eventos = [orjson.dumps(e) for e in _de_openai(texto, llamadas)] + [b"[DONE]"]
    fin = b"\r\n\r\n" if gemini else b"\n\n"
    trozos = [b"data: " + evento + fin for evento in eventos]
    return _CABEZA + b"".join(b"%x\r\n%s\r\n" % (len(t), t) for t in trozos) + b"0\r\n\r\n"


def _tercios(texto: str) -> list[str]:
    largo = -(-len(texto) // 3) or 1
    return [texto[i : i + largo] for i in range(0, len(texto), largo)]


def _de_openai(texto: str, llamadas: list[Llamada]) -> Iterator[dict[str, Any]]:
    deltas: list[dict[str, Any]] = [{"role": "assistant", "content": "", "refusal": None}]
    deltas += [{"content": pieza} for pieza in _tercios(texto)]
    for indice, (nombre, args) in enumerate(llamadas):
        funcion = {"name": nombre, "arguments": ""}
        abierta = {
            "index": indice,
            "id": f"call_{indice:08d}_{zlib.crc32(f'{nombre} {texto}'.encode()):010d}",
            "type": "function",
            "function": funcion,
        }
        deltas.append({"tool_calls": [abierta]})
        deltas += [
            {"tool_calls": [{"index": indice, "function": {"arguments": pieza}}]}
            for pieza in _tercios(orjson.dumps(args).decode())
        ]
    comun = {
        "id": "chatcmpl-medida",
        "object": "chat.completion.chunk",
        "created": 1_760_000_000,
        "model": "medida",
        "service_tier": "default",
        "system_fingerprint": "fp_medida",
    }
    for delta in deltas:
        opcion = {"index": 0, "delta": delta, "logprobs": None, "finish_reason": None}
        yield {**comun, "choices": [opcion], "usage": None}
    fin = "tool_calls" if llamadas else "stop"
    ultima = {"index": 0, "delta": {}, "logprobs": None, "finish_reason": fin}
    yield {**comun, "choices": [ultima], "usage": None}
    uso = {"prompt_tokens": 900, "completion_tokens": 40, "total_tokens": 940}
    yield {**comun, "choices": [], "usage": uso}


def _de_gemini(texto: str, llamadas: list[Llamada]) -> Iterator[dict[str, Any]]:
    comun = {
        "usageMetadata": {
            "promptTokenCount": 900,
            "candidatesTokenCount": 40,
            "totalTokenCount": 940,
        },
        "modelVersion": "medida",
        "responseId": "medida",
    }
    partes: list[dict[str, Any]] = [{"text": pieza} for pieza in _tercios(texto)]
    for orden, (nombre, args) in enumerate(llamadas):
        firma = {} if orden else {"thoughtSignature": _FIRMA}
        partes.append({"functionCall": {"name": nombre, "args": args}, **firma})
    for parte in partes:
        contenido = {"role": "model", "parts": [parte]}
        yield {"candidates": [{"content": contenido, "index": 0}], **comun}
    vacio = {"role": "model", "parts": [{"text": ""}]}
    yield {"candidates": [{"content": vacio, "index": 0, "finishReason": "STOP"}], **comun}
