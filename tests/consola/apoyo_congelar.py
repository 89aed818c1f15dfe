"""Lo que comparten las pruebas de congelar: los procesos de un supervisor y en qué están."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable
from pathlib import Path

from servicios.consola.operaciones.disco import Rastro, carpeta_de_operaciones
from servicios.consola.supervision.procesos import descendientes
from servicios.ejecutor_consola import EjecutorConsola, ResultadoComando
from tests.consola.apoyo import en, hasta_que

AGENTE, FILA = "a-1", 7


def arbol(datos: Path, fila: int) -> list[int]:
    """Los procesos de la orden de esa fila."""
    supervisor = Rastro(carpeta_de_operaciones(datos) / str(fila)).supervisor()
    assert supervisor is not None
    return descendientes(supervisor.pid)


def _campos(pid: int) -> list[bytes]:
    """Los de /proc/PID/stat desde el estado; si ya no vive, los de un muerto sin gasto."""
    try:
        return Path(f"/proc/{pid}/stat").read_bytes().rpartition(b")")[2].split()
    except OSError:
        return [b"X", *[b"0"] * 20]


def detenidos(pids: list[int]) -> bool:
    """Si todos los que no son ya cadáveres están en T."""
    en_que = {_campos(pid)[0] for pid in pids} - {b"Z"}
    return en_que == {b"T"}


def tics(pids: list[int]) -> dict[int, int]:
    """Lo que ha gastado cada uno de procesador, en tics."""
    return {pid: sum(int(n) for n in _campos(pid)[11:13]) for pid in pids}


async def no_gastan(datos: Path, fila: int, segundos: float) -> bool:
    """Si en ese tiempo no aparece ni se va nadie y ninguno gasta procesador."""
    antes = tics(arbol(datos, fila))
    await asyncio.sleep(segundos)
    return bool(antes) and tics(arbol(datos, fila)) == antes


async def cronometrar(que: Awaitable[object]) -> float:
    """Cuántos segundos tarda."""
    inicio = time.monotonic()
    await que
    return time.monotonic() - inicio


def lanzar(
    consola: EjecutorConsola, orden: str, segundos: float = 30, fila: int | None = FILA
) -> asyncio.Task[ResultadoComando]:
    """Una orden del agente de las pruebas, sin esperarla."""
    pedida = consola.ejecutar_comando_seguro(orden, AGENTE, en(segundos), fila)
    return asyncio.create_task(pedida)


async def hasta_existir(*rutas: Path) -> None:
    """Espera a que existan todos esos archivos."""
    assert await hasta_que(lambda: all(ruta.exists() for ruta in rutas), 10)
