"""Las listas largas de nombres se escriben en una cadena, que se lee mejor."""

from __future__ import annotations


def conjunto(nombres: str) -> frozenset[str]:
    """Los nombres separados por blancos."""
    return frozenset(nombres.split())
