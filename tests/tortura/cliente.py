"""El otro lado del vivero: pedir vidas, esperar su final y preguntar si queda alguien."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import signal
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from servicios.ajustes import RAIZ
from tests.apoyo import preparar_raiz
from tests.tortura.guion import OBRERO

_COPIADO = ("agentes", "prompts", "servicios", "main.py")
_ARRANQUE_S = 60.0
_RESTOS_S = 20.0


@dataclass(frozen=True)
class Vida:
    """Un proceso del programa; `fin` es su código de salida cuando muere."""

    pid: int
    fin: asyncio.Future[int]


class Vivero:
    """Se abre con `abrir`."""

    def __init__(self, proceso: Process, raiz: Path) -> None:
        self.raiz = raiz
        self._aisla = False
        self._proceso = proceso
        self._dichos: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
        self._fines: dict[int, asyncio.Future[int]] = {}
        self._turno = asyncio.Lock()

    @classmethod
    @asynccontextmanager
    async def abrir(cls, carpeta: Path) -> AsyncIterator[Vivero]:
        """Copia el programa en la carpeta, con el tipo de agente de la tortura, y lo importa."""
        raiz = copiar_programa(carpeta, {}, OBRERO)
        proceso = await asyncio.create_subprocess_exec(
            *(sys.executable, "-B", str(Path(__file__).with_name("vivero.py"))),
            cwd=raiz,
            env={**os.environ, "PYTHONPATH": str(raiz)},
            stdin=PIPE,
            stdout=PIPE,
        )
        vivero = cls(proceso, raiz)
        oyente = asyncio.create_task(vivero._oir(), name="vivero")
        try:
            async with asyncio.timeout(_ARRANQUE_S):
                vivero._aisla = (await vivero._dichos.get())["aisla"]
            yield vivero
        finally:
            assert proceso.stdin is not None
            proceso.stdin.close()
            await proceso.wait()
            await oyente

    async def lanzar(self, argv: Sequence[str], entorno: Mapping[str, str], **como: Any) -> Vida:
        """Una vida nueva; `como` son `modo`, `carpeta` y `directa`."""
        dicho = await self._pedir({"argv": list(argv), "entorno": dict(entorno), **como})
        return Vida(dicho["pid"], self._fines[dicho["pid"]])

    async def arrasar(self, vida: Vida) -> None:
        """Mata una vida con todo lo suyo: con su espacio de PID o, sin él, uno por uno."""
        if self._aisla:
            os.kill(vida.pid, signal.SIGKILL)
        else:
            await self._pedir({"arrasar": True})

    async def sin_nadie(self, limite_s: float = _RESTOS_S) -> None:
        """Vuelve cuando no queda ningún proceso de ninguna vida. `AssertionError` si quedan."""
        final = asyncio.get_running_loop().time() + limite_s
        while restos := (await self._pedir({"restos": True}))["restos"]:
            assert asyncio.get_running_loop().time() < final, f"procesos vivos: {restos}"
            await asyncio.sleep(0.01)

    async def _pedir(self, pedido: dict[str, Any]) -> dict[str, Any]:
        async with self._turno:
            assert self._proceso.stdin is not None
            self._proceso.stdin.write(json.dumps(pedido).encode() + b"\n")
            return await self._dichos.get()

    async def _oir(self) -> None:
        assert self._proceso.stdout is not None
        async for linea in self._proceso.stdout:
            dicho = json.loads(linea)
            if "codigo" in dicho:
                self._fines[dicho["pid"]].set_result(dicho["codigo"])
                continue
            if "pid" in dicho:  # el número puede haber sido de otra
                self._fines[dicho["pid"]] = asyncio.get_running_loop().create_future()
            self._dichos.put_nowait(dicho)


def copiar_programa(carpeta: Path, variables: dict[str, str], *tipos: dict[str, Any]) -> Path:
    """Una copia del programa con su `.env`: sus tipos de agente no son los de la casa."""
    carpeta.mkdir(parents=True, exist_ok=True)
    for nombre in _COPIADO:
        origen = RAIZ / nombre
        if origen.is_dir():
            sin_cache = shutil.ignore_patterns("__pycache__")
            shutil.copytree(origen, carpeta / nombre, ignore=sin_cache)
        else:
            shutil.copy(origen, carpeta / nombre)
    return preparar_raiz(carpeta, variables, *tipos)
