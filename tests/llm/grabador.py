"""Un servidor HTTP diminuto que apunta lo que recibe y contesta lo que se le diga."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web

Respuesta = Callable[[web.Request], Awaitable[web.StreamResponse]]

OPENAI_HOLA: list[dict[str, Any]] = [
    {"choices": [{"index": 0, "delta": {"role": "assistant", "content": "ho"}}]},
    {"choices": [{"index": 0, "delta": {"content": "la"}}]},
    {"choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]},
    {"choices": [], "usage": {"prompt_tokens": 7, "completion_tokens": 2, "total_tokens": 9}},
]

GEMINI_HOLA: list[dict[str, Any]] = [
    {"candidates": [{"content": {"role": "model", "parts": [{"text": "ho"}]}}]},
    {
        "candidates": [
            {"content": {"role": "model", "parts": [{"text": "la"}]}, "finishReason": "STOP"}
        ],
        "usageMetadata": {
            "promptTokenCount": 7,
            "candidatesTokenCount": 2,
            "totalTokenCount": 9,
        },
    },
]


@dataclass(slots=True)
class Grabador:
    """Lo recibido: cuerpos ya leídos y cabeceras, en orden de llegada."""

    url: str = ""
    cuerpos: list[dict[str, Any]] = field(default_factory=list)
    cabeceras: list[dict[str, str]] = field(default_factory=list)
    rutas: list[str] = field(default_factory=list)
    conexiones: set[object] = field(default_factory=set)


@asynccontextmanager
async def grabar(responder: Respuesta) -> AsyncIterator[Grabador]:
    """Sirve en un puerto libre hasta salir del bloque."""
    grabador = Grabador()

    async def atender(peticion: web.Request) -> web.StreamResponse:
        grabador.cuerpos.append(await peticion.json())
        grabador.cabeceras.append({k.lower(): v for k, v in peticion.headers.items()})
        grabador.rutas.append(peticion.path)
        grabador.conexiones.add(peticion.transport)
        return await responder(peticion)

    app = web.Application(client_max_size=64 * 1024 * 1024)
    app.router.add_post("/{resto:.*}", atender)
    ejecutor = web.AppRunner(app, shutdown_timeout=0.1)
    await ejecutor.setup()
    await web.TCPSite(ejecutor, "127.0.0.1", 0).start()
    grabador.url = f"http://127.0.0.1:{ejecutor.addresses[0][1]}"
    try:
        yield grabador
    finally:
        await ejecutor.cleanup()


def sse(trozos: list[dict[str, Any]], *, done: bool = False) -> Respuesta:
    """Un flujo de eventos que acaba bien; `done` añade la marca final de OpenAI."""

    async def responder(peticion: web.Request) -> web.StreamResponse:
        respuesta = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
        await respuesta.prepare(peticion)
        lineas = "".join(f"data: {json.dumps(trozo)}\n\n" for trozo in trozos)
        await respuesta.write((lineas + ("data: [DONE]\n\n" if done else "")).encode())
        await respuesta.write_eof()
        return respuesta

    return responder


def fija(
    cuerpo: str, *, estado: int = 200, tipo: str = "application/json", **cab: str
) -> Respuesta:
    """Una respuesta entera y siempre la misma."""

    async def responder(peticion: web.Request) -> web.StreamResponse:
        cabeceras = {nombre.replace("_", "-"): valor for nombre, valor in cab.items()}
        return web.Response(text=cuerpo, status=estado, content_type=tipo, headers=cabeceras)

    return responder
