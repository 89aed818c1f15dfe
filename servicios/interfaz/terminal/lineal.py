"""El modo llano: sin escapes ni colores, para `NO_COLOR`, `TERM=dumb` o una salida que no es
un terminal."""

from __future__ import annotations

import asyncio
import codecs
import os
import signal
import sys
import threading
from collections.abc import AsyncIterable, Callable, Sequence
from typing import TextIO

from servicios.consola.secretos.limpieza import limpiar
from servicios.interfaz.lineas import Linea
from servicios.interfaz.terminal.ordenes.comando import SALIR
from servicios.interfaz.terminal.ordenes.tabla import TECLAS_LLANAS
from servicios.interfaz.terminal.papel import Pintar
from servicios.interfaz.terminal.portada import saludar
from servicios.interfaz.terminal.sesion import Abrir, Sesion

PROMPT = "> "
TROZO = 65_536


class PapelLlano:
    """Texto y nada más. El prompt vuelve a salir al final de cada ráfaga."""

    def __init__(self, salida: TextIO) -> None:
        self._salida = salida
        self._prompt_puesto = False
        self._pendiente: asyncio.Handle | None = None

    def linea(self, linea: Linea) -> None:
        """Escribe una línea, entera."""
        self._escribir(f"{linea.agente} {linea.texto}" if linea.agente else linea.texto)

    def eco(self, texto: str) -> None:
        """No hace falta: el terminal ya enseña lo que se teclea."""

    def respuesta(self, texto: str) -> None:
        """Escribe la respuesta tal cual."""
        self._escribir(f"\n{texto}\n")

    def tabla(
        self, titulos: Sequence[str], filas: Sequence[Sequence[str]], *, entera: bool = False
    ) -> None:
        """Escribe columnas alineadas con espacios, siempre enteras."""
        del entera
        todas = [list(titulos), *(list(fila) for fila in filas)]
        anchos = [max(len(celda) for celda in columna) for columna in zip(*todas, strict=True)]
        for fila in todas:
            celdas = (c.ljust(ancho) for c, ancho in zip(fila, anchos, strict=True))
            self._escribir("  ".join(celdas).rstrip())

    def vivo(self, texto: str) -> None:
        """No hay texto vivo: la respuesta sale cuando está entera."""

    async def ocupar(self, pintar: Pintar, cambios: AsyncIterable[object]) -> bool:
        """Aquí no se mueve el cursor: no se puede."""
        del pintar, cambios
        return False

    def linea_leida(self) -> None:
        """La persona pulsó Enter: el cursor ya está en otra línea."""
        self._prompt_puesto = False
        self.pedir()

    def pedir(self) -> None:
        """Vuelve a poner el prompt cuando no quede nada por escribir."""
        if self._pendiente is None:
            self._pendiente = asyncio.get_running_loop().call_soon(self._poner_prompt)

    def callar(self) -> None:
        """No se vuelve a poner el prompt."""
        if self._pendiente is None:
            self.pedir()
        if self._pendiente is not None:
            self._pendiente.cancel()

    def _poner_prompt(self) -> None:
        self._pendiente = None
        if not self._prompt_puesto:
            self._prompt_puesto = True
            print(PROMPT, end="", file=self._salida, flush=True)

    def _escribir(self, texto: str) -> None:
        antes = "\n" if self._prompt_puesto else ""
        self._prompt_puesto = False
        print(f"{antes}{limpiar(texto)}", file=self._salida, flush=True)
        self.pedir()


async def conversar_lineal(abrir: Abrir) -> int:
    """Conversa línea a línea. Devuelve el código de salida."""
    papel = PapelLlano(sys.stdout)

    async def soltar() -> None:
        papel.callar()

    sesion = Sesion(papel, soltar, lambda _: None, TECLAS_LLANAS)
    bucle = asyncio.get_running_loop()

    def recibir(linea: str | None) -> None:
        papel.linea_leida()
        sesion.recibir(SALIR if linea is None else linea)

    saludar(papel)
    leer_lineas(sys.stdin.fileno(), lambda linea: bucle.call_soon_threadsafe(recibir, linea))
    bucle.add_signal_handler(signal.SIGINT, sesion.parar)
    try:
        return await sesion.run(abrir)
    finally:
        bucle.remove_signal_handler(signal.SIGINT)


def leer_lineas(descriptor: int, entregar: Callable[[str | None], object]) -> threading.Thread:
    """Lee en un hilo que no retiene la salida del programa; `None` es el fin de la entrada.

    Lee del descriptor, no de `sys.stdin`: su cerrojo, tomado por un hilo parado, tumbaría el
    intérprete al salir.
    """

    def leer() -> None:
        decodificador = codecs.getincrementaldecoder("utf-8")("replace")
        resto = ""
        try:
            while datos := os.read(descriptor, TROZO):
                *lineas, resto = (resto + decodificador.decode(datos)).split("\n")
                for linea in lineas:
                    entregar(linea)
            if resto:
                entregar(resto)
            entregar(None)
        except (OSError, RuntimeError):
            return  # el terminal o el bucle ya no están

    hilo = threading.Thread(target=leer, name="teclado", daemon=True)
    hilo.start()
    return hilo
