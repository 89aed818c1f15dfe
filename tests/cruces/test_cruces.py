"""Unas pocas sesiones cruzadas: lo que `make prueba-larga` hace con doscientas."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from tests.cruces.mezcla import mezclar
from tests.cruces.sesion import sesion

if sys.platform != "linux":
    pytest.skip("la consola es solo de Linux", allow_module_level=True)


@pytest.mark.lento
@pytest.mark.parametrize("semilla", [17, 14], ids=["con averías", "con muertes"])
async def test_se_cruce_lo_que_se_cruce_se_cumple_todo(semilla: int, tmp_path: Path) -> None:
    await sesion(mezclar(semilla), tmp_path)
