"""Lo que los dos dobles hacen igual: guion, averías de la conexión, memoria y muchas a la vez."""

from __future__ import annotations

import asyncio
import json
import sys
import time
from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import pytest

from tests.dobles import (
    FALLOS,
    Doble,
    DobleGemini,
    DobleOpenAI,
    Guion,
    Peticion,
    Respuesta,
    fallo,
    texto,
)

FINAL = {"openai": b"[DONE]", "gemini": b"finishReason"}


@pytest.fixture(params=["openai", "gemini"])
def proveedor(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
async def doble(proveedor: str) -> AsyncIterator[Doble]:
    clase = {"openai": DobleOpenAI, "gemini": DobleGemini}[proveedor]
    async with clase(Guion()) as abierto:
        yield abierto


@pytest.fixture
async def sesion() -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0)) as abierta:
        yield abierta


def pedido(url: str, sistema: str, *herramientas: str) -> dict[str, Any]:
    """Lo que se pasa a `sesion.post` para preguntar por fragmentos, según la dirección base."""
    if url.endswith("/v1"):
        funciones: list[Any] = [{"type": "function", "function": {"name": h}} for h in herramientas]
        mensajes: list[Any] = [
            {"role": "system", "content": sistema},
            {"role": "user", "content": "hola"},
        ]
        pedida: dict[str, Any] = {"model": "gpt-prueba", "messages": mensajes, "stream": True}
        cabeceras = {"Authorization": "Bearer clave-de-prueba"}
        url += "/chat/completions"
    else:
        funciones = [{"functionDeclarations": [{"name": h} for h in herramientas]}]
        mensajes = [{"role": "user", "parts": [{"text": "hola"}]}]
        pedida = {"systemInstruction": {"parts": [{"text": sistema}]}, "contents": mensajes}
        cabeceras = {"x-goog-api-key": "clave-de-prueba"}
        url += "/v1beta/models/gemini-3-prueba:streamGenerateContent?alt=sse"
    return {
        "url": url,
        "headers": cabeceras,
        "json": pedida | ({"tools": funciones} if herramientas else {}),
    }


def texto_de(contestado: bytes) -> str:
    """El texto que forman los fragmentos de un flujo de cualquiera de los dos."""
    juntado = ""
    for linea in contestado.decode().splitlines():
        if linea.startswith("data: {"):
            juntado += _pieza(json.loads(linea.removeprefix("data: ")))
    return juntado


def _pieza(evento: dict[str, Any]) -> str:
    if "candidates" in evento:
        return "".join(p.get("text", "") for p in evento["candidates"][0]["content"]["parts"])
    return "".join(o["delta"].get("content") or "" for o in evento.get("choices", []))


async def preguntar(
    sesion: aiohttp.ClientSession,
    doble: Doble,
    sistema: str = "Eres ejecutor-1.",
    *herramientas: str,
) -> tuple[int, bytes]:
    async with sesion.post(**pedido(doble.url, sistema, *herramientas)) as dada:
        return dada.status, await dada.read()


async def oir(
    sesion: aiohttp.ClientSession,
    doble: Doble,
    sistema: str = "Eres ejecutor-1.",
    *herramientas: str,
) -> str:
    _, contestado = await preguntar(sesion, doble, sistema, *herramientas)
    return texto_de(contestado)


async def test_cada_agente_sigue_su_cola(doble: Doble, sesion: aiohttp.ClientSession) -> None:
    doble.guion.poner("ejecutor-1", [texto("uno"), texto("otro")])
    doble.guion.poner("ejecutor-10", [texto("diez")])
    assert await oir(sesion, doble, "Eres ejecutor-10; manda el Master.") == "diez"
    assert await oir(sesion, doble) == "uno"
    assert doble.guion.pendientes() == {"ejecutor-1": 1}
    with pytest.raises(AssertionError, match="pasos sin gastar"):
        doble.comprobar()
    assert await oir(sesion, doble) == "otro"
    doble.comprobar()


