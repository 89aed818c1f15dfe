"""La salida de una orden: principio y final, con memoria acotada pase lo que pase."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable

TROZO = 65_536
"""Bytes que se leen de una vez: lo que cabe en una tubería."""

_LECTURAS_SEGUIDAS = 16


class Captura:
    """Guarda el principio y el final de un flujo de bytes, y cuenta el resto.

    `limite` es el total de bytes que conserva, mitad de cada lado.
    """

    def __init__(self, limite: int) -> None:
        self._tope_cabeza = max(1, limite // 2)
        self._tope_cola = max(1, limite - self._tope_cabeza)
        self._cabeza = bytearray()
        self._cola = bytearray()
        self.total = 0

    def anadir(self, trozo: bytes) -> None:
        """Añade bytes al flujo."""
        self.total += len(trozo)
        hueco = self._tope_cabeza - len(self._cabeza)
        self._cabeza += trozo[:hueco]
        self._cola += trozo[hueco:][-self._tope_cola :]
        del self._cola[: -self._tope_cola]

    def texto(self) -> tuple[str, int]:
        """Devuelve el texto y cuántos bytes faltan en él.

        Si falta algo, un aviso lo dice en el hueco. Lo que no sea UTF-8 sale como U+FFFD y los
        NUL desaparecen.
        """
        if self.total == len(self._cabeza) + len(self._cola):
            return _decodificar(self._cabeza + self._cola), 0
        cabeza, cola = _sin_final_roto(self._cabeza), _sin_principio_roto(self._cola)
        omitidos = self.total - len(cabeza) - len(cola)
        aviso = f"\n[… {omitidos} bytes omitidos …]\n"
        return _decodificar(cabeza) + aviso + _decodificar(cola), omitidos


class Tuberia:
    """Una tubería nuestra leída desde el bucle de eventos; asyncio no sabe de ella.

    Con una tubería de asyncio, esperar al proceso sería esperar también a quien la retenga.
    """

    def __init__(self, captura: Captura, al_leer: Callable[[], None]) -> None:
        """Abre la tubería; `al_leer` se llama tras cada trozo. Lanza `OSError`."""
        self._captura = captura
        self._al_leer = al_leer
        self._bucle = asyncio.get_running_loop()
        self._escritura: int | None
        self._lectura, self._escritura = os.pipe()
        os.set_blocking(self._lectura, False)
        self._abierta = True
        self._callada = False
        self.agotada = asyncio.Event()
        self._bucle.add_reader(self._lectura, self._leer)

    @property
    def escritura(self) -> int | None:
        """El extremo que se entrega al proceso, mientras no se suelte."""
        return self._escritura

    def ceder(self, duenio: int) -> None:
        """Hace dueño a otro usuario, para que la orden pueda abrir `/dev/stdout`."""
        if self._escritura is not None:
            os.fchown(self._escritura, duenio, duenio)

    def soltar_escritura(self) -> None:
        """Cierra nuestra copia del extremo entregado, para que llegue el final del flujo."""
        if self._escritura is not None:
            os.close(self._escritura)
            self._escritura = None

    def vaciar(self) -> None:
        """Lee lo que ya hubiera llegado, sin esperar."""
        for _ in range(_LECTURAS_SEGUIDAS):
            if not self._leer():
                break

    def callar(self) -> None:
        """Guarda lo que ya hubiera llegado; el resto lo lee y lo tira, para no frenar a nadie."""
        self.vaciar()
        self._callada = True

    def cerrar(self) -> None:
        """No lee más y cierra los dos extremos."""
        self.soltar_escritura()
        self._dejar_de_leer()
        os.close(self._lectura)

    def _dejar_de_leer(self) -> None:
        if self._abierta:
            self._abierta = False
            self._bucle.remove_reader(self._lectura)

    def _leer(self) -> bool:
        if not self._abierta:
            return False
        try:
            trozo = os.read(self._lectura, TROZO)
        except BlockingIOError:
            return False
        if not trozo:
            self._dejar_de_leer()
            self.agotada.set()
            return False
        if not self._callada:
            self._captura.anadir(trozo)
            self._al_leer()
        return True


def _decodificar(datos: bytes | bytearray) -> str:
    return datos.decode("utf-8", errors="replace").replace("\x00", "")


def _es_continuacion(byte: int) -> bool:
    return byte & 0xC0 == 0x80


def _sin_final_roto(datos: bytearray) -> bytes:
    """Quita del final el carácter que el corte dejó a medias."""
    for atras in range(1, min(4, len(datos)) + 1):
        byte = datos[-atras]
        if _es_continuacion(byte):
            continue
        largo = 4 if byte >= 0xF0 else 3 if byte >= 0xE0 else 2 if byte >= 0xC0 else 1
        return bytes(datos[:-atras]) if largo > atras else bytes(datos)
    return bytes(datos)


def _sin_principio_roto(datos: bytearray) -> bytes:
    """Quita del principio los bytes del carácter que el corte dejó a medias."""
    sobran = 0
    while sobran < min(3, len(datos)) and _es_continuacion(datos[sobran]):
        sobran += 1
    return bytes(datos[sobran:])
