"""Pausas, pasos, reanudaciones y cancelaciones en cualquier momento: reproducida, la sesión da lo mismo."""

from __future__ import annotations

import asyncio
import random
import sqlite3
import sys
from contextlib import closing
from pathlib import Path

import pytest

from agentes.eventos import USUARIO
from agentes.eventos_mando import Mando
from servicios.ajustes import Ajustes
from servicios.reproduccion import leer_grabacion, reproducir
from servicios.sistema import Sistema
from tests.apoyo import (
    CONSOLA,
    DELEGAR,
    PROBLEMA,
    REPORTAR,
    consultar,
    delegar,
    doble_de,
    enjambre,
    tipo,
)
from tests.dobles.guion import Guion
from tests.dobles.peticion import Peticion
from tests.dobles.respuestas import Respuesta, llamada, llamar, respuesta, texto
from tests.tortura.fotos import abierto, copiar_datos, programa, sesion_de

if sys.platform != "linux":
    pytest.skip("la consola es solo de Linux", allow_module_level=True)

PAUSAR, REANUDAR = "pausar_agente", "reanudar_agente"
JEFE = tipo("jefe", available_tools=[DELEGAR, PAUSAR, REANUDAR, REPORTAR, PROBLEMA])
VECES = 10
LIMITE_S = 60


def _master(peticion: Peticion) -> Respuesta:
    if not any(m.llamadas for m in peticion.mensajes):
        return delegar("uno", "dos", tipo="jefe")
    return texto("nada más")


def _jefe(peticion: Peticion) -> Respuesta:
    hechos = len(peticion.resultados)
    if not hechos:
        return delegar("hoja", "hoja")
    hoja = peticion.resultados[0].split()[1].rstrip(".")
    if hechos == 2:
        return llamar(PAUSAR, {"agent_id": hoja})
    if hechos == 3:
        return llamar(REANUDAR, {"agent_id": hoja})
    if peticion.todo_el_texto.count("hoja hecha") + peticion.todo_el_texto.count("cancelado") < 2:
        return texto("espero")
    return llamar(REPORTAR, {"resultado": "las dos"})


def _hoja(peticion: Peticion) -> Respuesta:
    hechos = len(peticion.resultados)
    if hechos == 0:
        return respuesta(
            texto="empiezo",
            llamadas=[llamada(CONSOLA, {"command": f"echo {n} >> paso"}) for n in (1, 2)],
            pausa_s=0.02,
        )
    if hechos == 2:
        return llamar(CONSOLA, {"command": "sleep 0.05; cat paso"})
    return llamar(REPORTAR, {"resultado": "hoja hecha"}, pausa_s=0.01)


async def _toquetear(sistema: Sistema, azar: random.Random, veces: int = 30) -> None:
    """Una persona que manda sin orden ni concierto."""
    mandos = sistema.gestor.mandos
    for _ in range(veces):
        await asyncio.sleep(azar.uniform(0, 0.06))
        vivos = [*mandos.sueltos(), *mandos.pausados()]
        if not vivos:
            continue
        quien = azar.choice(vivos)
        que = azar.choice([*Mando, Mando.PAUSAR, "mensaje", "rama", "cancelar"])
        if isinstance(que, Mando):
            await mandos.dar(que, quien, USUARIO)
        elif que == "mensaje":
            sistema.gestor.send_message_to_agent(quien, "ánimo", USUARIO, None)
        elif que == "rama":
            await mandos.dar_a(Mando.PAUSAR, mandos.rama(quien), USUARIO)
        elif azar.random() < 0.15:
            await mandos.cancelar(quien, USUARIO)


async def _que_sigan(sistema: Sistema) -> None:
    """Y al final deja seguir a todos, hasta la calma."""
    mandos = sistema.gestor.mandos
    while mandos.pausados():
        await mandos.dar_a(Mando.REANUDAR, mandos.pausados(), USUARIO)
        await asyncio.sleep(0.05)
    async with asyncio.timeout(LIMITE_S):
        await sistema.conversacion.esperar_calma()


@pytest.mark.parametrize("semilla", range(VECES))
async def test_mande_lo_que_mande_la_persona(tmp_path: Path, semilla: int) -> None:
    """Al cerrar, `enjambre` reproduce la sesión y exige que haga lo mismo."""
    guion = Guion({"Master": _master, "jefe-*": _jefe, "ejecutor-*": _hoja})
    async with doble_de("openai", guion) as doble:
        async with enjambre(
            doble, tmp_path, JEFE, proveedor="openai", ENJAMBRE_AISLAMIENTO="landlock"
        ) as sistema:
            await sistema.conversacion.decir("empieza")
            await _toquetear(sistema, random.Random(semilla))
            await _que_sigan(sistema)
        doble.comprobar()
    finales = {estado for (estado,) in consultar(tmp_path, "SELECT status FROM agent_runs")}
    assert finales <= {"completed", "cancelled"}
    dados = consultar(tmp_path, "SELECT count(*) FROM logs WHERE tipo = 'agent_control'")
    assert dados[0][0] > 0


@pytest.mark.parametrize("muere", [False, True], ids=["sale", "muere"])
@pytest.mark.parametrize("semilla", range(VECES // 2))
async def test_se_corte_donde_se_corte(tmp_path: Path, semilla: int, *, muere: bool) -> None:
    """Los que estaban en pausa lo siguen estando en la otra vida, y reproducidas las dos dan lo mismo."""
    azar, datos = random.Random(semilla), tmp_path / "data"
    guion = Guion({"Master": _master, "jefe-*": _jefe, "ejecutor-*": _hoja})
    async with doble_de("openai", guion) as doble:
        raiz = programa(tmp_path / "programa", doble, JEFE)
        async with abierto(raiz, datos) as sistema:
            await sistema.conversacion.decir("empieza")
            await _toquetear(sistema, azar, 12)
            pausados = sistema.gestor.mandos.pausados()
            if muere:
                datos = tmp_path / "muerta"
                copiar_datos(tmp_path / "data", datos)
        sesion = sesion_de(datos)
        async with abierto(raiz, datos, sesion) as sistema:
            assert set(sistema.gestor.mandos.pausados()) >= set(pausados) - _acabados(datos)
            await _toquetear(sistema, azar, 12)
            await _que_sigan(sistema)
            conocidos = dict(sistema.tipos)
        doble.comprobar()
    hecha = await reproducir(leer_grabacion(datos / "swarm.db", sesion), Ajustes.leer(), conocidos)
    assert not hecha.divergencia
    assert hecha.es_fiel


def _acabados(datos: Path) -> set[str]:
    with closing(sqlite3.connect(datos / "swarm.db")) as db:
        return {a for (a,) in db.execute("SELECT agent_id FROM agent_runs WHERE end_time NOT NULL")}
