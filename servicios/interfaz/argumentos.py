"""Los argumentos del programa. Se leen antes que nada: aquí no se importa nada pesado."""

from __future__ import annotations

import argparse
from typing import NoReturn

from servicios.interfaz import headless

AISLAMIENTOS = ("auto", "bwrap", "landlock", "docker", "local")
"""Los de `servicios.consola.aislamientos.aislamiento`, que aquí no se importa por lo que arrastra."""


class _Analizador(argparse.ArgumentParser):
    """Un error de uso es una línea que dice dónde está la ayuda."""

    def error(self, message: str) -> NoReturn:
        """Sale con 2."""
        self.exit(2, f"Uso incorrecto: {message}. Ayuda: python main.py --help\n")


def leer_argumentos(argv: list[str] | None) -> argparse.Namespace:
    """Devuelve `tarea`, `salida` y `aislamiento`; `None` en lo que no se dijo."""
    analizador = _Analizador(
        prog="python main.py",
        description="Enjambre: conversa con un Master que delega en agentes de consola.",
        epilog="Sin -p y con un terminal, conversa; con la entrada redirigida, la entrada es la tarea.",
        add_help=False,
    )
    analizador.add_argument("-h", "--help", action="help", help="enseña esta ayuda y sale")
    analizador.add_argument("-p", "--tarea", metavar="TAREA", help="hace una tarea y sale")
    analizador.add_argument(
        "--salida",
        choices=headless.FORMATOS,
        default=None,
        help="con una tarea: texto (por defecto), un objeto json o cada hecho en jsonl",
    )
    analizador.add_argument(
        "--aislamiento",
        choices=AISLAMIENTOS,
        default=None,
        help="cómo se encierran las órdenes (por defecto auto: bwrap o landlock); local es nada",
    )
    return analizador.parse_args(argv)
