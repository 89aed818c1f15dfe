"""La ventana de la persona: lo que ve, lo que teclea y el programa que corre dentro."""

from __future__ import annotations

import asyncio
import os
import re
import shlex
import signal
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

from tests.interfaz.apoyo_tmux import Terminal, ventana

LIMITE_S = 120.0
"""Lo que se espera a que algo se vea: no decide nada más que cuándo darlo por perdido."""

CRUDO = "terminal.txt"
"""Cada byte que pasó por el terminal, también lo que ya se borró."""

_INDICADOR = "FIN=$? listo> "
_LISTO = re.compile(r"^FIN=(\d+) listo>", re.MULTILINE)
_ANCHO, _ALTO, _ATRAS = 220, 50, 1200


class Ventana:
    """Un terminal con una shell; el programa se arranca y se mata dentro de ella."""

    def __init__(self, terminal: Terminal, raiz: Path) -> None:
        self._terminal = terminal
        self._raiz = raiz
        self._vidas = 0

    @classmethod
    @asynccontextmanager
    async def abrir(cls, raiz: Path, carpeta: Path) -> AsyncIterator[Ventana]:
        """La shell en el proyecto de esa carpeta; todo lo que salga queda además en `CRUDO`."""
        shell = "bash --norc --noprofile -i"
        async with ventana(shell, carpeta / "proyecto") as terminal:
            await terminal.tmux("resize-window", "-x", str(_ANCHO), "-y", str(_ALTO))
            await terminal.tmux("pipe-pane", "-o", f"cat >> {shlex.quote(str(carpeta / CRUDO))}")
            mia = cls(terminal, raiz)
            await terminal.enviar(f"PS1='{_INDICADOR}'")
            await mia.hasta(lambda texto: bool(_LISTO.search(texto)))
            yield mia

    async def arrancar(self, *argumentos: str) -> None:
        """Teclea la orden que abre el programa y espera a que se pueda escribir."""
        self._vidas += 1
        programa = shlex.join([sys.executable, str(self._raiz / "main.py"), *argumentos])
        await self._terminal.enviar(f": vida-{self._vidas}; {programa}")
        await self.hasta(_se_puede_escribir)

    async def matar(self) -> None:
        """`kill -9` al programa, y solo a él; vuelve cuando la shell lo ha visto morir."""
        shell = (await self._terminal.tmux("display-message", "-p", "#{pane_pid}")).strip()
        [pid] = [p for p in _descendientes(int(shell)) if _es_programa(p, self._raiz)]
        os.kill(pid, signal.SIGKILL)
        await self.hasta(lambda visto: _LISTO.findall(visto) == ["137"])

    async def salir(self) -> int:
        """Escribe `salir` y devuelve el código con que acabó."""
        await self._terminal.enviar("salir")
        visto = await self.hasta(lambda texto: bool(_LISTO.search(texto)))
        return int(_LISTO.findall(visto)[-1])

    async def teclear(self, linea: str) -> None:
        """Teclea una línea y Enter."""
        await self._terminal.enviar(linea)

    async def pulsar(self, *teclas: str) -> None:
        """Pulsa teclas con el nombre que les da tmux."""
        await self._terminal.pulsar(*teclas)

    async def pegar(self, texto: str) -> None:
        """Lo pega como lo haría un ratón, sin enviarlo."""
        await self._terminal.tmux("set-buffer", texto)
        await self._terminal.tmux("paste-buffer", "-p")

    async def mirar(self) -> str:
        """Lo que se ve y lo último que subió, desde que arrancó esta vida; sin partir líneas."""
        visto = await self._terminal.tmux("capture-pane", "-p", "-J", "-S", f"-{_ATRAS}")
        return visto.rpartition(f": vida-{self._vidas};")[2]

    async def pantalla(self) -> str:
        """Solo lo visible ahora."""
        return await self._terminal.pantalla()

    async def hasta(self, condicion: Callable[[str], bool], limite_s: float = LIMITE_S) -> str:
        """Espera a que lo visto cumpla algo. `AssertionError`, con la pantalla, si no."""
        visto = ""
        try:
            async with asyncio.timeout(limite_s):
                while not condicion(visto := await self.mirar()):
                    await asyncio.sleep(0.1)
        except TimeoutError:
            raise AssertionError(f"no se vio lo esperado en:\n{visto[-6000:]}") from None
        return visto


def _se_puede_escribir(visto: str) -> bool:
    return "tokens" in visto.rstrip().rpartition("\n")[2]


def _descendientes(pid: int) -> list[int]:
    hijos = Path(f"/proc/{pid}/task/{pid}/children").read_text(encoding="ascii").split()
    return [*map(int, hijos), *(nieto for h in hijos for nieto in _descendientes(int(h)))]


def _es_programa(pid: int, raiz: Path) -> bool:
    orden = Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
    return len(orden) > 1 and orden[1] == str(raiz / "main.py").encode()
