"""Lo que solo se ve al cruzar cosas: reproducida, la sesión ha de dar lo mismo también entonces."""

from __future__ import annotations

import asyncio
import sqlite3
from contextlib import closing
from pathlib import Path

from agentes.eventos import USUARIO
from agentes.eventos_mando import Mando
from servicios.ajustes import Ajustes
from servicios.reproduccion import leer_grabacion, reproducir
from tests.apoyo import (
    CONSOLA,
    PROBLEMA,
    REPORTAR,
    consultar,
    conversar,
    delegar,
    doble_de,
    enjambre,
)
from tests.apoyo_pausas import JEFE, como_va, dar, hasta
from tests.consola.apoyo import hasta_que
from tests.dobles.guion import Guion
from tests.dobles.peticion import Peticion
from tests.dobles.respuestas import Respuesta, llamar, texto
from tests.tortura.fotos import abierto, copiar_datos, programa, sesion_de

ESPERO = texto("espero")
ENTRE_MANDOS = """
    SELECT details ->> '$.espera' FROM logs WHERE agente_id = 'jefe-1' AND tipo = 'agent_loop'
        AND details ->> '$.motivo' IS NULL
        AND id > (SELECT min(id) FROM logs WHERE tipo = 'agent_control')
        AND id < (SELECT max(id) FROM logs WHERE tipo = 'agent_control')"""
DICHOS = "SELECT count(*) FROM logs WHERE tipo = 'master_response_text'"
ACABADOS = "SELECT count(*) FROM agent_runs WHERE status = 'completed'"


async def test_quien_acaba_sin_leer_que_su_hijo_acabo_no_lo_cancela(tmp_path: Path) -> None:
    """El superior entrega después que su hijo lento, pero su última llamada salió antes."""

    async def jefe(peticion: Peticion) -> Respuesta:
        if not peticion.resultados:
            return delegar("rápida", "lenta")
        if "hoja hecha" not in peticion.todo_el_texto:
            return ESPERO
        while consultar(tmp_path, ACABADOS) != [(2,)]:
            await asyncio.sleep(0.01)
        return llamar(REPORTAR, {"resultado": "con una me basta"})

    def lenta(peticion: Peticion) -> Respuesta:
        if len(peticion.resultados) < 4:
            return llamar(CONSOLA, {"command": f"sleep 0.1; echo {len(peticion.resultados)}"})
        return llamar(REPORTAR, {"resultado": "también"})

    guion = Guion(
        {
            "Master": [delegar("manda", tipo="jefe"), texto("espero"), texto("fin")],
            "jefe-1": jefe,
            "ejecutor-1": [llamar(REPORTAR, {"resultado": "hoja hecha"})],
            "ejecutor-2": lenta,
        }
    )
    async with doble_de("openai", guion) as doble:
        ajuste = {"ENJAMBRE_AISLAMIENTO": "landlock"}
        async with enjambre(doble, tmp_path, JEFE, proveedor="openai", **ajuste) as sistema:
            assert await conversar(sistema, "empieza") == "fin"
        doble.comprobar()
    assert consultar(tmp_path, ACABADOS) == [(3,)]


async def test_lo_ya_respondido_antes_de_un_corte_no_espera_a_ninguna_orden(tmp_path: Path) -> None:
    """Contó un problema, todo murió, y en la otra vida se le pausa, se le suelta y se le cancela."""
    guion = Guion(
        {
            "Master": [delegar("a"), texto("espero"), texto("visto"), texto("fin")],
            "ejecutor-1": [
                llamar(CONSOLA, {"command": "echo antes"}),
                llamar(PROBLEMA, {"descripcion_problema": "no sé"}),
            ],
        }
    )
    async with doble_de("openai", guion) as doble:
        raiz, datos = programa(tmp_path / "programa", doble), tmp_path / "data"
        async with abierto(raiz, tmp_path / "viva") as sistema:
            await conversar(sistema, "empieza")
            copiar_datos(tmp_path / "viva", datos)
        async with abierto(raiz, datos, sesion_de(datos)) as sistema:
            await hasta(lambda: como_va(sistema) == ("paused", "superior"))
            await dar(sistema, Mando.PAUSAR)
            await dar(sistema, Mando.REANUDAR)
            assert como_va(sistema) == ("paused", "superior")
            await sistema.gestor.mandos.cancelar("ejecutor-1", USUARIO)
            await sistema.conversacion.esperar_calma()
            conocidos = dict(sistema.tipos)
    ((hecho,),) = consultar(tmp_path, "SELECT result FROM agent_runs")
    assert "Lo último que obtuvo: Problema entregado" in hecho
    grabacion = leer_grabacion(datos / "swarm.db", sesion_de(datos))
    hecha = await reproducir(grabacion, Ajustes.leer(raiz), conocidos)
    assert not hecha.divergencia
    assert hecha.es_fiel


