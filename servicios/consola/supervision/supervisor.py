"""El supervisor de una orden: la vigila y no deja a nadie vivo.

Vive en su propia sesión. Es suyo el plazo, la captura de la salida y la muerte del árbol: si el
enjambre desaparece, la orden sigue como mucho hasta su límite de tiempo y después no queda nada.
"""

from __future__ import annotations

import os
import select
import signal
import socket
import time
from dataclasses import asdict

from servicios.consola.cuaderno import recoger_hojas
from servicios.consola.operaciones.captura import Captura
from servicios.consola.operaciones.carpeta import CarpetaNueva
from servicios.consola.pedido import Informe, MotivoFin, Pedido
from servicios.consola.supervision.cgrupo import Cgrupo
from servicios.consola.supervision.congelacion import Congelacion
from servicios.consola.supervision.plazo import Plazo
from servicios.consola.supervision.procesos import (
    enterrar,
    matar_descendencia,
    tamano,
)
from servicios.consola.supervision.puesto import Puesto
from servicios.consola.supervision.vigilancia import Vigilancia

GRACIA_S = 0.2
"""Lo que se espera el final de las tuberías cuando la orden ya terminó, en segundos."""

CONGELAR, DESCONGELAR = "congelar", "descongelar"
"""Lo que se le puede mandar, además de «parar» y su motivo."""

SENAL_CONGELAR, SENAL_DESCONGELAR = signal.SIGUSR1, signal.SIGUSR2
"""Lo mismo, para quien no tiene su canal."""

_POR_SENAL = {
    signal.SIGTERM: f"parar {MotivoFin.CANCELADO}",
    SENAL_CONGELAR: CONGELAR,
    SENAL_DESCONGELAR: DESCONGELAR,
}
_TROZO = 65_536
_LIMITE_MEDIDA_S = 0.05


class Supervisor:
    """Una orden en marcha, de un solo uso; `senales` es lo que dio `atender_senales`."""

    def __init__(
        self,
        canal: socket.socket,
        pedido: Pedido,
        puesto: Puesto,
        carpeta: CarpetaNueva,
        senales: int,
        reparo: str,
    ) -> None:
        self._reparo = reparo
        self._canal = canal
        self._pedido = pedido
        self._puesto = puesto
        self._capturas = (
            Captura(pedido.limites.salida, carpeta.salida),
            Captura(pedido.limites.salida, carpeta.error),
        )
        self._por_fd = dict(zip((puesto.salida, puesto.error), self._capturas, strict=True))
        self._espera = select.poll()
        self._motivo: MotivoFin | None = None
        self._estado: int | None = None
        self._hijo = puesto.hijo
        self._ordenes = b""
        self._senales = senales
        self._plazo = Plazo(pedido.limites.segundos, time.monotonic())
        self._congelacion = Congelacion(pedido, carpeta)

    def correr(self) -> Informe:
        """Ejecuta la orden hasta el final y cuenta cómo fue."""
        cgrupo = self._puesto.cgrupo
        try:
            self._registrar()
            self._atender(Vigilancia(self._pedido, cgrupo))
            completa = self._acabar()
        finally:
            if cgrupo is not None:
                cgrupo.matar()
            matar_descendencia()
            if cgrupo is not None:
                self._motivo = self._motivo or _motivo_del_cgrupo(cgrupo)
        return self._informe(completa=completa)

    # --- atender ------------------------------------------------------------------------

    def _registrar(self) -> None:
        for fd in self._por_fd:
            os.set_blocking(fd, False)
            self._espera.register(fd, select.POLLIN)
        self._canal.setblocking(False)
        self._espera.register(self._canal, select.POLLIN)
        self._espera.register(self._senales, select.POLLIN)

    def _atender(self, vigilancia: Vigilancia) -> None:
        """Hasta que la orden termina o hay un motivo para matarla."""
        aviso = os.pidfd_open(self._hijo)
        self._espera.register(aviso, select.POLLIN)
        try:
            while self._sigue():
                ahora = time.monotonic()
                queda = self._plazo.queda(ahora)
                if queda <= 0:
                    self._motivo = self._plazo.motivo()
                    return
                pausa = min(queda, self._falta(vigilancia, ahora))
                self._repartir(self._espera.poll(max(1, round(pausa * 1000))))
                self._apuntar(enterrar()[0])
                if self._sigue():
                    self._mirar(vigilancia)
        finally:
            self._espera.unregister(aviso)
            os.close(aviso)

    def _sigue(self) -> bool:
        return self._estado is None and self._motivo is None

    def _falta(self, vigilancia: Vigilancia, ahora: float) -> float:
        if self._congelacion.pedida:
            return self._congelacion.falta()
        return vigilancia.falta(ahora)

    def _mirar(self, vigilancia: Vigilancia) -> None:
        """Congelada del todo no puede pasarse de nada; mientras se congela, sí."""
        if self._congelacion.pedida:
            self._congelacion.repasar()
        if not self._congelacion.completa:
            self._motivo = vigilancia.mirar(time.monotonic())

    def _repartir(self, listos: list[tuple[int, int]]) -> None:
        for fd, _ in listos:
            if fd in self._por_fd:
                self._leer(fd)
            elif fd == self._canal.fileno():
                self._obedecer()
            elif fd == self._senales:
                for senal in os.read(fd, _TROZO):
                    self._obedecer_a(_POR_SENAL[signal.Signals(senal)])

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
            self._obedecer_a(orden.decode())

    def _obedecer_a(self, orden: str) -> None:
        verbo, _, resto = orden.partition(" ")
        if verbo == "parar":
            self._motivo = self._motivo or MotivoFin(resto)
        elif verbo == CONGELAR:
            self._plazo.parar(time.monotonic())
            self._congelacion.congelar()
        elif verbo == DESCONGELAR:
            self._congelacion.descongelar()
            self._plazo.seguir(time.monotonic())

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

    def _informe(self, *, completa: bool) -> Informe:
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
            ms=round(self._plazo.gastado(time.monotonic()) * 1000),
            queja=porque,
            ocupado=tamano(self._pedido.medidas, _LIMITE_MEDIDA_S),
            estado=self._estado_final(),
            limites=self._pedido.limites,
        )

    def _estado_final(self) -> dict[str, object] | None:
        """Lo que deja a la orden siguiente, ya con nadie vivo que lo cambie."""
        if self._pedido.cuaderno is None:
            return None
        estado = recoger_hojas(self._pedido.cuaderno)
        return None if estado is None else asdict(estado)


def atender_senales() -> int:
    """Un descriptor en el que se puede leer el número de las que llegan, que ya no matan.

    Se llama antes de dejar dicho quién es el supervisor: desde entonces pueden llegar.
    """
    lectura, escritura = os.pipe()
    os.set_blocking(escritura, False)
    signal.set_wakeup_fd(escritura)
    for senal in _POR_SENAL:
        signal.signal(senal, lambda *_: None)
    return lectura


def _motivo_del_cgrupo(cgrupo: Cgrupo) -> MotivoFin | None:
    if cgrupo.excedio_memoria():
        return MotivoFin.LIMITE_MEMORIA
    return MotivoFin.LIMITE_PROCESOS if cgrupo.excedio_procesos() else None
