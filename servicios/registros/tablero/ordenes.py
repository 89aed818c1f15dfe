"""Las órdenes en marcha, miradas en el disco: si viven, cuándo escribieron y qué.

Lo escrito por una orden aún no pasó por la redacción de secretos: pasa aquí, antes de que lo vea
nadie.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from servicios.consola.operaciones.carpeta import ERROR, SALIDA
from servicios.consola.operaciones.disco import Rastro, carpeta_de_operaciones
from servicios.consola.operaciones.identidad import Identidad
from servicios.registros.tablero.leido import OrdenMirada

_DELATA = 4
"""Letras del principio de un secreto que ya dicen algo: con menos acaba cualquier palabra."""


@dataclass(frozen=True, slots=True)
class Tapadera:
    """Cómo se tapan los secretos: `redactar` un texto y cuánto `retener` del final de uno a medias."""

    redactar: Callable[[str], str]
    retener: Callable[[str], int]

    def tapar(self, texto: str) -> str:
        """Lo que se puede enseñar de un texto que aún crece."""
        dicho = texto.rstrip()
        cola = self.retener(dicho)
        return self.redactar(dicho[: len(dicho) - cola] if cola >= _DELATA else dicho)


def mirar_ordenes(datos: Path, filas: Iterable[int], tapadera: Tapadera) -> dict[int, OrdenMirada]:
    """Las de esas filas que tienen carpeta. Bloquea poco: son archivos pequeños."""
    ops = carpeta_de_operaciones(datos)
    return {
        fila: _mirar(Rastro(ops / str(fila)), tapadera)
        for fila in filas
        if Rastro(ops / str(fila)).existe()
    }


def _mirar(rastro: Rastro, tapadera: Tapadera) -> OrdenMirada:
    supervisor = rastro.supervisor()
    muerta = supervisor is not None and Identidad.de(supervisor.pid) != supervisor
    # Lo último pudo ir por cualquiera de las dos salidas.
    horas = [_hora(rastro.carpeta / nombre) for nombre in (SALIDA, ERROR)]
    escritos = sorted(zip(horas, (c.texto()[0] for c in rastro.escrito()), strict=True))
    tapados = [tapadera.tapar(texto) for _, texto in reversed(escritos)]
    reciente = max(horas)
    return OrdenMirada(
        viva=not (muerta or rastro.informe() or rastro.reclamada()),
        escrito=datetime.fromtimestamp(reciente, UTC) if reciente else None,
        salida=next((texto for texto in tapados if texto.strip()), ""),
    )


def _hora(archivo: Path) -> float:
    with suppress(OSError):
        return os.stat(archivo).st_mtime  # noqa: PTH116
    return 0.0
