from __future__ import annotations

import asyncio
import json
import subprocess
import sys
import time
from typing import TYPE_CHECKING, Any

import pytest
from langchain_core.messages import AIMessageChunk, BaseMessage, HumanMessage

from prompts.tool_definitions import HERRAMIENTAS_AGENTE, HERRAMIENTAS_MASTER
from servicios.llm.demostracion import TROZOS_MAXIMOS, ModeloDemostracion
from tests.llm.historias_demo import consola, contestar, llamadas, preguntar

if TYPE_CHECKING:
    from collections.abc import Sequence

RAPIDO = ModeloDemostracion(pausa_s=0.0)


async def transmitir(
    *historia: BaseMessage | str, herramientas: Sequence[dict[str, Any]] = HERRAMIENTAS_MASTER
) -> list[AIMessageChunk]:
    modelo = RAPIDO.bind_tools(list(herramientas))
    mensajes = [HumanMessage(m) if isinstance(m, str) else m for m in historia]
    trozos = [trozo async for trozo in modelo.astream(mensajes)]
    assert all(isinstance(t, AIMessageChunk) for t in trozos)
    return [t for t in trozos if isinstance(t, AIMessageChunk)]


async def test_el_texto_llega_en_trozos_pequenos_que_juntos_son_el_texto() -> None:
    trozos = await transmitir("hola")
    con_texto = [t.text for t in trozos if t.text]
    assert len(con_texto) > 20
    assert "".join(con_texto) == preguntar([HumanMessage("hola")], HERRAMIENTAS_MASTER).text


async def test_las_llamadas_llegan_con_su_nombre_y_despues_los_argumentos_en_crudo() -> None:
    trozos = await transmitir('ejecuta: echo "ñandú 日本" y ejecuta: ls')
    piezas = [p for t in trozos for p in t.tool_call_chunks]
    assert [p["index"] for p in piezas if p["name"]] == [0, 1]
    assert all(p["id"] for p in piezas if p["name"])
    crudos = ["".join(p["args"] or "" for p in piezas if p["index"] == i) for i in (0, 1)]
    assert [json.loads(c)["task_description"] for c in crudos] == [
        'ejecuta: echo "ñandú 日本"',
        "ejecuta: ls",
    ]
    assert "日本" in crudos[0]


@pytest.mark.parametrize(("texto", "razon"), [("hola", "stop"), ("estado", "tool_calls")])
async def test_el_ultimo_trozo_dice_la_razon_el_modelo_y_el_uso(texto: str, razon: str) -> None:
    *otros, ultimo = await transmitir(texto)
    assert ultimo.chunk_position == "last"
    assert ultimo.response_metadata["finish_reason"] == razon
    assert ultimo.response_metadata["model_name"] == "demo"
    assert ultimo.usage_metadata is not None
    assert ultimo.usage_metadata["input_tokens"] > 0
    assert ultimo.usage_metadata["output_tokens"] > 0
    assert not any(t.usage_metadata for t in otros)


async def test_transmitir_e_invocar_dan_lo_mismo_y_siempre_lo_mismo() -> None:
    for texto in ("hola", "ejecuta: date y ejecuta: ls", 'usa x {"a": [1, {"b": "c"}]}'):
        modelo = RAPIDO.bind_tools(list(HERRAMIENTAS_MASTER))
        primera, segunda = modelo.invoke(texto), await modelo.ainvoke(texto)
        trozos = await transmitir(texto)
        unido = trozos[0]
        for trozo in trozos[1:]:
            unido += trozo
        for otra in (segunda, unido):
            assert (otra.text, otra.tool_calls) == (primera.text, primera.tool_calls)
            assert otra.usage_metadata == primera.usage_metadata


