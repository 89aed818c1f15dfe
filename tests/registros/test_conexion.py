"""La conexión del escritor: un compromiso llega al disco y las filas huérfanas no entran."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.registros.sesion_de_ejemplo import bitacora


@pytest.mark.parametrize(("pragma", "valor"), [("synchronous", 2), ("foreign_keys", 1)])
async def test_la_conexion_que_escribe_es_la_segura(
    tmp_path: Path, pragma: str, valor: int
) -> None:
    async with bitacora(tmp_path / "data" / "swarm.db") as gestor:
        filas = await gestor._db.execute_fetchall(f"PRAGMA {pragma}")
        assert [tuple(fila) for fila in filas] == [(valor,)]
