"""Las líneas anteriores: en memoria hasta que se sabe dónde guardarlas, luego en un archivo."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable
from pathlib import Path

from prompt_toolkit.history import FileHistory

ARCHIVO = "historial_terminal"
PERMISOS = 0o600


class Historial(FileHistory):
    """Un archivo privado; si no se puede leer o escribir, la sesión sigue sin él."""

    def __init__(self, ruta: Path) -> None:
        with contextlib.suppress(OSError):
            ruta.touch(PERMISOS)
        super().__init__(str(ruta))

    def load_history_strings(self) -> Iterable[str]:
        """Las líneas guardadas, la última primero."""
        try:
            return list(super().load_history_strings())
        except OSError:
            return []

    def store_string(self, string: str) -> None:
        """Guarda una línea; lo que no se puede codificar se sustituye."""
        with contextlib.suppress(OSError):
            super().store_string(string.encode("utf-8", "replace").decode("utf-8"))
