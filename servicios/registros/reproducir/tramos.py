"""Los tramos de una sesión grabada: lo que escribió cada proceso que la tuvo abierta."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from itertools import pairwise

from agentes.eventos import SISTEMA
from servicios.registros.reproducir.canonico import FilaGrabada

_SIN_BORDE = 2**63


def tramos_de(filas: Mapping[str, Sequence[FilaGrabada]]) -> list[dict[str, list[FilaGrabada]]]:
    """Las filas de cada proceso que escribió la sesión, por agente.

    Cada uno abrió la suya; en una bifurcación los anteriores están copiados en una sola época.
    """
    aperturas = sorted(f.id for f in filas.get(SISTEMA, ()) if f.tipo == "session_resume")
    bordes = [0, *aperturas, _SIN_BORDE]
    tramos = (
        {a: [f for f in suyas if desde <= f.id < hasta] for a, suyas in filas.items()}
        for desde, hasta in pairwise(bordes)
    )
    return [tramo for tramo in tramos if any(tramo.values())]


def cierra(filas: Iterable[FilaGrabada]) -> bool:
    """Si el proceso de ese tramo llegó a cerrar la sesión."""
    return any(f.tipo == "system_exit" for f in filas)
