"""La cara de terminal: elige cómo se conversa según el terminal que hay."""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import Mapping
from typing import Any

from servicios.interfaz.terminal.interactiva import conversar_interactiva
from servicios.interfaz.terminal.lineal import conversar_lineal
from servicios.interfaz.terminal.sesion import Abrir


async def conversar(abrir: Abrir) -> int:
    """Conversa hasta que la persona sale. Devuelve el código de salida.

    `abrir` importa el núcleo y abre el sistema; se llama cuando el prompt ya se ve.
    """
    asyncio.get_running_loop().set_exception_handler(_contar_fallo)
    if es_completo(os.environ, es_terminal=sys.stdin.isatty() and sys.stdout.isatty()):
        return await conversar_interactiva(abrir)
    return await conversar_lineal(abrir)


def es_completo(entorno: Mapping[str, str], *, es_terminal: bool) -> bool:
    """Si se puede mover el cursor y usar colores."""
    return es_terminal and not entorno.get("NO_COLOR") and entorno.get("TERM") not in {None, "dumb"}


def _contar_fallo(_: asyncio.AbstractEventLoop, contexto: dict[str, Any]) -> None:
    """Un fallo que nadie recogió se cuenta en una línea, sin traza."""
    error = contexto.get("exception")
    detalle = f": {type(error).__name__}: {error}" if error else ""
    print(f"Fallo interno: {contexto['message']}{detalle}", file=sys.stderr)
