"""Muchos agentes que piden permiso a la vez: pocas preguntas, y ninguna tormenta tras un no."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from agentes.eventos_permisos import Alcance
from servicios.ajustes import Ajustes
from servicios.herramientas.aprobaciones import Aprobaciones
from servicios.llm.preajustes import resolver_modelo
from servicios.sistema import abrir_sistema
from tests.apoyo import CONSOLA, REPORTAR, consultar, delegar, preparar_raiz, tipo, variables_de
from tests.dobles.guion import Guion
from tests.dobles.openai import DobleOpenAI
from tests.dobles.peticion import Peticion
from tests.dobles.respuestas import Respuesta, llamar, texto

if sys.platform != "linux":
    pytest.skip("la consola es solo de Linux", allow_module_level=True)

AGENTES, ORDENES = 8, 5
PROGRAMAS = ["touch {0}", "mkdir {0}.d", "cp {0} {0}.2", "mv {0}.2 {0}.3", "rm {0}.3"]
QUIETA_S = 0.5
OBRERO = tipo("obrero", aprobacion="estricta", max_iterations=20)


async def correr(
    carpeta: Path, guion: Guion, responder: Callable[[Aprobaciones, int], object]
) -> None:
    """Una sesión con persona, que responde a cada pregunta cuando lleva un momento quieta."""
    async with DobleOpenAI(guion) as doble:
        variables = {**variables_de("openai", doble), "ENJAMBRE_AISLAMIENTO": "landlock"}
        ajustes = Ajustes.leer(preparar_raiz(carpeta, variables, OBRERO))
        referencia = resolver_modelo(ajustes.model, ajustes)
        assert referencia is not None
        async with abrir_sistema(ajustes, referencia, "terminal") as sistema:
            persona = asyncio.create_task(_persona(sistema.aprobaciones, responder))
            await sistema.conversacion.decir("que trabajen")
            async with asyncio.timeout(60):
                await sistema.conversacion.esperar_calma()
            persona.cancel()
            await asyncio.wait({persona})
        doble.comprobar()


async def _persona(cola: Aprobaciones, responder: Callable[[Aprobaciones, int], object]) -> None:
    while True:
        for grupo in cola.pendientes():
            if grupo.quieta_s >= QUIETA_S:
                responder(cola, grupo.numero)
        await asyncio.sleep(0.02)


def preguntas(carpeta: Path) -> int:
    sql = "SELECT count(DISTINCT details->>'$.numero') FROM logs WHERE tipo='approval_request'"
    return int(consultar(carpeta, sql)[0][0])


def master(cuantos: int) -> Callable[[Peticion], Respuesta]:
    def contestar(peticion: Peticion) -> Respuesta:
        if not any(m.llamadas for m in peticion.mensajes):
            return delegar(*(f"tarea {n}" for n in range(cuantos)), tipo="obrero")
        return texto("vale")

    return contestar


async def test_ocho_agentes_con_cinco_ordenes_son_como_mucho_seis_preguntas(
    tmp_path: Path,
) -> None:
    def obrero(peticion: Peticion) -> Respuesta:
        hechas = len(peticion.resultados)
        if hechas == ORDENES:
            return llamar(REPORTAR, {"resultado": "hecho"})
        suyo = f"de-{peticion.agente}"
        return llamar(CONSOLA, {"command": PROGRAMAS[hechas].format(suyo)})

    guion = Guion({"Master": master(AGENTES), "obrero-*": obrero})
    await correr(tmp_path, guion, lambda cola, n: cola.permitir(n, Alcance.UNA_VEZ))
    decididas = consultar(
        tmp_path, "SELECT decision, quien, count(*) FROM v_aprobaciones GROUP BY 1, 2"
    )
    assert decididas == [("permitir", "usuario", AGENTES * ORDENES)]
    assert preguntas(tmp_path) <= ORDENES + 1
    assert consultar(tmp_path, "SELECT DISTINCT status FROM agent_runs") == [("completed",)]
    assert consultar(tmp_path, "SELECT DISTINCT return_code FROM v_comandos") == [(0,)]


async def test_tras_un_no_quien_insiste_no_vuelve_a_molestar_mas_de_una_vez(
    tmp_path: Path,
) -> None:
    veces = 6

    def terco(peticion: Peticion) -> Respuesta:
        if len(peticion.resultados) == veces:
            return llamar(REPORTAR, {"resultado": "no me dejan"})
        return llamar(CONSOLA, {"command": "touch lo-mismo"})

    guion = Guion({"Master": master(2), "obrero-*": terco})
    await correr(tmp_path, guion, lambda cola, n: cola.rechazar(n, "no"))
    assert preguntas(tmp_path) == 2
    quienes = consultar(
        tmp_path, "SELECT quien, count(*) FROM v_aprobaciones GROUP BY quien ORDER BY quien"
    )
    assert quienes == [("regla", 2 * veces - 4), ("usuario", 4)]
    assert consultar(tmp_path, "SELECT DISTINCT return_code FROM v_comandos") == [(126,)]
    avisos = consultar(
        tmp_path, "SELECT stderr FROM v_comandos WHERE agente_id='obrero-1' ORDER BY fila DESC"
    )
    assert avisos
