"""El tiempo que le queda a una orden, que no corre mientras está congelada."""

from __future__ import annotations

from servicios.consola.pedido import MotivoFin

TOPE_CONGELADA_S = 7 * 86_400.0
"""Lo que una orden puede estar congelada de una vez, en segundos: nada espera para siempre.

Es una semana porque un agente sigue en pausa aunque se cierre el enjambre, y quien lo paró puede
tardar días en volver.
"""


class Plazo:
    """Los `segundos` de vida de una orden; todos los instantes son de un mismo reloj monótono."""

    def __init__(self, segundos: float, ahora: float) -> None:
        self._segundos = segundos
        self._desde = ahora
        self._congelada: float | None = None
        self._descontado = 0.0

    def parar(self, ahora: float) -> None:
        """Deja de correr, si corría."""
        if self._congelada is None:
            self._congelada = ahora

    def seguir(self, ahora: float) -> None:
        """Vuelve a correr, si estaba parado."""
        if self._congelada is not None:
            self._descontado += ahora - self._congelada
            self._congelada = None

    def gastado(self, ahora: float) -> float:
        """Segundos que lleva corriendo."""
        hasta = ahora if self._congelada is None else self._congelada
        return hasta - self._desde - self._descontado

    def queda(self, ahora: float) -> float:
        """Segundos hasta que se acabe: los suyos o, parado, los que puede estarlo."""
        if self._congelada is not None:
            return self._congelada + TOPE_CONGELADA_S - ahora
        return self._segundos - self.gastado(ahora)

    def motivo(self) -> MotivoFin:
        """Qué se dice de la orden a la que no le queda nada."""
        return MotivoFin.TIEMPO if self._congelada is None else MotivoFin.CANCELADO
