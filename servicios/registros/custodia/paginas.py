"""Las celdas de una tabla tal como están en el disco, para mirar lo que SQL no enseña.

Hay bytes de una fila que se pueden cambiar sin que ninguna columna cambie: el tipo anotado de la
clave (SQLite lo ignora), el de un nulo y el tamaño de la celda. Se lee el archivo y, encima, su
WAL, con una transacción de lectura abierta por quien llama para que nadie los recicle. El formato
es el de https://sqlite.org/fileformat2.html
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from struct import unpack_from
from typing import Self

_CABECERA_WAL = 32
_CABECERA_MARCO = 24
_INTERIOR, _HOJA = 5, 13
_RESERVADOS = (10, 11)
_ENTEROS = (0, 1, 2, 3, 4, 6, 8, 8, 0, 0)
_RECORDADAS = 200_000


class Paginas:
    """Las páginas de una base: cada una, en su última versión comprometida."""

    def __init__(self, ruta: Path) -> None:
        self._base = os.open(ruta, os.O_RDONLY)
        self._wal = -1
        cabecera = os.pread(self._base, 24, 0)
        self._tamano = int.from_bytes(cabecera[16:18], "big")
        if self._tamano == 1:
            self._tamano = 65536
        self._marcos: dict[int, int] = {}
        if Path(f"{ruta}-wal").exists():
            self._wal = os.open(f"{ruta}-wal", os.O_RDONLY)
            self._mirar_wal()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        os.close(self._base)
        if self._wal >= 0:
            os.close(self._wal)

    def leer(self, numero: int) -> bytes:
        """La página `numero` (desde 1)."""
        if numero in self._marcos:
            return os.pread(self._wal, self._tamano, self._marcos[numero])
        return os.pread(self._base, self._tamano, (numero - 1) * self._tamano)

    def _mirar_wal(self) -> None:
        """Anota dónde está la última versión de cada página hasta el último compromiso."""
        sales = os.pread(self._wal, _CABECERA_WAL, 0)[16:24]
        pendientes: dict[int, int] = {}
        donde = _CABECERA_WAL
        while len(marco := os.pread(self._wal, _CABECERA_MARCO, donde)) == _CABECERA_MARCO:
            if marco[8:16] != sales:
                return
            pendientes[int.from_bytes(marco[:4], "big")] = donde + _CABECERA_MARCO
            if marco[4:8] != b"\0\0\0\0":
                self._marcos.update(pendientes)
                pendientes.clear()
            donde += _CABECERA_MARCO + self._tamano


def fila_torcida(paginas: Paginas, raiz: int, columnas: int) -> int | None:
    """La primera fila cuya celda no está como la escribe SQLite, o `None`.

    `raiz` es la página de la que cuelga la tabla. Lanza `ValueError` si una página no es de tabla.
    """
    medidas: dict[bytes, int] = {}
    for pagina in _hojas(paginas, raiz):
        for celda in _punteros(pagina):
            # Lo corriente, sin llamadas: es un bucle por cada fila de la bitácora.
            carga, donde = pagina[celda], celda + 1
            if carga >= 0x80:
                carga, donde = _varint(pagina, celda)
            while pagina[donde] >= 0x80:
                donde += 1
            donde += 1
            cabecera = pagina[donde : donde + pagina[donde]]
            medida = medidas.get(cabecera)
            if carga != (_medida(cabecera, columnas, medidas) if medida is None else medida):
                return _varint(pagina, _varint(pagina, celda)[1])[0]
    return None


def _medida(cabecera: bytes, columnas: int, medidas: dict[bytes, int]) -> int:
    """Lo que ocupa una fila con esta cabecera; muchas filas llevan la misma."""
    medida = _medir(cabecera, columnas)
    if len(medidas) < _RECORDADAS:
        medidas[cabecera] = medida
    return medida


def _hojas(paginas: Paginas, raiz: int) -> Iterator[bytes]:
    pendientes = [raiz]
    while pendientes:
        numero = pendientes.pop()
        pagina = paginas.leer(numero)
        if not pagina or pagina[0] not in {_INTERIOR, _HOJA}:
            raise ValueError(f"la página {numero} no es de la tabla")
        if pagina[0] == _HOJA:
            yield pagina
            continue
        hijas = [int.from_bytes(pagina[c : c + 4], "big") for c in _punteros(pagina)]
        pendientes += [int.from_bytes(pagina[8:12], "big"), *reversed(hijas)]


def _punteros(pagina: bytes) -> tuple[int, ...]:
    """Dónde empieza cada celda de la página."""
    desde = 12 if pagina[0] == _INTERIOR else 8
    cuantas = int.from_bytes(pagina[3:5], "big")
    if desde + 2 * cuantas > len(pagina):
        raise ValueError("una página dice tener más filas de las que caben")
    return unpack_from(f">{cuantas}H", pagina, desde)


def _varint(datos: bytes, donde: int) -> tuple[int, int]:
    """Un entero de largo variable y dónde acaba."""
    valor = datos[donde]
    if valor < 0x80:
        return valor, donde + 1
    valor &= 0x7F
    for _ in range(7):
        donde += 1
        byte = datos[donde]
        valor = valor << 7 | byte & 0x7F
        if byte < 0x80:
            return valor, donde + 1
    return valor << 8 | datos[donde + 1], donde + 2


def _medir(cabecera: bytes, columnas: int) -> int:
    """Lo que ocupa una fila con esta cabecera; -1 si SQLite no la habría escrito así."""
    _, donde = _varint(cabecera, 0)
    total, tipos = len(cabecera), 0
    while donde < len(cabecera):
        tipo, donde = _varint(cabecera, donde)
        # La primera columna es la clave, que va fuera de la fila.
        if tipo in _RESERVADOS or (not tipos and tipo):
            return -1
        total += _ENTEROS[tipo] if tipo < len(_ENTEROS) else (tipo - 12) // 2
        tipos += 1
    return total if tipos == columnas else -1
