"""El doble de cada prueba: las que piden `proveedor` se repiten con los dos."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from tests.apoyo import PROVEEDORES, doble_de
from tests.dobles.base import Doble
from tests.dobles.guion import Guion


@pytest.fixture(params=PROVEEDORES)
def proveedor(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
async def doble(proveedor: str) -> AsyncIterator[Doble]:
    async with doble_de(proveedor, Guion()) as abierto:
        yield abierto
