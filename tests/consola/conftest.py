from __future__ import annotations

import sys
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import pytest

from servicios.ejecutor_consola import EjecutorConsola, OpcionesConsola, abrir_consola
from tests.consola.apoyo import AISLAMIENTOS, CrearConsola

if sys.platform != "linux":
    pytest.skip("la consola es solo de Linux", allow_module_level=True)


@pytest.fixture(params=AISLAMIENTOS)
def aislamiento(request: pytest.FixtureRequest) -> str:
    """El nombre de cada aislamiento; los tres han de funcionar en cualquier Linux de pruebas."""
    return str(request.param)


@pytest.fixture
async def crear(aislamiento: str, tmp_path: Path) -> AsyncIterator[CrearConsola]:
    """Abre consolas sobre la misma carpeta de datos y las cierra al acabar."""
    async with AsyncExitStack() as pila:

        async def nueva(**opciones: Any) -> EjecutorConsola:
            opciones = {"aislamiento": aislamiento, **opciones}
            return await pila.enter_async_context(
                abrir_consola(tmp_path, OpcionesConsola(**opciones))
            )

        yield nueva


@pytest.fixture
async def consola(crear: CrearConsola) -> EjecutorConsola:
    """Una consola con los límites de fábrica."""
    return await crear()
