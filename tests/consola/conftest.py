from __future__ import annotations

import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from servicios.consola import aislamiento as aislamientos
from servicios.consola.aislamiento import Aislamiento
from servicios.ejecutor_consola import EjecutorConsola
from tests.consola.apoyo import DUENIO, VARIANTES, CrearConsola

if sys.platform != "linux":
    pytest.skip("la consola es solo de Linux", allow_module_level=True)


@pytest.fixture(params=list(VARIANTES))
async def aislamiento(request: pytest.FixtureRequest) -> Aislamiento:
    """Cada aislamiento que funcione en esta máquina."""
    elegido = VARIANTES[request.param](DUENIO)
    if causa := await aislamientos._probar(elegido):
        pytest.skip(f"{request.param} no funciona aquí: {causa}")
    return elegido


@pytest.fixture
async def crear(aislamiento: Aislamiento, tmp_path: Path) -> AsyncIterator[CrearConsola]:
    """Crea consolas sobre la misma carpeta de espacios y las cierra al acabar."""
    creadas: list[EjecutorConsola] = []

    def nueva(**limites: Any) -> EjecutorConsola:
        consola = EjecutorConsola(tmp_path / "espacios", aislamiento=aislamiento, **limites)
        creadas.append(consola)
        return consola

    yield nueva
    for consola in creadas:
        await consola.cerrar()


@pytest.fixture
def consola(crear: CrearConsola) -> EjecutorConsola:
    """Una consola con los límites de fábrica."""
    return crear()
