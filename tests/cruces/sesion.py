"""Una sesión cruzada con su red debajo: si se atasca o deja algo vivo, se dice qué."""

from __future__ import annotations

import asyncio
import io
import time
from pathlib import Path

from tests.apoyo_programa import procesos_que_nombran
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
    while quedan := [*procesos_que_nombran(f"{carpeta}/")]:
        assert time.monotonic() < hasta, f"procesos que quedan: {quedan}"
        await asyncio.sleep(0.05)


def _pilas() -> str:
    """Dónde está cada tarea."""
    salida = io.StringIO()
    for tarea in asyncio.all_tasks():
        tarea.print_stack(file=salida)
    return salida.getvalue()
