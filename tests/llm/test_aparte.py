"""Las preguntas al margen: se contestan a la vez que lo demás y no quedan en ninguna historia."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from langchain_core.messages import AIMessage, HumanMessage, SystemMessage, ToolMessage

from agentes.eventos import MASTER, USUARIO
from agentes.eventos_linea import PreguntaAparte
from prompts.avisos import pregunta_al_master, pregunta_sobre
from servicios.llm.aparte import sin_llamadas
from servicios.llm.demostracion import decidir
from servicios.sistema import Sistema
from tests.apoyo import (
    PROVEEDORES,
    REPORTAR,
    consultar,
    conversar,
    delegar,
    doble_de,
    enjambre,
)
from tests.dobles.guion import Guion
from tests.dobles.peticion import Peticion
from tests.dobles.respuestas import Respuesta, llamar, texto


async def _preguntar(sistema: Sistema, pregunta: str) -> str:
    causa = sistema.anotar(PreguntaAparte(agente_id=USUARIO, texto=pregunta, sobre=MASTER))
    historia = sistema.master.historia
    respuesta = await sistema.aparte.contestar(
        historia, pregunta_al_master(pregunta), causa, sistema.interlocutores[MASTER].turno
    )
    return respuesta.texto


@pytest.mark.parametrize("proveedor", PROVEEDORES)
async def test_se_contesta_con_su_historia_y_sin_tocarla(tmp_path: Path, proveedor: str) -> None:
    seguir = asyncio.Event()

    async def master(peticion: Peticion) -> Respuesta:
        if not peticion.herramientas:
            return texto("al margen: el 7")
        if not any(m.llamadas for m in peticion.mensajes):
            return delegar("cuenta el 7")
        if peticion.ultimo.texto == "la lenta":
            await seguir.wait()
        return texto("va")

    guion = Guion({"Master": master, "ejecutor-1": [llamar(REPORTAR, {"resultado": "ok"})]})
    async with (
        doble_de(proveedor, guion) as doble,
        enjambre(doble, tmp_path, proveedor=proveedor) as sistema,
    ):
        await conversar(sistema, "haz")
        await sistema.conversacion.decir("la lenta")
        while doble.peticiones[-1].ultimo.texto != "la lenta":
            await asyncio.sleep(0.01)
        # El Master está contestando a otra cosa.
        assert await _preguntar(sistema, "¿qué número era?") == "al margen: el 7"
        al_margen = doble.peticiones[-1]
        assert al_margen.herramientas == []
        assert "cuenta el 7" in al_margen.todo_el_texto
        assert "la lenta" in al_margen.todo_el_texto
        seguir.set()
        await conversar(sistema, "otra")
        ultima = doble.peticiones[-1].todo_el_texto
        assert "qué número" not in ultima
        assert "al margen" not in ultima
    apartes = "SELECT estado FROM model_calls WHERE proposito = 'aparte'"
    assert consultar(tmp_path, apartes) == [("terminada",)]


def test_las_llamadas_se_cuentan_en_texto() -> None:
    pedida = {"name": "delegate_task", "args": {"a": "ñ"}, "id": "c1", "type": "tool_call"}
    historia = [
        SystemMessage("s"),
        HumanMessage("h"),
        AIMessage("digo", tool_calls=[pedida]),
        ToolMessage("Lanzado x-1.", tool_call_id="c1", name="delegate_task"),
    ]
    llanos = [*sin_llamadas(historia)]
    assert [m.text for m in llanos] == [
        "s",
        "h",
        'digo\n[pedí delegate_task {"a":"ñ"}]',
        "[respuesta de delegate_task]\nLanzado x-1.",
    ]
    assert not any(isinstance(m, AIMessage) and m.tool_calls for m in llanos)


def test_la_demostracion_ensena_lo_que_hay_y_dice_que_no_razona() -> None:
    sobre = HumanMessage(pregunta_sobre("x-1", "Estado: running\n```", "¿qué tal?", "ab" * 8))
    decision = decidir([SystemMessage("s"), sobre], {})
    assert "Estado: running" in decision.texto
    assert "no hay un modelo de lenguaje" in decision.texto
    al_master = HumanMessage(pregunta_al_master("¿qué tal?"))
    dicho = decidir([SystemMessage("s"), HumanMessage("a"), AIMessage("hecho"), al_master], {})
    assert "lo último que dije: hecho" in dicho.texto
    assert not (decision.llamadas)
    assert not (dicho.llamadas)
