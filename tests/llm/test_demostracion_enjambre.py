"""La demostración moviendo el enjambre de verdad: agentes, comandos y bitácora reales."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from langchain_core.messages import BaseMessage, HumanMessage

from prompts.tool_definitions import HERRAMIENTAS_AGENTE, HERRAMIENTAS_MASTER, Esquema
from servicios.ajustes import Ajustes
from servicios.llm.adaptador import FuenteLangchain, ModeloAdaptado
from servicios.llm.colector import Colector, Recogido, Validadores
from servicios.llm.demostracion import ModeloDemostracion
from servicios.llm.destino import Destino
from servicios.llm.flujo import Razon
from servicios.llm.preajustes import resolver_modelo
from servicios.sistema import abrir_sistema
from tests.apoyo import consultar, conversar, preparar_raiz

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path


async def recoger(historia: Sequence[BaseMessage], herramientas: Sequence[Esquema]) -> Recogido:
    """Por el mismo colector estricto que los proveedores."""
    fuente = FuenteLangchain(ModeloDemostracion(pausa_s=0.0), Destino("demo", "demo"))
    colector = Colector(Validadores(herramientas))
    async for trozo in ModeloAdaptado(fuente, "demo").emitir(historia, herramientas):
        colector.tomar(trozo)
    return colector.cerrar()


@pytest.mark.parametrize(
    ("herramientas", "lineas"),
    [
        (
            HERRAMIENTAS_MASTER,
            [
                'ejecuta: echo "ñ" y ejecuta: ls',
                "problem: no key",
                'usa otra {"a": [1, null]}',
                "estado",
                "lee a-1 desde 9",
                "cancela a-1",
                "tell a-1: run: date",
            ],
        ),
        (HERRAMIENTAS_AGENTE, ["ejecuta: ls", "problema: no sé", "usa x {mal}", "hola"]),
    ],
)
async def test_el_colector_estricto_acepta_todo_lo_que_pide(
    herramientas: Sequence[Esquema], lineas: list[str]
) -> None:
    for linea in lineas:
        recogido = await recoger([HumanMessage(linea)], herramientas)
        assert recogido.llamadas, linea
        assert [ll.error for ll in recogido.llamadas] == [None] * len(recogido.llamadas)
        assert recogido.razon is Razon.COMPLETA
        assert recogido.uso.entrada > 0
        assert recogido.uso.salida > 0


async def test_sin_clave_el_enjambre_entero_funciona_con_comandos_reales(tmp_path: Path) -> None:
    ajustes = Ajustes.leer(preparar_raiz(tmp_path, {"MODEL": "demo"}))
    referencia = resolver_modelo("demo", ajustes)
    assert referencia is not None
    async with abrir_sistema(ajustes, referencia, "prueba") as sistema:
        texto = await conversar(sistema, "ejecuta: echo $((6*7)) y ejecuta: echo $((10-1)); false")
        assert "\n42\n(código 0)" in texto
        assert "\n9\n(código 1)" in texto

        texto = await conversar(sistema, "problem: I need a word")
        assert "**ejecutor-3** is paused" in texto
        texto = await conversar(sistema, "tell ejecutor-3: run: echo xyz | rev")
        assert "\nzyx\n(exit code 0)" in texto

        texto = await conversar(sistema, "mensaje a ejecutor-3: sigue")
        assert "ejecutor-3 ya terminó" in texto
        assert "**ejecutor-3** terminó su tarea" in await conversar(sistema, "estado")

    estados = consultar(tmp_path, "select agent_id, status from agent_runs order by agent_id")
    assert estados == [(f"ejecutor-{n}", "completed") for n in (1, 2, 3)]
