"""Una orden en marcha, vista desde el enjambre: lo que cuenta su supervisor por el canal."""

from __future__ import annotations

import asyncio
import json
import socket
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from servicios.consola.pedido import Informe, MotivoFin
from servicios.consola.supervision.supervisor import LARGO

_TROZO = 65_536
_MENSAJE_MAXIMO = 256 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Escrito:
    """Lo que una orden lleva escrito; `total` son los bytes de los dos flujos juntos."""

    salida: str
    error: str
    total: int


class Corrida:
    """Una orden en marcha, vista desde el enjambre. La lleva su supervisor."""

    def __init__(self, canal: socket.socket, al_acabar: Callable[[], None]) -> None:
        self._canal = canal
        self._al_acabar = al_acabar
        self._bucle = asyncio.get_running_loop()
        self._final: asyncio.Future[Informe] = self._bucle.create_future()
        self._lecturas: list[asyncio.Future[Escrito]] = []
        self._recibido = bytearray()
        self._bucle.add_reader(canal.fileno(), self._leer)

    @property
    def terminada(self) -> bool:
        """Si ya hay informe."""
        return self._final.done()

    async def fin(self) -> Informe:
        """Espera el informe. Cancelar la espera no para la orden: eso lo hace `parar`."""
        return await asyncio.shield(self._final)

    def parar(self, motivo: MotivoFin) -> None:
        """Pide al supervisor que la mate; gana el primer motivo. No espera."""
        self._pedir(f"parar {motivo}")

    async def escrito(self) -> Escrito:
        """Lo que lleva escrito; si ya acabó, lo que dice el informe."""
        if not self.terminada:
            lectura: asyncio.Future[Escrito] = self._bucle.create_future()
            self._lecturas.append(lectura)
            self._pedir("leer")
            return await lectura
        informe = self._final.result()
        return Escrito(informe.salida, informe.error, len(informe.salida) + len(informe.error))

    def _pedir(self, orden: str) -> None:
        if not self.terminada:
            with suppress(OSError):
                self._canal.send(orden.encode() + b"\n")

    def _leer(self) -> None:
        try:
            trozo = self._canal.recv(_TROZO)
        except BlockingIOError:
            return
        except OSError:
            trozo = b""
        if not trozo:
            self._acabar(Informe(MotivoFin.SIN_SUPERVISOR, -9))
            return
        self._recibido += trozo
        try:
            while (mensaje := _siguiente(self._recibido)) is not None:
                self._atender(mensaje)
        except (ValueError, TypeError, KeyError):
            self._acabar(Informe(MotivoFin.SIN_SUPERVISOR, -9))

    def _atender(self, mensaje: dict[str, Any]) -> None:
        if "escrito" in mensaje:
            if self._lecturas:
                self._entregar(self._lecturas.pop(0), Escrito(**mensaje["escrito"]))
            return
        self._acabar(Informe(**{**mensaje, "motivo": MotivoFin(mensaje["motivo"])}))

    def _acabar(self, informe: Informe) -> None:
        if self.terminada:
            return
        self._bucle.remove_reader(self._canal.fileno())
        self._canal.close()
        self._final.set_result(informe)
        escrito = Escrito(informe.salida, informe.error, len(informe.salida) + len(informe.error))
        for lectura in self._lecturas:
            self._entregar(lectura, escrito)
        self._lecturas.clear()
        self._al_acabar()

    @staticmethod
    def _entregar(lectura: asyncio.Future[Escrito], escrito: Escrito) -> None:
        if not lectura.done():
            lectura.set_result(escrito)


def _siguiente(recibido: bytearray) -> dict[str, Any] | None:
    """Saca el primer mensaje entero. Lanza `ValueError` si no es uno de los nuestros."""
    if len(recibido) < LARGO.size:
        return None
    (largo,) = LARGO.unpack_from(recibido)
    if largo > _MENSAJE_MAXIMO:
        raise ValueError("mensaje desmedido")
    if len(recibido) < LARGO.size + largo:
        return None
    mensaje: dict[str, Any] = json.loads(recibido[LARGO.size : LARGO.size + largo])
    del recibido[: LARGO.size + largo]
    return mensaje
