"""El doble de Gemini es tan estricto como el real y habla con el cliente real."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import pytest
from langchain_core.messages import (
    AIMessage,
    AIMessageChunk,
    HumanMessage,
    SystemMessage,
    ToolMessage,
)
from langchain_core.messages.ai import add_ai_message_chunks
from langchain_google_genai import ChatGoogleGenerativeAI
from pydantic import SecretStr

from tests.dobles import CLAVE, DobleGemini, Guion, Uso, fallo, llamada, respuesta, texto
from tests.dobles.peticiones_gemini import INVALIDAS, USUARIO, VALIDAS, cuerpo, da
from tests.dobles.peticiones_openai import CONSOLA

PREGUNTA = [SystemMessage("Eres ejecutor-1."), HumanMessage("hola")]
NOMBRE = "ejecutar_comando_consola"

# El SDK de Google hereda de aiohttp.ClientSession, y aiohttp lo desaconseja.
pytestmark = pytest.mark.filterwarnings(
    "ignore:Inheritance class AiohttpClientSession:DeprecationWarning"
)


@pytest.fixture
async def doble() -> AsyncIterator[DobleGemini]:
    async with DobleGemini(Guion({"ejecutor-1": texto("vale")})) as abierto:
        yield abierto


async def enviar(
    doble: DobleGemini,
    pedido: Any,
    clave: str | None = CLAVE,
    ruta: str = "gemini-3-prueba:generateContent",
) -> tuple[int, str]:
    cabeceras = {} if clave is None else {"x-goog-api-key": clave}
    url = f"{doble.url}/v1beta/models/{ruta}"
    async with (
        aiohttp.ClientSession() as sesion,
        sesion.post(url, json=pedido, headers=cabeceras) as dada,
    ):
        return dada.status, await dada.text()


@pytest.fixture
def cliente(doble: DobleGemini) -> ChatGoogleGenerativeAI:
    return ChatGoogleGenerativeAI(
        model="gemini-3-prueba",
        api_key=SecretStr(doble.clave),
        base_url=doble.url,
        max_retries=1,
    )


async def preguntar(cliente: ChatGoogleGenerativeAI, mensajes: Any = None) -> AIMessageChunk:
    modelo = cliente.bind_tools([CONSOLA])
    trozos = [t async for t in modelo.astream(mensajes or PREGUNTA)]
    chunks = [t for t in trozos if isinstance(t, AIMessageChunk)]
    return add_ai_message_chunks(*chunks) if len(chunks) > 1 else chunks[0]


def resultados(mensaje: AIMessage) -> list[ToolMessage]:
    return [ToolMessage("ok", tool_call_id=ll["id"], name=ll["name"]) for ll in mensaje.tool_calls]


@pytest.mark.parametrize("caso", INVALIDAS)
async def test_rechaza_lo_invalido(doble: DobleGemini, caso: str) -> None:
    pedido, motivo = INVALIDAS[caso]
    estado, contestado = await enviar(doble, pedido)
    assert estado == 400, contestado
    assert json.loads(contestado)["error"]["status"] == "INVALID_ARGUMENT"
    assert motivo in contestado
    assert len(doble.rechazos) == 1


@pytest.mark.parametrize("caso", VALIDAS)
async def test_admite_lo_valido(doble: DobleGemini, caso: str) -> None:
    estado, contestado = await enviar(doble, VALIDAS[caso])
    assert estado == 200, contestado
    candidato = json.loads(contestado)["candidates"][0]
    assert candidato["content"]["parts"] == [{"text": "vale"}]
    assert candidato["finishReason"] == "STOP"
    doble.comprobar()


async def test_clave_que_no_vale(doble: DobleGemini) -> None:
    estado, contestado = await enviar(doble, cuerpo(USUARIO), clave="otra")
    error = json.loads(contestado)["error"]
    assert (estado, error["details"][0]["reason"]) == (400, "API_KEY_INVALID")
    estado, contestado = await enviar(doble, cuerpo(USUARIO), clave=None)
    assert (estado, json.loads(contestado)["error"]["status"]) == (403, "PERMISSION_DENIED")


@pytest.mark.parametrize("ruta", ["no-existe:generateContent", "gemini-3-prueba:otraCosa"])
async def test_modelo_o_metodo_desconocido(doble: DobleGemini, ruta: str) -> None:
    estado, contestado = await enviar(doble, cuerpo(USUARIO), ruta=ruta)
    assert (estado, json.loads(contestado)["error"]["status"]) == (404, "NOT_FOUND")


async def test_cliente_real_recibe_texto_y_uso(
    doble: DobleGemini, cliente: ChatGoogleGenerativeAI
) -> None:
    doble.guion.poner("ejecutor-1", [texto("hola, persona", uso=Uso(100, 7, 40))])
    juntado = await preguntar(cliente)
    assert juntado.text == "hola, persona"
    assert juntado.usage_metadata is not None
    assert juntado.usage_metadata["input_tokens"] == 100
    assert juntado.usage_metadata["output_tokens"] == 7
    doble.comprobar()


async def test_cliente_real_hace_un_viaje_con_llamadas_paralelas(
    doble: DobleGemini, cliente: ChatGoogleGenerativeAI
) -> None:
    pedidas = [llamada(NOMBRE, {"command": c}) for c in ("ls", "pwd")]
    doble.guion.poner("ejecutor-1", [respuesta("voy", pedidas), texto("listo")])
    primera = await preguntar(cliente)
    assert [ll["args"] for ll in primera.tool_calls] == [{"command": "ls"}, {"command": "pwd"}]
    historia = [*PREGUNTA, primera, *resultados(primera)]
    assert (await preguntar(cliente, historia)).text == "listo"
    assert doble.de("ejecutor-1")[1].resultados == ["ok", "ok"]
    assert doble.peticiones[0].herramientas == [NOMBRE]
    doble.comprobar()


async def test_perder_la_firma_se_rechaza(
    doble: DobleGemini, cliente: ChatGoogleGenerativeAI
) -> None:
    doble.guion.poner("ejecutor-1", [respuesta("", [llamada(NOMBRE, {"command": "ls"})])])
    primera = await preguntar(cliente)
    rehecho = AIMessage("", tool_calls=primera.tool_calls)
    with pytest.raises(Exception, match="thought signature"):
        await preguntar(cliente, [*PREGUNTA, rehecho, *resultados(primera)])
    assert doble.peticiones[1].estado == 400


async def test_sin_firma_ninguna_se_rechaza(doble: DobleGemini) -> None:
    doble.guion.poner("ejecutor-1", [respuesta("", [llamada("f", {"n": 5})])])
    _, contestado = await enviar(doble, cuerpo(USUARIO))
    parte = json.loads(contestado)["candidates"][0]["content"]["parts"][0]
    assert parte.pop("thoughtSignature")
    turno = {"role": "model", "parts": [parte]}
    estado, contestado = await enviar(doble, cuerpo(USUARIO, turno, da("f")))
    assert estado == 400
    assert "missing a thought_signature" in contestado


async def test_argumentos_cortados_por_longitud(
    doble: DobleGemini, cliente: ChatGoogleGenerativeAI
) -> None:
    doble.guion.poner("ejecutor-1", [fallo("argumentos_cortados_longitud")])
    juntado = await preguntar(cliente)
    assert juntado.tool_calls[0]["args"] == {"command": "rm -rf /datos/tmp/bas"}
    assert juntado.response_metadata["finish_reason"] == "MAX_TOKENS"


@pytest.mark.parametrize(
    ("nombre", "trae"),
    [
        ("llamada_malformada", '"finishReason":"MALFORMED_FUNCTION_CALL"'),
        ("json_malformado", '"finishReason":"MALFORMED_FUNCTION_CALL"'),
        ("argumentos_cortados_completos", '"finishReason":"MALFORMED_FUNCTION_CALL"'),
        ("filtro", '"finishReason":"SAFETY"'),
        ("filtro_peticion", '"blockReason":"SAFETY"'),
        ("longitud", '"finishReason":"MAX_TOKENS"'),
        ("argumentos_texto", '"args":"ls -la"'),
        ("argumentos_lista", '"args":["ls","-la"]'),
        ("argumentos_vacios", f'"functionCall":{{"name":"{NOMBRE}"}}'),
    ],
)
async def test_averias_propias_del_protocolo(doble: DobleGemini, nombre: str, trae: str) -> None:
    doble.guion.poner("ejecutor-1", [fallo(nombre)])
    ruta = "gemini-3-prueba:streamGenerateContent?alt=sse"
    estado, contestado = await enviar(doble, cuerpo(USUARIO), ruta=ruta)
    assert estado == 200
    assert trae in contestado
