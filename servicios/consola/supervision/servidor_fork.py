"""El servidor de bifurcaciones: un proceso pequeño que pare un supervisor por orden.

    enjambre ──(un extremo de un canal)──► servidor ──fork──► supervisor ──fork──► la orden

Bifurcar un Python que ya está en marcha cuesta diez veces menos que arrancar otro. Nace con el
entorno vacío y solo con la biblioteca estándar. Se va cuando el enjambre cierra su socket o
muere; los supervisores que parió siguen hasta que acabe su orden.
"""

from __future__ import annotations

import gc
import os
import signal
import socket
from contextlib import suppress

from servicios.consola.supervision.adelantos import Adelantos
from servicios.consola.supervision.cgrupo import barrer_abandonados
from servicios.consola.supervision.encargo import supervisar
from servicios.consola.supervision.puesto import PREFIJO

SALUDO = b"listo"
CORRIENTE, ADELANTADA = b"o", b"a"
"""Qué orden se espera: una cualquiera o una que querrá lo que root puede adelantar."""


def servir(ops: str) -> None:
    """Atiende el socket que hay en la entrada estándar hasta que se cierra.

    `ops` es donde cada supervisor deja la carpeta de su operación.
    """
    pedidos = socket.socket(fileno=os.dup(0))
    _soltar_entrada()
    # Sin esto cada supervisor que acaba quedaría sin enterrar.
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    barrer_abandonados(PREFIJO)
    gc.disable()
    gc.freeze()
    pedidos.send(SALUDO)
    adelantos = Adelantos()
    while True:
        que, descriptores, _, _ = socket.recv_fds(pedidos, 1, 1)
        if not descriptores:
            return
        # Uno recibido se hereda; con él la orden podría firmar informes falsos. Y `recv_fds` no
        # pasa MSG_CMSG_CLOEXEC al núcleo.
        os.set_inheritable(descriptores[0], False)
        canal = socket.socket(fileno=descriptores[0])
        adelantar = que == ADELANTADA
        if adelantar:
            with suppress(OSError):  # quien la necesite dirá por qué no puede ser
                adelantos.compartir()
        if os.fork() == 0:
            pedidos.close()
            _ser_supervisor(canal, ops, adelantos, adelantar=adelantar)
        canal.close()


def _ser_supervisor(
    canal: socket.socket, ops: str, adelantos: Adelantos, *, adelantar: bool
) -> None:
    """Una vida entera de supervisor; no vuelve."""
    codigo = 1
    try:
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        os.setsid()
        supervisar(canal, ops, adelantos, adelantar=adelantar)
        codigo = 0
    finally:
        os._exit(codigo)


def _soltar_entrada() -> None:
    nulo = os.open(os.devnull, os.O_RDWR)
    os.dup2(nulo, 0)
    os.close(nulo)
