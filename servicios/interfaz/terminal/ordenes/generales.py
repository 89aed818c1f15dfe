"""La ayuda, el estado y salir."""

from __future__ import annotations

from servicios.interfaz.lineas import Linea
from servicios.interfaz.terminal.fichas import ficha_estado
from servicios.interfaz.terminal.ordenes.comando import Escena
from servicios.interfaz.terminal.ordenes.tabla import COMANDOS


async def ayuda(escena: Escena, _: str) -> bool:
    """La tabla de las órdenes y las teclas."""
    filas = [(c.uso, c.significado) for c in COMANDOS]
    filas += escena.teclas
    escena.papel.linea(Linea("Escribe lo que quieras y pulsa Enter: te responde el Master."))
    escena.papel.tabla(("orden", "qué hace"), filas, entera=True)
    return True


async def ver_estado(escena: Escena, _: str) -> bool:
    """Cómo va todo."""
    ficha_estado(escena.sistema, escena.papel)
    return True


async def salir(escena: Escena, _: str) -> bool:
    """Cierra la sesión."""
    escena.salir()
    return True
