"""Lo congelado sobrevive congelado al enjambre, y el siguiente lo gobierna."""

from __future__ import annotations

import asyncio
import os
import signal
from pathlib import Path

import pytest

from servicios.consola.pedido import MotivoFin
from servicios.consola.supervision.plazo import TOPE_CONGELADA_S, Plazo
from servicios.ejecutor_consola import EjecutorConsola, Suerte
from tests.consola.apoyo import hasta_que, sueno, vivos
from tests.consola.apoyo_congelar import arbol, detenidos, no_gastan
from tests.consola.apoyo_operaciones import AGENTE, abierta, dejar_a_medias, rastro

FILA = 61
ORDEN = "echo uno; touch empezada; until [ -e ya ]; do :; done; echo dos; touch acabada; exit 4"


async def _sigue_y_acaba(consola: EjecutorConsola, tarea: asyncio.Task, datos: Path) -> None:
    (datos / f"espacios/{AGENTE}/ya").touch()
    await asyncio.sleep(0.2)
    assert not tarea.done()
    await consola.descongelar(AGENTE)
    hallazgo = await tarea
    assert (hallazgo.suerte, hallazgo.adoptada) == (Suerte.TERMINADA, True)
    assert (hallazgo.resultado.salida, hallazgo.resultado.codigo) == ("uno\ndos\n", 4)


async def test_se_adopta_congelada_y_con_el_tiempo_que_tenia(
    aislamiento: str, tmp_path: Path
) -> None:
    async with dejar_a_medias(aislamiento, tmp_path, ORDEN, fila=FILA, limite=1.5, congelada=True):
        assert detenidos(arbol(tmp_path, FILA))
        assert await no_gastan(tmp_path, FILA, 2.0)
        async with abierta(aislamiento, tmp_path) as consola:
            assert await consola.congelar(AGENTE) == 0
            tarea = asyncio.create_task(consola.recuperar(FILA, AGENTE))
            await asyncio.sleep(0.2)
            assert detenidos(arbol(tmp_path, FILA))
            assert await consola.congelar(AGENTE) == 1
            await _sigue_y_acaba(consola, tarea, tmp_path)


async def test_la_adoptada_en_marcha_tambien_se_congela(aislamiento: str, tmp_path: Path) -> None:
    async with (
        dejar_a_medias(aislamiento, tmp_path, ORDEN, fila=FILA),
        abierta(aislamiento, tmp_path) as consola,
    ):
        tarea = asyncio.create_task(consola.recuperar(FILA, AGENTE))
        await asyncio.sleep(0.1)
        for _ in range(5):
            assert await consola.congelar(AGENTE) == 1
            assert detenidos(arbol(tmp_path, FILA))
            await consola.descongelar(AGENTE)
            assert not rastro(tmp_path, FILA).congelada()
        assert await consola.congelar(AGENTE) == 1
        await _sigue_y_acaba(consola, tarea, tmp_path)


async def test_adoptada_congelada_se_cancela(aislamiento: str, tmp_path: Path) -> None:
    n = sueno()
    orden = f"echo uno; (setsid sleep {n} &); sleep 0.5; touch empezada; sleep {n}"
    async with (
        dejar_a_medias(aislamiento, tmp_path, orden, fila=FILA, congelada=True),
        abierta(aislamiento, tmp_path) as consola,
    ):
        await consola.congelar(AGENTE)
        tarea = asyncio.create_task(consola.recuperar(FILA, AGENTE))
        await asyncio.sleep(0.1)
        assert vivos(n)
        tarea.cancel()
        with pytest.raises(asyncio.CancelledError) as cancelada:
            await tarea
        assert vivos(n) == []
        assert cancelada.value.args[0].salida == "uno\n"


async def test_adoptada_congelada_muere_al_cerrar(aislamiento: str, tmp_path: Path) -> None:
    n = sueno()
    orden = f"touch empezada; sleep {n}"
    async with dejar_a_medias(aislamiento, tmp_path, orden, fila=FILA, congelada=True):
        async with abierta(aislamiento, tmp_path) as consola:
            await consola.congelar(AGENTE)
            tarea = asyncio.create_task(consola.recuperar(FILA, AGENTE))
            await asyncio.sleep(0.1)
        assert vivos(n) == []
        hallazgo = await tarea
        assert hallazgo.resultado is not None
        assert hallazgo.resultado.motivo is MotivoFin.CANCELADO


async def test_manda_su_agente_y_no_como_la_dejo_el_que_murio(
    aislamiento: str, tmp_path: Path
) -> None:
    """Si su agente no está en pausa nadie vendría a descongelarla."""
    async with dejar_a_medias(aislamiento, tmp_path, ORDEN, fila=FILA, congelada=True):
        (tmp_path / f"espacios/{AGENTE}/ya").touch()
        async with abierta(aislamiento, tmp_path) as consola, asyncio.timeout(10):
            hallazgo = await consola.recuperar(FILA, AGENTE)
        assert hallazgo.resultado is not None
        assert hallazgo.resultado.salida == "uno\ndos\n"


async def test_un_trabajo_adoptado_sigue_congelado(aislamiento: str, tmp_path: Path) -> None:
    n = sueno()
    orden = f"echo uno; touch empezada; sleep {n}"
    async with (
        dejar_a_medias(
            aislamiento, tmp_path, orden, fila=FILA, clase="trabajo", limite=2, congelada=True
        ),
        abierta(aislamiento, tmp_path) as consola,
    ):
        await consola.congelar(AGENTE)
        assert await consola.trabajos.adoptar("t1", FILA, orden, AGENTE) is Suerte.VIVA
        await asyncio.sleep(2.2)
        assert detenidos(arbol(tmp_path, FILA))
        assert (await consola.trabajos.leer("t1", AGENTE)).vivo
        await consola.descongelar(AGENTE)
        assert await hasta_que(lambda: not vivos(n))


async def test_si_la_despierta_otro_se_vuelve_a_detener(aislamiento: str, tmp_path: Path) -> None:
    async with dejar_a_medias(aislamiento, tmp_path, ORDEN, fila=FILA, congelada=True):
        suyos = arbol(tmp_path, FILA)
        for pid in suyos:
            os.kill(pid, signal.SIGCONT)
        assert not detenidos(suyos)
        assert await hasta_que(lambda: detenidos(suyos))


def test_parado_el_tiempo_no_corre_y_la_parada_tiene_un_final() -> None:
    plazo = Plazo(2.0, 100.0)
    assert plazo.queda(100.5) == 1.5
    plazo.parar(100.5)
    plazo.parar(103.0)
    assert plazo.gastado(105.5) == 0.5
    assert plazo.queda(105.5) == TOPE_CONGELADA_S - 5
    assert plazo.motivo() is MotivoFin.CANCELADO
    plazo.seguir(105.5)
    plazo.seguir(106.0)
    assert plazo.queda(105.5) == 1.5
    assert (plazo.queda(107.0), plazo.motivo()) == (0.0, MotivoFin.TIEMPO)
