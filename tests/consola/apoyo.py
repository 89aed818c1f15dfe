"""Lo que comparten las pruebas de la consola."""

from __future__ import annotations

import asyncio
import itertools
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from agentes.perfil_consola import PerfilConsola
from servicios.consola.aislamientos.aislamiento import UID_ORDENES
from servicios.ejecutor_consola import EjecutorConsola

RAIZ = Path(__file__).resolve().parents[2]
HIJO = str(Path(__file__).with_name("hijo_consola.py"))
"""El programa aparte que usa la consola sola."""

CrearConsola = Callable[..., Awaitable[EjecutorConsola]]
SOY_ROOT = os.geteuid() == 0
UID_CORRIENTE = 10_077 if SOY_ROOT else os.geteuid()
DUENIO = UID_ORDENES if SOY_ROOT else None
AISLAMIENTOS = ("bwrap", "landlock")
"""Los que encierran sin un demonio. `local` es lo mismo que `landlock` sin su cerca."""

solo_root = pytest.mark.skipif(not SOY_ROOT, reason="solo root puede cambiar de usuario")

_cuenta = itertools.count(1)


def en(segundos: float) -> PerfilConsola:
    """El perfil de una orden con ese límite de tiempo."""
    return PerfilConsola(limite_comando_s=segundos)


def sueno() -> str:
    """Un argumento de `sleep` que no usa nadie más en la máquina."""
    return f"98{os.getpid()}.{next(_cuenta):04d}{time.time_ns() % 10**6:06d}"


def vivos(argumento: str) -> list[int]:
    """Los procesos vivos que llevan ese argumento exacto."""
    buscado = argumento.encode()
    encontrados = []
    for ruta in Path("/proc").iterdir():
        if not ruta.name.isdigit():
            continue
        try:
            argumentos = (ruta / "cmdline").read_bytes().split(b"\0")
        except OSError:
            continue
        if buscado in argumentos:
            encontrados.append(int(ruta.name))
    return encontrados


async def hasta_que(condicion: Callable[[], bool], segundos: float = 5.0) -> bool:
    """Espera a que se cumpla; dice si se cumplió a tiempo."""
    final = time.monotonic() + segundos
    while time.monotonic() < final:
        if condicion():
            return True
        await asyncio.sleep(0.01)
    return condicion()


@contextmanager
def carpeta_para(uid: int) -> Iterator[Path]:
    """Una carpeta temporal de ese usuario, a la que puede llegar."""
    carpeta = Path(tempfile.mkdtemp(prefix="consola-", dir="/tmp"))
    try:
        os.chown(carpeta, uid, uid if SOY_ROOT else -1)
        yield carpeta
    finally:
        shutil.rmtree(carpeta)


def python_para(uid: int) -> list[str]:
    """La línea que lanza un Python con nuestro código como ese usuario."""
    bajar = []
    if uid != os.geteuid():
        bajar = ["setpriv", "--reuid", str(uid), "--regid", str(uid), "--clear-groups"]
    candidatos = [sys.executable, shutil.which("python3", path="/usr/local/bin:/usr/bin")]
    for python in filter(None, candidatos):
        linea = [*bajar, python, "-B", "-I"]
        # setpriv puede llegar a un Python al que después ese usuario no llegaría: que se repita.
        codigo = (
            f"import subprocess, sys; sys.path.insert(0, {str(RAIZ)!r});"
            " import servicios.ejecutor_consola; subprocess.run([sys.executable, '-V'], check=True)"
        )
        try:
            prueba = subprocess.run(
                [*linea, "-c", codigo], capture_output=True, cwd="/", check=False
            )
        except OSError:
            continue
        if prueba.returncode == 0:
            return linea
    pytest.skip("ningún Python de esta máquina está al alcance de otro usuario")
