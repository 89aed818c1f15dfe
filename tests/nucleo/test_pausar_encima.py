"""La pausa mandada, encima de otra espera: un problema, un hijo o la cola."""

from __future__ import annotations

import asyncio
import sys
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import pytest

from agentes.eventos_mando import Mando
from servicios.ajustes import Ajustes
from servicios.registros.lectura.conexion import conectar_lectura
from servicios.registros.tablero.clasificar import Mirada, clasificar
from servicios.registros.tablero.leer import leer_sesion
from servicios.reproduccion import leer_grabacion, reproducir
from tests.apoyo import (
    CONSOLA,
    MENSAJE,
    PROBLEMA,
    REPORTAR,
    consultar,
    conversar,
    delegar,
    enjambre,
)
from tests.apoyo_pausas import JEFE, LIMITE_S, PAUSAR, REANUDAR, como_va, dar, hasta
from tests.consola.apoyo import hasta_que, sueno, vivos
from tests.dobles.base import Doble
from tests.dobles.guion import Guion
from tests.dobles.openai import DobleOpenAI
from tests.dobles.peticion import Peticion
from tests.dobles.respuestas import Error, Respuesta, llamar, texto
from tests.tortura.fotos import abierto, programa, sesion_de

if sys.platform != "linux":
    pytest.skip("la consola es solo de Linux", allow_module_level=True)


async def test_encima_de_un_problema_la_directiva_espera(
    proveedor: str, doble: Doble, tmp_path: Path
) -> None:
    """Y al reanudarlo vuelve a su pausa de antes, si nadie le contestó."""
    doble.guion.poner(
        "Master",
        [
            delegar("x"),
            texto("va"),
            texto("un problema"),
            llamar(MENSAJE, {"agent_id": "ejecutor-1", "message_content": "por ahí"}),
            texto("contestado"),
            texto("fin"),
        ],
    )
    doble.guion.poner(
        "ejecutor-1",
        [llamar(PROBLEMA, {"descripcion_problema": "¿?"}), llamar(REPORTAR, {"resultado": "ok"})],
    )
    async with enjambre(doble, tmp_path, proveedor=proveedor) as sistema:
        await sistema.conversacion.decir("x")
        await sistema.conversacion.esperar_calma()
        assert como_va(sistema) == ("paused", "superior")
        await dar(sistema, Mando.PAUSAR)
        assert "dará un paso cuando tenga una directiva" in await dar(sistema, Mando.PASO)
        assert como_va(sistema) == ("paused", "superior")
        assert "espera una directiva" in await dar(sistema, Mando.REANUDAR)
        assert como_va(sistema) == ("paused", "superior")
        await dar(sistema, Mando.PAUSAR)
        await sistema.conversacion.decir("contéstale")
        await sistema.conversacion.esperar_calma()
        assert len(doble.de("ejecutor-1")) == 1
        await dar(sistema, Mando.REANUDAR)
        await sistema.conversacion.esperar_calma()
        assert sistema.conversacion.ultimo_texto == "fin"
    doble.comprobar()


def _jefe_con_hoja(doble: Doble, n: str) -> None:
    doble.guion.poner(
        "Master",
        [
            delegar("reparte", tipo="jefe"),
            texto("va"),
            llamar(PAUSAR, {"agent_id": "jefe-1"}),
            texto("pausado"),
            llamar(REANUDAR, {"agent_id": "jefe-1"}),
            texto("sigue"),
            texto("fin"),
        ],
    )
    doble.guion.poner(
        "jefe-1", [delegar("hoja"), texto("espero"), llamar(REPORTAR, {"resultado": "los dos"})]
    )
    orden = llamar(CONSOLA, {"command": f"timeout 0.5 sleep {n}"})
    doble.guion.poner("ejecutor-1", [orden, llamar(REPORTAR, {"resultado": "hoja"})])


