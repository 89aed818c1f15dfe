"""El ritmo: el texto fluye, nadie llama por llamar y la cadena de causas llega a la persona."""

from __future__ import annotations

import asyncio
from pathlib import Path

from agentes.eventos import HechoAnotado, TextoParcial
from agentes.eventos_llamada import HerramientaPedida
from servicios.ajustes import Ajustes
from servicios.buzon import Suscripcion
from servicios.llm.preajustes import resolver_modelo
from servicios.sistema import abrir_sistema
from tests.apoyo import (
    CONSOLA,
    REPORTAR,
    consultar,
    conversar,
    delegar,
    enjambre,
    preparar_raiz,
    variables_de,
)
from tests.dobles.base import Doble
from tests.dobles.respuestas import llamar, texto
from tests.nucleo.escena_conversacion import RelojManual


async def test_el_texto_se_ve_antes_de_que_el_modelo_termine(
    proveedor: str, doble: Doble, tmp_path: Path
) -> None:
    doble.guion.poner("Master", [texto("uno dos tres cuatro", trozos=8, entre_trozos_s=0.2)])
    async with enjambre(doble, tmp_path, proveedor=proveedor) as sistema:
        with sistema.bus.suscribir() as oidos:
            await sistema.conversacion.decir("hola")
            await asyncio.wait_for(_primer_trozo(oidos), 10)
        assert doble.peticiones[0].terminada is None
        await sistema.conversacion.esperar_calma()
        assert sistema.conversacion.ultimo_texto == "uno dos tres cuatro"


async def test_con_cinco_dormidos_y_diez_minutos_de_reloj_no_hay_llamadas(
    proveedor: str, doble: Doble, tmp_path: Path
) -> None:
    doble.guion.poner("Master", [delegar(*"abcde"), texto("duermen")])
    doble.guion.poner("ejecutor-*", [llamar(CONSOLA, {"command": "sleep 100"})])
    raiz = preparar_raiz(tmp_path, variables_de(proveedor, doble))
    ajustes = Ajustes.leer(raiz)
    referencia = resolver_modelo(ajustes.model, ajustes)
    assert referencia is not None
    reloj = RelojManual()
    async with abrir_sistema(ajustes, referencia, "prueba", reloj) as sistema:
        await sistema.conversacion.decir("duerman")
        await doble.esperar(1, "ejecutor-5")
        await asyncio.sleep(1)
        antes = len(doble.peticiones)
        await reloj.avanzar(600)
        await asyncio.sleep(3)
        await reloj.avanzar(600)
        assert len(doble.peticiones) == antes == 7


async def test_cincuenta_reportes_de_cuarenta_mil_caben_en_un_resumen(
    proveedor: str, doble: Doble, tmp_path: Path
) -> None:
    doble.guion.poner(
        "Master", lambda p: delegar(*"x" * 50) if len(p.mensajes) == 1 else texto("ok")
    )
    doble.guion.poner("ejecutor-*", [llamar(REPORTAR, {"resultado": "r" * 40_000})])
    async with enjambre(doble, tmp_path, proveedor=proveedor) as sistema:
        await conversar(sistema, "cincuenta")
    doble.comprobar()
    avisos = [p.ultimo.texto for p in doble.de("Master")[2:]]
    assert avisos
    assert max(map(len, avisos)) <= 12_000
    assert consultar(tmp_path, "SELECT count(*) FROM agent_runs WHERE length(result)=40000") == [
        (50,)
    ]


async def test_cada_orden_se_explica_hasta_la_linea_de_la_persona(
    proveedor: str, doble: Doble, tmp_path: Path
) -> None:
    doble.guion.poner("Master", [delegar("x"), texto("va"), texto("fin")])
    doble.guion.poner(
        "ejecutor-1", [llamar(CONSOLA, {"command": "echo a"}), llamar(REPORTAR, {"resultado": "a"})]
    )
    async with enjambre(doble, tmp_path, proveedor=proveedor) as sistema:
        await conversar(sistema, "por favor, haz x")
    orden = consultar(tmp_path, "SELECT fila_cierre FROM v_comandos")[0][0]
    cadena = consultar(
        tmp_path, "SELECT tipo, mensaje FROM v_causas WHERE fila = ? ORDER BY paso", orden
    )
    assert [tipo for tipo, _ in cadena] == [
        "tool_execution",
        "tool_call_request",
        "llm_output",
        "llm_input",
        "agent_run_start",
        "tool_call_request",
        "llm_output",
        "llm_input",
        "master_input",
    ]
    assert cadena[-1][1] == "por favor, haz x"
    sin_origen = consultar(
        tmp_path,
        "SELECT tipo FROM logs WHERE causa IS NULL AND tipo NOT IN ('system_init','master_input')",
    )
    assert sin_origen == []


async def test_la_base_crece_en_proporcion_a_los_turnos(
    proveedor: str, doble: Doble, tmp_path: Path
) -> None:
    doble.guion.poner("Master", texto("vale"))
    pesos = []
    async with enjambre(doble, tmp_path, proveedor=proveedor) as sistema:
        for _ in range(2):
            for n in range(40):
                await conversar(sistema, f"línea {n}")
            pesos.append(consultar(tmp_path, "SELECT sum(length(details)) FROM logs")[0][0])
    assert pesos[1] < 2.5 * pesos[0]
    assert pesos[1] - pesos[0] < 1.2 * pesos[0]


async def test_parado_a_media_accion_la_historia_sigue_valiendo(
    proveedor: str, doble: Doble, tmp_path: Path
) -> None:
    doble.guion.poner("Master", [delegar("x"), texto("aquí sigo")])
    doble.guion.poner("ejecutor-*", [llamar(REPORTAR, {"resultado": "ok"})])
    async with enjambre(doble, tmp_path, proveedor=proveedor) as sistema:
        with sistema.bus.suscribir() as oidos:
            await sistema.conversacion.decir("lanza")
            await asyncio.wait_for(_primera_intencion(oidos), 10)
            assert sistema.conversacion.interrumpir()
            await sistema.conversacion.esperar_calma()
        assert await conversar(sistema, "¿sigues?") == "aquí sigo"
    assert not doble.rechazos
    herramienta = next(m for m in doble.de("Master")[1].mensajes if m.rol == "tool")
    assert "interrumpido" in herramienta.texto


async def _primera_intencion(oidos: Suscripcion) -> None:
    async for cosa in oidos:
        if isinstance(cosa, HechoAnotado) and isinstance(cosa.evento, HerramientaPedida):
            return


async def _primer_trozo(oidos: Suscripcion) -> None:
    async for cosa in oidos:
        if isinstance(cosa, TextoParcial):
            return
