"""Un servidor HTTP diminuto que apunta lo que recibe y contesta lo que se le diga, y qué decirle."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web
from langchain_core.messages import HumanMessage

from prompts.tool_definitions import HERRAMIENTAS_AGENTE
from servicios.llm.destino import Destino
from servicios.llm.flujo import Trozo
from servicios.llm.proveedores import abrir_modelo

Respuesta = Callable[[web.Request], Awaitable[web.StreamResponse]]

HOLA = [HumanMessage("hola")]

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


def delta(fin: str | None = None, **campos: Any) -> dict[str, Any]:
    return {"choices": [{"index": 0, "delta": campos, "finish_reason": fin}]}


def pieza(indice: int | None, crudo: str, **cabecera: Any) -> dict[str, Any]:
    """Un trozo de llamada a herramienta como lo manda OpenAI."""
    nombre = {"name": cabecera.pop("name")} if "name" in cabecera else {}
    puesto = {} if indice is None else {"index": indice}
    return {**puesto, **cabecera, "function": {**nombre, "arguments": crudo}}


def candidato(*partes: dict[str, Any], fin: str | None = None) -> dict[str, Any]:
    cuerpo: dict[str, Any] = {"content": {"role": "model", "parts": list(partes)}}
    if fin:
        cuerpo["finishReason"] = fin
    return {"candidates": [cuerpo], "modelVersion": "gemini-3.5-flash"}


async def trozos_de(proveedor: str, eventos: list[dict[str, Any]]) -> list[Trozo]:
    async with grabar(sse(eventos, done=proveedor == "openai")) as g:
        url = g.url + ("/v1" if proveedor == "openai" else "")
        modelo = abrir_modelo(Destino(proveedor, "gemini-3.5-flash", url), "k", "puerta")
        trozos = [t async for t in modelo.emitir(HOLA, HERRAMIENTAS_AGENTE)]
        await modelo.cerrar()
    return trozos


def de_tipo(trozos: list[Trozo], *tipos: type) -> list[Trozo]:
    return [t for t in trozos if isinstance(t, tipos)]
