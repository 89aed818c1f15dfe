"""Dos bases ya hechas: la sesión de ejemplo y una con textos hostiles."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.registros.auditoria.sesion_hostil import grabar_hostil
from tests.registros.sesion_de_ejemplo import bitacora, grabar_sesion


@pytest.fixture
async def ruta(tmp_path: Path) -> Path:
    """La sesión de ejemplo, ya cerrada."""
    destino = tmp_path / "swarm.db"
    async with bitacora(destino) as gestor:
        await grabar_sesion(gestor)
    return destino


@pytest.fixture
async def hostil(tmp_path: Path) -> Path:
    """Una sesión cuyos textos intentan engañar a quien los mira."""
    destino = tmp_path / "hostil.db"
    await grabar_hostil(destino)
    return destino
