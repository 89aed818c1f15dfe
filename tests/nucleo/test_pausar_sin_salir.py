"""La petición que aún no salió cuando pausan a quien la hace: no sale hasta que se reanude."""

from __future__ import annotations

import asyncio
import sqlite3
import sys
from contextlib import closing
from pathlib import Path

import pytest

from agentes.eventos import USUARIO
from agentes.eventos_mando import Mando
from servicios.ajustes import Ajustes
from servicios.reproduccion import leer_grabacion, reproducir
from servicios.sistema import Sistema
from tests.apoyo import CONSOLA, PROBLEMA, REPORTAR, consultar, delegar, enjambre
from tests.apoyo_pausas import LIMITE_S, como_va, dar, hasta
from tests.dobles.base import Doble
from tests.dobles.guion import Guion
from tests.dobles.openai import DobleOpenAI
from tests.dobles.respuestas import Error, Respuesta, llamar, texto
from tests.tortura.fotos import abierto, copiar_datos, programa, sesion_de

if sys.platform != "linux":
    pytest.skip("la consola es solo de Linux", allow_module_level=True)

CAIDO = Respuesta(error=Error(503, "caído", retry_after="1"))
SIN_SALIR = "SELECT log_level FROM logs WHERE details->>'$.clase' = 'pausada'"
OK = llamar(REPORTAR, {"resultado": "ok"})


async def calma(sistema: Sistema) -> None:
    async with asyncio.timeout(LIMITE_S):
        await sistema.conversacion.esperar_calma()


async def pausado_mientras_espera(sistema: Sistema, doble: Doble, veces: int = 1) -> None:
    """Pausa a quien espera para repetir su llamada; vuelve cuando ya nadie hace nada."""
    await doble.esperar(veces, "ejecutor-1")
    await dar(sistema, Mando.PAUSAR)
    await calma(sistema)
    assert como_va(sistema) == ("paused", "usuario")
    assert len(doble.de("ejecutor-1")) == veces


async def test_no_sale_nada_hasta_que_se_reanuda(
    proveedor: str, doble: Doble, tmp_path: Path
) -> None:
    doble.guion.poner("Master", [delegar("x"), texto("va"), texto("fin")])
    doble.guion.poner("ejecutor-1", [CAIDO, OK])
    async with enjambre(doble, tmp_path, proveedor=proveedor) as sistema:
        await sistema.conversacion.decir("x")
        await pausado_mientras_espera(sistema, doble)
        await hasta(lambda: consultar(tmp_path, SIN_SALIR) == [("INFO",)])
        await dar(sistema, Mando.REANUDAR)
        await calma(sistema)
        assert sistema.conversacion.ultimo_texto == "fin"
    primera, ultima = doble.de("ejecutor-1")
    assert [m.texto for m in ultima.mensajes] == [m.texto for m in primera.mensajes]


async def test_un_paso_es_esa_llamada_y_ninguna_mas(
    proveedor: str, doble: Doble, tmp_path: Path
) -> None:
    doble.guion.poner("Master", [delegar("x"), texto("va"), texto("fin")])
    doble.guion.poner("ejecutor-1", [CAIDO, llamar(CONSOLA, {"command": "touch hecho"}), OK])
    async with enjambre(doble, tmp_path, proveedor=proveedor) as sistema:
        await sistema.conversacion.decir("x")
        await pausado_mientras_espera(sistema, doble)
        await dar(sistema, Mando.PASO)
        await hasta(lambda: como_va(sistema) == ("paused", "usuario"))
        await asyncio.sleep(0.2)
        assert (tmp_path / "data/espacios/ejecutor-1/hecho").exists()
        assert len(doble.de("ejecutor-1")) == 2
        await dar(sistema, Mando.REANUDAR)
        await calma(sistema)
    assert len(doble.de("ejecutor-1")) == 3


