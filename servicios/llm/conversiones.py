"""Lo convertido se guarda: un mensaje no cambia una vez dentro de la historia.

Las entradas se buscan por identidad. Un mensaje muerto se lleva la suya, así que ni se retiene
memoria ni un `id` reutilizado puede confundirse con otro mensaje.
"""

from __future__ import annotations

import weakref
from collections.abc import Callable, Sequence
from typing import Any, Generic, TypeVar

M = TypeVar("M")
T = TypeVar("T")

TOPE_MENSAJES = 8192
"""Mensajes convertidos que se guardan; después se olvidan los más viejos."""
TOPE_JUEGOS = 256
"""Juegos de herramientas convertidos que se guardan."""


class ErrorConversion(Exception):
    """Un mensaje o un juego de herramientas que el proveedor no sabe expresar."""


class _Entrada(weakref.ref[Any], Generic[T]):
    """Un mensaje sin retener y su conversión; todo en un objeto, porque hay muchos."""

    __slots__ = ("convertida", "identidad")
    convertida: T
    identidad: int


class PorMensaje(Generic[T]):
    """Mensaje → su conversión, sin mantenerlo vivo."""

    def __init__(self, tope: int = TOPE_MENSAJES) -> None:
        self._tope = tope
        self._entradas: dict[int, _Entrada[T]] = {}

    def __len__(self) -> int:
        return len(self._entradas)

    def obtener(self, mensaje: object, convertir: Callable[[], T]) -> T:
        """La conversión guardada, o la de `convertir()`, que se guarda. Lanza `ErrorConversion`."""
        return self.obtener_todas([mensaje], lambda _: [convertir()])[0]

    def obtener_todas(
        self, mensajes: Sequence[M], convertir: Callable[[list[M]], Sequence[T]]
    ) -> list[T]:
        """Las conversiones en orden; las que falten se piden juntas. Lanza `ErrorConversion`."""
        guardadas = [self._buscar(mensaje) for mensaje in mensajes]
        faltan = [m for m, guardada in zip(mensajes, guardadas, strict=True) if guardada is None]
        nuevas = iter(self._guardar(faltan, convertir)) if faltan else iter(())
        return [(guardada or next(nuevas)).convertida for guardada in guardadas]

    def _buscar(self, mensaje: object) -> _Entrada[T] | None:
        entrada = self._entradas.get(id(mensaje))
        return entrada if entrada is not None and entrada() is mensaje else None

    def _guardar(
        self, mensajes: list[M], convertir: Callable[[list[M]], Sequence[T]]
    ) -> list[_Entrada[T]]:
        try:
            convertidas = convertir(mensajes)
        except Exception as error:
            raise ErrorConversion(f"{type(error).__name__}: {error}") from error
        nuevas = []
        for mensaje, convertida in zip(mensajes, convertidas, strict=True):
            entrada: _Entrada[T] = _Entrada(mensaje, self._olvidar)
            entrada.identidad, entrada.convertida = id(mensaje), convertida
            self._entradas[entrada.identidad] = entrada
            nuevas.append(entrada)
        while len(self._entradas) > self._tope:
            del self._entradas[next(iter(self._entradas))]
        return nuevas

    def _olvidar(self, entrada: Any) -> None:
        identidad: int = entrada.identidad
        if self._entradas.get(identidad) is entrada:
            del self._entradas[identidad]


class PorJuego(Generic[T]):
    """Juego de esquemas → su conversión. Retiene los esquemas, que son pocos y viven siempre."""

    def __init__(self) -> None:
        self._guardadas: dict[tuple[int, ...], tuple[tuple[Any, ...], T]] = {}

    def obtener(self, juego: Sequence[Any], convertir: Callable[[], T]) -> T:
        """La conversión guardada, o la de `convertir()`, que se guarda. Lanza `ErrorConversion`."""
        identidad = tuple(map(id, juego))
        guardada = self._guardadas.get(identidad)
        if guardada is not None:
            return guardada[1]
        try:
            convertida = convertir()
        except Exception as error:
            raise ErrorConversion(f"{type(error).__name__}: {error}") from error
        if len(self._guardadas) >= TOPE_JUEGOS:
            self._guardadas.pop(next(iter(self._guardadas)))
        self._guardadas[identidad] = (tuple(juego), convertida)
        return convertida