async def test_un_molde_da_a_cada_agente_su_copia(
    doble: Doble, sesion: aiohttp.ClientSession
) -> None:
    doble.guion.poner("ejecutor-*", [texto("propia")])
    for n in (1, 2):
        assert (await preguntar(sesion, doble, f"Eres ejecutor-{n}."))[0] == 200
    assert [p.agente for p in doble.peticiones] == ["ejecutor-1", "ejecutor-2"]


async def test_el_master_se_reconoce_por_lo_que_puede_hacer(
    doble: Doble, sesion: aiohttp.ClientSession
) -> None:
    doble.guion.poner("Master", [texto("soy el jefe")])
    doble.guion.poner("ejecutor-1", [texto("soy un agente")])
    sistema = "Lanzas agentes, con ids como ejecutor-1."
    assert await oir(sesion, doble, sistema, "delegate_task") == "soy el jefe"
    sistema = "Trabajas para el Master. Eres ejecutor-1."
    assert await oir(sesion, doble, sistema, "reportar_resultado_final") == "soy un agente"


async def test_lo_imprevisto_es_un_500_y_queda_anotado(
    doble: Doble, sesion: aiohttp.ClientSession
) -> None:
    doble.guion.poner("ejecutor-1", [])
    estado, contestado = await preguntar(sesion, doble)
    assert estado == 500
    assert b"ejecutor-1" in contestado
    assert (await preguntar(sesion, doble, "Eres alguien."))[0] == 500
    assert len(doble.imprevistos) == 2
    with pytest.raises(AssertionError, match="guion agotado para ejecutor-1"):
        doble.comprobar()


@pytest.mark.parametrize(("nombre", "estado"), [("429", 429), ("500", 500), ("503", 503)])
async def test_errores_http(
    doble: Doble, sesion: aiohttp.ClientSession, nombre: str, estado: int
) -> None:
    doble.guion.poner("ejecutor-1", [fallo(nombre, retry_after=7), texto("ya")])
    async with sesion.post(**pedido(doble.url, "Eres ejecutor-1.")) as dada:
        assert (dada.status, dada.headers["Retry-After"]) == (estado, "7")
        assert "error" in json.loads(await dada.text())
    assert (await preguntar(sesion, doble))[0] == 200
    doble.comprobar()


async def test_reinicio_antes_de_contestar(doble: Doble, sesion: aiohttp.ClientSession) -> None:
    doble.guion.poner("ejecutor-1", [fallo("reinicio")])
    with pytest.raises(aiohttp.ClientConnectionError):
        await preguntar(sesion, doble)


async def test_reinicio_a_mitad(doble: Doble, sesion: aiohttp.ClientSession) -> None:
    doble.guion.poner("ejecutor-1", [fallo("reinicio_a_mitad")])
    async with sesion.post(**pedido(doble.url, "Eres ejecutor-1.")) as dada:
        assert b"Una" in await dada.content.readuntil(b"Una")
        with pytest.raises((aiohttp.ClientPayloadError, aiohttp.ClientConnectionError)):
            await dada.read()


@pytest.mark.parametrize("nombre", ["fin_limpio_a_mitad", "fin_limpio_en_argumentos"])
async def test_final_limpio_sin_motivo_de_fin(
    doble: Doble, sesion: aiohttp.ClientSession, proveedor: str, nombre: str
) -> None:
    doble.guion.poner("ejecutor-1", [fallo(nombre)])
    estado, contestado = await preguntar(sesion, doble)
    assert estado == 200
    assert b"data: " in contestado
    assert FINAL[proveedor] not in contestado


async def test_error_dentro_del_flujo(
    doble: Doble, sesion: aiohttp.ClientSession, proveedor: str
) -> None:
    doble.guion.poner("ejecutor-1", [fallo("error_en_flujo")])
    estado, contestado = await preguntar(sesion, doble)
    assert estado == 200
    assert b'data: {"error"' in contestado
    assert FINAL[proveedor] not in contestado


