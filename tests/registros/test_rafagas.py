"""Lo anotado en una misma vuelta del bucle entra entero en un compromiso, o no entra."""

from __future__ import annotations

import asyncio
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from agentes.errores import ErrorBitacora
from agentes.eventos import HechoAnotado
from servicios.gestor_logs import GestorLogs
from tests.registros.sesion_de_ejemplo import pedida, problema


class Finales:
    """Dónde acabó cada compromiso: la última fila que había al anunciar cada hecho."""

    def __init__(self, ruta: Path) -> None:
        self._ruta = ruta
        self.filas: list[int] = []

    def publicar(self, _: HechoAnotado) -> None:
        with closing(sqlite3.connect(self._ruta)) as db:
            ((ultima,),) = db.execute("SELECT ultima_fila FROM sessions").fetchall()
        if ultima not in self.filas:
            self.filas.append(ultima)


@pytest.fixture
def ruta(tmp_path: Path) -> Path:
    return tmp_path / "swarm.db"


async def test_un_lote_no_parte_lo_anotado_de_una_vez(ruta: Path) -> None:
    finales = Finales(ruta)
    async with GestorLogs.abrir(ruta, sesion="s", publicar=finales.publicar) as gestor:

        def rafaga(cuantos: int) -> None:
            for _ in range(cuantos):
                gestor.anotar(problema("a-1"))

        with closing(sqlite3.connect(ruta, isolation_level=None)) as otro:
            otro.execute("BEGIN IMMEDIATE")
            for _ in range(150):
                rafaga(7)
                await asyncio.sleep(0)
            rafaga(600)
            otro.execute("ROLLBACK")
    assert finales.filas[-1] == 150 * 7 + 600
    cortes = [f for f in finales.filas if f <= 150 * 7]
    assert len(cortes) >= 2
    assert [f % 7 for f in cortes] == [0] * len(cortes)
    assert len(finales.filas) == len(cortes) + 1


async def test_un_hecho_rechazado_no_parte_a_los_demas(ruta: Path) -> None:
    finales = Finales(ruta)
    async with GestorLogs.abrir(ruta, sesion="s", publicar=finales.publicar) as gestor:
        await gestor.anotar(pedida("a-1", "op", "x"))
        gestor.anotar(problema("a-1"))
        mala = gestor.anotar(pedida("a-1", "op", "x"))
        await gestor.anotar(problema("a-1"))
        with pytest.raises(ErrorBitacora, match="rechazó"):
            await mala
    assert finales.filas == [1, 3, 4]