async def test_un_texto_largo_no_tarda_mas_por_ser_largo() -> None:
    tarea = HumanMessage("ejecuta: seq 9999")
    pide = preguntar([tarea], HERRAMIENTAS_AGENTE)
    largo = "\n".join(map(str, range(9999)))
    respuestas = contestar(pide, consola(largo))
    trozos = await transmitir(tarea, *respuestas, herramientas=HERRAMIENTAS_AGENTE)
    assert len(trozos) <= TROZOS_MAXIMOS + 2
    crudo = "".join(p["args"] or "" for t in trozos for p in t.tool_call_chunks)
    assert largo in json.loads(crudo)["resultado"]


async def test_la_pausa_entre_trozos_se_configura_y_no_bloquea_el_bucle() -> None:
    latidos = 0

    async def latir() -> None:
        nonlocal latidos
        while True:
            latidos += 1
            await asyncio.sleep(0.001)

    corazon = asyncio.create_task(latir())
    inicio = time.perf_counter()
    trozos = [t async for t in ModeloDemostracion(pausa_s=0.005).astream("hola")]
    duracion = time.perf_counter() - inicio
    corazon.cancel()
    await asyncio.gather(corazon, return_exceptions=True)
    assert duracion >= 0.005 * len(trozos)
    assert latidos > len(trozos)


async def test_cancelar_corta_la_transmision() -> None:
    async def escuchar() -> None:
        async for _ in ModeloDemostracion(pausa_s=5.0).astream("hola"):
            pass

    tarea = asyncio.create_task(escuchar())
    await asyncio.sleep(0.01)
    tarea.cancel()
    inicio = time.perf_counter()
    with pytest.raises(asyncio.CancelledError):
        await tarea
    assert time.perf_counter() - inicio < 1


def test_una_secuencia_de_parada_corta_el_texto() -> None:
    entero = RAPIDO.invoke("hola").text
    cortado = RAPIDO.invoke("hola", stop=["Enjambre"]).text
    assert "Enjambre" in entero
    assert cortado == entero.split("Enjambre", maxsplit=1)[0]
    de_fabrica = ModeloDemostracion(pausa_s=0.0, stop=["Enjambre"])
    assert de_fabrica.invoke("hola").text == cortado


SUMA = {
    "name": "sumar",
    "description": "Suma.",
    "parameters": {
        "type": "object",
        "properties": {"a": {"type": "integer"}, "nota": {"type": "string"}},
        "required": ["a", "nota"],
    },
}


def test_si_le_obligan_a_llamar_llama_con_lo_que_dice_la_linea() -> None:
    for obligacion in ("any", "required", "sumar"):
        respuesta = preguntar([HumanMessage("tengo 7 ñus")], [SUMA], tool_choice=obligacion)
        assert llamadas(respuesta) == [("sumar", {"a": 7, "nota": "tengo 7 ñus"})]
    assert llamadas(preguntar([HumanMessage("tengo 7 ñus")], [SUMA])) == []


def test_fuera_del_enjambre_entiende_las_llamadas_escritas_y_cuenta_su_respuesta() -> None:
    for texto in ('usa sumar {"a": 1, "nota": "x"}', 'por ejemplo sumar(1, "x")'):
        pide = preguntar([HumanMessage(texto)], [SUMA])
        assert llamadas(pide) == [("sumar", {"a": 1, "nota": "x"})]
        final = preguntar([HumanMessage(texto), *contestar(pide, "da 3")], [SUMA])
        assert final.tool_calls == []
        assert "da 3" in final.text


def test_sin_herramientas_dice_lo_que_es() -> None:
    assert "reglas" in RAPIDO.invoke("¿quién eres?").text
    assert "rules" in RAPIDO.invoke("who are you?").text


def test_la_tabla_de_frases_se_puede_leer_sin_importar_langchain() -> None:
    codigo = (
        "import sys; import servicios.llm.demo.gramatica;"
        "sys.exit(any(m.startswith('langchain') for m in sys.modules))"
    )
    subprocess.run([sys.executable, "-c", codigo], check=True)
