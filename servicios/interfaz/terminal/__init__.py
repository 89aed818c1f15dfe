"""La cara de terminal. `conversar` es la entrada; lo demás es suyo."""

from servicios.interfaz.terminal.cara import conversar
from servicios.interfaz.terminal.ordenes.comando import Comando
from servicios.interfaz.terminal.ordenes.tabla import COMANDOS, TECLAS
from servicios.interfaz.terminal.sesion import Abrir

__all__ = ["COMANDOS", "TECLAS", "Abrir", "Comando", "conversar"]
