"""Quien miente acaba sin verificar, mienta como mienta; quien dice la verdad, verificado."""

from __future__ import annotations

import socket
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

from tests.apoyo import consultar, conversar, enjambre
from tests.dobles.openai import DobleOpenAI
from tests.herramientas.evidencias.apoyo import TIPOS, guion_de
from tests.herramientas.evidencias.casos import Caso, mentiras, verdades

if sys.platform != "linux":
    pytest.skip("la consola es solo de Linux", allow_module_level=True)


async def correr(casos: Sequence[Caso], carpeta: Path) -> dict[str, tuple[str, str]]:
    """De cada caso, cómo acabó su agente y qué se supo de sus pruebas."""
    guion, agentes = guion_de(casos)
    async with (
        DobleOpenAI(guion) as doble,
        enjambre(doble, carpeta, *TIPOS, proveedor="openai") as sistema,
    ):
        await conversar(sistema, "empieza")
    filas = consultar(carpeta, "SELECT agent_id, status, verificacion FROM agent_runs")
    return {agentes[agente]: (estado, verificacion) for agente, estado, verificacion in filas}


async def test_ningun_mentiroso_queda_verificado(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as ajeno:
        casos = mentiras(ajeno.getsockname()[1])
        finales = await correr(casos, tmp_path)
    assert len(finales) == len(casos) >= 20
    assert {n: f for n, f in finales.items() if f[1] == "verificada"} == {}
    sin_acabar = {n: f for n, f in finales.items() if f[0] not in {"completed", "max_iterations"}}
    assert sin_acabar == {}
    cumplidas = consultar(tmp_path, "SELECT count(*) FROM v_evidencias WHERE cumple")
    # La del que da otra clase que la pedida, la verdad a medias y la respuesta del que hace la carrera,
    # cada una en sus dos reportes.
    assert cumplidas == [(5,)]


async def test_todo_el_que_dice_la_verdad_queda_verificado(tmp_path: Path) -> None:
    casos = verdades()
    finales = await correr(casos, tmp_path)
    assert len(finales) == len(casos) >= 20
    malos = {n: f for n, f in finales.items() if f != ("completed", "verificada")}
    porques = consultar(tmp_path, "SELECT agente_id, resultado FROM v_evidencias WHERE NOT cumple")
    assert (malos, porques) == ({}, [])
