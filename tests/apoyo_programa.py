"""`main.py` como proceso, con su carpeta de datos y su doble."""

from __future__ import annotations

import asyncio
import os
import sqlite3
import sys
from asyncio.subprocess import DEVNULL, PIPE, Process
from collections.abc import Iterator
from contextlib import closing, suppress
from dataclasses import dataclass
from pathlib import Path

from servicios.ajustes import RAIZ
from tests.apoyo import variables_de
from tests.dobles.base import Doble


@dataclass(frozen=True)
class Salida:
    """Con qué código salió y qué dijo."""

    codigo: int
    texto: str
    errores: str


@dataclass(frozen=True)
class Programa:
    """El programa con su carpeta de datos y su doble."""

    datos: Path
    doble: Doble

    async def lanzar(self, *argumentos: str) -> Process:
        """Lo pone en marcha."""
        entorno = {
            **os.environ,
            **variables_de("openai", self.doble),
            "ENJAMBRE_DATOS": str(self.datos),
            "ENJAMBRE_AISLAMIENTO": "landlock",
        }
        return await asyncio.create_subprocess_exec(
            *(sys.executable, str(RAIZ / "main.py"), *argumentos),
            env=entorno,
            stdin=DEVNULL,
            stdout=PIPE,
            stderr=PIPE,
        )

    async def correr(self, *argumentos: str) -> Salida:
        """Lo corre hasta el final; nunca enseña una traza."""
        proceso = await self.lanzar(*argumentos)
        async with asyncio.timeout(60):
            salida, errores = await proceso.communicate()
        resultado = Salida(proceso.returncode or 0, salida.decode(), errores.decode())
        assert "Traceback" not in resultado.texto + resultado.errores
        return resultado

    def sesiones(self) -> list[str]:
        """Los ids de sus sesiones, de la más vieja a la más nueva."""
        with closing(sqlite3.connect(self.datos / "swarm.db")) as db:
            return [s for (s,) in db.execute("SELECT id FROM sessions ORDER BY start_time")]


def procesos_que_nombran(texto: str) -> Iterator[str]:
    """Las órdenes de los demás procesos vivos que lo llevan en sus argumentos o en su entorno."""
    marca = texto.encode()
    for proceso in Path("/proc").glob("[0-9]*"):
        if proceso.name == str(os.getpid()):
            continue
        with suppress(OSError):
            orden = (proceso / "cmdline").read_bytes()
            if marca in orden or marca in (proceso / "environ").read_bytes():
                yield orden.replace(b"\0", b" ").decode(errors="replace")