async def test_basura_con_200(doble: Doble, sesion: aiohttp.ClientSession) -> None:
    doble.guion.poner("ejecutor-1", [fallo("basura_html")])
    estado, contestado = await preguntar(sesion, doble)
    assert (estado, contestado[:9]) == (200, b"<!DOCTYPE")


async def test_flujo_mudo_y_cliente_que_se_va(doble: Doble, sesion: aiohttp.ClientSession) -> None:
    doble.guion.poner("ejecutor-1", [fallo("silencio", espera_s=60)])
    async with sesion.post(**pedido(doble.url, "Eres ejecutor-1.")) as dada:
        assert dada.status == 200
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(dada.read(), 0.3)
    await doble.esperar_fin(1)
    assert doble.peticiones[0].abandonada


async def test_flujo_lento_llega_por_partes(doble: Doble, sesion: aiohttp.ClientSession) -> None:
    doble.guion.poner("ejecutor-1", [fallo("lento", entre_trozos_s=0.05, trozos=6)])
    comienzo = time.monotonic()
    async with sesion.post(**pedido(doble.url, "Eres ejecutor-1.")) as dada:
        await dada.content.readany()
        primera = time.monotonic() - comienzo
        await dada.read()
    assert time.monotonic() - comienzo > primera + 0.15


@pytest.mark.parametrize("nombre", FALLOS)
async def test_toda_averia_se_puede_servir(
    doble: Doble, sesion: aiohttp.ClientSession, nombre: str
) -> None:
    opciones = {"espera_s": 0.01} if nombre == "silencio" else {}
    doble.guion.poner("ejecutor-1", [fallo(nombre, **opciones)])
    try:
        estado, _ = await preguntar(sesion, doble)
    except aiohttp.ClientError:
        assert nombre.startswith("reinicio")
    else:
        assert estado == doble.peticiones[0].estado
    assert doble.guion.pendientes() == {}
    doble.comprobar()


async def test_un_paso_puede_esperar_a_otro(doble: Doble, sesion: aiohttp.ClientSession) -> None:
    sigue = asyncio.Event()

    async def cuando_toque(_: Peticion) -> Respuesta:
        await sigue.wait()
        return texto("por fin")

    doble.guion.poner("ejecutor-1", [cuando_toque])
    pendiente = asyncio.create_task(oir(sesion, doble))
    await doble.esperar(1, "ejecutor-1")
    assert not pendiente.done()
    sigue.set()
    assert await pendiente == "por fin"


async def test_cuatrocientas_abiertas_a_la_vez(doble: Doble, sesion: aiohttp.ClientSession) -> None:
    estan_todas = asyncio.Event()

    async def con_todas(peticion: Peticion) -> Respuesta:
        await estan_todas.wait()
        return texto(peticion.agente)

    doble.guion.poner("ejecutor-*", con_todas)
    async with asyncio.TaskGroup() as grupo:
        pendientes = [
            grupo.create_task(preguntar(sesion, doble, f"Eres ejecutor-{n}.")) for n in range(400)
        ]
        await doble.esperar(400, limite_s=30)
        assert not any(pendiente.done() for pendiente in pendientes)
        estan_todas.set()
    assert {tarea.result()[0] for tarea in pendientes} == {200}
    assert len({p.agente for p in doble.peticiones}) == 400


async def test_servidor_en_su_proceso_se_contesta_solo(
    sesion: aiohttp.ClientSession, proveedor: str
) -> None:
    orden = ["-m", "tests.dobles.servidor", "--proveedor", proveedor, "--turnos", "0", "--validar"]
    proceso = await asyncio.create_subprocess_exec(
        sys.executable, *orden, stdout=asyncio.subprocess.PIPE
    )
    try:
        assert proceso.stdout is not None
        url = (await proceso.stdout.readline()).decode().strip()
        async with sesion.post(**pedido(url, "x", "reportar_resultado_final")) as dada:
            assert b"reportar_resultado_final" in await dada.read()
    finally:
        proceso.terminate()
        assert await proceso.wait() == 0
