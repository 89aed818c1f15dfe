"""El programa muere o sale con un agente en pausa: al volver sigue en pausa y sigue donde estaba."""

from __future__ import annotations

import signal
import sqlite3
import sys
from collections.abc import AsyncIterator
from contextlib import closing
from pathlib import Path

import pytest

from tests.apoyo import CONSOLA, REPORTAR, delegar, doble_de
from tests.apoyo_pausas import PAUSAR, REANUDAR, estado_de
from tests.apoyo_programa import Programa
from tests.consola.apoyo import hasta_que, sueno, vivos
from tests.dobles.guion import Guion
from tests.dobles.peticion import Peticion
from tests.dobles.respuestas import Respuesta, llamar, texto

if sys.platform != "linux":
    pytest.skip("la consola es solo de Linux", allow_module_level=True)

pytestmark = pytest.mark.lento

QUE_SIGA = llamar(REANUDAR, {"agent_id": "ejecutor-1"})


@pytest.fixture
async def programa(tmp_path: Path) -> AsyncIterator[Programa]:
    async with doble_de("openai", Guion()) as doble:
        yield Programa(tmp_path / "data", doble)


def poner(programa: Programa, n: str, *master: Respuesta) -> None:
    """El Master lanza, pausa en cuanto la orden está en marcha y después dice eso."""

    async def pausa(_: Peticion) -> Respuesta:
        assert await hasta_que(lambda: bool(vivos(n)), 20)
        return llamar(PAUSAR, {"agent_id": "ejecutor-1"})

    orden = f"echo una >> veces; timeout 1 sleep {n}; echo acabo"
    programa.doble.guion.poner("Master", [delegar("x"), pausa, *master])
    programa.doble.guion.poner(
        "ejecutor-1",
        [llamar(CONSOLA, {"command": orden}), llamar(REPORTAR, {"resultado": "ok"})],
    )


async def morir(programa: Programa, n: str) -> None:
    """Muere de golpe con el agente en pausa y su orden congelada."""
    proceso = await programa.lanzar("-p", "x")
    assert await hasta_que(lambda: bool(vivos(n)), 20)
    assert await hasta_que(lambda: estado(programa) == "paused", 20)
    assert await hasta_que(lambda: estado_de(vivos(n)) == {"T"}, 5)
    proceso.send_signal(signal.SIGKILL)
    await proceso.communicate()
    assert estado_de(vivos(n)) == {"T"}


def estado(programa: Programa) -> str:
    with closing(sqlite3.connect(programa.datos / "swarm.db")) as db:
        [(estado,)] = db.execute("SELECT status FROM agent_runs")
    return str(estado)


async def test_tras_una_muerte_se_adopta_congelada_y_sigue(programa: Programa) -> None:
    n = sueno()
    poner(programa, n, texto("se quedó a medias", pausa_s=30))
    await morir(programa, n)
    programa.doble.guion.poner("Master", [QUE_SIGA, texto("va"), texto("fin")])
    salida = await programa.correr("--reanudar")
    assert (salida.codigo, salida.texto) == (0, "fin\n"), salida.errores
    await comprobar(programa, "acabo")


async def test_tras_una_muerte_no_sigue_hasta_que_se_diga(programa: Programa) -> None:
    """La primera vida muere; la segunda lo adopta, sale y acaba su orden; la tercera lo reanuda."""
    n = sueno()
    poner(programa, n, texto("se quedó a medias", pausa_s=30))
    await morir(programa, n)
    programa.doble.guion.poner(
        "Master", [texto("está en pausa"), QUE_SIGA, texto("va"), texto("fin")]
    )
    quieta = await programa.correr("--reanudar")
    assert (quieta.codigo, quieta.texto) == (1, "está en pausa\n")
    assert "ejecutor-1 quedó en pausa: espera que se le reanude" in quieta.errores
    assert (estado(programa), vivos(n)) == ("paused", [])
    assert len(programa.doble.de("ejecutor-1")) == 1
    salida = await programa.correr("--reanudar", "-p", "que siga")
    assert (salida.codigo, salida.texto) == (0, "fin\n"), salida.errores
    await comprobar(programa, "interrumpido")


async def test_tras_una_salida_normal_sigue_en_pausa(programa: Programa) -> None:
    n = sueno()
    poner(programa, n, texto("pausado"), QUE_SIGA, texto("va"), texto("fin"))
    quieta = await programa.correr("-p", "x")
    assert (quieta.codigo, quieta.texto) == (1, "pausado\n")
    assert (estado(programa), vivos(n)) == ("paused", [])
    en_json = await programa.correr("estado", "--json")
    assert '"estado": "paused"' in en_json.texto
    salida = await programa.correr("--reanudar", "-p", "que siga")
    assert (salida.codigo, salida.texto) == (0, "fin\n"), salida.errores
    await comprobar(programa, "interrumpido")


async def comprobar(programa: Programa, dice: str) -> None:
    """Una sola orden, la misma historia y, reproducida, lo mismo."""
    programa.doble.comprobar()
    primera, ultima = programa.doble.de("ejecutor-1")
    antes = [m.texto for m in primera.mensajes]
    assert [m.texto for m in ultima.mensajes][: len(antes)] == antes
    assert dice in ultima.ultimo.texto
    assert (programa.datos / "espacios/ejecutor-1/veces").read_text() == "una\n"
    [sesion] = programa.sesiones()
    repetida = await programa.correr("reproducir", sesion)
    assert repetida.codigo == 0, repetida.errores
