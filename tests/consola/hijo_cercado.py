"""Un programa aparte que se cerca y ataca; lo lanzan las pruebas de las cercas del núcleo.

Lee de la entrada un pedido en JSON (ver `apoyo_cercas.Intento`). Con `orden`, se cerca y la
ejecuta. Si no, hace cada ataque en un proceso suyo, ya cercado, e imprime cómo le fue a cada uno:
`pasa`, el nombre del error o el de la señal que lo mató.
"""

from __future__ import annotations

import ctypes
import errno
import fcntl
import json
import mmap
import os
import signal
import socket
import stat
import sys
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from servicios.consola.aislamientos import landlock, seccomp
from servicios.consola.pedido import Cerca

_MAL_ESCRITO = 70

_libc = ctypes.CDLL(None, use_errno=True)


def llamar(nombre: str | int, *argumentos: Any) -> int:
    """Una función de la biblioteca de C, o una llamada por su número. Lanza `OSError`."""
    funcion = getattr(_libc, nombre) if isinstance(nombre, str) else _libc.syscall
    if isinstance(nombre, int):
        argumentos = (nombre, *argumentos)
    enteros = [ctypes.c_long(a) if isinstance(a, int) else a for a in argumentos]
    resultado = int(funcion(*enteros))
    if resultado < 0:
        raise OSError(ctypes.get_errno(), str(nombre))
    return resultado


ARMAS = {
    "fcntl": fcntl,
    "llamar": llamar,
    "mmap": mmap,
    "ctypes": ctypes,
    "os": os,
    "socket": socket,
    "stat": stat,
}


def cercarse(pedido: dict[str, Any]) -> None:
    """Baja de usuario y se pone lo que diga el pedido, en el orden en que lo hace el producto."""
    if pedido["uid"] is not None:
        os.setgroups([])
        os.setresgid(pedido["uid"], pedido["uid"], pedido["uid"])
        os.setresuid(pedido["uid"], pedido["uid"], pedido["uid"])
    if pedido["crudo"]:
        seccomp.instalar(bytes.fromhex(pedido["crudo"]))
    if pedido["cerca"] is not None:
        leer, escribir = pedido["cerca"]
        landlock.cercar(Cerca(tuple(leer), tuple(escribir)), tcp_libre=pedido["tcp_libre"])
    if pedido["filtro"] is not None:
        red, unix = pedido["filtro"]
        seccomp.instalar(seccomp.programa(red=red, unix=unix))


def atacar(pedido: dict[str, Any], ataque: str) -> str:
    """Cómo le fue a un ataque."""
    lectura, escritura = os.pipe()
    hijo = os.fork()
    if hijo == 0:
        codigo = _MAL_ESCRITO
        try:
            cercarse(pedido)
            exec(ataque, {**ARMAS, **pedido["datos"]})
            codigo = 0
        except OSError as fallo:
            nombre = errno.errorcode.get(fallo.errno or 0, "sin número")
            os.write(escritura, f"{nombre}: {fallo.strerror or fallo}".encode())
            codigo = 0
        finally:
            os._exit(codigo)
    os.close(escritura)
    with os.fdopen(lectura, encoding="utf-8") as tubo:
        dicho = tubo.read()
    codigo = os.waitstatus_to_exitcode(os.waitpid(hijo, 0)[1])
    if codigo < 0:
        return signal.Signals(-codigo).name
    return "mal escrito" if codigo == _MAL_ESCRITO else dicho or "pasa"


def main() -> None:
    pedido = json.loads(sys.stdin.buffer.read())
    if pedido["orden"]:
        os.chdir(pedido["carpeta"])
        signal.signal(signal.SIGPIPE, signal.SIG_DFL)
        cercarse(pedido)
        os.execvp(pedido["orden"][0], pedido["orden"])
    ataques = pedido["ataques"]
    print(json.dumps({nombre: atacar(pedido, ataque) for nombre, ataque in ataques.items()}))


main()