async def test_un_paso_mandado_antes_de_que_le_toque_salir_tambien_es_una_llamada(
    proveedor: str, doble: Doble, tmp_path: Path
) -> None:
    doble.guion.poner("Master", [delegar("x"), texto("va"), texto("fin")])
    doble.guion.poner("ejecutor-1", [CAIDO, llamar(CONSOLA, {"command": "touch hecho"}), OK])
    async with enjambre(doble, tmp_path, proveedor=proveedor) as sistema:
        await sistema.conversacion.decir("x")
        await doble.esperar(1, "ejecutor-1")
        await dar(sistema, Mando.PAUSAR)
        await dar(sistema, Mando.PASO)
        await hasta((tmp_path / "data/espacios/ejecutor-1/hecho").exists)
        await hasta(lambda: como_va(sistema) == ("paused", "usuario"))
        await calma(sistema)
        assert len(doble.de("ejecutor-1")) == 2
        await dar(sistema, Mando.REANUDAR)
        await calma(sistema)
    assert len(doble.de("ejecutor-1")) == 3


async def test_lo_que_iba_a_leer_lo_lee_una_vez(
    proveedor: str, doble: Doble, tmp_path: Path
) -> None:
    """La directiva entró en la petición que no salió; y no cuenta como uno de sus dos pasos."""
    pide_ayuda = llamar(PROBLEMA, {"descripcion_problema": "¿?"})
    doble.guion.poner("Master", [delegar("x"), texto("va"), texto("¿?"), texto("fin")])
    doble.guion.poner("ejecutor-1", [pide_ayuda, CAIDO, OK])
    dos = {"MAX_ITERATIONS": "2"}
    async with enjambre(doble, tmp_path, proveedor=proveedor, **dos) as sistema:
        await sistema.conversacion.decir("x")
        await calma(sistema)
        sistema.gestor.send_message_to_agent("ejecutor-1", "haz eso", USUARIO, None)
        await pausado_mientras_espera(sistema, doble, 2)
        await dar(sistema, Mando.REANUDAR)
        await calma(sistema)
    assert doble.de("ejecutor-1")[2].todo_el_texto.count("haz eso") == 1
    assert consultar(tmp_path, "SELECT status FROM agent_runs") == [("completed",)]
    visto = "SELECT estado FROM messages WHERE para = 'ejecutor-1'"
    assert consultar(tmp_path, visto) == [("visto",)]


async def test_lo_que_iba_a_leer_consta_visto_aunque_todo_muriera_sin_que_saliera(
    tmp_path: Path,
) -> None:
    """La directiva entró en una petición que no salió; al volver sale, y entonces se ve."""
    datos, muerta = tmp_path / "data", tmp_path / "muerta"
    async with DobleOpenAI(Guion()) as doble:
        pide_ayuda = llamar(PROBLEMA, {"descripcion_problema": "¿?"})
        doble.guion.poner("Master", [delegar("x"), texto("va"), texto("¿?"), texto("fin")])
        doble.guion.poner("ejecutor-1", [pide_ayuda, CAIDO, OK])
        raiz = programa(tmp_path / "programa", doble)
        async with abierto(raiz, datos) as sistema:
            await sistema.conversacion.decir("x")
            await calma(sistema)
            sistema.gestor.send_message_to_agent("ejecutor-1", "haz eso", USUARIO, None)
            await pausado_mientras_espera(sistema, doble, 2)
            await hasta(lambda: consultar(tmp_path, SIN_SALIR) != [])
            copiar_datos(datos, muerta)
        async with abierto(raiz, muerta, sesion_de(muerta)) as sistema:
            await dar(sistema, Mando.REANUDAR)
            await calma(sistema)
            assert sistema.conversacion.ultimo_texto == "fin"
        assert doble.de("ejecutor-1")[-1].todo_el_texto.count("haz eso") == 1
    with closing(sqlite3.connect(muerta / "swarm.db")) as db:
        assert db.execute("SELECT estado FROM messages WHERE para = 'ejecutor-1'").fetchall() == [
            ("visto",)
        ]
    grabada = leer_grabacion(muerta / "swarm.db", sesion_de(muerta))
    assert (await reproducir(grabada, Ajustes.leer(raiz), sistema.tipos)).divergencia == ""


