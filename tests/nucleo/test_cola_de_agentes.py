"""El tope de agentes a la vez, su cola, y los niveles: lo que ve quien delega y quien mira.

Al cerrarse cada sesión se reproduce entera y ha de hacer lo mismo (`tests/apoyo.py`).
"""

from __future__ import annotations

import asyncio
from pathlib import Path

from agentes.eventos import USUARIO, HechoAnotado
from servicios.ajustes import Ajustes
from servicios.reproduccion import leer_grabacion, reproducir
from tests.apoyo import (
    DELEGAR,
    MENSAJE,
    PROBLEMA,
    REPORTAR,
    consultar,
    conversar,
    delegar,
    enjambre,
    tipo,
)
from tests.dobles.guion import Guion, Paso
from tests.dobles.openai import DobleOpenAI
from tests.dobles.peticion import Peticion
from tests.dobles.respuestas import Respuesta, llamar, texto
from tests.tortura.cortes import cortar, grabar, hasta
from tests.tortura.fotos import abierto, programa, sesion_de

DE_UNO_EN_UNO = {"ENJAMBRE_AGENTES_SIMULTANEOS": "1"}
JEFE = tipo("jefe", available_tools=[DELEGAR, REPORTAR, PROBLEMA])
_COLA = """
    SELECT agente_id, details ->> '$.estado', details ->> '$.puesto' FROM logs
    WHERE tipo = 'agent_loop' AND details ->> '$.espera' = 'cola' ORDER BY id"""
_ESTADOS = "SELECT agent_id, status FROM agent_runs ORDER BY id"


def encarga(*tareas: str, quien: str = "ejecutor") -> Paso:
    """Delega esas tareas y espera; cuando todas acabaron, lo dice (o lo reporta)."""

    def contestar(peticion: Peticion) -> Respuesta:
        if not any(m.llamadas for m in peticion.mensajes):
            return delegar(*tareas, tipo=quien)
        if peticion.todo_el_texto.count("terminó su tarea: ") < len(tareas):
            return texto("espero")
        if REPORTAR in peticion.herramientas:
            return llamar(REPORTAR, {"resultado": "todas"})
        return texto("todas")

    return contestar


def _hoja(_: Peticion) -> Respuesta:
    return llamar(REPORTAR, {"resultado": "hoja"}, pausa_s=0.05)


async def test_los_que_no_caben_esperan_en_orden_y_se_dice_su_puesto(tmp_path: Path) -> None:
    guion = Guion({"Master": encarga("a", "b", "c"), "ejecutor-*": _hoja})
    async with DobleOpenAI(guion) as doble:
        async with enjambre(doble, tmp_path, proveedor="openai", **DE_UNO_EN_UNO) as sistema:
            assert await conversar(sistema, "tres") == "todas"
        doble.comprobar()
        orden = [p.agente for p in doble.peticiones if p.agente != "Master"]
    assert orden == ["ejecutor-1", "ejecutor-2", "ejecutor-3"]
    dicho = [r for (r,) in consultar(tmp_path, _RESPUESTAS)]
    assert dicho[0].startswith("Lanzado ejecutor-1.")
    motivo = "en marcha 1 a la vez, tope 1"
    assert dicho[1].startswith(f"Lanzado ejecutor-2, en cola, puesto 1 ({motivo}). Empezará")
    assert dicho[2].startswith(f"Lanzado ejecutor-3, en cola, puesto 2 ({motivo}).")
    assert consultar(tmp_path, _COLA) == [
        ("ejecutor-2", "started", 1),
        ("ejecutor-3", "started", 2),
    ]
    assert consultar(tmp_path, _ESTADOS) == [(f"ejecutor-{n}", "completed") for n in (1, 2, 3)]


_RESPUESTAS = """
    SELECT details ->> '$.resultado' FROM logs
    WHERE tipo = 'tool_execution' AND agente_id = 'master' AND details ->> '$.tool' = 'delegate_task'
    ORDER BY details ->> '$.op', id"""


async def test_se_ve_quien_esta_en_cola_y_se_le_puede_cancelar(tmp_path: Path) -> None:
    suelta = asyncio.Event()

    async def lenta(_: Peticion) -> Respuesta:
        await suelta.wait()
        return llamar(REPORTAR, {"resultado": "hoja"})

    def master(peticion: Peticion) -> Respuesta:
        return delegar("a", "b", "c") if len(peticion.mensajes) == 1 else texto("sigo")

    async with DobleOpenAI(Guion({"Master": master, "ejecutor-*": lenta})) as doble:
        async with enjambre(doble, tmp_path, proveedor="openai", **DE_UNO_EN_UNO) as sistema:
            await sistema.conversacion.decir("tres")
            await doble.esperar(1, "ejecutor-1")
            await doble.esperar(2, "Master")
            segundo = sistema.gestor.get_agent_status("ejecutor-2")
            assert segundo is not None
            assert (segundo["status"], segundo["espera"]) == ("started", "cola")
            dicho = await sistema.gestor.cancelar_agente("ejecutor-2", USUARIO)
            assert dicho == "ejecutor-2 cancelado."
            suelta.set()
            await sistema.conversacion.esperar_calma()
        assert doble.de("ejecutor-2") == []
    assert consultar(tmp_path, _ESTADOS) == [
        ("ejecutor-1", "completed"),
        ("ejecutor-2", "cancelled"),
        ("ejecutor-3", "completed"),
    ]


