"""Lo que avisa aunque no se esté mirando: el título de la ventana y la campana del terminal."""

from __future__ import annotations

from typing import TYPE_CHECKING

from agentes.eventos import Espera, EstadoAgente

if TYPE_CHECKING:
    from prompt_toolkit.output import Output

    from servicios.sistema import Sistema

_GUARDAR_TITULO = "\x1b[22;2t"
_VOLVER_AL_TITULO = "\x1b[23;2t"


def cuantos_esperan(sistema: Sistema) -> int:
    """Las peticiones por aprobar y los agentes en pausa: lo que no sigue si no se contesta.

    Los que alguien mandó pausar no: no piden nada.
    """
    estados = sistema.gestor.get_all_agents_status()
    en_pausa = sum(
        e["status"] == EstadoAgente.PAUSED and not Espera(e["espera"]).es_mandada for e in estados
    )
    return len(sistema.aprobaciones.pendientes()) + en_pausa


class Timbre:
    """Suena cuando espera alguien más y lo dice en el título; al acabar, el título es el de antes.

    No cambia de ventana ni mueve el cursor. `apagado`, no hace nada.
    """

    def __init__(self, salida: Output) -> None:
        self.apagado = False
        self._salida = salida
        self._esperan = 0

    def poner(self, esperan: int) -> None:
        """Los que esperan ahora."""
        if self.apagado or esperan == self._esperan:
            return
        antes, self._esperan = self._esperan, esperan
        if not antes:
            self._salida.write_raw(_GUARDAR_TITULO)
        if esperan > antes:
            self._salida.bell()
        if esperan:
            self._salida.set_title(
                f"{esperan} {'espera' if esperan == 1 else 'esperan'} · Enjambre"
            )
        else:
            # Donde no se guardan los títulos, al menos no queda uno que ya no es verdad.
            self._salida.clear_title()
            self._salida.write_raw(_VOLVER_AL_TITULO)
        self._salida.flush()

    def callar(self) -> None:
        """Deja el título como estaba."""
        self.poner(0)
