"""Una orden en marcha, vista desde el enjambre: se sabe que acabó y se lee lo que dejó."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Protocol

from servicios.consola.operaciones.disco import Rastro
from servicios.consola.pedido import Informe, MotivoFin
from servicios.consola.supervision.encargo import ACABADA, AJENA
from servicios.consola.supervision.supervisor import (
    CONGELAR,
    DESCONGELAR,
    SENAL_CONGELAR,
    SENAL_DESCONGELAR,
)

_TOPE_QUEJA = 4096
_CADA_S = 0.002
_VUELTAS_POR_PEDIDO = 100


@dataclass(frozen=True, slots=True)
class Escrito:
    """Lo que una orden lleva escrito; `total` son los bytes de los dos flujos juntos."""

    salida: str
    error: str
    total: int


class Hilo(Protocol):
    """Lo que une al enjambre con un supervisor."""

    def fileno(self) -> int:
        """Se puede leer cuando el supervisor ha acabado."""
        ...

    def queja(self) -> str | None:
        """Por qué no se pudo, cuando ya se puede leer; `None` si hay que mirar en la carpeta."""
        ...

    def parar(self, motivo: MotivoFin) -> None:
        """Pide al supervisor que mate su orden. No espera."""
        ...

    def congelar(self, *, si: bool) -> None:
        """Pide al supervisor que congele su orden o que la deje seguir. No espera."""
        ...

    def soltar(self) -> None:
        """Se acabó."""
        ...


class PorCanal:
    """El hilo de quien lanzó la orden."""

    def __init__(self, canal: socket.socket, despedir: Callable[[socket.socket], None]) -> None:
        self._canal = canal
        self._despedir = despedir

    def fileno(self) -> int:
        """Ver `Hilo`."""
        return self._canal.fileno()

    def queja(self) -> str | None:
        """Ver `Hilo`."""
        dicho = b""
        with suppress(OSError):
            dicho = self._canal.recv(_TOPE_QUEJA)
        if dicho in {b"", ACABADA}:
            return None
        return "otro se quedó con el intento" if dicho == AJENA else dicho.decode(errors="replace")

    def parar(self, motivo: MotivoFin) -> None:
        """Ver `Hilo`."""
        with suppress(OSError):
            self._canal.send(f"parar {motivo}\n".encode())

    def congelar(self, *, si: bool) -> None:
        """Ver `Hilo`."""
        with suppress(OSError):
            self._canal.send(f"{CONGELAR if si else DESCONGELAR}\n".encode())

    def soltar(self) -> None:
        """Ver `Hilo`; el supervisor aún tiene que recoger."""
        self._despedir(self._canal)


class PorSenal:
    """El hilo de quien la encontró ya en marcha: un pidfd de su supervisor."""

    def __init__(self, supervisor: int) -> None:
        self._supervisor = supervisor

    def fileno(self) -> int:
        """Ver `Hilo`."""
        return self._supervisor

    def queja(self) -> str | None:
        """Ver `Hilo`."""
        return None

    def parar(self, motivo: MotivoFin) -> None:
        """Ver `Hilo`; el motivo siempre será «cancelado»."""
        del motivo
        with suppress(OSError):
            signal.pidfd_send_signal(self._supervisor, signal.SIGTERM)

    def congelar(self, *, si: bool) -> None:
        """Ver `Hilo`."""
        with suppress(OSError):
            senal = SENAL_CONGELAR if si else SENAL_DESCONGELAR
            signal.pidfd_send_signal(self._supervisor, senal)

    def soltar(self) -> None:
        """Ver `Hilo`."""
        os.close(self._supervisor)


class Corrida:
    """Una orden en marcha, vista desde el enjambre. La lleva su supervisor."""

    def __init__(
        self, rastro: Rastro, hilo: Hilo, al_acabar: Callable[[], None] = lambda: None
    ) -> None:
        self._rastro = rastro
        self._hilo = hilo
        self._al_acabar = al_acabar
        bucle = asyncio.get_running_loop()
        self._final: asyncio.Future[Informe] = bucle.create_future()
        bucle.add_reader(hilo.fileno(), self._acabar)

    @property
    def terminada(self) -> bool:
        """Si ya hay informe."""
        return self._final.done()

    async def fin(self) -> Informe:
        """Espera el informe. Cancelar la espera no para la orden: eso lo hace `parar`."""
        return await asyncio.shield(self._final)

    def parar(self, motivo: MotivoFin) -> None:
        """Pide al supervisor que la mate; gana el primer motivo. No espera."""
        if not self.terminada:
            self._hilo.parar(motivo)

    def pedir_congelada(self, *, si: bool) -> None:
        """Pide que se congele o que siga. No espera."""
        if not self.terminada:
            self._hilo.congelar(si=si)

    async def hasta_congelada(self, *, si: bool) -> bool:
        """Espera a que conste que todos están detenidos, o que ya no. Falso si acabó antes.

        El supervisor lo escribe donde sobrevive a los dos, y eso no avisa: se mira a menudo, y se
        vuelve a pedir cada cierto tiempo porque dos señales iguales se juntan en una.
        """
        vueltas = 0
        while not self.terminada:
            if self._rastro.congelada() is si:
                return True
            vueltas += 1
            if vueltas % _VUELTAS_POR_PEDIDO == 0:
                self._hilo.congelar(si=si)
            await asyncio.wait({self._final}, timeout=_CADA_S)
        return False

    def escrito(self) -> Escrito:
        """Lo que lleva escrito; si ya acabó, lo que dice el informe."""
        if not self.terminada:
            salida, error = self._rastro.escrito()
            return Escrito(salida.texto()[0], error.texto()[0], salida.total + error.total)
        informe = self._final.result()
        return Escrito(informe.salida, informe.error, len(informe.salida) + len(informe.error))

    def _acabar(self) -> None:
        queja = self._hilo.queja()
        if queja is None:
            informe = self._rastro.informe() or informe_a_medias(self._rastro)
        else:
            informe = Informe(MotivoFin.SIN_LANZAR, -9, queja=queja)
        asyncio.get_running_loop().remove_reader(self._hilo.fileno())
        self._hilo.soltar()
        self._final.set_result(informe)
        self._al_acabar()


def informe_a_medias(rastro: Rastro) -> Informe:
    """El de una orden cuyo supervisor murió: lo que llegó a escribir, y nada más se sabe."""
    (salida, faltan), (error, faltan_mas) = (c.texto() for c in rastro.escrito())
    return Informe(MotivoFin.SIN_SUPERVISOR, -9, salida, error, faltan + faltan_mas)
