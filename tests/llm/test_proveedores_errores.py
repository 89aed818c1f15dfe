"""Cada fallo de un servidor, por HTTP de verdad, acaba en una línea que dice qué ajustar."""

from __future__ import annotations

import json
import socket
from typing import Any

import pytest
from aiohttp import web
from langchain_core.messages import AIMessage, HumanMessage

from agentes.errores import ErrorModelo, ErrorModeloPasajero
from servicios.llm.adaptador import ModeloAdaptado
from servicios.llm.destino import Destino
from servicios.llm.proveedores import abrir_modelo
from tests.llm.grabador import GEMINI_HOLA, OPENAI_HOLA, Respuesta, fija, grabar, sse

CLAVE = "sk-secretisima-0123456789abcdef"
PROVEEDORES = ("openai", "gemini")
DESTINOS = {
    "openai": ("gpt-x", "/v1", "OPENAI_API_KEY", "OPENAI_BASE_URL"),
    "gemini": ("gemini-x", "", "GOOGLE_API_KEY", "GOOGLE_GEMINI_BASE_URL"),
}


def abrir(proveedor: str, url: str) -> ModeloAdaptado:
    modelo, ruta, clave, variable_url = DESTINOS[proveedor]
    destino = Destino(proveedor, modelo, url + ruta, clave, variable_url, CLAVE)
    return abrir_modelo(destino, CLAVE, "puerta")


async def fallo_en(proveedor: str, url: str) -> ErrorModelo:
    """El error de una llamada a ese servidor; comprueba lo que ha de cumplir siempre."""
    modelo = abrir(proveedor, url)
    try:
        with pytest.raises(ErrorModelo) as caso:
            _ = [trozo async for trozo in modelo.emitir([HumanMessage("hola")], ())]
    finally:
        await modelo.cerrar()
    texto = str(caso.value)
    assert "\n" not in texto
    assert len(texto) < 400
    assert CLAVE not in texto
    return caso.value


async def fallo(proveedor: str, responder: Respuesta) -> ErrorModelo:
    async with grabar(responder) as g:
        error = await fallo_en(proveedor, g.url)
        assert len(g.cuerpos) == 1, "los reintentos son cosa de la vía, no del cliente"
    return error


def con_error(proveedor: str, estado: int, mensaje: str, **mas: Any) -> Respuesta:
    """Un error con la forma de cada proveedor."""
    cabeceras = {k: v for k, v in mas.items() if k.startswith("Retry")}
    resto = {k: v for k, v in mas.items() if k not in cabeceras}
    codigo = {"code": estado, "status": resto.pop("status", "X")} if proveedor == "gemini" else {}
    cuerpo = {"error": {"message": mensaje, **codigo, **resto}}
    return fija(json.dumps(cuerpo), estado=estado, **cabeceras)


@pytest.mark.parametrize("proveedor", PROVEEDORES)
@pytest.mark.parametrize(
    ("estado", "mensaje", "clase", "dice"),
    [
        (401, f"Incorrect API key provided: {CLAVE}", "clave", ".env"),
        (403, "Forbidden", "clave", "no vale"),
        (404, "no such thing", "modelo", "MODEL"),
        (402, "Payment required", "clave", "saldo"),
        (429, "You exceeded your quota: insufficient_quota", "clave", "saldo"),
        (400, "This model's maximum context length is 8192 tokens", "contexto", "no cabe"),
        (400, "API key not valid. Please pass a valid API key.", "clave", "no vale"),
        (400, f"Invalid value with {CLAVE} inside " + "x" * 5000, "peticion", "rechazó"),
        (413, "too large", "contexto", "no cabe"),
    ],
)
async def test_lo_que_no_merece_otro_intento(
    proveedor: str, estado: int, mensaje: str, clase: str, dice: str
) -> None:
    error = await fallo(proveedor, con_error(proveedor, estado, mensaje))
    assert not isinstance(error, ErrorModeloPasajero)
    assert error.clase == clase
    assert dice in str(error)


@pytest.mark.parametrize("proveedor", PROVEEDORES)
async def test_los_remedios_nombran_la_variable(proveedor: str) -> None:
    modelo, _, clave, variable_url = DESTINOS[proveedor]
    assert clave in str(await fallo(proveedor, con_error(proveedor, 401, "no")))
    sin_modelo = str(await fallo(proveedor, con_error(proveedor, 404, "no")))
    assert modelo in sin_modelo
    assert variable_url in sin_modelo


@pytest.mark.parametrize("proveedor", PROVEEDORES)
@pytest.mark.parametrize(
    ("estado", "cabeceras", "clase", "espera", "satura"),
    [
        (429, {"Retry_After": "7"}, "tasa", 7.0, True),
        (429, {}, "tasa", None, True),
        (500, {}, "servidor", None, False),
        (500, {"Retry_After": "3"}, "servidor", 3.0, True),
        (503, {"Retry_After": "2"}, "servidor", 2.0, True),
        (529, {}, "servidor", None, True),
        (408, {}, "tiempo", None, False),
    ],
)
async def test_lo_que_merece_otro_intento(
    proveedor: str,
    estado: int,
    cabeceras: dict[str, str],
    clase: str,
    espera: float | None,
    satura: bool,
) -> None:
    error = await fallo(proveedor, con_error(proveedor, estado, "vuelve luego", **cabeceras))
    assert isinstance(error, ErrorModeloPasajero)
    assert (error.clase, error.espera_s, error.satura) == (clase, espera, satura)


