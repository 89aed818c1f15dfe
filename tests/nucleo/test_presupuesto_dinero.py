"""Los presupuestos de dinero: hace falta el precio, y lo gastado consta en dólares.

Cada sesión se reproduce al cerrarse y ha de decidir lo mismo (`tests/apoyo.py`).
"""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from agentes.errores import ErrorConfiguracion
from agentes.respuestas import Uso
from tests.apoyo import REPORTAR, consultar, conversar, delegar, enjambre
from tests.dobles.guion import Guion
from tests.dobles.openai import DobleOpenAI
from tests.dobles.respuestas import llamar, texto


def _con_precio(carpeta: Path, modelos: dict[str, dict[str, float]]) -> None:
    (carpeta / "data").mkdir(exist_ok=True)
    tabla = {"modelos": {f"openai:{nombre}": precio for nombre, precio in modelos.items()}}
    (carpeta / "data" / "precios.json").write_text(json.dumps(tabla))


async def test_un_tope_de_dinero_sin_precio_no_arranca(tmp_path: Path) -> None:
    async with DobleOpenAI(Guion()) as doble:
        with pytest.raises(ErrorConfiguracion, match=r"no se sabe el precio de openai:gpt-prueba"):
            async with enjambre(doble, tmp_path, proveedor="openai", presupuesto="usd=1"):
                pass
    assert consultar(tmp_path, "SELECT count(*) FROM logs") == [(0,)]


async def test_el_de_respaldo_tambien_necesita_precio(tmp_path: Path) -> None:
    _con_precio(tmp_path, {"gpt-prueba": {"entrada": 1, "salida": 2}})
    respaldo = {"ENJAMBRE_MODELOS_RESPALDO": "openai:otro"}
    async with DobleOpenAI(Guion()) as doble:
        with pytest.raises(ErrorConfiguracion, match=r"no se sabe el precio de openai:otro"):
            async with enjambre(
                doble, tmp_path, proveedor="openai", presupuesto="usd=1", **respaldo
            ):
                pass


async def test_el_dinero_se_cuenta_con_su_precio_y_consta_de_quien(tmp_path: Path) -> None:
    _con_precio(tmp_path, {"gpt-prueba": {"entrada": 10, "salida": 100, "cache": 1}})
    cara = llamar(REPORTAR, {"resultado": "ya"}, uso=Uso(10_000, 1_000, cacheados=5_000))
    guion = Guion(
        {"Master": [delegar("a"), *[texto("ya", uso=Uso(1000, 0))] * 2], "ejecutor-*": cara}
    )
    async with (
        DobleOpenAI(guion) as doble,
        enjambre(doble, tmp_path, proveedor="openai", presupuesto="usd=9") as sistema,
    ):
        await conversar(sistema, "uno")
        ((_, _, usado),) = sistema.contaduria.cuentas()
    propio = 5_000 * 10e-6 + 5_000 * 1e-6 + 1_000 * 100e-6
    assert consultar(tmp_path, "SELECT cost FROM agent_runs") == [(pytest.approx(propio),)]
    total = "SELECT coste FROM v_costes WHERE ambito='sesion'"
    assert consultar(tmp_path, total) == [(pytest.approx(usado),)]
    assert usado > propio


async def test_un_tope_de_dinero_acota_lo_que_se_escribe(tmp_path: Path) -> None:
    _con_precio(tmp_path, {"gpt-prueba": {"entrada": 0, "salida": 1_000}})
    async with DobleOpenAI(Guion({"Master": [texto("hola")]})) as doble:
        async with enjambre(doble, tmp_path, proveedor="openai", presupuesto="usd=2") as sistema:
            await conversar(sistema, "di hola")
        (peticion,) = doble.peticiones
    assert peticion.cuerpo["max_completion_tokens"] == 2_000
