"""Cuánto gasta este proceso. Sin importar nada del producto: lo usan también los suelos."""

from __future__ import annotations

import asyncio
import ctypes
import gc
import os
import resource
import time
from pathlib import Path


def cpu() -> float:
    """Segundos de CPU de este proceso y de los hijos que ya recogió."""
    hijos = resource.getrusage(resource.RUSAGE_CHILDREN)
    return time.process_time() + hijos.ru_utime + hijos.ru_stime


def escrito() -> int:
    """Bytes que este proceso ha mandado a archivos (los de los enchufes van por otra llamada)."""
    for linea in Path("/proc/self/io").read_text(encoding="ascii").splitlines():
        if linea.startswith("wchar"):
            return int(linea.split()[1])
    raise OSError("/proc/self/io no dice wchar")


def residente() -> int:
    """Bytes de memoria residente después de recoger la basura y devolver lo libre."""
    gc.collect()
    ctypes.CDLL(None).malloc_trim(0)
    paginas = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
    return paginas * os.sysconf("SC_PAGE_SIZE")


async def vigilar(retrasos: list[float], cada: float) -> None:
    """Apunta cuánto más de `cada` segundos tarda el bucle en despertar a quien lo pide."""
    while True:
        antes = time.perf_counter()
        await asyncio.sleep(cada)
        retrasos.append(time.perf_counter() - antes - cada)
