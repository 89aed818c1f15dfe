"""Cerrar a medias: la sesión se repite igual y, al seguirla, nadie se queda sin respuesta."""

from __future__ import annotations

import asyncio
import signal
from pathlib import Path
from typing import Any

import pytest

from tests.apoyo import (
    CONSOLA,
    DELEGAR,
    REPORTAR,
    consultar,
    delegar,
    doble_de,
    enjambre,
    tipo,
)
from tests.apoyo_programa import Programa
from tests.consola.apoyo import hasta_que, sueno
from tests.dobles.base import Doble
from tests.dobles.guion import Guion
from tests.dobles.peticion import Peticion
from tests.dobles.respuestas import Respuesta, llamar, texto

JEFE = tipo("jefe", available_tools=[DELEGAR, REPORTAR])


def _jefe(peticion: Peticion) -> Respuesta:
    if not peticion.resultados:
        return llamar(DELEGAR, {"agent_type": "ejecutor", "task_description": "hijo"})
    return texto("espero al hijo")


def _pensando(_: Peticion) -> Respuesta:
    return texto("tarde", pausa_s=30.0)


def _con_orden(_: Peticion) -> Respuesta:
    return llamar(CONSOLA, {"command": f"sleep {sueno()}"})


def _abierta(carpeta: Path, sql: str) -> bool:
    return bool(consultar(carpeta, sql))


EN_MARCHA = {
    _pensando: "SELECT 1 FROM model_calls WHERE agente_id = 'ejecutor-1'",
    _con_orden: "SELECT 1 FROM commands WHERE agente_id = 'ejecutor-1'",
}


@pytest.mark.parametrize("hijo", [_pensando, _con_orden])
async def test_cerrada_con_un_hijo_de_un_hijo_trabajando_se_repite_igual(
    hijo: Any, proveedor: str, doble: Doble, tmp_path: Path
) -> None:
    doble.guion.poner("Master", [delegar("manda", tipo="jefe"), texto("va")])
    doble.guion.poner("jefe-1", _jefe)
    doble.guion.poner("ejecutor-1", hijo)
    async with enjambre(doble, tmp_path, JEFE, proveedor=proveedor) as sistema:
        await sistema.conversacion.decir("manda")
        assert await hasta_que(lambda: _abierta(tmp_path, EN_MARCHA[hijo]), 10)
        await asyncio.sleep(0.1)
    finales = consultar(tmp_path, "SELECT agent_id, status FROM agent_runs ORDER BY id")
    assert finales == [("jefe-1", "cancelled"), ("ejecutor-1", "cancelled")]


@pytest.mark.parametrize("senal", [signal.SIGTERM, signal.SIGINT, signal.SIGKILL])
async def test_acabada_mientras_el_master_piensa_al_seguirla_contesta(
    senal: signal.Signals, tmp_path: Path
) -> None:
    async with doble_de("openai", Guion()) as doble:
        programa = Programa(tmp_path / "data", doble)
        doble.guion.poner("Master", lambda _: texto("hola", pausa_s=2.0))
        cortado = await programa.lanzar("-p", "saluda")
        await doble.esperar(1, limite_s=20)
        await asyncio.sleep(0.2)
        cortado.send_signal(senal)
        await cortado.communicate()
        seguida = await programa.correr("--reanudar")
        assert (seguida.codigo, seguida.texto) == (0, "hola\n")
        sin_ver = consultar(tmp_path, "SELECT id FROM messages WHERE estado <> 'visto'")
        assert sin_ver == []
        repetida = await programa.correr("reproducir", programa.sesiones()[0])
        assert repetida.texto.startswith("Igual:"), repetida.texto + repetida.errores
