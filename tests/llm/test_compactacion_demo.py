"""La demostración resume como lo que es y, tras una compactación, sigue por donde iba."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from langchain_core.messages import AIMessage, BaseMessage, HumanMessage, SystemMessage

from agentes.eventos import MASTER
from agentes.mensajes import ClaseAviso
from prompts.avisos import directiva
from servicios.ajustes import Ajustes
from servicios.llm.compactacion import Topes, es_resumen, partir
from servicios.llm.demostracion import ModeloDemostracion
from servicios.llm.preajustes import ReferenciaModelo
from servicios.llm.resumen import pedir_resumen
from servicios.sistema import abrir_sistema
from tests.apoyo import consultar, conversar, preparar_raiz
from tests.llm.historias_demo import al_agente, al_master, avisar, contestar, llamadas

TOPES = Topes(cola=60, directivas=400, resumen=10, peticion=20_000)
CUANTAS = 24


def compactar(historia: list[BaseMessage], agente_id: str) -> bool:
    partes = partir(historia, TOPES)
    if partes is None:
        return False
    peticion = pedir_resumen(partes, agente_id, "", TOPES)
    resumen = ModeloDemostracion(pausa_s=0.0).invoke(peticion)
    assert isinstance(resumen, AIMessage)
    assert not resumen.tool_calls
    assert "no hay un modelo de lenguaje" in resumen.text
    historia[:] = partes.con_resumen(resumen.text)
    return True


def ordenes(desde: int, hasta: int) -> str:
    return "\n".join(f"ejecuta: echo {n}" for n in range(desde, hasta))


@pytest.mark.parametrize("cada", [1, 2, 3, 7])
def test_ni_repite_ni_se_salta_ordenes_por_mucho_que_se_compacte(cada: int) -> None:
    historia: list[BaseMessage] = [SystemMessage("eres"), HumanMessage(ordenes(0, CUANTAS // 2))]
    hechas: list[str] = []
    compactadas, args = 0, {"resultado": ""}
    for paso in range(3 * CUANTAS):
        if paso == 5:
            historia.append(HumanMessage(directiva("master", ordenes(CUANTAS // 2, CUANTAS))))
        if paso % cada == 0:
            compactadas += compactar(historia, "ejecutor-1")
        respuesta = al_agente(*historia)
        [(nombre, args)] = llamadas(respuesta)
        if nombre == "reportar_resultado_final":
            break
        hechas.append(args["command"])
        salida = json.dumps({"salida": f"{args['command']}!", "error": "", "codigo": 0})
        historia += contestar(respuesta, salida)
    assert hechas == [f"echo {n}" for n in range(CUANTAS)]
    assert compactadas >= 2
    assert all(f"echo {n}!" in args["resultado"] for n in range(CUANTAS))
    assert sum(map(es_resumen, historia)) == 1


def test_no_olvida_a_los_agentes_que_lanzo() -> None:
    lanza = AIMessage(
        "", tool_calls=[{"name": "delegate_task", "args": {"task_description": "x"}, "id": "c"}]
    )
    historia = [
        SystemMessage("eres"),
        HumanMessage("ejecuta: echo 1"),
        *contestar(lanza, "Lanzado hoja-1. Te avisará al terminar."),
    ]
    for n in range(6):
        orden = {"name": "estado_enjambre", "args": {}, "id": f"e{n}"}
        historia += contestar(AIMessage("", tool_calls=[orden]), "hoja-1: running " * 10)
    respuesta = al_agente(*historia)
    historia += contestar(respuesta, json.dumps({"salida": "1", "error": "", "codigo": 0}))
    assert compactar(historia, "ejecutor-1")
    assert al_agente(*historia).text == "Espero a hoja-1."
    historia += [al_agente(*historia), avisar(("hoja-1", ClaseAviso.RESULTADO, "hecho lo mío"))]
    [(nombre, args)] = llamadas(al_agente(*historia))
    assert nombre == "reportar_resultado_final"
    assert "hecho lo mío" in args["resultado"]


def test_el_master_no_cuenta_como_sabido_lo_que_se_resumio() -> None:
    historia: list[BaseMessage] = [SystemMessage("eres"), HumanMessage("ejecuta: ls")]
    for n in range(8):
        historia += [
            *contestar(
                al_master(*historia), *(["Lanzado ejecutor-1. Te avisará."] if not n else [])
            ),
            HumanMessage(f"hola {n}"),
        ]
    assert compactar(historia, MASTER)
    resumen = next(m.text for m in historia if es_resumen(m))
    assert "La persona escribió" in resumen
    assert "Agentes lanzados: ejecutor-1." in resumen
    historia.append(al_master(*historia))
    historia.append(avisar(("ejecutor-1", ClaseAviso.RESULTADO, "a b c")))
    assert "a b c" in al_master(*historia).text


async def test_el_enjambre_de_demostracion_sigue_tras_compactarse(tmp_path: Path) -> None:
    raiz = preparar_raiz(tmp_path, {"MODEL": "demo", "ENJAMBRE_CONTEXTO": "4000"})
    async with abrir_sistema(
        Ajustes.leer(raiz), ReferenciaModelo("demo", "demo"), "prueba"
    ) as sistema:
        await conversar(sistema, "problema: espero órdenes")
        todas = "; ".join(f"ejecuta: echo {n * n}" for n in range(12)).replace("; ", "\n")
        texto = await conversar(sistema, f"mensaje a ejecutor-1: {todas}")
        for n in range(12):
            assert f"\n{n * n}\n" in texto
        for _ in range(12):
            await conversar(sistema, "hola")
        assert "**ejecutor-1** terminó su tarea" in await conversar(sistema, "estado")
    hechas = consultar(tmp_path, "SELECT agente_id FROM logs WHERE tipo = 'history_compaction'")
    assert (MASTER,) in hechas
    sql = "SELECT command FROM commands WHERE command > '' GROUP BY 1 HAVING count(*) > 1"
    assert consultar(tmp_path, sql) == []
