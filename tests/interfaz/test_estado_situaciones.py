"""Cada situación de un agente, vista con `estado --json` desde otro proceso.

La provoca un guion por HTTP de verdad y se queda quieta hasta que se mira.
"""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
import time
from asyncio.subprocess import DEVNULL, PIPE
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from agentes.eventos import EstadoCambiado, HechoAnotado
from agentes.eventos_mando import Mando
from agentes.eventos_permisos import Alcance
from servicios.ajustes import RAIZ, Ajustes
from servicios.buzon import Suscripcion
from servicios.llm.preajustes import resolver_modelo
from servicios.registros.lectura.conexion import conectar_lectura
from servicios.registros.tablero.clasificar import Mirada, clasificar
from servicios.registros.tablero.leer import leer_sesion
from servicios.registros.tablero.ordenes import Tapadera, mirar_ordenes
from servicios.sistema import Sistema, abrir_sistema
from tests.apoyo import (
    CONSOLA,
    DELEGAR,
    PROBLEMA,
    REPORTAR,
    delegar,
    doble_de,
    preparar_raiz,
    tipo,
    variables_de,
)
from tests.consola.apoyo import hasta_que, sueno, vivos
from tests.dobles.base import Doble
from tests.dobles.fallos import fallo
from tests.dobles.guion import Guion
from tests.dobles.peticion import Peticion
from tests.dobles.respuestas import Respuesta, llamada, llamar, respuesta, texto

LIMITE_S = 1.0
DIEZ_MINUTOS = 600
TIPOS = (
    tipo("jefe", available_tools=[CONSOLA, DELEGAR, REPORTAR, PROBLEMA]),
    tipo("prudente", aprobacion="estricta"),
    tipo("corto", max_iterations=1),
    # Con otro modelo: lo que frena a uno frena a todos los de su puerta.
    tipo("freno", model="openai:gpt-frenado"),
    tipo("roto"),
    tipo("pobre", presupuesto={"tokens": 0}),
)


@dataclass
class Escenario:
    """Una sesión abierta en este proceso, con persona, y lo que tardó cada mirada."""

    sistema: Sistema
    oidos: Suscripcion
    datos: Path
    tardanzas: list[float] = field(default_factory=list)

    async def hasta(self, *esperados: tuple[str, str]) -> None:
        """Hasta que cada agente haya escrito una fila de ese tipo o empezado esa espera."""
        faltan = set(esperados)
        async with asyncio.timeout(30):
            async for cosa in self.oidos:
                evento = cosa.evento if isinstance(cosa, HechoAnotado) else None
                if isinstance(evento, EstadoCambiado):
                    faltan.discard((evento.espera.value, evento.agente_id))
                elif evento is not None:
                    faltan.discard((evento.tipo, evento.agente_id))
                if not faltan:
                    return

    async def mirar(self, **esperado: str) -> dict[str, dict[str, Any]]:
        """Lo que dice otro proceso, que ha de acertar a la primera.

        Lo esperado de cada agente es su espera o, si no espera, su estado.
        """
        dicho, tardanza = await _estado(self.datos)
        self.tardanzas.append(tardanza)
        assert (dicho["vivo"], dicho["sesion"]) == (True, self.sistema.sesion)
        todos = {visto["id"]: visto for visto in (dicho["master"], *dicho["agentes"])}
        vistos = {de: todos[_id(de)]["espera"] or todos[_id(de)]["estado"] for de in esperado}
        assert vistos == esperado
        return todos


def _id(nombre: str) -> str:
    return nombre if nombre == "master" else f"{nombre}-1"


async def _estado(datos: Path) -> tuple[dict[str, Any], float]:
    """El objeto y los segundos que tardó en otro proceso."""
    inicio = time.monotonic()
    proceso = await asyncio.create_subprocess_exec(
        *(sys.executable, str(RAIZ / "main.py"), "estado", "--json"),
        env={**os.environ, "ENJAMBRE_DATOS": str(datos)},
        stdin=DEVNULL,
        stdout=PIPE,
        stderr=PIPE,
    )
    async with asyncio.timeout(60):
        salida, errores = await proceso.communicate()
    tardanza = time.monotonic() - inicio
    assert (proceso.returncode, errores) == (0, b"")
    return json.loads(salida), tardanza


@asynccontextmanager
async def escenario(carpeta: Path, doble: Doble) -> AsyncIterator[Escenario]:
    raiz = preparar_raiz(carpeta, variables_de("openai", doble), *TIPOS)
    ajustes = Ajustes.leer(raiz)
    referencia = resolver_modelo(ajustes.model, ajustes)
    assert referencia is not None
    async with abrir_sistema(ajustes, referencia, "terminal") as sistema:
        with sistema.bus.suscribir() as oidos:
            yield Escenario(sistema, oidos, ajustes.datos)


