"""Los suelos: el mismo trabajo escrito a mano, sin enjambre. asyncio + HTTP + json + sqlite3.

Hacen lo mismo que un agente del producto: la misma historia entera en cada petición, la respuesta
por fragmentos, la misma herramienta y, con bitácora, las mismas cuatro filas por turno en SQLite
con un compromiso en disco antes de ejecutar.
"""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp
import httpx2

from tests.rendimiento.apuntador import Apuntador, SinApuntar
from tests.rendimiento.contestaciones import CONSOLA, DELEGAR, NADA
from tests.rendimiento.gasto import cpu
from tests.rendimiento.herramientas import TAREA, en_openai, instrucciones, nada
from tests.rendimiento.procesos import carpeta

Enviar = Callable[[bytes], AsyncIterator[bytes]]
Ejecutar = Callable[[str, dict[str, Any]], Awaitable[str]]

_CABECERAS = {"Authorization": "Bearer clave-de-medida", "Content-Type": "application/json"}


async def turnos(servidor: str, cuantos: int, herramienta: str) -> dict[str, Any]:
    """Un agente de muchos turnos sobre httpx2 y con bitácora: CPU en cada uso y total."""
    marcas: list[float] = []
    with carpeta() as donde, Apuntador(donde / "suelo.db") as apuntador:
        async with _por_httpx2(servidor) as enviar:
            await _agente(enviar, "obrero.3.nada.0.resultado", _herramienta([]), apuntador)
            antes = cpu()
            modelo = f"obrero.{cuantos}.{herramienta}.0.resultado"
            await _agente(enviar, modelo, _herramienta(marcas), apuntador)
            total = cpu() - antes
    return {"marcas": marcas, "por_turno": total / (cuantos + 1)}


async def muchos(
    servidor: str, cuantos: int, pasos: int, latencia_ms: int, transporte: str
) -> dict[str, Any]:
    """Un coordinador que delega en N agentes, sin bitácora: reloj y CPU."""
    abrir = _por_httpx2 if transporte == "httpx2" else _por_aiohttp
    async with abrir(servidor) as enviar:
        await _agente(enviar, "obrero.1.nada.0.resultado", _herramienta([]), SinApuntar())
        reloj, gastada = time.monotonic(), cpu()
        modelo = f"maestro.{latencia_ms}"
        historia = [_mensaje("system", instrucciones())]
        historia.append(_mensaje("user", f"lanza {cuantos} obrero"))
        pedido = await _preguntar(enviar, modelo, historia)
        obrero = f"obrero.{pasos}.nada.{latencia_ms}.resultado"
        async with asyncio.TaskGroup() as grupo:
            for _ in pedido["tool_calls"]:
                grupo.create_task(_agente(enviar, obrero, _herramienta([]), SinApuntar()))
        historia.append(_mensaje("user", "han acabado"))
        await _preguntar(enviar, modelo, historia)
        hechos = sum(ll["function"]["name"] == DELEGAR for ll in pedido["tool_calls"])
        if hechos != cuantos:
            raise RuntimeError(f"el coordinador delegó {hechos} y no {cuantos}")
        return {"reloj": time.monotonic() - reloj, "cpu": cpu() - gastada}


async def _agente(
    enviar: Enviar, modelo: str, ejecutar: Ejecutar, apuntador: Apuntador | SinApuntar
) -> None:
    historia = [_mensaje("system", instrucciones()), _mensaje("user", TAREA)]
    nuevos = list(historia)
    while True:
        apuntador.fila("llm_input", nuevos)
        dicho = await _preguntar(enviar, modelo, historia)
        historia.append(dicho)
        apuntador.fila("llm_output", dicho)
        nuevos = []
        for llamada in dicho["tool_calls"]:
            nombre = llamada["function"]["name"]
            apuntador.fila("tool_call_request", llamada)
            apuntador.comprometer()
            texto = await ejecutar(nombre, json.loads(llamada["function"]["arguments"]))
            apuntador.fila("tool_execution", {"id": llamada["id"], "resultado": texto})
            nuevos.append({"role": "tool", "content": texto, "tool_call_id": llamada["id"]})
            if nombre not in {NADA, CONSOLA}:
                apuntador.comprometer()
                return
        historia += nuevos


