"""Lo que el núcleo no acota por nosotros: la memoria y los procesos del árbol, y el disco."""

from __future__ import annotations

import os
import time

from servicios.consola.cgrupo import Cgrupo
from servicios.consola.pedido import MotivoFin, Pedido
from servicios.consola.procesos import descendientes, memoria, tamano

_CADA_S = 0.1
_DISCO_CADA_S = 0.5
_PRIMERA_S = 0.02
_LIMITE_RECORRIDO_S = 2.0


class Vigilancia:
    """Mira el árbol diez veces por segundo y el disco dos, o menos si recorrerlo cuesta."""

    def __init__(self, pedido: Pedido, cgrupo: Cgrupo | None) -> None:
        self._limites = pedido.limites
        self._medidas = pedido.medidas
        self._cgrupo = cgrupo
        self._arbol = time.monotonic() + _PRIMERA_S
        self._disco = time.monotonic() + _CADA_S
        self._ocupado: int | None = None

    def falta(self, ahora: float) -> float:
        """Segundos hasta la próxima mirada."""
        return max(0.0, min(self._arbol, self._disco) - ahora)

    def mirar(self, ahora: float) -> MotivoFin | None:
        """Mira lo que toque y dice qué límite se ha pasado, si alguno."""
        motivo = None
        if ahora >= self._arbol:
            self._arbol = ahora + _CADA_S
            motivo = self._mirar_arbol()
        if motivo is None and ahora >= self._disco:
            motivo = self._mirar_disco(ahora)
        return motivo

    def _mirar_arbol(self) -> MotivoFin | None:
        if self._cgrupo is not None and self._cgrupo.excedio_memoria():
            return MotivoFin.LIMITE_MEMORIA
        if self._cgrupo is not None and self._cgrupo.excedio_procesos():
            return MotivoFin.LIMITE_PROCESOS
        pids = descendientes(os.getpid())
        if len(pids) > self._limites.procesos:
            return MotivoFin.LIMITE_PROCESOS
        if memoria(pids, self._limites.memoria) > self._limites.memoria:
            return MotivoFin.LIMITE_MEMORIA
        return None

    def _mirar_disco(self, ahora: float) -> MotivoFin | None:
        """Solo se mata a quien hace crecer lo que ya no cabe: borrar siempre se puede."""
        antes, self._ocupado = self._ocupado, tamano(self._medidas, _LIMITE_RECORRIDO_S)
        tardo = time.monotonic() - ahora
        self._disco = time.monotonic() + max(_DISCO_CADA_S, 10 * tardo)
        if self._ocupado is None or self._ocupado <= self._limites.espacio:
            return None
        return MotivoFin.LIMITE_ESPACIO if antes is None or self._ocupado > antes else None