async def test_lo_apartado_de_su_presupuesto_se_devuelve(tmp_path: Path) -> None:
    doble = DobleOpenAI(Guion())
    doble.guion.poner("Master", [delegar("x"), texto("va"), texto("fin")])
    doble.guion.poner("ejecutor-1", [CAIDO, OK])
    async with (
        doble,
        enjambre(doble, tmp_path, proveedor="openai", presupuesto="tokens=60000") as sistema,
    ):
        await sistema.conversacion.decir("x")
        await pausado_mientras_espera(sistema, doble)
        [(cuenta, _, gastado)] = sistema.contaduria.cuentas()
        await hasta(lambda: consultar(tmp_path, SIN_SALIR) != [])
        apartes = "SELECT count(*) FROM logs WHERE tipo = 'budget_reserve' AND agente_id = ?"
        assert consultar(tmp_path, apartes, "ejecutor-1") == [(2,)]
        assert (cuenta.apartado.tokens, cuenta.en_marcha) == (0, 0)
        assert cuenta.gastado.tokens == gastado
        await dar(sistema, Mando.REANUDAR)
        await calma(sistema)
        assert sistema.conversacion.ultimo_texto == "fin"


async def test_al_salir_y_volver_sigue_por_ahi(tmp_path: Path) -> None:
    datos = tmp_path / "data"
    async with DobleOpenAI(Guion()) as doble:
        doble.guion.poner("Master", [delegar("x"), texto("va"), texto("fin")])
        doble.guion.poner("ejecutor-1", [CAIDO, OK])
        raiz = programa(tmp_path / "programa", doble)
        async with abierto(raiz, datos) as sistema:
            await sistema.conversacion.decir("x")
            await pausado_mientras_espera(sistema, doble)
        async with abierto(raiz, datos, sesion_de(datos)) as sistema:
            await calma(sistema)
            assert como_va(sistema) == ("paused", "usuario")
            assert len(doble.de("ejecutor-1")) == 1
            await dar(sistema, Mando.REANUDAR)
            await calma(sistema)
            assert sistema.conversacion.ultimo_texto == "fin"
        primera, ultima = doble.de("ejecutor-1")
        assert [m.texto for m in ultima.mensajes] == [m.texto for m in primera.mensajes]
        doble.comprobar()
    grabada = leer_grabacion(datos / "swarm.db", sesion_de(datos))
    hecha = await reproducir(grabada, Ajustes.leer(raiz), sistema.tipos)
    assert (hecha.divergencia, hecha.es_fiel) == ("", True)


async def test_lo_que_llevaba_consta_como_visto_aunque_se_salga_antes_de_que_salga(
    tmp_path: Path,
) -> None:
    datos = tmp_path / "data"
    async with DobleOpenAI(Guion()) as doble:
        doble.guion.poner("Master", [delegar("x"), texto("va"), texto("¿?"), texto("fin")])
        pide_ayuda = llamar(PROBLEMA, {"descripcion_problema": "¿?"})
        doble.guion.poner("ejecutor-1", [pide_ayuda, CAIDO, OK])
        raiz = programa(tmp_path / "programa", doble)
        async with abierto(raiz, datos) as sistema:
            await sistema.conversacion.decir("x")
            await calma(sistema)
            sistema.gestor.send_message_to_agent("ejecutor-1", "haz eso", USUARIO, None)
            await pausado_mientras_espera(sistema, doble, 2)
        async with abierto(raiz, datos, sesion_de(datos)) as sistema:
            await dar(sistema, Mando.REANUDAR)
            await calma(sistema)
    visto = "SELECT estado FROM messages WHERE para = 'ejecutor-1'"
    assert consultar(tmp_path, visto) == [("visto",)]
    assert doble.de("ejecutor-1")[2].todo_el_texto.count("haz eso") == 1
    grabada = leer_grabacion(datos / "swarm.db", sesion_de(datos))
    hecha = await reproducir(grabada, Ajustes.leer(raiz), sistema.tipos)
    assert (hecha.divergencia, hecha.es_fiel) == ("", True)