def _herramienta(marcas: list[float]) -> Ejecutar:
    async def ejecutar(nombre: str, args: dict[str, Any]) -> str:
        if nombre == CONSOLA:
            return await _orden(args["command"])
        if nombre == NADA:
            marcas.append(time.process_time())
            return nada(args["texto"])
        return "Resultado entregado."

    return ejecutar


async def _orden(orden: str) -> str:
    tubo = asyncio.subprocess.PIPE
    proceso = await asyncio.create_subprocess_exec(
        "bash", "-c", orden, stdin=asyncio.subprocess.DEVNULL, stdout=tubo, stderr=tubo
    )
    salida, error = await proceso.communicate()
    dado = {"salida": salida.decode(), "error": error.decode(), "codigo": proceso.returncode}
    return json.dumps(dado, ensure_ascii=False)


async def _preguntar(enviar: Enviar, modelo: str, historia: list[dict[str, Any]]) -> dict[str, Any]:
    cuerpo = {
        "model": modelo,
        "messages": historia,
        "tools": en_openai(),
        "stream": True,
        "stream_options": {"include_usage": True},
    }
    texto: list[str] = []
    llamadas: dict[int, dict[str, Any]] = {}
    async for linea in enviar(json.dumps(cuerpo, separators=(",", ":")).encode()):
        if not linea.startswith(b"data: {"):
            continue
        for opcion in json.loads(linea[6:])["choices"]:
            texto.append(opcion["delta"].get("content") or "")
            _juntar(llamadas, opcion["delta"].get("tool_calls", ()))
    pedidas = [{k: v for k, v in ll.items() if k != "index"} for ll in llamadas.values()]
    return {"role": "assistant", "content": "".join(texto), "tool_calls": pedidas}


def _juntar(llamadas: dict[int, dict[str, Any]], piezas: list[dict[str, Any]]) -> None:
    for pieza in piezas:
        if "id" in pieza:
            llamadas[pieza["index"]] = {**pieza, "function": {**pieza["function"]}}
        else:
            funcion = llamadas[pieza["index"]]["function"]
            funcion["arguments"] += pieza["function"]["arguments"]


def _mensaje(rol: str, texto: str) -> dict[str, Any]:
    return {"role": rol, "content": texto}


@asynccontextmanager
async def _por_httpx2(servidor: str) -> AsyncIterator[Enviar]:
    limites = httpx2.Limits(max_connections=None, max_keepalive_connections=None)
    async with httpx2.AsyncClient(
        timeout=None, limits=limites, trust_env=False, headers=_CABECERAS
    ) as cliente:

        async def enviar(cuerpo: bytes) -> AsyncIterator[bytes]:
            ruta = f"{servidor}/chat/completions"
            async with cliente.stream("POST", ruta, content=cuerpo) as respuesta:
                respuesta.raise_for_status()
                async for linea in respuesta.aiter_lines():
                    yield linea.encode()

        yield enviar


@asynccontextmanager
async def _por_aiohttp(servidor: str) -> AsyncIterator[Enviar]:
    enchufe = aiohttp.TCPConnector(limit=0)
    async with aiohttp.ClientSession(connector=enchufe, headers=_CABECERAS) as sesion:

        async def enviar(cuerpo: bytes) -> AsyncIterator[bytes]:
            ruta = f"{servidor}/chat/completions"
            async with sesion.post(ruta, data=cuerpo, timeout=None) as respuesta:
                respuesta.raise_for_status()
                async for linea in respuesta.content:
                    yield linea

        yield enviar


async def primera_peticion(servidor: str) -> None:
    """Lo mínimo que hace un programa hasta su primera petición: abrir y preguntar una vez."""
    with carpeta() as donde, Apuntador(Path(donde) / "suelo.db") as apuntador:
        async with _por_httpx2(servidor) as enviar:
            apuntador.fila("master_input", {"texto": "hola"})
            apuntador.comprometer()
            await _preguntar(enviar, "maestro.0", [_mensaje("user", "hola")])
