"""Pausar, dar un paso y reanudar: nada se pierde, nada sigue sin que lo manden."""

from __future__ import annotations

import asyncio
import sys
import time
from pathlib import Path

import pytest

from agentes.eventos import USUARIO
from agentes.eventos_mando import Mando
from servicios.interfaz.bifurcacion import crear_bifurcacion
from servicios.registros.reanudacion.reanudar import leer_sesion
from tests.apoyo import (
    CONSOLA,
    PROBLEMA,
    REPORTAR,
    consultar,
    delegar,
    enjambre,
)
from tests.apoyo_pausas import LIMITE_S, como_va, dar, duerme, estado_de, hasta
from tests.consola.apoyo import hasta_que, sueno, vivos
from tests.dobles.base import Doble
from tests.dobles.peticion import Peticion
from tests.dobles.respuestas import Respuesta, llamada, llamar, respuesta, texto

if sys.platform != "linux":
    pytest.skip("la consola es solo de Linux", allow_module_level=True)


@pytest.mark.solo
async def test_la_orden_se_congela_y_el_agente_sigue_con_la_misma_historia(
    proveedor: str, doble: Doble, tmp_path: Path
) -> None:
    n = sueno()
    doble.guion.poner("Master", [delegar("duerme"), texto("va"), texto("hecho")])
    doble.guion.poner("ejecutor-1", duerme(n))
    async with enjambre(doble, tmp_path, proveedor=proveedor) as sistema:
        await sistema.conversacion.decir("duerme")
        assert await hasta_que(lambda: bool(vivos(n)), LIMITE_S)
        antes = time.monotonic()
        dicho = await dar(sistema, Mando.PAUSAR)
        assert time.monotonic() - antes < 0.2
        assert "ejecutor-1 en pausa" in dicho
        assert como_va(sistema) == ("paused", "usuario")
        assert estado_de(vivos(n)) == {"T"}
        async with asyncio.timeout(LIMITE_S):
            await sistema.conversacion.esperar_calma()
        await asyncio.sleep(1)
        assert len(doble.de("ejecutor-1")) == 1
        assert "ya está en pausa" in await dar(sistema, Mando.PAUSAR)
        assert "sigue por donde iba" in await dar(sistema, Mando.REANUDAR)
        await sistema.conversacion.esperar_calma()
        assert sistema.conversacion.ultimo_texto == "hecho"
    doble.comprobar()
    assert "despierto" in doble.de("ejecutor-1")[1].ultimo.texto
    assert filas(tmp_path) == [
        ("agent_loop", None, "running", ""),
        ("agent_control", "pausar", None, None),
        ("agent_loop", None, "paused", "usuario"),
        ("agent_control", "reanudar", None, None),
        ("agent_loop", None, "running", ""),
    ]


def filas(carpeta: Path, agente_id: str = "ejecutor-1") -> list[tuple[object, ...]]:
    return consultar(
        carpeta,
        "SELECT tipo, details->>'$.mando', details->>'$.estado', details->>'$.espera' FROM logs"
        " WHERE agente_id = ? AND tipo IN ('agent_loop', 'agent_control') ORDER BY id",
        agente_id,
    )


async def test_la_llamada_en_vuelo_acaba_y_sus_herramientas_esperan(
    proveedor: str, doble: Doble, tmp_path: Path
) -> None:
    seguir = asyncio.Event()

    async def tarda(_: Peticion) -> Respuesta:
        await seguir.wait()
        return llamar(CONSOLA, {"command": "touch hecho"})

    doble.guion.poner("Master", [delegar("x"), texto("va"), texto("fin")])
    doble.guion.poner("ejecutor-1", [tarda, llamar(REPORTAR, {"resultado": "ok"})])
    async with enjambre(doble, tmp_path, proveedor=proveedor) as sistema:
        await sistema.conversacion.decir("x")
        await doble.esperar(1, "ejecutor-1")
        await dar(sistema, Mando.PAUSAR)
        assert not sistema.gestor.esta_en_reposo()
        seguir.set()
        async with asyncio.timeout(LIMITE_S):
            await sistema.conversacion.esperar_calma()
        cobrada = "SELECT 1 FROM agent_runs WHERE status = 'paused' AND tokens_in > 0"
        await hasta(lambda: bool(consultar(tmp_path, cobrada)))
        assert consultar(tmp_path, "SELECT 1 FROM commands WHERE agente_id = 'ejecutor-1'") == []
        await dar(sistema, Mando.REANUDAR)
        await sistema.conversacion.esperar_calma()
    assert (tmp_path / "data/espacios/ejecutor-1/hecho").exists()
    assert len(doble.de("ejecutor-1")) == 2


