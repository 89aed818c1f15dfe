"""La vida de un supervisor: espera un pedido, lo cumple y deja contado cómo fue.

    canal: ← pedido, «parar …», «congelar», «descongelar»    → al final, cómo fue: acabada, ajena o por qué no pudo ser

Todo lo que la orden deja está en la carpeta de su operación, y también si está congelada. El canal
se puede romper: para quien llegue después, SIGTERM es «parar», SIGUSR1 «congelar», SIGUSR2
«descongelar» y la muerte del supervisor, el final. Si el enjambre desaparece con la orden
congelada, congelada se queda hasta que vuelva o se cumpla `TOPE_CONGELADA_S`.
"""

from __future__ import annotations

import json
import socket
import struct
import subprocess
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path

from servicios.consola.cuaderno import poner_hojas
from servicios.consola.operaciones.carpeta import SUELTA, CarpetaNueva
from servicios.consola.pedido import Cuaderno, Pedido, ensayar
from servicios.consola.supervision.adelantos import Adelantos
from servicios.consola.supervision.procesos import adoptar_huerfanos, matar_descendencia
from servicios.consola.supervision.puesto import Puesto
from servicios.consola.supervision.supervisor import Supervisor, atender_senales

LARGO = struct.Struct("!I")
"""El pedido va precedido de su largo."""

ACABADA, AJENA = b"acabada", b"ajena"
"""Lo que se dice al final si todo está en su carpeta, o si esa carpeta ya era de otro."""

_LIMITE_REMATE_S = 10.0
_LIMITE_LECTURA_S = 5.0


def supervisar(canal: socket.socket, ops: str, adelantos: Adelantos, *, adelantar: bool) -> None:
    """Lee un pedido del canal, lo cumple y lo deja contado. Nunca deja procesos detrás.

    Lo que no depende del pedido lo hace antes de que llegue; puede no llegar.
    """
    adoptar_huerfanos()
    puesto = Puesto.preparar(adelantos, adelantar=adelantar)
    try:
        carpeta = CarpetaNueva(ops)
        sobra = True
        try:
            ensayar()
            if datos := _recibir(canal):
                sobra = _cumplir(canal, Pedido.de_json(datos), datos, puesto, carpeta)
        finally:
            if sobra:
                carpeta.borrar()
    except OSError as error:
        _decir(canal, str(error).encode())
    finally:
        matar_descendencia()
        puesto.borrar()


def _cumplir(
    canal: socket.socket, pedido: Pedido, datos: bytes, puesto: Puesto, carpeta: CarpetaNueva
) -> bool:
    """Cumple el pedido si nadie se ha quedado con él. Devuelve si la carpeta ya sobra."""
    senales = atender_senales()
    if not carpeta.reclamar(pedido.operacion):
        _decir(canal, AJENA)
        return True
    reparo = _poner(pedido.cuaderno, carpeta)
    if reparo:
        puesto.desistir()
    else:
        reparo = puesto.encargar(datos, pedido.limites)
    supervisor = Supervisor(canal, pedido, puesto, carpeta, senales, reparo)
    try:
        informe = supervisor.correr()
    finally:
        matar_descendencia()
        _rematar(pedido)
    carpeta.acabar(json.dumps(asdict(informe)).encode())
    _decir(canal, ACABADA)
    if not pedido.operacion.startswith(SUELTA):
        return False
    with suppress(OSError):  # quien la pidió la está leyendo; al acabar cierra el canal
        canal.settimeout(_LIMITE_LECTURA_S)
        canal.recv(1)
    return True


def _poner(cuaderno: Cuaderno | None, carpeta: CarpetaNueva) -> str:
    """Pone las hojas de la orden. Devuelve por qué no se pudo, o nada."""
    if cuaderno is not None:
        try:
            poner_hojas(cuaderno, carpeta)
        except OSError as error:
            return f"no se puede escribir en {Path(cuaderno.preludio).parent}: {error.strerror}"
    return ""


def _decir(canal: socket.socket, que: bytes) -> None:
    with suppress(OSError):
        canal.setblocking(True)
        canal.sendall(que)


def _rematar(pedido: Pedido) -> None:
    if not pedido.encierro.remate:
        return
    with suppress(OSError, subprocess.SubprocessError):
        subprocess.run(
            pedido.encierro.remate,
            env=pedido.entorno,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            timeout=_LIMITE_REMATE_S,
            check=False,
        )


def _recibir(canal: socket.socket) -> bytes:
    """El pedido, o nada si el enjambre se va antes de decirlo entero."""
    cabecera = _exactos(canal, LARGO.size)
    return _exactos(canal, *LARGO.unpack(cabecera)) if cabecera else b""


def _exactos(canal: socket.socket, cuantos: int) -> bytes:
    datos = bytearray()
    while len(datos) < cuantos:
        trozo = canal.recv(cuantos - len(datos))
        if not trozo:
            return b""
        datos += trozo
    return bytes(datos)
