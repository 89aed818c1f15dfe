"""Un terminal de verdad (tmux) en el que corre el programa de verdad."""

from __future__ import annotations

import asyncio
import os
import shlex
import sys
import tempfile
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

from servicios.ajustes import RAIZ

LIMITE_S = 15.0
ANCHO, ALTO = "110", "50"


class Terminal:
    """Una ventana de tmux. `pantalla` es lo que vería una persona ahora mismo."""

    def __init__(self, entorno: dict[str, str]) -> None:
        self._entorno = entorno

    async def tmux(self, *args: str) -> str:
        """Una orden de tmux y lo que imprime."""
        proceso = await asyncio.create_subprocess_exec(
            "tmux",
            "-f",
            "/dev/null",
            *args,
            env=self._entorno,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
        salida, _ = await proceso.communicate()
        return salida.decode()

    async def arrancar(self, orden: str, carpeta: Path) -> None:
        """Corre una orden en esa carpeta; al acabar deja escrito su código."""
        con_codigo = f"{orden}; echo CODIGO=$?; exec sleep 120"
        await self.tmux(
            "new-session", "-d", "-x", ANCHO, "-y", ALTO, "-c", str(carpeta), con_codigo
        )

    async def teclear(self, texto: str) -> None:
        """Teclea un texto tal cual."""
        await self.tmux("send-keys", "-l", texto)

    async def pulsar(self, *teclas: str) -> None:
        """Pulsa teclas con el nombre que les da tmux: `Enter`, `C-c`…"""
        await self.tmux("send-keys", *teclas)

    async def enviar(self, linea: str) -> None:
        """Teclea una línea y Enter."""
        await self.teclear(linea)
        await self.pulsar("Enter")

    async def pantalla(self) -> str:
        """Las líneas visibles."""
        return await self.tmux("capture-pane", "-p")

    async def todo(self) -> str:
        """Lo visible y lo que ya subió."""
        return await self.tmux("capture-pane", "-p", "-S", "-5000")

    async def hasta(self, condicion: Callable[[str], bool], limite_s: float = LIMITE_S) -> str:
        """Espera a que la pantalla cumpla algo; la devuelve."""
        pantalla = ""
        try:
            async with asyncio.timeout(limite_s):
                while not condicion(pantalla := await self.pantalla()):
                    await asyncio.sleep(0.03)
        except TimeoutError:
            raise AssertionError(f"no se vio lo esperado en:\n{pantalla}") from None
        return pantalla

    async def se_ve(self, texto: str, limite_s: float = LIMITE_S) -> str:
        """Espera a que se vea un texto."""
        return await self.hasta(lambda pantalla: texto in pantalla, limite_s)


@asynccontextmanager
async def programa(
    datos: Path, carpeta: Path = RAIZ, /, **variables: str
) -> AsyncIterator[Terminal]:
    """`python main.py` recién arrancado en esa carpeta."""
    orden = shlex.join([sys.executable, str(RAIZ / "main.py")])
    propias = {"ENJAMBRE_DATOS": str(datos), "MODEL": "demo", **variables}
    async with ventana(orden, carpeta, **propias) as terminal:
        yield terminal


@asynccontextmanager
async def ventana(orden: str, carpeta: Path, /, **variables: str) -> AsyncIterator[Terminal]:
    """Una orden cualquiera en una ventana de tmux que se cierra al salir."""
    entorno = {
        **{n: v for n, v in os.environ.items() if n not in {"TMUX", "TMUX_PANE", "NO_COLOR"}},
        "LC_ALL": "C.UTF-8",
        **variables,
    }
    with tempfile.TemporaryDirectory(prefix="tmux-") as enchufe:
        terminal = Terminal({**entorno, "TMUX_TMPDIR": enchufe})
        await terminal.arrancar(orden, carpeta)
        try:
            yield terminal
        finally:
            await terminal.tmux("kill-server")


def escrito(pantalla: str) -> str | None:
    """Lo que hay en la línea del prompt; `None` si el prompt no está entero en este cuadro."""
    lineas = pantalla.rstrip().split("\n")
    if "tokens" not in lineas[-1]:
        return None
    indice = max((i for i, ln in enumerate(lineas) if ln.startswith("›")), default=None)
    if indice is None:
        return None
    assert not "".join(lineas[indice + 1 : -1]).strip(), f"hay salida bajo el prompt:\n{pantalla}"
    return lineas[indice].removeprefix("›").strip()
