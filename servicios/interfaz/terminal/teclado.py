"""El teclado, sin huecos."""

from __future__ import annotations

import contextlib
from contextlib import AbstractContextManager

from prompt_toolkit.input.vt100 import Vt100Input


class TecladoSinHuecos(Vt100Input):
    """El terminal sigue en modo crudo mientras se escribe por encima del prompt.

    prompt_toolkit lo devuelve al modo normal en cada escritura; lo tecleado en ese instante sale
    en la pantalla en mitad de la salida, y Ctrl-D o Retroceso se pierden.
    """

    def cooked_mode(self) -> AbstractContextManager[None]:
        """Nada: el modo no cambia."""
        return contextlib.nullcontext()
