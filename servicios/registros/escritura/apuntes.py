"""El recibo de un hecho: se espera para saber que está guardado y sirve de causa de otros."""

from __future__ import annotations

import asyncio
from collections.abc import Generator
from typing import TYPE_CHECKING, Any

from agentes.errores import ErrorBitacora

if TYPE_CHECKING:
    from agentes.eventos import Apunte


class ApunteFila:
    """Recibo de una fila de `logs`.

    Pueden esperarlo varias tareas o ninguna: cancelar a quien espera no toca la fila, y un
    fallo que nadie espera no deja avisos de asyncio.
    """

    __slots__ = ("_error", "_esperas", "_firme", "fila")

    def __init__(self) -> None:
        self.fila: int | None = None
        """Id de la fila, provisional hasta que se compromete."""
        self._firme = False
        self._error = ""
        self._esperas: list[asyncio.Future[None]] = []

    @classmethod
    def firme(cls, fila: int) -> ApunteFila:
        """El recibo de una fila que ya estaba en la bitácora: sirve de causa y no hace esperar."""
        apunte = cls()
        apunte.fila = fila
        apunte._firme = True
        return apunte

    def __await__(self) -> Generator[Any, None, int]:
        """Espera el compromiso y devuelve el id de la fila. Lanza `ErrorBitacora`."""
        if not (self._firme or self._error):
            espera = asyncio.get_running_loop().create_future()
            self._esperas.append(espera)
            yield from espera
        if self._error:
            raise ErrorBitacora(self._error)
        return self.id

    def __repr__(self) -> str:
        estado = "fallido" if self._error else "firme" if self._firme else "pendiente"
        return f"<ApunteFila {self.fila or '?'} {estado}>"

    @property
    def id(self) -> int:
        """Id de la fila comprometida. Lanza `RuntimeError` si todavía no lo está."""
        if not self._firme or self.fila is None:
            raise RuntimeError("el apunte no está comprometido: espéralo antes de leer su id")
        return self.fila

    def confirmar(self) -> None:
        """La fila está en el disco: despierta a quien espera."""
        self._firme = True
        self._despertar()

    def fallar(self, error: str) -> None:
        """La fila no se guardó: quien espera recibe `ErrorBitacora` con este texto."""
        self.fila = None
        self._error = error
        self._despertar()

    def _despertar(self) -> None:
        for espera in self._esperas:
            if not espera.done():
                espera.set_result(None)
        self._esperas.clear()


def fila_de(apunte: Apunte | None) -> int | None:
    """Id de la fila de un apunte, aunque esté todavía en el mismo lote; `None` si no la tiene."""
    if isinstance(apunte, ApunteFila):
        return apunte.fila
    return None if apunte is None else apunte.id
