"""El doble de OpenAI es tan estricto como el real y habla con el cliente real."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import pytest
from langchain_core.messages import AIMessageChunk, HumanMessage, SystemMessage, ToolMessage
from langchain_core.messages.ai import add_ai_message_chunks
from langchain_openai import ChatOpenAI
from pydantic import SecretStr

from tests.dobles import (
    CLAVE,
    DobleOpenAI,
    Guion,
    Respuesta,
    Uso,
    fallo,
    llamada,
    llamar,
    respuesta,
    texto,
)
from tests.dobles.peticiones_openai import CONSOLA, INVALIDAS, SISTEMA, USUARIO, VALIDAS, cuerpo

PREGUNTA = [SystemMessage("Eres ejecutor-1."), HumanMessage("hola")]


@pytest.fixture
async def doble() -> AsyncIterator[DobleOpenAI]:
    async with DobleOpenAI(Guion({"ejecutor-1": texto("vale"), "*": texto("vale")})) as abierto:
        yield abierto


async def enviar(
    doble: DobleOpenAI, pedido: Any, clave: str | None = CLAVE, ruta: str = "/chat/completions"
) -> tuple[int, str, Any]:
    cabeceras = {} if clave is None else {"Authorization": f"Bearer {clave}"}
    async with (
        aiohttp.ClientSession() as sesion,
        sesion.post(doble.url + ruta, json=pedido, headers=cabeceras) as dada,
    ):
        return dada.status, await dada.text(), dada.headers


def cliente(doble: DobleOpenAI, **opciones: Any) -> ChatOpenAI:
    opciones = {"model": "gpt-prueba", "api_key": SecretStr(doble.clave), **opciones}
    return ChatOpenAI(
        base_url=doble.url, use_responses_api=False, stream_usage=True, max_retries=0, **opciones
    )


async def preguntar(doble: DobleOpenAI, mensajes: Any = None) -> AIMessageChunk:
    modelo = cliente(doble).bind_tools([CONSOLA])
    trozos = [t async for t in modelo.astream(mensajes or PREGUNTA)]
    chunks = [t for t in trozos if isinstance(t, AIMessageChunk)]
    return add_ai_message_chunks(*chunks) if len(chunks) > 1 else chunks[0]


@pytest.mark.parametrize("caso", INVALIDAS)
async def test_rechaza_lo_invalido_sin_gastar_guion(doble: DobleOpenAI, caso: str) -> None:
    pedido, motivo = INVALIDAS[caso]
    estado, contestado, _ = await enviar(doble, pedido)
    error = json.loads(contestado)["error"]
    assert (estado, error["type"]) == (400, "invalid_request_error")
    assert motivo in error["message"]
    assert len(doble.rechazos) == 1
    assert doble.peticiones[0].estado == 400


@pytest.mark.parametrize("caso", VALIDAS)
async def test_admite_lo_valido(doble: DobleOpenAI, caso: str) -> None:
    estado, contestado, _ = await enviar(doble, VALIDAS[caso])
    assert estado == 200, contestado
    assert json.loads(contestado)["choices"][0]["message"]["content"] == "vale"
    doble.comprobar()


@pytest.mark.parametrize(
    ("clave", "codigo"), [(None, None), ("otra", "invalid_api_key")], ids=["falta", "otra"]
)
async def test_clave_que_no_vale(doble: DobleOpenAI, clave: str | None, codigo: str | None) -> None:
    estado, contestado, _ = await enviar(doble, cuerpo(SISTEMA, USUARIO), clave)
    assert estado == 401
    assert json.loads(contestado)["error"]["code"] == codigo


async def test_modelo_y_ruta_desconocidos(doble: DobleOpenAI) -> None:
    estado, contestado, _ = await enviar(doble, {**cuerpo(USUARIO), "model": "no-existe"})
    assert (estado, json.loads(contestado)["error"]["code"]) == (404, "model_not_found")
    assert (await enviar(doble, cuerpo(USUARIO), ruta="/responses"))[0] == 404


async def test_cuerpo_que_no_es_json(doble: DobleOpenAI) -> None:
    async with (
        aiohttp.ClientSession() as sesion,
        sesion.post(f"{doble.url}/chat/completions", data=b"{") as dada,
    ):
        assert dada.status == 400


async def test_forma_del_flujo(doble: DobleOpenAI) -> None:
    doble.guion.poner("ejecutor-1", [respuesta("voy", [llamada("f", {"a": "b"})], trozos=2)])
    opciones = {"stream": True, "stream_options": {"include_usage": True}}
    _, contestado, cabeceras = await enviar(doble, cuerpo(SISTEMA, USUARIO, **opciones))
    assert cabeceras["Content-Type"] == "text/event-stream"
    lineas = [linea.removeprefix("data: ") for linea in contestado.strip().split("\n\n")]
    assert lineas[-1] == "[DONE]"
    eventos = [json.loads(linea) for linea in lineas[:-1]]
    assert eventos[-1]["choices"] == []
    assert eventos[-1]["usage"]["total_tokens"] > 0
    deltas = [e["choices"][0] for e in eventos[:-1]]
    assert deltas[0]["delta"]["role"] == "assistant"
    assert deltas[-1]["finish_reason"] == "tool_calls"
    llamadas = [d["delta"]["tool_calls"][0] for d in deltas if "tool_calls" in d["delta"]]
    assert llamadas[0]["id"].startswith("call_")
    assert "".join(ll["function"]["arguments"] for ll in llamadas) == '{"a":"b"}'
    assert all("id" not in ll for ll in llamadas[1:])


async def test_cliente_real_recibe_texto_y_uso(doble: DobleOpenAI) -> None:
    doble.guion.poner("ejecutor-1", [texto("hola, persona", uso=Uso(100, 7, 40))])
    juntado = await preguntar(doble)
    assert juntado.text == "hola, persona"
    assert juntado.usage_metadata is not None
    assert juntado.usage_metadata["input_tokens"] == 100
    assert juntado.usage_metadata["input_token_details"]["cache_read"] == 40
    doble.comprobar()


async def test_cliente_real_hace_un_viaje_con_llamadas_paralelas(doble: DobleOpenAI) -> None:
    pedidas = [llamada(CONSOLA["function"]["name"], {"command": c}) for c in ("ls", "pwd")]
    doble.guion.poner("ejecutor-1", [respuesta("voy", pedidas), texto("listo")])
    primera = await preguntar(doble)
    assert [ll["args"] for ll in primera.tool_calls] == [{"command": "ls"}, {"command": "pwd"}]
    resultados = [
        ToolMessage(f"sale {n}", tool_call_id=ll["id"]) for n, ll in enumerate(primera.tool_calls)
    ]
    assert (await preguntar(doble, [*PREGUNTA, primera, *resultados])).text == "listo"
    assert doble.de("ejecutor-1")[1].resultados == ["sale 0", "sale 1"]
    assert doble.peticiones[0].herramientas == ["ejecutar_comando_consola"]
    doble.comprobar()


async def test_cliente_real_sin_flujo(doble: DobleOpenAI) -> None:
    doble.guion.poner("ejecutor-1", [llamar("f", {"a": 1})])
    dada = await cliente(doble).ainvoke(PREGUNTA)
    assert dada.tool_calls[0]["args"] == {"a": 1}


async def test_argumentos_cortados_llegan_cortados(doble: DobleOpenAI) -> None:
    doble.guion.poner("ejecutor-1", [fallo("argumentos_cortados_longitud")])
    juntado = await preguntar(doble)
    assert juntado.tool_call_chunks[0]["args"] == '{"command": "rm -rf /datos/tmp/bas'
    assert juntado.response_metadata["finish_reason"] == "length"


@pytest.mark.parametrize(
    ("nombre", "ids", "indices"),
    [
        ("ids_repetidos", ["call_repetida", "call_repetida"], [0, 1]),
        ("sin_ids", [None, None], [0, 1]),
        ("mismo_indice", None, [0, 0]),
    ],
)
async def test_llamadas_mal_identificadas(
    doble: DobleOpenAI, nombre: str, ids: list[str | None] | None, indices: list[int]
) -> None:
    doble.guion.poner("ejecutor-1", [fallo(nombre)])
    _, contestado, _ = await enviar(doble, cuerpo(SISTEMA, USUARIO, stream=True))
    eventos = [json.loads(x[6:]) for x in contestado.split("\n\n") if x.startswith("data: {")]
    abiertas = [
        ll
        for e in eventos
        for ll in e["choices"][0]["delta"].get("tool_calls", [])
        if "name" in ll["function"]
    ]
    assert [ll["index"] for ll in abiertas] == indices
    if ids is not None:
        assert [ll.get("id") for ll in abiertas] == ids


async def test_filtro_de_contenido(doble: DobleOpenAI) -> None:
    doble.guion.poner("ejecutor-1", [fallo("filtro")])
    assert (await preguntar(doble)).response_metadata["finish_reason"] == "content_filter"


async def test_contexto_agotado(doble: DobleOpenAI) -> None:
    doble.guion.poner("ejecutor-1", [fallo("contexto")])
    estado, contestado, _ = await enviar(doble, cuerpo(SISTEMA, USUARIO))
    assert (estado, json.loads(contestado)["error"]["code"]) == (400, "context_length_exceeded")


async def test_un_paso_puede_ser_una_funcion(doble: DobleOpenAI) -> None:
    def eco(peticion: Any) -> Respuesta:
        return texto(f"eco: {peticion.ultimo.texto}")

    doble.guion.poner("ejecutor-1", eco)
    assert (await preguntar(doble)).text == "eco: hola"
