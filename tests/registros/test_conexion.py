"""La conexión del escritor: un compromiso llega al disco y las filas huérfanas no entran."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from tests.registros.sesion_de_ejemplo import bitacora


@pytest.mark.parametrize(("pragma", "valor"), [("synchronous", 2), ("foreign_keys", 1)])
async def test_la_conexion_que_escribe_es_la_segura(
    tmp_path: Path, pragma: str, valor: int
) -> None:
    async with bitacora(tmp_path / "data" / "swarm.db") as gestor:
        filas = await asyncio.get_running_loop().run_in_executor(
            gestor._hilo, lambda: gestor._escritura._db.execute(f"PRAGMA {pragma}").fetchall()
        )
        assert filas == [(valor,)]