async def test_un_paso_es_una_llamada_y_sus_herramientas(
    proveedor: str, doble: Doble, tmp_path: Path
) -> None:
    dos = [
        llamada(CONSOLA, {"command": "echo a >> pasos"}),
        llamada(CONSOLA, {"command": "echo b >> pasos"}),
    ]
    doble.guion.poner("Master", [delegar("x"), texto("va"), texto("fin")])
    doble.guion.poner(
        "ejecutor-1",
        [
            llamar(PROBLEMA, {"descripcion_problema": "¿?"}),
            respuesta(llamadas=dos),
            llamar(REPORTAR, {"resultado": "ok"}),
        ],
    )
    doble.guion.poner("Master", [delegar("x"), texto("va"), texto("un problema"), texto("fin")])
    pasos = tmp_path / "data/espacios/ejecutor-1/pasos"
    async with enjambre(doble, tmp_path, proveedor=proveedor) as sistema:
        await sistema.conversacion.decir("x")
        await sistema.conversacion.esperar_calma()
        assert "nadie mandó pausar" in await dar(sistema, Mando.PASO)
        await dar(sistema, Mando.PAUSAR)
        recibo = sistema.gestor.send_message_to_agent("ejecutor-1", "sigue", USUARIO, None)
        assert "tu mensaje no lo reanuda" in recibo
        await asyncio.sleep(0.3)
        assert len(doble.de("ejecutor-1")) == 1
        assert "da un paso" in await dar(sistema, Mando.PASO)
        assert "ya está dando un paso" in await dar(sistema, Mando.PASO)
        await hasta(lambda: como_va(sistema) == ("paused", "usuario"))
        assert len(doble.de("ejecutor-1")) == 2
        assert pasos.read_text() == "a\nb\n"
        await asyncio.sleep(0.3)
        assert len(doble.de("ejecutor-1")) == 2
        await dar(sistema, Mando.REANUDAR)
        await sistema.conversacion.esperar_calma()
        assert sistema.conversacion.ultimo_texto == "fin"
    doble.comprobar()
    assert doble.de("ejecutor-1")[1].ultimo.texto.endswith("Mensaje de usuario:\nsigue")


async def test_en_una_bifurcacion_sigue_en_pausa(
    proveedor: str, doble: Doble, tmp_path: Path
) -> None:
    doble.guion.poner("Master", [delegar("x"), texto("va"), texto("un problema")])
    doble.guion.poner("ejecutor-1", [llamar(PROBLEMA, {"descripcion_problema": "¿?"})])
    async with enjambre(doble, tmp_path, proveedor=proveedor) as sistema:
        await sistema.conversacion.decir("x")
        await sistema.conversacion.esperar_calma()
        await dar(sistema, Mando.PAUSAR)
        [(ultima,)] = consultar(tmp_path, "SELECT max(id) FROM logs")
        otra = await crear_bifurcacion(sistema.ajustes, ultima)
        guardada = leer_sesion(sistema.ajustes.datos / "swarm.db", otra.id)
    [agente] = guardada.agentes
    assert agente.pausa is not None
    assert (agente.pausa.de, agente.espera) == (USUARIO, "superior")


async def test_un_paso_a_medias_se_vuelve_a_pausar(
    proveedor: str, doble: Doble, tmp_path: Path
) -> None:
    """Su orden se congela otra vez y no queda paso: lo que sigue es una pausa como las demás."""
    n = sueno()
    doble.guion.poner("Master", [delegar("x"), texto("va"), texto("fin")])
    doble.guion.poner("ejecutor-1", duerme(n))
    async with enjambre(doble, tmp_path, proveedor=proveedor) as sistema:
        await sistema.conversacion.decir("x")
        assert await hasta_que(lambda: bool(vivos(n)), LIMITE_S)
        await dar(sistema, Mando.PAUSAR)
        assert sistema.gestor.mandos.sueltos() == []
        await dar(sistema, Mando.PASO)
        assert estado_de(vivos(n)) == {"S"}
        assert sistema.gestor.mandos.sueltos() == ["ejecutor-1"]
        assert "ejecutor-1 en pausa" in await dar(sistema, Mando.PAUSAR)
        assert estado_de(vivos(n)) == {"T"}
        assert como_va(sistema) == ("paused", "usuario")
        assert "ya está en pausa" in await dar(sistema, Mando.PAUSAR)
        async with asyncio.timeout(LIMITE_S):
            await sistema.conversacion.esperar_calma()
        await asyncio.sleep(0.3)
        assert len(doble.de("ejecutor-1")) == 1
        await dar(sistema, Mando.REANUDAR)
        await sistema.conversacion.esperar_calma()
        assert sistema.conversacion.ultimo_texto == "fin"
    doble.comprobar()
