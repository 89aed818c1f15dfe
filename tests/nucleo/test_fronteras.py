"""Las fronteras entre agentes: quién para a quién, quién reanuda a quién y qué no se contagia."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from agentes.eventos import MASTER, USUARIO
from agentes.respuestas import Operacion
from servicios.herramientas.registro import Herramienta
from servicios.sistema import Sistema
from tests.apoyo import (
    CANCELAR,
    CONSOLA,
    DELEGAR,
    MENSAJE,
    PROBLEMA,
    PROVEEDORES,
    REPORTAR,
    consultar,
    conversar,
    delegar,
    doble_de,
    enjambre,
    tipo,
    variables_de,
)
from tests.dobles.base import Doble
from tests.dobles.guion import Guion
from tests.dobles.peticion import Peticion
from tests.dobles.respuestas import Respuesta, llamada, llamar, respuesta, texto

LIMITE_S = 20
JEFE = tipo("jefe", available_tools=[DELEGAR, REPORTAR, PROBLEMA])


async def hablar(sistema: Sistema, linea: str) -> str:
    """Dice la línea y espera la calma; `TimeoutError` si no llega."""
    async with asyncio.timeout(LIMITE_S):
        return await conversar(sistema, linea)


def estado(sistema: Sistema, agente_id: str) -> str:
    resumen = sistema.gestor.get_agent_status(agente_id)
    assert resumen is not None
    return resumen["status"]


async def test_cuando_un_superior_acaba_los_suyos_se_cancelan(
    proveedor: str, doble: Doble, tmp_path: Path
) -> None:
    async def cuando_el_hijo_trabaje(_: Peticion) -> Respuesta:
        await doble.esperar(1, "ejecutor-1")
        await asyncio.sleep(0.5)
        return llamar(REPORTAR, {"resultado": "me voy"})

    doble.guion.poner("Master", [delegar("reparte", tipo="jefe"), texto("va"), texto("fin")])
    doble.guion.poner("jefe-1", [delegar("larga"), cuando_el_hijo_trabaje])
    doble.guion.poner("ejecutor-1", [llamar(CONSOLA, {"command": "sleep 4331"})])
    async with enjambre(doble, tmp_path, JEFE, proveedor=proveedor) as sistema:
        assert await hablar(sistema, "reparte") == "fin"
        assert estado(sistema, "jefe-1") == "completed"
        assert estado(sistema, "ejecutor-1") == "cancelled"
    doble.comprobar()
    assert "ejecutor-1" not in doble.de("Master")[2].ultimo.texto
    assert consultar(
        tmp_path,
        "SELECT de FROM (SELECT json_extract(details,'$.de') AS de"
        " FROM logs WHERE agente_id='ejecutor-1') WHERE de IS NOT NULL",
    ) == [("jefe-1",)]
    assert consultar(tmp_path, "SELECT cierre FROM commands WHERE agente_id='ejecutor-1'") == [
        ("interrumpido",)
    ]


async def sin_resultado(args: Mapping[str, Any], agente_id: str, uso: Operacion) -> Any:
    """Una herramienta que incumple su contrato: no devuelve nada."""


async def test_un_fallo_interno_se_queda_en_su_agente_y_el_master_lo_sabe(
    proveedor: str, doble: Doble, tmp_path: Path
) -> None:
    async def al_fallar_el_otro(_: Peticion) -> Respuesta:
        await doble.esperar(3, "Master")
        return llamar(REPORTAR, {"resultado": "el otro sigue"})

    esquema = {
        "name": "rota",
        "description": "Está rota.",
        "parameters": {"type": "object", "properties": {}},
    }
    encargos = [
        llamada(DELEGAR, {"agent_type": t, "task_description": "x"}) for t in ("raro", "ejecutor")
    ]
    doble.guion.poner(
        "Master", [respuesta(llamadas=encargos), texto("van"), texto("uno cayó"), texto("fin")]
    )
    doble.guion.poner("raro-1", [llamar("rota")])
    doble.guion.poner("ejecutor-1", [al_fallar_el_otro])
    async with enjambre(doble, tmp_path, proveedor=proveedor) as sistema:
        sistema.registro.registrar(Herramienta(esquema, sin_resultado, "prueba"))
        sistema.tipos["raro"] = replace(
            sistema.tipos["ejecutor"], agent_type="raro", available_tools=("rota", REPORTAR)
        )
        assert await hablar(sistema, "dos") == "fin"
        assert (estado(sistema, "raro-1"), estado(sistema, "ejecutor-1")) == ("failed", "completed")
    doble.comprobar()
    del_fallo = doble.de("Master")[2].ultimo.texto
    assert "fallo interno en raro-1" in del_fallo
    assert "Traceback" not in del_fallo
    assert "el otro sigue" in doble.de("Master")[3].ultimo.texto


async def test_quien_quiere_cancelarse_a_si_mismo_recibe_un_no_y_sigue(
    proveedor: str, doble: Doble, tmp_path: Path
) -> None:
    suicida = tipo("suicida", available_tools=[CANCELAR, REPORTAR])
    doble.guion.poner("Master", [delegar("x", tipo="suicida"), texto("va"), texto("fin")])
    doble.guion.poner(
        "suicida-1",
        [llamar(CANCELAR, {"agent_id": "suicida-1"}), llamar(REPORTAR, {"resultado": "sigo"})],
    )
    async with enjambre(doble, tmp_path, suicida, proveedor=proveedor) as sistema:
        assert await hablar(sistema, "x") == "fin"
    doble.comprobar()
    assert "no puede cancelarse a sí mismo" in doble.de("suicida-1")[1].ultimo.texto
    assert consultar(tmp_path, "SELECT status, result FROM agent_runs") == [("completed", "sigo")]


async def test_a_quien_esta_en_pausa_solo_lo_reanuda_una_directiva(
    proveedor: str, doble: Doble, tmp_path: Path
) -> None:
    async def con_el_jefe_en_pausa(_: Peticion) -> Respuesta:
        await doble.esperar(3, "Master")
        return llamar(REPORTAR, {"resultado": "hoja hecha"})

    doble.guion.poner(
        "Master",
        [
            delegar("reparte", tipo="jefe"),
            texto("va"),
            texto("¿qué le digo?"),
            llamar(MENSAJE, {"agent_id": "jefe-1", "message_content": "tira por la izquierda"}),
            texto("dicho"),
            texto("fin"),
        ],
    )
    doble.guion.poner(
        "jefe-1",
        [
            delegar("hoja"),
            llamar(PROBLEMA, {"descripcion_problema": "¿por dónde?"}),
            llamar(REPORTAR, {"resultado": "ok"}),
        ],
    )
    doble.guion.poner("ejecutor-1", [con_el_jefe_en_pausa])
    async with enjambre(doble, tmp_path, JEFE, proveedor=proveedor) as sistema:
        assert await hablar(sistema, "reparte") == "¿qué le digo?"
        assert estado(sistema, "ejecutor-1") == "completed"
        assert estado(sistema, "jefe-1") == "paused"
        assert len(doble.de("jefe-1")) == 2
        assert await hablar(sistema, "por la izquierda") == "fin"
    doble.comprobar()
    al_reanudar = doble.de("jefe-1")[2].todo_el_texto
    assert "hoja hecha" in al_reanudar
    assert "tira por la izquierda" in al_reanudar


async def test_con_una_directiva_sin_leer_aun_no_hay_calma(
    proveedor: str, doble: Doble, tmp_path: Path
) -> None:
    doble.guion.poner("Master", [delegar("x"), texto("va"), texto("¿qué hago?"), texto("fin")])
    doble.guion.poner(
        "ejecutor-1",
        [
            llamar(PROBLEMA, {"descripcion_problema": "no sé"}),
            llamar(REPORTAR, {"resultado": "ya sé"}),
        ],
    )
    async with enjambre(doble, tmp_path, proveedor=proveedor) as sistema:
        assert await hablar(sistema, "x") == "¿qué hago?"
        sistema.gestor.send_message_to_agent("ejecutor-1", "así", USUARIO, None)
        async with asyncio.timeout(LIMITE_S):
            await sistema.conversacion.esperar_calma()
        assert sistema.conversacion.ultimo_texto == "fin"
        assert estado(sistema, "ejecutor-1") == "completed"
    doble.comprobar()


MODELO = {"openai": "openai:gpt-prueba", "gemini": "gemini:gemini-3-prueba"}


async def test_cada_tipo_piensa_con_el_modelo_que_pide(
    proveedor: str, doble: Doble, tmp_path: Path
) -> None:
    otro = next(p for p in PROVEEDORES if p != proveedor)
    doble.guion.poner("Master", [delegar("x", tipo="ajeno"), texto("va"), texto("fin")])
    guion = Guion({"ajeno-1": [llamar(REPORTAR, {"resultado": "desde fuera"})]})
    async with doble_de(otro, guion) as segundo:
        variables = {**variables_de(otro, segundo), "ENJAMBRE_REINTENTOS": "0"}
        del variables["MODEL"]
        ajeno = tipo("ajeno", model=MODELO[otro])
        async with enjambre(doble, tmp_path, ajeno, proveedor=proveedor, **variables) as sistema:
            assert await hablar(sistema, "x") == "fin"
        segundo.comprobar()
        assert [p.agente for p in segundo.peticiones] == ["ajeno-1"]
    doble.comprobar()
    assert {p.agente for p in doble.peticiones} == {"Master"}
    assert "desde fuera" in doble.de("Master")[2].ultimo.texto
    assert consultar(tmp_path, "SELECT modelo FROM model_calls WHERE agente_id='ajeno-1'") == [
        (MODELO[otro],)
    ]


async def test_las_acciones_de_una_respuesta_del_master_van_a_la_vez(
    proveedor: str, doble: Doble, tmp_path: Path
) -> None:
    cancelar = [llamada(CANCELAR, {"agent_id": f"ejecutor-{n}"}) for n in (1, 2)]
    doble.guion.poner(
        "Master", [delegar("a", "b"), texto("van"), respuesta(llamadas=cancelar), texto("fuera")]
    )
    doble.guion.poner("ejecutor-*", [llamar(CONSOLA, {"command": "sleep 4332"})])
    async with enjambre(doble, tmp_path, proveedor=proveedor) as sistema:
        await sistema.conversacion.decir("dos")
        await doble.esperar(1, "ejecutor-1")
        await doble.esperar(1, "ejecutor-2")
        await asyncio.sleep(0.5)
        assert await hablar(sistema, "páralos") == "fuera"
    doble.comprobar()
    sql = """SELECT json_extract(details,'$.cierre') IS NULL FROM logs WHERE agente_id=?
        AND json_extract(details,'$.tool')=? ORDER BY id"""
    pedidas = [pedida for (pedida,) in consultar(tmp_path, sql, MASTER, CANCELAR)]
    assert pedidas == [True, True, False, False]


async def test_la_fila_de_un_aviso_enorme_esta_acotada(
    proveedor: str, doble: Doble, tmp_path: Path
) -> None:
    doble.guion.poner("Master", [delegar("x"), texto("va"), texto("fin")])
    doble.guion.poner("ejecutor-1", [llamar(REPORTAR, {"resultado": "é" * 30_000})])
    async with enjambre(doble, tmp_path, proveedor=proveedor) as sistema:
        assert await hablar(sistema, "x") == "fin"
    doble.comprobar()
    largos = consultar(
        tmp_path,
        "SELECT length(json_extract(details,'$.texto')) FROM logs"
        " WHERE tipo='master_context_update'",
    )
    assert largos == [(4_000,)]
    assert consultar(tmp_path, "SELECT length(result) FROM agent_runs") == [(30_000,)]
