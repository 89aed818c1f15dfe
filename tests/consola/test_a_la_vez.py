"""Muchas órdenes a la vez: cupo general, una por agente, y el bucle de eventos libre."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path

import pytest

from servicios.ejecutor_consola import EjecutorConsola, MotivoFin
from tests.consola.apoyo import CrearConsola, en


async def test_cien_ordenes_a_la_vez_salen_bien(consola: EjecutorConsola) -> None:
    resultados = await asyncio.gather(
        *(consola.ejecutar_comando_seguro(f"echo {i}; echo e{i} >&2", f"a-{i}") for i in range(100))
    )
    for i, resultado in enumerate(resultados):
        assert (resultado.salida, resultado.error) == (f"{i}\n", f"e{i}\n")
        assert (resultado.codigo, resultado.motivo) == (0, MotivoFin.OK)


@pytest.mark.solo
async def test_dos_agentes_corren_a_la_vez(consola: EjecutorConsola) -> None:
    inicio = time.monotonic()
    await asyncio.gather(
        *(consola.ejecutar_comando_seguro("sleep 0.5", f"a-{i}") for i in range(4))
    )
    assert time.monotonic() - inicio < 1.5


async def test_un_agente_hace_una_orden_cada_vez_y_en_orden(
    consola: EjecutorConsola, tmp_path: Path
) -> None:
    orden = "echo entra {i} >> f; sleep 0.05; echo sale {i} >> f"
    await asyncio.gather(
        *(consola.ejecutar_comando_seguro(orden.format(i=i), "a-1") for i in range(4))
    )
    lineas = (tmp_path / "espacios/a-1/f").read_text().splitlines()
    assert lineas == [f"{paso} {i}" for i in range(4) for paso in ("entra", "sale")]


async def test_el_cupo_general_se_respeta(crear: CrearConsola) -> None:
    consola = await crear(simultaneos=2)
    inicio = time.monotonic()
    resultados = await asyncio.gather(
        *(consola.ejecutar_comando_seguro("sleep 0.3", f"a-{i}", en(1)) for i in range(6))
    )
    assert time.monotonic() - inicio > 0.85
    assert {r.motivo for r in resultados} == {MotivoFin.OK}, "esperar turno no gasta tiempo"


async def test_cancelar_a_quien_espera_turno_no_rompe_el_turno(consola: EjecutorConsola) -> None:
    primera = asyncio.create_task(consola.ejecutar_comando_seguro("sleep 0.3; echo 1", "a-1"))
    await asyncio.sleep(0.05)
    segunda = asyncio.create_task(consola.ejecutar_comando_seguro("echo 2", "a-1"))
    await asyncio.sleep(0.05)
    segunda.cancel()
    tercera = await consola.ejecutar_comando_seguro("echo 3", "a-1")
    assert tercera.salida == "3\n"
    assert (await primera).salida == "1\n"
    assert segunda.cancelled()


@pytest.mark.solo
async def test_el_bucle_de_eventos_no_se_bloquea_con_salida_a_chorro(
    consola: EjecutorConsola,
) -> None:
    retrasos: list[float] = []

    async def latido() -> None:
        while True:
            antes = time.monotonic()
            await asyncio.sleep(0.01)
            retrasos.append(time.monotonic() - antes - 0.01)

    pulso = asyncio.create_task(latido())
    await asyncio.gather(
        *(
            consola.ejecutar_comando_seguro("yes | head -c 20000000; sleep 9", f"a-{i}", en(1))
            for i in range(4)
        )
    )
    pulso.cancel()
    retrasos.sort()
    assert retrasos[int(len(retrasos) * 0.9)] < 0.1
