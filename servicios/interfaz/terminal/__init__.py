"""La cara de terminal. `conversar` es la entrada; lo demás es suyo."""

from servicios.interfaz.terminal.cara import conversar
from servicios.interfaz.terminal.ordenes import COMANDOS, TECLAS, Comando
from servicios.interfaz.terminal.sesion import Abrir

__all__ = ["COMANDOS", "TECLAS", "Abrir", "Comando", "conversar"]
