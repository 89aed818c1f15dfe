"""Qué filas de la tabla se intentan en cada aislamiento y cuándo un ataque no llegó."""

from __future__ import annotations

import pytest

from tests.consola.tabla.filas import FILAS, Fila
from tests.consola.tabla.terreno import Intento, Tanda


def intentos_en(aislamiento: str) -> list[Intento]:
    """Los ataques de ese aislamiento."""
    return [fila.intento for fila in FILAS if aislamiento not in fila.menos]


def filas_en(aislamiento: str) -> list[object]:
    """Sus filas, para parametrizar."""
    return [pytest.param(f, id=f.agente) for f in FILAS if aislamiento not in f.menos]


def comprobar(tanda: Tanda, fila: Fila) -> None:
    """El ataque no llegó ni dejó a nadie vivo."""
    assert fila.parado(tanda, fila.agente), tanda.dejados[fila.agente]
    assert tanda.restos[fila.agente] == []
