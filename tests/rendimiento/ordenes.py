"""Lo que cuesta encerrar una orden: `true` por la consola contra `bash -c true` a pelo."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from pathlib import Path
from statistics import median

from servicios.ejecutor_consola import EjecutorConsola, OpcionesConsola, abrir_consola
from tests.rendimiento.procesos import carpeta

_CALENTAR = 3
_RESPIRO_S = 0.03

Hacer = Callable[[], Awaitable[object]]


async def encierro(veces: int) -> dict[str, float]:
    """Milisegundos medianos de cada forma, alternadas en la misma tanda."""
    async with AsyncExitStack() as pila:
        formas: dict[str, Hacer] = {"bash": _a_pelo}
        for nombre in ("bwrap", "landlock", "local"):
            base = Path(pila.enter_context(carpeta()))
            consola = await pila.enter_async_context(abrir_consola(base, OpcionesConsola(nombre)))
            formas[nombre] = _por(consola)
        tiempos: dict[str, list[float]] = {nombre: [] for nombre in formas}
        for _ in range(veces + _CALENTAR):
            for nombre, hacer in formas.items():
                # El supervisor de la orden siguiente nace al acabar esta: que no estorbe a nadie.
                await asyncio.sleep(_RESPIRO_S)
                inicio = time.perf_counter()
                await hacer()
                tiempos[nombre].append((time.perf_counter() - inicio) * 1000)
    return {nombre: median(serie[_CALENTAR:]) for nombre, serie in tiempos.items()}


async def _a_pelo() -> None:
    proceso = await asyncio.create_subprocess_exec("bash", "-c", "true")
    await proceso.wait()


def _por(consola: EjecutorConsola) -> Hacer:
    async def hacer() -> None:
        resultado = await consola.ejecutar_comando_seguro("true", "agente-1")
        if resultado.codigo != 0:
            raise RuntimeError(resultado.error)

    return hacer
