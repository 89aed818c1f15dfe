"""Lo que el núcleo no acota por nosotros: la memoria y los procesos del árbol, y el disco."""

from __future__ import annotations

import os
import time

from servicios.consola.pedido import MotivoFin, Pedido
from servicios.consola.supervision.cgrupo import Cgrupo
from servicios.consola.supervision.procesos import descendientes, memoria, sin_nombre, tamano

_CADA_S = 0.1
_DISCO_CADA_S = 0.5
_PRIMERA_S = 0.02
_LIMITE_RECORRIDO_S = 2.0
_LIMITE_PRIMERO_S = 0.05
_LIMITE_SUELTOS_S = 1.0
_CIEGAS = 2
"""Con tantas miradas seguidas al disco sin poder medirlo, se mata."""


class Vigilancia:
    """Mira el árbol diez veces por segundo y el disco dos, o menos si recorrerlo cuesta."""

    def __init__(self, pedido: Pedido, cgrupo: Cgrupo | None) -> None:
        self._limites = pedido.limites
        self._medidas = pedido.medidas
        self._cgrupo = cgrupo
        ahora = time.monotonic()
        self._arbol = ahora + _PRIMERA_S
        self._sueltos = ahora + _CADA_S
        self._disco = ahora + _PRIMERA_S
        self._en_disco: int | None = 0
        self._en_memoria = 0
        self._ocupado: int | None = None
        self._ciegas = -1  # la primera mirada es corta y no cuenta

    def falta(self, ahora: float) -> float:
        """Segundos hasta la próxima mirada."""
        return max(0.0, min(self._arbol, self._sueltos, self._disco) - ahora)

    def mirar(self, ahora: float) -> MotivoFin | None:
        """Mira lo que toque y dice qué límite se ha pasado, si alguno."""
        motivo = None
        if ahora >= self._sueltos:
            self._mirar_sueltos(ahora)
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
        tope = self._limites.memoria
        if memoria(pids, tope, self._en_memoria) > tope:
            return MotivoFin.LIMITE_MEMORIA
        return None

    def _mirar_sueltos(self, ahora: float) -> None:
        """Los archivos que solo existen porque alguien de la orden los tiene abiertos."""
        sueltos = sin_nombre(descendientes(os.getpid()), _LIMITE_SUELTOS_S)
        self._en_disco = None
        if sueltos is not None:
            self._en_disco, self._en_memoria = sueltos
        tardo = time.monotonic() - ahora
        self._sueltos = time.monotonic() + max(_DISCO_CADA_S, 2 * tardo)

    def _mirar_disco(self, ahora: float) -> MotivoFin | None:
        """Solo se mata a quien hace crecer lo que ya no cabe: borrar siempre se puede.

        También a quien impide medirlo: no se sabría si crece.
        """
        limite = _LIMITE_PRIMERO_S if self._ciegas < 0 else _LIMITE_RECORRIDO_S
        ocupado = tamano(self._medidas, limite)
        tardo = time.monotonic() - ahora
        self._disco = time.monotonic() + max(_DISCO_CADA_S, 10 * tardo)
        if ocupado is None or self._en_disco is None:
            self._ciegas += 1
            return MotivoFin.LIMITE_ESPACIO if self._ciegas >= _CIEGAS else None
        self._ciegas = 0
        ocupado += self._en_disco
        antes, self._ocupado = self._ocupado, ocupado
        crece = antes is not None and ocupado > antes
        return MotivoFin.LIMITE_ESPACIO if crece and ocupado > self._limites.espacio else None
