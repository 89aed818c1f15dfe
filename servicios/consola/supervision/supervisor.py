"""El supervisor de una orden: la lanza, la vigila y no deja a nadie vivo.

Vive en su propia sesión. Es suyo el plazo, la captura de la salida y la muerte del árbol: si el
enjambre desaparece, la orden sigue como mucho hasta su límite de tiempo y después no queda nada.

    canal: ← pedido      → informe (el último mensaje)
           ← «parar …»   → lo escrito hasta ahora (cuando le dicen «leer»)
"""

from __future__ import annotations

import json
import os
import select
import signal
import socket
import struct
import subprocess
import time
from contextlib import suppress
from dataclasses import asdict

from servicios.consola.pedido import Informe, MotivoFin, Pedido, ensayar
from servicios.consola.supervision.adelantos import Adelantos
from servicios.consola.supervision.captura import Captura
from servicios.consola.supervision.cgrupo import Cgrupo
from servicios.consola.supervision.procesos import (
    adoptar_huerfanos,
    enterrar,
    matar_descendencia,
    tamano,
)
from servicios.consola.supervision.puesto import Puesto
from servicios.consola.supervision.vigilancia import Vigilancia

GRACIA_S = 0.2
"""Lo que se espera el final de las tuberías cuando la orden ya terminó, en segundos."""

_TROZO = 65_536
_LIMITE_REMATE_S = 10.0
_LIMITE_MEDIDA_S = 0.05
_LIMITE_CONTAR_S = 1.0
LARGO = struct.Struct("!I")
"""Cada mensaje del canal va precedido de su largo."""


def supervisar(canal: socket.socket, adelantos: Adelantos, *, adelantar: bool) -> None:
    """Lee un pedido del canal, lo cumple y manda el informe. Nunca deja procesos detrás.

    Lo que no depende del pedido lo hace antes de que llegue; puede no llegar.
    """
    adoptar_huerfanos()
    puesto = Puesto.preparar(adelantos, adelantar=adelantar)
    try:
        ensayar()
        if datos := _recibir(canal):
            _cumplir(canal, datos, puesto)
    finally:
        matar_descendencia()
        puesto.borrar()


def _cumplir(canal: socket.socket, datos: bytes, puesto: Puesto) -> None:
    pedido = Pedido.de_json(datos)
    supervisor = Supervisor(canal, pedido, puesto, puesto.encargar(datos, pedido.limites))
    try:
        informe = supervisor.correr()
    finally:
        matar_descendencia()
        _rematar(pedido)
    with suppress(OSError):
        canal.setblocking(True)
        enviar(canal, asdict(informe))


