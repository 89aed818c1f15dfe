"""El teclado y el pegado, sin huecos."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from contextlib import AbstractContextManager
from typing import TextIO

from prompt_toolkit.input.vt100 import Vt100Input
from prompt_toolkit.output import ColorDepth, Output
from prompt_toolkit.output.vt100 import Vt100_Output
from prompt_toolkit.utils import get_bell_environment_variable, get_term_environment_variable


class TecladoSinHuecos(Vt100Input):
    """El terminal sigue en modo crudo mientras se escribe por encima del prompt.

    prompt_toolkit lo devuelve al modo normal en cada escritura; lo tecleado en ese instante sale
    en la pantalla en mitad de la salida, y Ctrl-D o Retroceso se pierden.
    """

    def cooked_mode(self) -> AbstractContextManager[None]:
        """Nada: el modo no cambia."""
        return contextlib.nullcontext()


class _PegadoSinHuecos(Vt100_Output):
    """El terminal sigue marcando lo que se pega mientras se escribe por encima del prompt.

    prompt_toolkit deja de pedírselo en cada escritura; lo pegado en ese instante llega como si se
    tecleara, y cada salto de línea lo envía a trozos.
    """

    def disable_bracketed_paste(self) -> None:
        """Nada: se deja de pedir al acabar."""


@contextlib.contextmanager
def pegado_sin_huecos(terminal: TextIO) -> Iterator[Output]:
    """La salida del prompt; al acabar, el terminal vuelve a pegar como antes."""
    salida = _PegadoSinHuecos.from_pty(
        terminal,
        term=get_term_environment_variable(),
        default_color_depth=ColorDepth.from_env(),
        enable_bell=get_bell_environment_variable(),
    )
    try:
        yield salida
    finally:
        Vt100_Output.disable_bracketed_paste(salida)
        salida.flush()
