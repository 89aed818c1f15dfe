"""El título y la campana: dicen que alguien espera, y al acabar todo queda como estaba."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from servicios.interfaz.terminal.timbre import cuantos_esperan
from tests.interfaz.apoyo_terminal import CTRL_D, SistemaFalso, charla, hasta
from tests.interfaz.test_terminal_aprobaciones import OTRA, UNA, pidiendo

TITULO = "\x1b]2;{}\x07"
GUARDAR, VOLVER = "\x1b[22;2t", "\x1b[23;2t"


@pytest.fixture
def sistema(tmp_path: Path) -> SistemaFalso:
    return SistemaFalso(tmp_path)


async def test_el_titulo_cuenta_a_los_que_esperan_y_suena_cuando_son_mas(
    sistema: SistemaFalso,
) -> None:
    async with charla(sistema.abrir) as c:
        await c.se_ve("Modelo:")
        assert GUARDAR not in c.crudo
        sistema.gestor.poner("ejecutor-2", "paused", "superior")
        async with pidiendo(sistema, UNA) as (primera,):
            await hasta(lambda: TITULO.format("2 esperan · Enjambre") in c.crudo)
            async with pidiendo(sistema, OTRA) as (segunda,):
                await hasta(lambda: TITULO.format("3 esperan · Enjambre") in c.crudo)
                sonadas = c.crudo.replace("\x07", "", c.crudo.count("\x1b]2;")).count("\x07")
                assert sonadas == 2
                sistema.aprobaciones.rechazar(2)
                await segunda
            await hasta(lambda: c.crudo.count(TITULO.format("2 esperan · Enjambre")) == 2)
            sistema.aprobaciones.rechazar(1)
            await primera
        await hasta(lambda: TITULO.format("1 espera · Enjambre") in c.crudo)
        assert VOLVER not in c.crudo
        c.teclear(CTRL_D)
        await c.codigo()
        assert c.crudo.count(GUARDAR) == c.crudo.count(VOLVER) == 1
        assert c.crudo.rindex(VOLVER) > c.crudo.rindex("1 espera")


async def test_apagado_no_escribe_nada(sistema: SistemaFalso) -> None:
    sistema.ajustes.campana = 0
    async with charla(sistema.abrir) as c:
        await c.se_ve("Modelo:")
        async with pidiendo(sistema, UNA):
            await c.se_ve("Petición 1")
            await asyncio.sleep(0.2)
            assert cuantos_esperan(sistema) == 1  # type: ignore[arg-type]
            assert "\x07" not in c.crudo
            assert GUARDAR not in c.crudo
