"""Lo que cuesta una respuesta, según lo va diciendo el proveedor."""

from __future__ import annotations

import pytest

from agentes.errores import ErrorModeloPasajero
from agentes.respuestas import Uso
from prompts.tool_definitions import HERRAMIENTAS_AGENTE
from servicios.llm.destino import Destino
from servicios.llm.flujo import ModeloLLM, Trozo, UsoFlujo
from servicios.llm.proveedores import abrir_modelo
from tests.llm.grabador import HOLA, candidato, de_tipo, delta, grabar, sse, trozos_de


async def test_openai_el_uso_es_el_ultimo() -> None:
    """Hay servidores que repiten en cada trozo el total hasta entonces."""
    detalle = {"prompt_tokens_details": {"cached_tokens": 3}}
    usos = [{"prompt_tokens": 5, "completion_tokens": n, "total_tokens": 5 + n} for n in (1, 2)]
    eventos = [
        {**delta(content="a"), "usage": usos[0]},
        {**delta(content="b", fin="stop"), "usage": {**usos[1], **detalle}},
    ]
    assert de_tipo(await trozos_de("openai", eventos), UsoFlujo)[-1] == UsoFlujo(Uso(5, 2, 3))


async def test_lo_que_dijo_que_costaba_llega_aunque_despues_falle() -> None:
    uso = {"promptTokenCount": 10, "candidatesTokenCount": 2, "totalTokenCount": 12}
    eventos = [
        {**candidato({"text": "hola"}), "usageMetadata": uso},
        {"error": {"code": 503, "message": "overloaded", "status": "UNAVAILABLE"}},
    ]
    trozos: list[Trozo] = []

    async def leer(modelo: ModeloLLM) -> None:
        async for trozo in modelo.emitir(HOLA, HERRAMIENTAS_AGENTE):
            trozos.append(trozo)

    async with grabar(sse(eventos)) as g:
        modelo = abrir_modelo(Destino("gemini", "gemini-3.5-flash", g.url), "k", "puerta")
        with pytest.raises(ErrorModeloPasajero):
            await leer(modelo)
        await modelo.cerrar()
    assert de_tipo(trozos, UsoFlujo) == [UsoFlujo(Uso(10, 2, 0))]
