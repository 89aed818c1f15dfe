"""Lo que se guarda de un flujo de bytes: su principio y su final, con memoria acotada.

Si hay un archivo, lo mismo está siempre también en él: lo lee quien sea, viva o no quien captura.
"""

from __future__ import annotations

import os
import struct

_CABECERA = struct.Struct("!QQQ")
"""En el archivo: bytes del flujo y sitio para el principio y para el final, que da vueltas."""


class Captura:
    """Guarda el principio y el final de un flujo de bytes, y cuenta el resto.

    `limite` es el total de bytes que conserva, mitad de cada lado. `archivo` es un descriptor
    donde copiarlos; si no se puede, se sigue sin él.
    """

    def __init__(self, limite: int, archivo: int | None = None) -> None:
        self._archivo = archivo
        self._tope_cabeza = max(1, limite // 2)
        self._tope_cola = max(1, limite - self._tope_cabeza)
        self._cabeza = bytearray()
        self._cola = bytearray()
        self.total = 0

    @classmethod
    def de_bytes(cls, datos: bytes) -> Captura:
        """La que dejó otra en su archivo; vacía si no llegó a escribir."""
        if len(datos) < _CABECERA.size:
            return cls(0)
        total, cabeza, cola = _CABECERA.unpack_from(datos)
        captura = cls(cabeza + cola)
        cuerpo = datos[_CABECERA.size :]
        captura.total = total
        captura._cabeza += cuerpo[: min(total, cabeza)]
        vuelta = cuerpo[cabeza : cabeza + cola]
        resto = max(0, total - cabeza)
        corte = resto % cola if resto > cola else 0
        captura._cola += vuelta[corte:] + vuelta[:corte] if corte else vuelta[:resto]
        return captura

    def anadir(self, trozo: bytes) -> None:
        """Añade bytes al flujo."""
        if self._archivo is not None:
            self._copiar(self._archivo, trozo)
        self.total += len(trozo)
        hueco = self._tope_cabeza - len(self._cabeza)
        if hueco > 0:
            self._cabeza += trozo[:hueco]
            trozo = trozo[hueco:]
        self._cola += trozo[-self._tope_cola :]
        del self._cola[: -self._tope_cola]

    def _copiar(self, archivo: int, trozo: bytes) -> None:
        total = self.total + len(trozo)
        cabeza, cola = self._tope_cabeza, self._tope_cola
        hueco = max(0, cabeza - self.total)
        final = trozo[hueco:][-cola:]
        desde = (total - len(final) - cabeza) % cola
        vuelta = cola - desde
        try:
            for parte, donde in (
                (trozo[:hueco], self.total),
                (final[:vuelta], cabeza + desde),
                (final[vuelta:], cabeza),
            ):
                if parte:
                    os.pwrite(archivo, parte, _CABECERA.size + donde)
            os.pwrite(archivo, _CABECERA.pack(total, cabeza, cola), 0)
        except OSError:
            self._archivo = None

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
