"""El enjambre: problemas, directivas, cancelaciones y la verdad a quien pregunta."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path

from agentes.eventos import MASTER
from tests.apoyo import (
    CONSOLA,
    DELEGAR,
    MENSAJE,
    PROBLEMA,
    REPORTAR,
    consultar,
    conversar,
    delegar,
    enjambre,
    hasta_texto,
    tipo,
)
from tests.dobles.base import Doble
from tests.dobles.peticion import Peticion
from tests.dobles.respuestas import Respuesta, llamar, texto


async def test_problema_directiva_y_final(proveedor: str, doble: Doble, tmp_path: Path) -> None:
    doble.guion.poner(
        "Master",
        [
            delegar("copia"),
            texto("esperando"),
            llamar(MENSAJE, {"agent_id": "ejecutor-1", "message_content": "usa /tmp «ñ»"}),
            texto("le dije que use /tmp"),
            texto("terminó"),
        ],
    )
    doble.guion.poner(
        "ejecutor-1",
        [
            llamar(PROBLEMA, {"descripcion_problema": "no sé dónde"}),
            llamar(REPORTAR, {"resultado": "copiado en /tmp"}),
        ],
    )
    async with enjambre(doble, tmp_path, proveedor=proveedor) as sistema:
        assert await conversar(sistema, "copia eso") == "terminó"
    doble.comprobar()
    del_problema = doble.de("Master")[2].ultimo.texto
    assert "ejecutor-1 (ejecutor de consola) está en pausa por un problema" in del_problema
    assert "no sé dónde" in del_problema
    assert "usa /tmp «ñ»" in doble.de("ejecutor-1")[1].ultimo.texto
    estados = consultar(
        tmp_path,
        "SELECT json_extract(details,'$.estado') FROM logs WHERE tipo='agent_loop' ORDER BY id",
    )
    assert [e for (e,) in estados] == ["running", "paused", "running"]
    assert consultar(tmp_path, "SELECT de, estado FROM messages") == [
        ("usuario", "visto"),
        ("master", "visto"),
    ]


async def test_un_problema_sin_respuesta_deja_al_enjambre_en_calma(
    proveedor: str, doble: Doble, tmp_path: Path
) -> None:
    doble.guion.poner("Master", [delegar("x"), texto("espero"), texto("¿qué hago con x?")])
    doble.guion.poner("ejecutor-1", [llamar(PROBLEMA, {"descripcion_problema": "falta la clave"})])
    async with enjambre(doble, tmp_path, proveedor=proveedor) as sistema:
        assert await conversar(sistema, "x") == "¿qué hago con x?"
        estado = sistema.gestor.get_agent_status("ejecutor-1")
        assert estado is not None
        assert (estado["status"], estado["espera"]) == ("paused", "superior")
        await asyncio.sleep(0.5)
        assert len(doble.de("Master")) == 3


async def test_un_mensaje_a_un_agente_en_marcha_va_en_su_siguiente_peticion(
    proveedor: str, doble: Doble, tmp_path: Path
) -> None:
    doble.guion.poner(
        "Master",
        [
            delegar("larga"),
            texto("va"),
            llamar(MENSAJE, {"agent_id": "ejecutor-1", "message_content": "añade el año"}),
            texto("dicho"),
            texto("fin"),
        ],
    )
    doble.guion.poner(
        "ejecutor-1",
        [llamar(CONSOLA, {"command": "sleep 1.5"}), llamar(REPORTAR, {"resultado": "ok"})],
    )
    async with enjambre(doble, tmp_path, proveedor=proveedor) as sistema:
        await sistema.conversacion.decir("haz la larga")
        await doble.esperar(1, "ejecutor-1")
        await sistema.conversacion.decir("que añada el año")
        await sistema.conversacion.esperar_calma()
    doble.comprobar()
    assert "añade el año" in doble.de("ejecutor-1")[1].ultimo.texto
    respuesta_al_master = doble.de("Master")[3].ultimo.texto
    assert "lo leerá antes de su siguiente paso" in respuesta_al_master


async def test_mensajes_y_tipos_que_no_existen_reciben_la_verdad(
    proveedor: str, doble: Doble, tmp_path: Path
) -> None:
    def mensaje_a(agente: str) -> Respuesta:
        return llamar(MENSAJE, {"agent_id": agente, "message_content": "hola"})

    doble.guion.poner(
        "Master",
        [
            llamar(DELEGAR, {"agent_type": "explorador", "task_description": "mira"}),
            mensaje_a("ejecutor-9"),
            delegar("rápida"),
            texto("va"),
            texto("acabó"),
            mensaje_a("ejecutor-1"),
            texto("ya sé"),
        ],
    )
    doble.guion.poner("ejecutor-1", [llamar(REPORTAR, {"resultado": "ok"})])
    async with enjambre(doble, tmp_path, proveedor=proveedor) as sistema:
        await conversar(sistema, "prueba", "escríbele")
    doble.comprobar()
    del_master = doble.de("Master")
    assert "no existe el tipo «explorador». Los que hay: ejecutor" in del_master[1].ultimo.texto
    assert "no existe el agente «ejecutor-9»" in del_master[2].ultimo.texto
    assert "ejecutor-1 ya terminó (completed)" in del_master[6].ultimo.texto
    assert len(consultar(tmp_path, "SELECT 1 FROM agent_runs")) == 1


async def test_la_primera_peticion_nombra_cada_tipo_con_su_objetivo(
    proveedor: str, doble: Doble, tmp_path: Path
) -> None:
    doble.guion.poner("Master", [texto("hola")])
    async with enjambre(doble, tmp_path, tipo("poeta"), proveedor=proveedor) as sistema:
        await conversar(sistema, "hola")
    sistema_enviado = doble.de("Master")[0].sistema
    assert "- poeta: rol de poeta. Objetivo: objetivo de poeta." in sistema_enviado
    assert "- ejecutor:" in sistema_enviado


async def test_una_pregunta_se_contesta_mientras_trabajan_tres(
    proveedor: str, doble: Doble, tmp_path: Path
) -> None:
    doble.guion.poner("Master", [delegar("a", "b", "c"), texto("van"), texto("son las tres")])
    doble.guion.poner("ejecutor-*", [llamar(CONSOLA, {"command": "sleep 20"})])
    async with enjambre(doble, tmp_path, proveedor=proveedor) as sistema:
        await sistema.conversacion.decir("lanza tres")
        await doble.esperar(1, "ejecutor-3")
        antes = time.monotonic()
        with sistema.bus.suscribir() as oidos:
            await sistema.conversacion.decir("¿qué hora es?")
            await hasta_texto(oidos, "son las tres")
        assert time.monotonic() - antes < 2
        vivos = [e["status"] for e in sistema.gestor.get_all_agents_status()]
        assert vivos == ["running"] * 3
    finales = consultar(tmp_path, "SELECT DISTINCT status FROM agent_runs")
    assert finales == [("cancelled",)]


async def test_un_agente_puede_tener_los_suyos(
    proveedor: str, doble: Doble, tmp_path: Path
) -> None:
    jefe = tipo("jefe", available_tools=[DELEGAR, REPORTAR, PROBLEMA])
    doble.guion.poner("Master", [delegar("reparte", tipo="jefe"), texto("va"), texto("fin")])
    doble.guion.poner("jefe-1", [delegar("hoja"), texto("espero a mi agente"), informe_de_la_hoja])
    doble.guion.poner("ejecutor-1", [llamar(REPORTAR, {"resultado": "hoja hecha"})])
    async with enjambre(doble, tmp_path, jefe, proveedor=proveedor) as sistema:
        assert await conversar(sistema, "reparte") == "fin"
    doble.comprobar()
    assert "hoja hecha" in doble.de("Master")[2].ultimo.texto
    arbol = consultar(tmp_path, "SELECT agent_id, parent FROM agent_runs ORDER BY id")
    assert arbol == [("jefe-1", MASTER), ("ejecutor-1", "jefe-1")]


def informe_de_la_hoja(peticion: Peticion) -> Respuesta:
    assert "ejecutor-1 (ejecutor de consola) terminó su tarea: hoja hecha" in peticion.ultimo.texto
    return llamar(REPORTAR, {"resultado": "hoja hecha"})


async def test_diez_delegaciones_a_la_vez(proveedor: str, doble: Doble, tmp_path: Path) -> None:
    tareas = [f"tarea {n}" for n in range(10)]
    doble.guion.poner("Master", lambda p: delegar(*tareas) if len(p.mensajes) == 1 else texto("ok"))
    doble.guion.poner(
        "ejecutor-*",
        [llamar(CONSOLA, {"command": "echo $RANDOM"}), llamar(REPORTAR, {"resultado": "ok"})],
    )
    async with enjambre(doble, tmp_path, proveedor=proveedor) as sistema:
        await conversar(sistema, "diez")
    doble.comprobar()
    assert consultar(tmp_path, "SELECT count(DISTINCT agent_id), count(*) FROM agent_runs") == [
        (10, 10)
    ]
    assert not consultar(tmp_path, "SELECT * FROM logs WHERE mensaje LIKE '%locked%'")


async def test_los_numeros_crecen_entre_sesiones(
    proveedor: str, doble: Doble, tmp_path: Path
) -> None:
    doble.guion.poner("Master", lambda p: delegar("x") if p.ultimo.texto == "ya" else texto("ok"))
    doble.guion.poner("ejecutor-*", [llamar(REPORTAR, {"resultado": "ok"})])
    for _ in range(2):
        async with enjambre(doble, tmp_path, proveedor=proveedor) as sistema:
            await conversar(sistema, "ya")
    assert consultar(tmp_path, "SELECT agent_id FROM agent_runs ORDER BY id") == [
        ("ejecutor-1",),
        ("ejecutor-2",),
    ]


async def test_un_reporte_enorme_llega_recortado_y_se_lee_entero(
    proveedor: str, doble: Doble, tmp_path: Path
) -> None:
    enorme = "".join(f"{n:08d}" for n in range(5_000))
    doble.guion.poner(
        "Master",
        [
            delegar("informe"),
            texto("va"),
            llamar("leer_reporte", {"agent_id": "ejecutor-1", "desde": 4_000}),
            texto("leído"),
        ],
    )
    doble.guion.poner("ejecutor-1", [llamar(REPORTAR, {"resultado": enorme})])
    async with enjambre(doble, tmp_path, proveedor=proveedor) as sistema:
        assert await conversar(sistema, "informe") == "leído"
    doble.comprobar()
    assert "36000 caracteres más" in doble.de("Master")[2].ultimo.texto
    assert enorme[4_000:16_000] in doble.de("Master")[3].ultimo.texto
    assert consultar(tmp_path, "SELECT result FROM agent_runs") == [(enorme,)]