async def test_el_master_pausa_a_un_jefe_que_espera_a_un_hijo_en_pausa(
    proveedor: str, doble: Doble, tmp_path: Path
) -> None:
    n = sueno()
    _jefe_con_hoja(doble, n)
    async with enjambre(doble, tmp_path, JEFE, proveedor=proveedor) as sistema:
        await sistema.conversacion.decir("reparte")
        assert await hasta_que(lambda: bool(vivos(n)), LIMITE_S)
        await hasta(lambda: como_va(sistema, "jefe-1")[1] == "hijo")
        assert sistema.gestor.mandos.rama("jefe-1") == ["jefe-1", "ejecutor-1"]
        await dar(sistema, Mando.PAUSAR, "ejecutor-1")
        async with asyncio.timeout(LIMITE_S):  # el jefe solo espera a su hijo
            await sistema.conversacion.esperar_calma()
        await conversar(sistema, "pausa al jefe")
        assert como_va(sistema, "jefe-1") == ("paused", "orden")
        await dar(sistema, Mando.REANUDAR, "ejecutor-1")
        await sistema.conversacion.esperar_calma()
        assert len(doble.de("jefe-1")) == 2
        assert como_va(sistema, "jefe-1") == ("paused", "orden")
        assert await conversar(sistema, "que siga") == "fin"
    doble.comprobar()
    assert "jefe-1 en pausa" in doble.de("Master")[3].ultimo.texto


async def test_el_jefe_que_lo_pauso_espera_al_hijo_que_da_un_paso(
    proveedor: str, doble: Doble, tmp_path: Path
) -> None:
    """Si no, acabaría y con él se cancelaría lo que la persona le dejó hacer."""
    n, dado = sueno(), asyncio.Event()

    async def pausa(_: Peticion) -> Respuesta:
        assert await hasta_que(lambda: bool(vivos(n)), LIMITE_S)
        return llamar(PAUSAR, {"agent_id": "ejecutor-1"})

    async def espera(_: Peticion) -> Respuesta:
        await dado.wait()
        return texto("espero")

    doble.guion.poner("Master", [delegar("reparte", tipo="jefe"), texto("va"), texto("fin")])
    doble.guion.poner(
        "jefe-1", [delegar("hoja"), pausa, espera, llamar(REPORTAR, {"resultado": "los dos"})]
    )
    orden = llamar(CONSOLA, {"command": f"timeout 0.5 sleep {n}"})
    doble.guion.poner("ejecutor-1", [orden, llamar(REPORTAR, {"resultado": "hoja"})])
    manda = {**JEFE, "available_tools": [*JEFE["available_tools"], PAUSAR]}
    async with enjambre(doble, tmp_path, manda, proveedor=proveedor) as sistema:
        await sistema.conversacion.decir("reparte")
        await doble.esperar(3, "jefe-1")
        assert "da un paso" in await dar(sistema, Mando.PASO)
        dado.set()
        await sistema.conversacion.esperar_calma()
        assert como_va(sistema) == ("completed", "")
    doble.comprobar()


DE_UNO_EN_UNO = {"ENJAMBRE_AGENTES_SIMULTANEOS": "1"}


def _dos_en_fila(doble: Doble) -> asyncio.Event:
    """El segundo espera el puesto del primero, que no contesta hasta que se le deja."""
    seguir = asyncio.Event()

    async def tarda(_: Peticion) -> Respuesta:
        await seguir.wait()
        return llamar(REPORTAR, {"resultado": "uno"})

    doble.guion.poner("Master", [delegar("a", "b"), texto("va"), texto("van"), texto("fin")])
    doble.guion.poner("ejecutor-1", [tarda])
    doble.guion.poner("ejecutor-2", [llamar(REPORTAR, {"resultado": "dos"})])
    return seguir


async def test_quien_esta_en_pausa_deja_su_puesto(
    proveedor: str, doble: Doble, tmp_path: Path
) -> None:
    seguir = _dos_en_fila(doble)
    async with enjambre(doble, tmp_path, proveedor=proveedor, **DE_UNO_EN_UNO) as sistema:
        await sistema.conversacion.decir("los dos")
        await doble.esperar(1, "ejecutor-1")
        assert como_va(sistema, "ejecutor-2") == ("started", "cola")
        await dar(sistema, Mando.PAUSAR)
        seguir.set()
        await hasta(lambda: como_va(sistema, "ejecutor-2")[0] == "completed")
        await dar(sistema, Mando.REANUDAR)
        await sistema.conversacion.esperar_calma()


