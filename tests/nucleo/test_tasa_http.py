"""Un árbol de 16 agentes en tres niveles contra un servidor de verdad que niega lo que no admite."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.apoyo import DELEGAR, PROBLEMA, REPORTAR, consultar, conversar, delegar, enjambre, tipo
from tests.dobles.guion import Guion
from tests.dobles.openai import DobleOpenAI
from tests.dobles.peticion import Peticion
from tests.dobles.respuestas import Error, Respuesta, llamar, texto

POR_SEGUNDO = 10.0
CUBO = 4
MANDOS = [tipo(n, available_tools=[DELEGAR, REPORTAR, PROBLEMA]) for n in ("jefe", "medio")]

Contesta = Callable[[Peticion], Respuesta]


@dataclass(slots=True)
class Cubo:
    """El ritmo de un proveedor; con `perfecto`, hace esperar en vez de negar."""

    perfecto: bool
    lleno_en: float = 0.0
    negadas: int = 0

    async def __call__(self, peticion: Peticion, contesta: Contesta) -> Respuesta:
        ahora = time.monotonic()
        lleno_en = max(self.lleno_en, ahora) + 1 / POR_SEGUNDO
        falta = lleno_en - ahora - CUBO / POR_SEGUNDO
        if falta > 1e-3 and not self.perfecto:
            self.negadas += 1
            return Respuesta(error=Error(429, "despacio", retry_after=f"{falta:.3f}"))
        self.lleno_en = lleno_en
        await asyncio.sleep(max(falta, 0.0))
        return contesta(peticion)


def _manda(cuantos: int, quien: str) -> Contesta:
    def contestar(peticion: Peticion) -> Respuesta:
        if not any(m.llamadas for m in peticion.mensajes):
            return delegar(*map(str, range(cuantos)), tipo=quien)
        if peticion.todo_el_texto.count("terminó su tarea: ") < cuantos:
            return texto("espero")
        if REPORTAR in peticion.herramientas:
            return llamar(REPORTAR, {"resultado": "todas"})
        return texto("todas")

    return contestar


def _hoja(peticion: Peticion) -> Respuesta:
    return llamar(REPORTAR, {"resultado": "hoja"}, pausa_s=0.2)


async def _correr(carpeta: Path, cubo: Cubo) -> float:
    """Un jefe, tres medios y doce hojas; devuelve lo que tardó cada llamada, de media."""

    def en(contesta: Contesta) -> Callable[[Peticion], Awaitable[Respuesta]]:
        return lambda peticion: cubo(peticion, contesta)

    guion = Guion()
    for clave, contesta in (
        ("Master", _manda(1, "jefe")),
        ("jefe-*", _manda(3, "medio")),
        ("medio-*", _manda(4, "ejecutor")),
        ("ejecutor-*", _hoja),
    ):
        guion.poner(clave, en(contesta))
    async with DobleOpenAI(guion) as doble:
        async with enjambre(doble, carpeta, *MANDOS, proveedor="openai") as sistema:
            antes = time.monotonic()
            assert await conversar(sistema, "hazlo") == "todas"
            tardo = time.monotonic() - antes
        doble.comprobar()
    estados = consultar(carpeta, "SELECT status FROM agent_runs")
    assert [e for (e,) in estados] == ["completed"] * 16
    [(fallidas,)] = consultar(carpeta, "SELECT count(*) FROM model_calls WHERE estado = 'fallida'")
    assert fallidas == 0
    [(llamadas,)] = consultar(carpeta, "SELECT count(*) FROM model_calls")
    return tardo / float(llamadas)


@pytest.mark.solo
async def test_un_arbol_por_http_acaba_entero_y_casi_tan_pronto_como_se_puede(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cubo = Cubo(perfecto=False)
    monkeypatch.setenv("ENJAMBRE_DATOS", str(tmp_path / "real/data"))
    real = await _correr(tmp_path / "real", cubo)
    monkeypatch.setenv("ENJAMBRE_DATOS", str(tmp_path / "ideal/data"))
    ideal = await _correr(tmp_path / "ideal", Cubo(perfecto=True))
    assert cubo.negadas > 0
    assert real <= 1.3 * ideal
    tasa = consultar(
        tmp_path / "real",
        "SELECT motivo, ms FROM v_esperas WHERE motivo = 'tasa' AND fila_fin IS NOT NULL",
    )
    assert tasa
    assert all(ms >= 0 for _, ms in tasa)
