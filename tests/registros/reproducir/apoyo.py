"""Una sesión de cinco agentes con averías, grabada con el programa de verdad y el doble estricto."""

from __future__ import annotations

import asyncio
import os
import signal
import sqlite3
import sys
from asyncio.subprocess import DEVNULL, PIPE, Process
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

from servicios.ajustes import RAIZ
from tests.apoyo import CONSOLA, DELEGAR, MENSAJE, PROBLEMA, REPORTAR, variables_de
from tests.dobles.base import Doble
from tests.dobles.guion import Guion
from tests.dobles.peticion import Peticion
from tests.dobles.respuestas import (
    ClaseCorte,
    Corte,
    Error,
    Respuesta,
    llamada,
    llamar,
    respuesta,
    texto,
)

FINAL = "los cinco han terminado"
_LIMITE_S = 120
_ABIERTAS = "SELECT count(*) FROM commands WHERE command IS NOT NULL AND cierre IS NULL"


def guion_de_cinco() -> Guion:
    """Contesta según lo que ve en cada historia, así que repetir una llamada no lo desordena."""
    guion = Guion({"Master": _master})
    for numero in range(1, 6):
        guion.poner(f"ejecutor-{numero}", _agente(numero))
    return guion


def _master(peticion: Peticion) -> Respuesta:
    visto = peticion.todo_el_texto
    if "Lanzado ejecutor" not in visto:
        encargos = [
            llamada(DELEGAR, {"agent_type": "ejecutor", "task_description": f"tarea {n}"})
            for n in range(1, 6)
        ]
        return respuesta(texto="reparto", llamadas=encargos)
    if "en pausa por un problema" in visto and "Entregado: " not in visto:
        return llamar(MENSAJE, {"agent_id": "ejecutor-2", "message_content": "sigue sin eso"})
    hechos = sum(f"hecho {n}" in visto for n in range(1, 6))
    return texto(FINAL if hechos == 5 else f"van {hechos}")


def _agente(numero: int) -> Callable[[Peticion], Respuesta]:
    averia = {
        3: Respuesta(error=Error(429, "despacio", retry_after="0")),
        4: Respuesta(texto="se corta a", corte=Corte(ClaseCorte.REINICIO, tras=1), trozos=4),
    }
    pendiente = [averia[numero]] if numero in averia else []

    def contestar(peticion: Peticion) -> Respuesta:
        pasos = len(peticion.resultados)
        if pendiente and pasos == 2:  # para entonces la muerte ya pasó
            return pendiente.pop()
        if numero == 2 and pasos == 1:
            return llamar(PROBLEMA, {"descripcion_problema": "falta un dato"})
        if pasos < 3:
            return llamar(CONSOLA, {"command": f"echo {pasos} >> hecho; sleep 0.4; cat hecho"})
        return llamar(REPORTAR, {"resultado": f"hecho {numero}"})

    return contestar


async def grabar(datos: Path, doble: Doble, *, muertes: int) -> str:
    """Corre la tarea hasta el final, matando el programa `muertes` veces; da el id de la sesión."""
    argumentos = ["-p", "haz las cinco"]
    for muerte in range(muertes):
        proceso = await _lanzar(datos, doble, *argumentos)
        await _hasta_que_haya_ordenes(datos, proceso, 1 + muerte)
        proceso.send_signal(signal.SIGKILL)
        await proceso.wait()
        argumentos = ["--reanudar"]
    proceso = await _lanzar(datos, doble, *argumentos)
    async with asyncio.timeout(_LIMITE_S):
        salida, errores = await proceso.communicate()
    assert proceso.returncode == 0, errores.decode()
    assert salida.decode().strip() == FINAL
    with closing(sqlite3.connect(datos / "swarm.db")) as db:
        [(sesion,)] = db.execute("SELECT id FROM sessions").fetchall()
    return str(sesion)


async def _lanzar(datos: Path, doble: Doble, *argumentos: str) -> Process:
    limpio = {k: v for k, v in os.environ.items() if "KEY" not in k and "URL" not in k}
    return await asyncio.create_subprocess_exec(
        *(sys.executable, str(RAIZ / "main.py"), *argumentos),
        env={**limpio, "ENJAMBRE_DATOS": str(datos), **variables_de("openai", doble)},
        stdin=DEVNULL,
        stdout=PIPE,
        stderr=PIPE,
    )


async def _hasta_que_haya_ordenes(datos: Path, proceso: Process, cuantas: int) -> None:
    """Espera a que haya órdenes en marcha: ahí es donde más duele morir."""
    async with asyncio.timeout(_LIMITE_S):
        while proceso.returncode is None:
            if _ordenes_abiertas(datos / "swarm.db") >= cuantas:
                return
            await asyncio.sleep(0.02)
    raise AssertionError(f"acabó antes de tener {cuantas} órdenes en marcha")


def _ordenes_abiertas(ruta: Path) -> int:
    if not ruta.exists():
        return 0
    try:
        with closing(sqlite3.connect(f"file:{ruta}?mode=ro", uri=True)) as db:
            return int(db.execute(_ABIERTAS).fetchone()[0])
    except sqlite3.OperationalError:
        return 0