class Supervisor:
    """Una orden en marcha, de un solo uso."""

    def __init__(self, canal: socket.socket, pedido: Pedido, puesto: Puesto, reparo: str) -> None:
        self._reparo = reparo
        self._canal = canal
        self._pedido = pedido
        self._puesto = puesto
        self._capturas = (Captura(pedido.limites.salida), Captura(pedido.limites.salida))
        self._por_fd = dict(zip((puesto.salida, puesto.error), self._capturas, strict=True))
        self._espera = select.poll()
        self._motivo: MotivoFin | None = None
        self._estado: int | None = None
        self._hijo = puesto.hijo
        self._ordenes = b""

    def correr(self) -> Informe:
        """Ejecuta la orden hasta el final y cuenta cómo fue."""
        inicio = time.monotonic()
        cgrupo = self._puesto.cgrupo
        try:
            self._registrar()
            self._atender(inicio, Vigilancia(self._pedido, cgrupo))
            completa = self._acabar()
        finally:
            if cgrupo is not None:
                cgrupo.matar()
            matar_descendencia()
            if cgrupo is not None:
                self._motivo = self._motivo or _motivo_del_cgrupo(cgrupo)
        return self._informe(inicio, completa=completa)

    # --- atender ------------------------------------------------------------------------

    def _registrar(self) -> None:
        for fd in self._por_fd:
            os.set_blocking(fd, False)
            self._espera.register(fd, select.POLLIN)
        self._canal.setblocking(False)
        self._espera.register(self._canal, select.POLLIN)

    def _atender(self, inicio: float, vigilancia: Vigilancia) -> None:
        """Hasta que la orden termina o hay un motivo para matarla."""
        aviso = os.pidfd_open(self._hijo)
        self._espera.register(aviso, select.POLLIN)
        final = inicio + self._pedido.limites.segundos
        try:
            while self._sigue():
                ahora = time.monotonic()
                if ahora >= final:
                    self._motivo = MotivoFin.TIEMPO
                    return
                pausa = min(final - ahora, vigilancia.falta(ahora))
                self._repartir(self._espera.poll(max(1, round(pausa * 1000))))
                self._apuntar(enterrar()[0])
                if self._sigue():
                    self._motivo = vigilancia.mirar(time.monotonic())
        finally:
            self._espera.unregister(aviso)
            os.close(aviso)

    def _sigue(self) -> bool:
        return self._estado is None and self._motivo is None

    def _repartir(self, listos: list[tuple[int, int]]) -> None:
        for fd, _ in listos:
            if fd in self._por_fd:
                self._leer(fd)
            elif fd == self._canal.fileno():
                self._obedecer()

    def _leer(self, fd: int) -> bool:
        try:
            trozo = os.read(fd, _TROZO)
        except BlockingIOError:
            return False
        if not trozo:
            self._espera.unregister(fd)
            os.close(fd)
            del self._por_fd[fd]
            return False
        self._por_fd[fd].anadir(trozo)
        if sum(c.total for c in self._capturas) > self._pedido.limites.total:
            self._motivo = self._motivo or MotivoFin.LIMITE_SALIDA
            return False
        return True

    def _obedecer(self) -> None:
        """Atiende lo que mande el enjambre; si ya no está, se sigue sin él."""
        try:
            trozo = self._canal.recv(4096)
        except BlockingIOError:
            return
        except OSError:
            trozo = b""
        if not trozo:
            self._espera.unregister(self._canal)
            return
        *enteras, self._ordenes = (self._ordenes + trozo).split(b"\n")
        for orden in enteras:
            verbo, _, resto = orden.decode().partition(" ")
            if verbo == "parar":
                self._motivo = self._motivo or MotivoFin(resto)
            elif verbo == "leer":
                self._contar()

    def _contar(self) -> None:
        (salida, _), (error, _) = (c.texto() for c in self._capturas)
        total = sum(c.total for c in self._capturas)
        try:
            # Un enjambre parado no puede parar el plazo: lo que no lea a tiempo lo pierde.
            self._canal.settimeout(_LIMITE_CONTAR_S)
            enviar(self._canal, {"escrito": {"salida": salida, "error": error, "total": total}})
            self._canal.setblocking(False)
        except OSError:
            self._espera.unregister(self._canal)
            self._canal.shutdown(socket.SHUT_RDWR)

    def _apuntar(self, enterrados: dict[int, int]) -> None:
        if self._hijo in enterrados:
            self._estado = enterrados[self._hijo]

    # --- acabar -------------------------------------------------------------------------

    def _acabar(self) -> bool:
        """Mata lo que quede y lee lo último. Devuelve si las tuberías llegaron a su final."""
        if self._motivo is not None:
            # Lo que se escriba desde aquí son quejas de los lanzadores al morir.
            self._vaciar(0.0)
            for fd in list(self._por_fd):
                os.close(fd)
            self._por_fd.clear()
        _, enterrados = matar_descendencia()
        self._apuntar(enterrados)
        if self._motivo is not None:
            return True
        return self._vaciar(GRACIA_S)

    def _vaciar(self, segundos: float) -> bool:
        """Lee lo que haya en las tuberías y, si no acaban, espera un poco a que acaben."""
        final = time.monotonic() + segundos
        while self._por_fd:
            for fd in list(self._por_fd):
                while self._leer(fd):
                    pass
            queda = final - time.monotonic()
            if queda <= 0 or self._motivo is not None or not self._por_fd:
                break
            espera = select.poll()
            for fd in self._por_fd:
                espera.register(fd, select.POLLIN)
            espera.poll(max(1, round(queda * 1000)))
        return not self._por_fd

    def _informe(self, inicio: float, *, completa: bool) -> Informe:
        porque = self._reparo or os.read(self._puesto.queja, 4096).decode("utf-8", "replace")
        codigo = -signal.SIGKILL
        if self._estado is not None:
            codigo = os.waitstatus_to_exitcode(self._estado)
        motivo = self._motivo or (MotivoFin.OK if completa else MotivoFin.TUBERIA_RETENIDA)
        if porque:
            motivo = MotivoFin.SIN_LANZAR
        elif motivo is MotivoFin.OK and codigo in {-signal.SIGXFSZ, 128 + signal.SIGXFSZ}:
            motivo = MotivoFin.LIMITE_ARCHIVO
        (salida, faltan), (error, faltan_mas) = (c.texto() for c in self._capturas)
        return Informe(
            motivo=motivo,
            codigo=codigo,
            salida=salida,
            error=error,
            omitidos=faltan + faltan_mas,
            ms=round((time.monotonic() - inicio) * 1000),
            queja=porque,
            ocupado=tamano(self._pedido.medidas, _LIMITE_MEDIDA_S),
        )


def _motivo_del_cgrupo(cgrupo: Cgrupo) -> MotivoFin | None:
    if cgrupo.excedio_memoria():
        return MotivoFin.LIMITE_MEMORIA
    return MotivoFin.LIMITE_PROCESOS if cgrupo.excedio_procesos() else None


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


# --- el canal ---------------------------------------------------------------------------


def enviar(canal: socket.socket, mensaje: dict[str, object]) -> None:
    """Manda un mensaje entero. Lanza `OSError` si no hay nadie."""
    datos = json.dumps(mensaje).encode()
    canal.sendall(LARGO.pack(len(datos)) + datos)


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