async def test_quien_espera_a_un_hijo_no_ocupa_puesto(tmp_path: Path) -> None:
    medio = {**JEFE, "agent_type": "medio"}
    guion = Guion(
        {
            "Master": encarga("x", "y", quien="jefe"),
            "jefe-*": encarga("m", "n", quien="medio"),
            "medio-*": encarga("h", "i"),
            "ejecutor-*": _hoja,
        }
    )
    async with DobleOpenAI(guion) as doble:
        async with enjambre(
            doble, tmp_path, JEFE, medio, proveedor="openai", **DE_UNO_EN_UNO
        ) as sistema:
            async with asyncio.timeout(30):
                assert await conversar(sistema, "hondo") == "todas"
        doble.comprobar()
    assert {estado for _, estado in consultar(tmp_path, _ESTADOS)} == {"completed"}
    assert len(consultar(tmp_path, _ESTADOS)) == 2 + 4 + 8


async def test_quien_esta_en_pausa_no_ocupa_puesto_y_lo_recupera_con_su_directiva(
    tmp_path: Path,
) -> None:
    def ejecutor(peticion: Peticion) -> Respuesta:
        if peticion.mensajes[0].texto == "a" and not peticion.resultados:
            return llamar(PROBLEMA, {"descripcion_problema": "falta un dato"})
        return _hoja(peticion)

    def master(peticion: Peticion) -> Respuesta:
        visto = peticion.todo_el_texto
        if not any(m.llamadas for m in peticion.mensajes):
            return delegar("a", "b")
        if "terminó su tarea" in visto and "Entregado" not in visto:
            return llamar(MENSAJE, {"agent_id": "ejecutor-1", "message_content": "sigue"})
        return texto("los dos" if visto.count("terminó su tarea: ") == 2 else "espero")

    async with DobleOpenAI(Guion({"Master": master, "ejecutor-*": ejecutor})) as doble:
        async with enjambre(doble, tmp_path, proveedor="openai", **DE_UNO_EN_UNO) as sistema:
            assert await conversar(sistema, "dos") == "los dos"
        doble.comprobar()


async def test_mas_hondo_de_lo_que_se_permite_se_contesta_al_modelo(tmp_path: Path) -> None:
    def jefe(peticion: Peticion) -> Respuesta:
        if not peticion.resultados:
            return delegar("más")
        return llamar(REPORTAR, {"resultado": "lo hice yo"})

    guion = Guion({"Master": encarga("x", quien="jefe"), "jefe-*": jefe})
    async with DobleOpenAI(guion) as doble:
        async with enjambre(
            doble, tmp_path, JEFE, proveedor="openai", ENJAMBRE_PROFUNDIDAD="1"
        ) as sistema:
            assert await conversar(sistema, "hondo") == "todas"
        leido = doble.de("jefe-1")[1].ultimo.texto
    assert leido.startswith("Error: jefe-1 está en el último nivel (1) y no puede lanzar agentes")
    assert consultar(tmp_path, _ESTADOS) == [("jefe-1", "completed")]


async def test_tras_una_muerte_vuelve_la_cola_y_todo_se_reproduce(tmp_path: Path) -> None:
    guion = Guion({"Master": encarga("a", "b", "c"), "ejecutor-*": _hoja})
    async with DobleOpenAI(guion) as doble:
        raiz = programa(tmp_path / "programa", doble, **DE_UNO_EN_UNO)
        hechos = await grabar(raiz, tmp_path / "original", "tres")
        datos = tmp_path / "data"
        corte = hasta(hechos, _espera_el_tercero, _llama_el_primero)
        await cortar(corte, sesion_de(tmp_path / "original"), datos)
        antes = len(doble.peticiones)
        async with abierto(raiz, datos, sesion_de(datos)) as sistema:
            async with asyncio.timeout(30):
                await sistema.conversacion.esperar_calma()
            assert sistema.conversacion.ultimo_texto == "todas"
        despues = [p.agente for p in doble.peticiones[antes:] if p.agente != "Master"]
    assert despues == ["ejecutor-1", "ejecutor-2", "ejecutor-3"]
    en_cola = [quien for quien, _, _ in consultar(tmp_path, _COLA)]
    assert en_cola == ["ejecutor-2", "ejecutor-3"] * 2
    grabacion = leer_grabacion(datos / "swarm.db", sesion_de(datos))
    hecha = await reproducir(grabacion, Ajustes.leer(raiz))
    assert hecha.divergencia == ""
    assert hecha.es_fiel


def _espera_el_tercero(hecho: HechoAnotado) -> bool:
    detalles = hecho.evento.detalles()
    return hecho.evento.agente_id == "ejecutor-3" and detalles.get("espera") == "cola"


def _llama_el_primero(hecho: HechoAnotado) -> bool:
    return (hecho.evento.agente_id, hecho.evento.tipo) == ("ejecutor-1", "llm_input")
