"""El compás: en una avalancha, uno por vuelta del bucle, en orden y sin perder a nadie."""

from __future__ import annotations

import asyncio
import time

import pytest

from servicios.reloj import Compas


async def test_a_solas_no_espera() -> None:
    compas = Compas()
    vueltas: list[int] = []
    asyncio.get_running_loop().call_soon(vueltas.append, 1)
    await compas.turno()
    assert vueltas == []


@pytest.mark.solo
async def test_cien_pesados_a_la_vez_dejan_pasar_a_quien_espera_otra_cosa() -> None:
    compas = Compas()
    orden: list[int] = []
    retrasos: list[float] = []

    async def pesado(n: int) -> None:
        await compas.turno()
        orden.append(n)
        time.sleep(0.003)

    async def vigia() -> None:
        while len(orden) < 100:
            antes = time.perf_counter()
            await asyncio.sleep(0.001)
            retrasos.append(time.perf_counter() - antes)

    await asyncio.gather(vigia(), *(pesado(n) for n in range(100)))
    assert orden == list(range(100))
    assert max(retrasos) < 0.1


async def test_quien_se_cansa_de_esperar_no_detiene_la_cola() -> None:
    compas = Compas()
    pasaron: list[int] = []

    async def pasar(n: int) -> None:
        await compas.turno()
        pasaron.append(n)

    tareas = [asyncio.create_task(pasar(n)) for n in range(5)]
    await asyncio.sleep(0)
    tareas[2].cancel()
    await asyncio.gather(*tareas, return_exceptions=True)
    assert pasaron == [0, 1, 3, 4]
    await compas.turno()
