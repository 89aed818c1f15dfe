"""Un pseudoterminal en el que corre un proceso, para leer los bytes exactos que escribe."""

from __future__ import annotations

import asyncio
import fcntl
import os
import pty
import struct
import termios
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from servicios.ajustes import RAIZ
from tests.interfaz.apoyo_terminal import hasta

CPR = b"\x1b[6n"


class Pty:
    """Lo que el proceso escribió y lo que se le teclea."""

    def __init__(self, maestro: int, proceso: asyncio.subprocess.Process) -> None:
        self._maestro = maestro
        self.proceso = proceso
        self.bytes = b""

    @property
    def texto(self) -> str:
        return self.bytes.decode("utf-8", "replace").replace("\r\n", "\n")

    def teclear(self, texto: str) -> None:
        os.write(self._maestro, texto.encode())

    async def se_ve(self, texto: str) -> None:
        try:
            await hasta(lambda: texto in self.texto, 15)
        except TimeoutError:
            raise AssertionError(f"no salió «{texto}» en:\n{self.texto}") from None

    def leer(self) -> None:
        """Lo llama el bucle cuando hay algo; contesta dónde está el cursor, como un terminal."""
        try:
            datos = os.read(self._maestro, 65_536)
        except OSError:
            datos = b""
        if not datos:
            asyncio.get_running_loop().remove_reader(self._maestro)
            return
        self.bytes += datos
        if CPR in datos:
            os.write(self._maestro, b"\x1b[1;1R")


@asynccontextmanager
async def en_pty(
    *orden: str, salida_aparte: int | None = None, **variables: str
) -> AsyncIterator[Pty]:
    """Un proceso con un terminal propio; `salida_aparte` es otro sitio para su salida."""
    maestro, esclavo = pty.openpty()
    fcntl.ioctl(esclavo, termios.TIOCSWINSZ, struct.pack("HHHH", 30, 100, 0, 0))
    ajenas = {"NO_COLOR", "TMUX"}
    proceso = await asyncio.create_subprocess_exec(
        *orden,
        cwd=RAIZ,
        stdin=esclavo,
        stdout=esclavo if salida_aparte is None else salida_aparte,
        stderr=esclavo,
        start_new_session=True,
        preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0),
        env={
            **{k: v for k, v in os.environ.items() if k not in ajenas},
            "TERM": "xterm-256color",
            "LC_ALL": "C.UTF-8",
            "MODEL": "demo",
            "PYTHONPATH": str(RAIZ),
            **variables,
        },
    )
    os.close(esclavo)
    terminal = Pty(maestro, proceso)
    bucle = asyncio.get_running_loop()
    bucle.add_reader(maestro, terminal.leer)
    try:
        yield terminal
    finally:
        bucle.remove_reader(maestro)
        if proceso.returncode is None:
            proceso.kill()
        await proceso.wait()
        os.close(maestro)