async def test_en_la_cola_tambien_se_pausa(proveedor: str, doble: Doble, tmp_path: Path) -> None:
    seguir = _dos_en_fila(doble)
    async with enjambre(doble, tmp_path, proveedor=proveedor, **DE_UNO_EN_UNO) as sistema:
        await sistema.conversacion.decir("los dos")
        await doble.esperar(1, "ejecutor-1")
        await dar(sistema, Mando.PAUSAR, "ejecutor-2")
        seguir.set()
        await sistema.conversacion.esperar_calma()
        assert como_va(sistema, "ejecutor-2") == ("paused", "usuario")
        assert doble.de("ejecutor-2") == []
        await dar(sistema, Mando.REANUDAR, "ejecutor-2")
        await sistema.conversacion.esperar_calma()
    assert len(doble.de("ejecutor-2")) == 1


async def test_al_salir_y_volver_el_jefe_sigue_esperando_al_que_se_pauso(tmp_path: Path) -> None:
    datos, n = tmp_path / "data", sueno()
    async with DobleOpenAI(Guion()) as doble:
        _jefe_con_hoja(doble, n)
        doble.guion.poner("Master", [delegar("reparte", tipo="jefe"), texto("va"), texto("fin")])
        raiz = programa(tmp_path / "programa", doble, JEFE)
        async with abierto(raiz, datos) as sistema:
            await sistema.conversacion.decir("reparte")
            assert await hasta_que(lambda: bool(vivos(n)), LIMITE_S)
            await hasta(lambda: como_va(sistema, "jefe-1")[1] == "hijo")
            await dar(sistema, Mando.PAUSAR)
        assert vivos(n) == []
        async with abierto(raiz, datos, sesion_de(datos)) as sistema:
            await sistema.conversacion.esperar_calma()
            assert como_va(sistema, "jefe-1") == ("running", "hijo")
            assert como_va(sistema) == ("paused", "usuario")
            await dar(sistema, Mando.REANUDAR)
            async with asyncio.timeout(LIMITE_S):
                await sistema.conversacion.esperar_calma()
            assert sistema.conversacion.ultimo_texto == "fin"
        doble.comprobar()
    assert "interrumpido" in doble.de("ejecutor-1")[1].ultimo.texto
    hecha = await reproducir(
        leer_grabacion(datos / "swarm.db", sesion_de(datos)), Ajustes.leer(raiz), sistema.tipos
    )
    assert (hecha.divergencia, hecha.es_fiel) == ("", True)


def en_el_tablero(carpeta: Path, agente_id: str) -> tuple[str, str]:
    """Su estado y por qué espera, como los ve otro proceso."""
    datos = carpeta / "data"
    with closing(conectar_lectura(datos / "swarm.db")) as db:
        leido = leer_sesion(db, sesion_de(datos))
    visto = clasificar(leido, {}, Mirada(True, datetime.now(UTC), 300.0)).de(agente_id)
    assert visto is not None
    return visto.estado, visto.espera


async def test_la_espera_de_una_llamada_en_vuelo_no_esconde_la_pausa(
    proveedor: str, doble: Doble, tmp_path: Path
) -> None:
    caido = Respuesta(error=Error(503, "caído", retry_after="0.6"))
    doble.guion.poner("Master", [delegar("a"), texto("va"), texto("fin")])
    doble.guion.poner("ejecutor-1", [caido, caido, llamar(REPORTAR, {"resultado": "ok"})])
    otra_espera = """SELECT 1 FROM logs WHERE details->>'$.espera' = 'tasa' AND id > (
        SELECT id FROM logs WHERE tipo = 'agent_control')"""
    async with enjambre(doble, tmp_path, proveedor=proveedor) as sistema:
        await sistema.conversacion.decir("x")
        await doble.esperar(1, "ejecutor-1")
        await dar(sistema, Mando.PAUSAR)
        await hasta(lambda: bool(consultar(tmp_path, otra_espera)))
        assert en_el_tablero(tmp_path, "ejecutor-1") == ("paused", "usuario")
        await sistema.conversacion.esperar_calma()
        assert en_el_tablero(tmp_path, "ejecutor-1") == ("paused", "usuario")
        await dar(sistema, Mando.REANUDAR)
        await sistema.conversacion.esperar_calma()
    doble.comprobar()