async def test_a_quien_se_pausa_en_la_cola_no_le_consta_que_sigue(tmp_path: Path) -> None:
    """Le llega algo mientras espera a un hijo, no hay puesto, se le pausa y después le toca."""

    async def jefe(peticion: Peticion) -> Respuesta:
        if not peticion.resultados:
            return delegar("lenta")
        return llamar(REPORTAR, {"resultado": "x"}) if "hecha" in peticion.todo_el_texto else ESPERO

    suelta = asyncio.Event()

    async def lenta(_: Peticion) -> Respuesta:
        await suelta.wait()
        return llamar(REPORTAR, {"resultado": "hecha"})

    guion = Guion(
        {
            "Master": lambda p: texto("fin") if p.resultados else delegar("manda", tipo="jefe"),
            "jefe-1": jefe,
            "ejecutor-1": lenta,
        }
    )
    async with doble_de("openai", guion) as doble:
        ajuste = {"ENJAMBRE_AGENTES_SIMULTANEOS": "1"}
        async with enjambre(doble, tmp_path, JEFE, proveedor="openai", **ajuste) as sistema:
            await sistema.conversacion.decir("empieza")
            await hasta(lambda: sistema.gestor.get_agent_status("jefe-1") is not None)
            await hasta(lambda: como_va(sistema, "jefe-1") == ("running", "hijo"))
            await doble.esperar(1, "ejecutor-1")
            sistema.gestor.send_message_to_agent("jefe-1", "ánimo", USUARIO, None)
            await hasta(lambda: como_va(sistema, "jefe-1") == ("running", "cola"))
            await dar(sistema, Mando.PAUSAR, "jefe-1")
            suelta.set()
            await sistema.conversacion.esperar_calma()
            await hasta(lambda: consultar(tmp_path, ACABADOS) == [(1,)])
            await dar(sistema, Mando.REANUDAR, "jefe-1")
            await sistema.conversacion.esperar_calma()
            assert sistema.conversacion.ultimo_texto == "fin"
        doble.comprobar()
    assert consultar(tmp_path, ENTRE_MANDOS) == [("usuario",)]


async def test_se_cierra_mientras_vuelve_a_la_cola_quien_estuvo_en_pausa(tmp_path: Path) -> None:
    """Lo que pedía su última respuesta no llegó a empezar, y reproducida tampoco empieza."""
    responde = asyncio.Event()

    async def primero(_: Peticion) -> Respuesta:
        await responde.wait()
        return llamar(CONSOLA, {"command": "echo nunca"})

    async def segundo(_: Peticion) -> Respuesta:
        await asyncio.Event().wait()
        return ESPERO

    guion = Guion(
        {
            "Master": [delegar("a", "b"), ESPERO, texto("aquí sigo")],
            "ejecutor-1": primero,
            "ejecutor-2": segundo,
        }
    )
    async with doble_de("openai", guion) as doble:
        ajuste = {"ENJAMBRE_AGENTES_SIMULTANEOS": "1"}
        async with enjambre(doble, tmp_path, proveedor="openai", **ajuste) as sistema:
            await sistema.conversacion.decir("empieza")
            await doble.esperar(1, "ejecutor-1")
            await dar(sistema, Mando.PAUSAR)
            responde.set()
            await doble.esperar(1, "ejecutor-2")
            await dar(sistema, Mando.REANUDAR)
            await hasta(lambda: como_va(sistema) == ("running", "cola"))
            await sistema.conversacion.decir("¿sigues ahí?")
            await hasta(lambda: sistema.conversacion.ultimo_texto == "aquí sigo")
    pedidas = "SELECT 1 FROM logs WHERE agente_id = 'ejecutor-1' AND tipo = 'tool_call_request'"
    assert consultar(tmp_path, pedidas) == []


async def test_el_master_parado_con_su_texto_dicho_y_sin_guardar_se_repite(tmp_path: Path) -> None:
    bases: list[sqlite3.Connection] = []

    def master(_: Peticion) -> Respuesta:
        bases.append(sqlite3.connect(tmp_path / "data/swarm.db", isolation_level=None))
        bases[-1].execute("BEGIN IMMEDIATE")
        return texto("a medias")

    async with (
        doble_de("openai", Guion({"Master": master})) as doble,
        enjambre(doble, tmp_path, proveedor="openai") as sistema,
    ):
        conversacion = sistema.conversacion
        await conversacion.decir("hola")
        assert await hasta_que(lambda: conversacion.ultimo_texto == "a medias", 10)
        assert conversacion.interrumpir()
        bases.pop().close()
        await conversacion.esperar_calma()
    finales = "SELECT tipo FROM logs WHERE agente_id = 'master' ORDER BY id DESC LIMIT 2"
    assert consultar(tmp_path, finales) == [("master_loop",), ("master_response_text",)]


