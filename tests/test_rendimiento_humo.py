"""Las medidas funcionan, y las que tienen un límite propio lo cumplen.

El resto de los objetivos son razones contra un suelo y se miran en la tabla de
`python -m tests.rendimiento`: aquí no se juzga lo rápida que es esta máquina.
"""

from __future__ import annotations

import asyncio
import json
import statistics
import sys
import time
from typing import Any

import pytest

from tests.rendimiento.procesos import RAIZ, entorno


async def _medir(*filas: int) -> list[dict[str, Any]]:
    """Las líneas de esas filas, en versión rápida y en un proceso sin depuración de asyncio."""
    pedidas = [str(fila) for fila in filas]
    orden = [sys.executable, "-m", "tests.rendimiento", "--rapido", "--json", "--fila", *pedidas]
    tubo = asyncio.subprocess.PIPE
    proceso = await asyncio.create_subprocess_exec(
        *orden, cwd=RAIZ, env=entorno(), stdout=tubo, stderr=tubo
    )
    salida, error = await proceso.communicate()
    assert proceso.returncode == 0, error.decode()
    lineas: list[dict[str, Any]] = json.loads(salida)
    assert {linea["fila"] for linea in lineas} == set(filas)
    return lineas


async def test_cada_linea_compara_el_producto_con_un_suelo_medido_en_la_misma_tanda() -> None:
    lineas = await _medir(4, 6, 10)
    comparadas = [linea for linea in lineas if linea["razon"] is not None]
    assert {linea["fila"] for linea in comparadas} == {4, 6, 10}
    for linea in comparadas:
        assert linea["medida"]
        assert linea["producto"]
        assert linea["referencia"]
        assert linea["razon"] > 0


@pytest.mark.lento
async def test_lo_escrito_por_turno_no_crece_con_la_historia() -> None:
    lineas = await _medir(7)
    desde_50 = [linea for linea in lineas if "turno 50" in linea["referencia"]]
    assert {linea["medida"] for linea in desde_50} == {
        "Bytes en archivos por turno, turno 500",
        "Bytes en las filas por turno, turno 500",
    }
    assert all(linea["razon"] < 1.2 for linea in desde_50), desde_50


async def _orden_a_pelo_ms() -> float:
    tardan = []
    for _ in range(30):
        antes = time.perf_counter()
        proceso = await asyncio.create_subprocess_exec("bash", "-c", "true")
        await proceso.wait()
        tardan.append(1000 * (time.perf_counter() - antes))
    return statistics.median(tardan)


@pytest.mark.lento
@pytest.mark.solo
async def test_200_agentes_con_ordenes_sin_fallos_sin_filas_perdidas_y_sin_atascar_el_bucle() -> (
    None
):
    """El retraso se juzga según lo que cuesta aquí una orden a pelo."""
    orden_ms = await _orden_a_pelo_ms()
    lineas = await _medir(9)
    retraso, fallos, filas = (linea for linea in lineas if linea["cumple"] is not None)
    assert retraso["objetivo"] == "≤ 100 ms"
    assert fallos["cumple"], fallos
    assert filas["cumple"], filas
    medido = float(retraso["producto"].removesuffix(" ms"))
    assert medido <= max(100.0, 60 * orden_ms), (medido, orden_ms)
