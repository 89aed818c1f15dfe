"""Lo que comparten las pruebas de las operaciones en el disco."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
import time
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager, suppress
from pathlib import Path

from servicios.consola.operaciones.disco import Rastro, carpeta_de_operaciones
from servicios.consola.operaciones.identidad import Identidad
from servicios.consola.supervision.procesos import descendientes
from servicios.ejecutor_consola import EjecutorConsola, OpcionesConsola, abrir_consola
from tests.consola.apoyo import hasta_que
from tests.consola.hijo_operacion import AGENTE, SESION

__all__ = ["AGENTE", "SESION", "abierta", "dejar_a_medias", "matar", "rastro", "vive"]

_HIJO = str(Path(__file__).with_name("hijo_operacion.py"))


def abierta(aislamiento: str, datos: Path) -> AbstractAsyncContextManager[EjecutorConsola]:
    """La consola de quien reanuda la misma sesión."""
    return abrir_consola(datos, OpcionesConsola(aislamiento, sesion=SESION))


def rastro(datos: Path, fila: int) -> Rastro:
    """Lo que hay de esa fila."""
    return Rastro(carpeta_de_operaciones(datos) / str(fila))


@asynccontextmanager
async def dejar_a_medias(
    aislamiento: str,
    datos: Path,
    orden: str,
    *,
    fila: int,
    clase: str = "orden",
    limite: float = 20,
    congelada: bool = False,
) -> AsyncIterator[int]:
    """Mata con SIGKILL a un enjambre con esa orden ya en marcha, o ya congelada.

    Da el pid del supervisor.

    Al salir no queda vivo ni el supervisor ni, con él, la orden.
    """
    hijo = await asyncio.create_subprocess_exec(
        *(sys.executable, "-B", _HIJO, aislamiento, str(datos), clase, str(fila), orden),
        *(str(limite), "si" if congelada else "no"),
        stdout=asyncio.subprocess.DEVNULL,
    )
    suyo = rastro(datos, fila)
    try:
        assert await hasta_que((datos / f"espacios/{AGENTE}/empezada").exists, 10)
        assert not congelada or await hasta_que(suyo.congelada)
    finally:
        hijo.kill()
        await hijo.wait()
    supervisor = suyo.supervisor()
    assert supervisor is not None
    try:
        yield supervisor.pid
    finally:
        if vive(supervisor):
            matar(supervisor.pid)
        assert await hasta_que(lambda: not vive(supervisor))


def vive(quien: Identidad) -> bool:
    """Si ese mismo proceso sigue vivo."""
    if (fd := quien.agarrar()) is None:
        return False
    os.close(fd)
    return True


def matar(supervisor: int) -> None:
    """SIGKILL a un supervisor y a toda su orden, como si se fuera la luz. Vuelve con él ya muerto."""
    for pid in (supervisor, *descendientes(supervisor)):
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    limite = time.monotonic() + 20
    while Identidad.de(supervisor) is not None:
        assert time.monotonic() < limite, "el supervisor no muere"
        time.sleep(0.005)