async def test_gemini_dice_la_espera_en_el_cuerpo() -> None:
    detalles = [{"@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": "34.5s"}]
    respuesta = con_error("gemini", 429, "quota", status="RESOURCE_EXHAUSTED", details=detalles)
    error = await fallo("gemini", respuesta)
    assert isinstance(error, ErrorModeloPasajero)
    assert error.espera_s == 34.5


@pytest.mark.parametrize("proveedor", PROVEEDORES)
@pytest.mark.parametrize(
    "cuerpo",
    [
        pytest.param(("<html>mantenimiento</html>", "text/html"), id="página"),
        pytest.param(("", "text/event-stream"), id="vacío"),
        pytest.param(("data: esto no es json\n\n", "text/event-stream"), id="sse sin json"),
        pytest.param(
            ('data: {"choices": 3, "candidates": 3}\n\n', "text/event-stream"), id="forma"
        ),
    ],
)
async def test_un_200_con_basura(proveedor: str, cuerpo: tuple[str, str]) -> None:
    error = await fallo(proveedor, fija(cuerpo[0], tipo=cuerpo[1]))
    assert isinstance(error, ErrorModeloPasajero)
    assert error.clase == "respuesta"
    assert proveedor in str(error)


@pytest.mark.parametrize("proveedor", PROVEEDORES)
async def test_una_pagina_de_error_no_se_ensena(proveedor: str) -> None:
    error = await fallo(proveedor, fija("<html>" + "y" * 9000, estado=502, tipo="text/html"))
    assert error.clase == "servidor"
    assert "html" not in str(error)


@pytest.mark.parametrize(
    ("proveedor", "objeto", "clase"),
    [
        ("openai", {"message": "The server had an error", "type": "server_error"}, "servidor"),
        ("openai", {"message": "slow down", "code": "rate_limit_exceeded"}, "tasa"),
        ("openai", {"message": "upstream down", "code": 502}, "servidor"),
        ("gemini", {"message": "slow down", "code": 429, "status": "RESOURCE_EXHAUSTED"}, "tasa"),
        ("gemini", {"message": "internal", "code": 500, "status": "INTERNAL"}, "servidor"),
    ],
)
async def test_un_error_dentro_del_flujo(
    proveedor: str, objeto: dict[str, Any], clase: str
) -> None:
    comienzo = OPENAI_HOLA[:1] if proveedor == "openai" else GEMINI_HOLA[:1]
    error = await fallo(proveedor, sse([*comienzo, {"error": objeto}]))
    assert isinstance(error, ErrorModeloPasajero)
    assert error.clase == clase


@pytest.mark.parametrize("proveedor", PROVEEDORES)
async def test_un_corte_a_medias(proveedor: str) -> None:
    async def cortar(peticion: web.Request) -> web.StreamResponse:
        respuesta = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
        await respuesta.prepare(peticion)
        trozo = OPENAI_HOLA[0] if proveedor == "openai" else GEMINI_HOLA[0]
        await respuesta.write(f"data: {json.dumps(trozo)}\n\n".encode())
        assert peticion.transport is not None
        peticion.transport.abort()
        return respuesta

    error = await fallo(proveedor, cortar)
    assert isinstance(error, ErrorModeloPasajero)
    assert error.clase == "conexion"


@pytest.mark.parametrize("proveedor", PROVEEDORES)
async def test_un_corte_antes_de_contestar(proveedor: str) -> None:
    async def cortar(peticion: web.Request) -> web.StreamResponse:
        assert peticion.transport is not None
        peticion.transport.abort()
        return web.Response()

    error = await fallo(proveedor, cortar)
    assert isinstance(error, ErrorModeloPasajero)
    assert error.clase == "conexion"


@pytest.mark.parametrize("proveedor", PROVEEDORES)
async def test_no_hay_servidor(proveedor: str) -> None:
    with socket.socket() as enchufe:
        enchufe.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{enchufe.getsockname()[1]}"
    error = await fallo_en(proveedor, url)
    assert error.clase == "conexion"
    assert "No hay servidor" in str(error)
    assert url in str(error)
    assert DESTINOS[proveedor][3] in str(error)


async def test_una_historia_que_el_proveedor_no_sabe_expresar() -> None:
    mala = AIMessage(
        [{"type": "thinking", "thinking": "x", "signature": "no es base64"}],
        response_metadata={"model_provider": "google_genai"},
    )
    async with grabar(sse(GEMINI_HOLA)) as g:
        modelo = abrir("gemini", g.url)
        with pytest.raises(ErrorModelo, match="La historia no se puede mandar") as caso:
            _ = [t async for t in modelo.emitir([HumanMessage("a"), mala, HumanMessage("b")], ())]
        await modelo.cerrar()
        assert g.cuerpos == []
    assert caso.value.envenena


@pytest.mark.parametrize("proveedor", PROVEEDORES)
async def test_tras_un_fallo_el_modelo_sigue_sirviendo(proveedor: str) -> None:
    fallidas = 0

    async def a_la_segunda(peticion: web.Request) -> web.StreamResponse:
        nonlocal fallidas
        fallidas += 1
        if fallidas == 1:
            return web.Response(status=500, text="{}")
        trozos = OPENAI_HOLA if proveedor == "openai" else GEMINI_HOLA
        return await sse(trozos)(peticion)

    async with grabar(a_la_segunda) as g:
        modelo = abrir(proveedor, g.url)
        with pytest.raises(ErrorModeloPasajero):
            _ = [t async for t in modelo.emitir([HumanMessage("hola")], ())]
        buenos = [t async for t in modelo.emitir([HumanMessage("hola")], ())]
        await modelo.cerrar()
    assert len(buenos) == 5