async def test_lo_que_se_dice_mientras_se_para_al_master_no_oculta_que_se_paro(
    tmp_path: Path,
) -> None:
    """La línea queda entre la fila de la llamada cortada y la que dice que se paró la respuesta."""

    async def master(peticion: Peticion) -> Respuesta:
        if peticion.ultimo.texto.startswith("para"):
            await asyncio.Event().wait()
        return texto("bien")

    async with (
        doble_de("openai", Guion({"Master": master})) as doble,
        enjambre(doble, tmp_path, proveedor="openai") as sistema,
    ):
        for vueltas in range(8):
            await sistema.conversacion.decir(f"para {vueltas}")
            await doble.esperar(len(doble.peticiones) + 1)
            assert sistema.conversacion.interrumpir()
            for _ in range(vueltas):
                await asyncio.sleep(0)
            await asyncio.gather(*(sistema.conversacion.decir(f"y {n}") for n in range(3)))
            await sistema.conversacion.esperar_calma()
    tipos = consultar(tmp_path, "SELECT tipo FROM logs WHERE agente_id = 'master' ORDER BY id")
    assert " llm_call master_input " in " ".join(t for (t,) in tipos)


async def test_lo_que_se_dice_mientras_se_hace_sitio_a_un_turno_no_lo_deja_sin_empezar(
    tmp_path: Path,
) -> None:
    """La línea queda entre la petición del resumen y la del turno que la esperaba."""
    resumiendo, sigue = asyncio.Event(), asyncio.Event()

    async def master(peticion: Peticion) -> Respuesta:
        if not peticion.herramientas:
            resumiendo.set()
            await sigue.wait()
            return texto("van varias preguntas")
        return texto("y todo lo que se vio por el camino, con sus pelos y señales " * 12)

    ajuste = {"ENJAMBRE_CONTEXTO": "3000"}
    async with (
        doble_de("openai", Guion({"Master": master})) as doble,
        enjambre(doble, tmp_path, proveedor="openai", **ajuste) as sistema,
    ):
        conversacion = sistema.conversacion
        while not resumiendo.is_set():
            antes = len(doble.peticiones)
            await conversacion.decir("otra pregunta")
            await hasta(lambda n=antes: resumiendo.is_set() or len(doble.peticiones) > n)  # type: ignore[misc]
            await hasta(lambda: resumiendo.is_set() or not conversacion.esta_respondiendo)
        await sistema.conversacion.decir("¿y esto?")
        sigue.set()
        await sistema.conversacion.esperar_calma()
    tipos = consultar(tmp_path, "SELECT tipo FROM logs WHERE agente_id = 'master' ORDER BY id")
    assert " llm_input master_input llm_output history_compaction " in " ".join(t for (t,) in tipos)


async def test_a_una_linea_que_tarda_en_guardarse_la_adelanta_lo_que_llega_detras(
    tmp_path: Path,
) -> None:
    async def calla(_: Peticion) -> Respuesta:
        await asyncio.Event().wait()
        return ESPERO

    master = [delegar("a"), texto("va"), texto("lo cancelaste"), texto("fin")]
    async with doble_de("openai", Guion({"Master": master, "ejecutor-1": calla})) as doble:
        async with enjambre(doble, tmp_path, proveedor="openai") as sistema:
            await sistema.conversacion.decir("empieza")
            await doble.esperar(1, "ejecutor-1")
            await hasta(lambda: consultar(tmp_path, DICHOS) == [(1,)])
            base = sqlite3.connect(tmp_path / "data" / "swarm.db", isolation_level=None)
            with closing(base) as otro:
                otro.execute("BEGIN IMMEDIATE")
                dicha = asyncio.create_task(sistema.conversacion.decir("y esto"))
                await asyncio.sleep(0)
                cancela = asyncio.create_task(sistema.gestor.cancelar_agente("ejecutor-1", USUARIO))
                await doble.esperar(3, "Master")
            await dicha
            await cancela
            await sistema.conversacion.esperar_calma()
            assert sistema.conversacion.ultimo_texto == "fin"
        doble.comprobar()
    cruce = """SELECT m.id < n.id, m.entregado_en > n.entregado_en FROM notices AS n, messages AS m
        WHERE m.para = 'master' ORDER BY m.id DESC LIMIT 1"""
    assert consultar(tmp_path, cruce) == [(1, 1)]
