"""60 muertes del programa de verdad, con sus órdenes de verdad, y no se pierde ni se repite nada."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from tests.tortura.__main__ import torturar

if sys.platform != "linux":
    pytest.skip("la consola es solo de Linux", allow_module_level=True)

MUERTES = 60
SEMILLA = 20_261_126


@pytest.mark.lento
async def test_nada_se_pierde_ni_se_repite_por_mas_que_muera(tmp_path: Path) -> None:
    balance = await torturar(tmp_path, MUERTES, SEMILLA)
    assert balance.muertes["solo"] >= MUERTES // 4
    assert balance.muertes["todo"] >= MUERTES // 4
    assert balance.cuenta.cierres["recuperado"] > 0
    assert balance.cuenta.infieles == []