def _guion(orden: str, puede_pensar: asyncio.Event) -> Guion:
    """Uno de cada: quien espera a su hijo, quien piensa, pide permiso, se frena, falla y se agota."""
    todos = respuesta(
        llamadas=[
            llamada(DELEGAR, {"agent_type": suyo["agent_type"], "task_description": "lo tuyo"})
            for suyo in TIPOS
        ]
    )
    dichas = 0

    def master(_: Peticion) -> Respuesta:
        nonlocal dichas
        dichas += 1
        return todos if dichas == 1 else texto("bien")

    async def pensar(_: Peticion) -> Respuesta:
        await puede_pensar.wait()
        return llamar(CONSOLA, {"command": orden})

    return Guion(
        {
            "Master": master,
            # Cuando su hijo le cuente su problema estará ocupado: así nadie le contesta.
            "jefe-1": [
                delegar("trabaja"),
                texto("espero"),
                llamar(CONSOLA, {"command": f"sleep {sueno()}"}),
            ],
            "ejecutor-1": [pensar, llamar(PROBLEMA, {"descripcion_problema": "¿cuál de las dos?"})],
            "prudente-1": [
                llamar(CONSOLA, {"command": "touch nuevo"}),
                llamar(REPORTAR, {"resultado": "hecho"}),
            ],
            "corto-1": [llamar(CONSOLA, {"command": "true"})],
            "freno-1": lambda _: fallo("429", retry_after=60),
            "roto-1": lambda _: fallo("401"),
        }
    )


@pytest.mark.solo
async def test_cada_situacion_se_ve_desde_otro_proceso_en_menos_de_un_segundo(
    tmp_path: Path,
) -> None:
    n, puede_pensar = sueno(), asyncio.Event()
    guion = _guion(f"echo una; echo dos; sleep {n}", puede_pensar)
    async with (
        doble_de("openai", guion, modelos=None) as doble,
        escenario(tmp_path, doble) as e,
    ):
        await e.mirar(master="usuario")
        await e.sistema.conversacion.decir("lanza uno de cada")
        await _uno_de_cada(e)
        puede_pensar.set()
        await _con_su_orden_en_marcha(e, n)
        for pid in vivos(n):
            os.kill(pid, signal.SIGTERM)
        await _los_que_siguen_y_los_que_acaban(e)
        # Todas las miradas hacen lo mismo: la más rápida es la que no compite con nadie.
        assert min(e.tardanzas) < LIMITE_S, e.tardanzas


async def _uno_de_cada(e: Escenario) -> None:
    await e.hasta(
        ("llm_input", "ejecutor-1"),
        ("hijo", "jefe-1"),
        ("approval_request", "prudente-1"),
        ("llm_call", "freno-1"),
        ("agent_run_end", "roto-1"),
        ("agent_run_end", "corto-1"),
        ("presupuesto", "pobre-1"),
    )
    vistos = await e.mirar(
        ejecutor="modelo",
        jefe="hijo",
        prudente="aprobacion",
        freno="tasa",
        roto="failed",
        corto="max_iterations",
        pobre="presupuesto",
    )
    assert 40 < vistos["freno-1"]["falta_s"] <= 60
    assert vistos["prudente-1"]["motivo"] == "$ touch nuevo"
    assert "gastado 0 tokens de 0 tokens" in vistos["pobre-1"]["motivo"]
    suyo = vistos["ejecutor-1"]
    assert (suyo["superior"], suyo["profundidad"]) == ("jefe-1", 2)


async def _con_su_orden_en_marcha(e: Escenario, n: str) -> None:
    await e.hasta(("tool_call_request", "ejecutor-1"))
    assert await hasta_que(lambda: bool(vivos(n)), 20)
    suyo = (await e.mirar(ejecutor="herramienta", jefe="hijo"))["ejecutor-1"]
    assert (suyo["ultima_linea"], suyo["orden"][:10]) == ("dos", "$ echo una")
    _diez_minutos_sin_atascarse(e, "ejecutor-1")
    await e.sistema.gestor.mandos.dar(Mando.PAUSAR, "ejecutor-1", "usuario")
    suyo = (await e.mirar(ejecutor="usuario", jefe="hijo"))["ejecutor-1"]
    assert (suyo["estado"], suyo["orden"][:10]) == ("paused", "$ echo una")
    await e.sistema.gestor.mandos.dar(Mando.REANUDAR, "ejecutor-1", "usuario")
    await e.mirar(ejecutor="herramienta")


async def _los_que_siguen_y_los_que_acaban(e: Escenario) -> None:
    await e.hasta(("agent_problem", "ejecutor-1"))
    suyo = (await e.mirar(ejecutor="superior"))["ejecutor-1"]
    assert (suyo["estado"], suyo["motivo"]) == ("paused", "¿cuál de las dos?")

    e.sistema.aprobaciones.permitir(1, Alcance.UNA_VEZ)
    await e.hasta(("agent_run_end", "prudente-1"))
    assert (await e.mirar(prudente="completed"))["prudente-1"]["motivo"] == "hecho"

    await e.sistema.gestor.cancelar_agente("freno-1", "usuario")
    await e.mirar(freno="cancelled")


def _diez_minutos_sin_atascarse(e: Escenario, agente_id: str) -> None:
    """Su orden, de verdad y callada, mirada segundo a segundo con un reloj que se adelanta."""
    with closing(conectar_lectura(e.datos / "swarm.db")) as db:
        leido = leer_sesion(db, e.sistema.sesion)
    orden = leido.huellas[agente_id].orden
    assert orden is not None
    ordenes = mirar_ordenes(e.datos, [orden.fila], Tapadera(str, lambda _: 0))
    ahora = datetime.now(UTC)
    edades = []
    for segundo in range(DIEZ_MINUTOS + 1):
        mirada = Mirada(True, ahora + timedelta(seconds=segundo), 300.0)
        visto = clasificar(leido, ordenes, mirada).de(agente_id)
        assert visto is not None
        assert visto.espera == "herramienta"
        edades.append(visto.senal_s or 0.0)
    assert edades[-1] >= DIEZ_MINUTOS
