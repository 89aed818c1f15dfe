"""Una sesión cruzada con su red debajo: si se atasca o deja algo vivo, se dice qué."""

from __future__ import annotations

import asyncio
import io
import os
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from tests.cruces.mezcla import Mezcla
from tests.cruces.vidas import correr

LIMITE_S = 300.0
_GRACIA_S = 5.0


async def sesion(mezcla: Mezcla, carpeta: Path) -> None:
    """Corre una. Lanza `AssertionError` con lo primero que no se cumple."""
    antes = asyncio.all_tasks()
    try:
        async with asyncio.timeout(LIMITE_S):
            await correr(mezcla, carpeta)
    except BaseException:
        (carpeta / "tareas.txt").write_text(_pilas(), encoding="utf-8")
        raise
    vivas = asyncio.all_tasks() - antes
    if vivas:
        _, vivas = await asyncio.wait(vivas, timeout=_GRACIA_S)
    assert not vivas, f"tareas que quedan: {vivas}"
    hasta = time.monotonic() + _GRACIA_S
    while quedan := [*procesos_de(carpeta)]:
        assert time.monotonic() < hasta, f"procesos que quedan: {quedan}"
        await asyncio.sleep(0.05)


def procesos_de(carpeta: Path) -> Iterator[str]:
    """Los procesos vivos que tienen algo que ver con esa carpeta."""
    marca = f"{carpeta}/".encode()
    for proceso in Path("/proc").glob("[0-9]*"):
        if proceso.name == str(os.getpid()):
            continue
        with suppress(OSError):
            orden = (proceso / "cmdline").read_bytes()
            if marca in orden or marca in (proceso / "environ").read_bytes():
                yield orden.replace(b"\0", b" ").decode(errors="replace")


def _pilas() -> str:
    """Dónde está cada tarea."""
    salida = io.StringIO()
    for tarea in asyncio.all_tasks():
        tarea.print_stack(file=salida)
    return salida.getvalue()
