"""Qué bitácoras se abren, y que leerlas no las cambia."""

from __future__ import annotations

import hashlib
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from agentes.errores import ErrorBitacora, ErrorConfiguracion
from servicios.registros.auditoria.base import abrir_base
from servicios.registros.auditoria.filtros import Filtro
from servicios.registros.auditoria.preguntas import linea
from tests.registros.sesion_de_ejemplo import SESION, apertura, bitacora


def test_una_que_no_existe_se_dice(tmp_path: Path) -> None:
    ruta = tmp_path / "nada.db"
    with pytest.raises(ErrorConfiguracion, match="no hay bitácora"), abrir_base(ruta):
        pass
    assert not ruta.exists()


@pytest.mark.parametrize(
    ("sql", "dice"),
    [
        ("PRAGMA application_id = 7", "no es una bitácora de Enjambre"),
        ("PRAGMA user_version = 99", "versión más nueva"),
        ("PRAGMA user_version = 0", "versión anterior"),
    ],
)
def test_ni_ajena_ni_de_otra_version(ruta: Path, sql: str, dice: str) -> None:
    with closing(sqlite3.connect(ruta)) as db:
        db.execute(sql)
    with pytest.raises(ErrorBitacora, match=dice), abrir_base(ruta):
        pass


def test_una_que_no_es_de_sqlite(tmp_path: Path) -> None:
    ruta = tmp_path / "swarm.db"
    ruta.write_bytes(b"hola " * 1000)
    with pytest.raises(ErrorBitacora, match="no es una base de datos SQLite"), abrir_base(ruta):
        pass


def test_una_danada_es_una_linea(ruta: Path) -> None:
    crudo = bytearray(ruta.read_bytes())
    crudo[4096:] = b"\xa5" * (len(crudo) - 4096)
    ruta.write_bytes(crudo)
    with pytest.raises(ErrorBitacora) as fallo, abrir_base(ruta) as base:
        linea(base, base.elegir_sesion(None), Filtro())
    assert str(ruta) in str(fallo.value)
    assert "\n" not in str(fallo.value)


def test_leer_no_cambia_el_archivo(ruta: Path) -> None:
    antes = hashlib.sha256(ruta.read_bytes()).digest()
    with abrir_base(ruta) as base:
        assert linea(base, SESION, Filtro()).filas
        with pytest.raises(ErrorBitacora):
            base.leer("DELETE FROM logs")
        with pytest.raises(ErrorBitacora):
            base.leer("CREATE TABLE x (a)")
    assert hashlib.sha256(ruta.read_bytes()).digest() == antes


async def test_se_lee_mientras_otro_escribe(tmp_path: Path) -> None:
    ruta = tmp_path / "swarm.db"
    async with bitacora(ruta) as gestor:
        await gestor.anotar(apertura())
        with abrir_base(ruta) as base:
            assert len(linea(base, SESION, Filtro()).filas) == 1
            await gestor.anotar(apertura())
            assert len(linea(base, SESION, Filtro()).filas) == 2


async def test_la_sesion_se_elige_por_id_por_su_principio_o_es_la_ultima(tmp_path: Path) -> None:
    ruta = tmp_path / "swarm.db"
    for sesion in ("20260101-a", "20260102-b", "20260102-c"):
        async with bitacora(ruta, sesion=sesion) as gestor:
            await gestor.anotar(apertura())
    with abrir_base(ruta) as base:
        assert base.elegir_sesion(None) == "20260102-c"
        assert base.elegir_sesion("20260101-a") == "20260101-a"
        assert base.elegir_sesion("20260101") == "20260101-a"
        with pytest.raises(ErrorConfiguracion, match="cualquiera de estas: 20260102-c, 20260102-b"):
            base.elegir_sesion("20260102")
        for inventada in ("nada", "%", "2026010_"):
            with pytest.raises(ErrorConfiguracion, match="no existe la sesión"):
                base.elegir_sesion(inventada)


async def test_sin_sesiones_se_dice(tmp_path: Path) -> None:
    async with bitacora(tmp_path / "swarm.db"):
        pass
    with (
        abrir_base(tmp_path / "swarm.db") as base,
        pytest.raises(ErrorConfiguracion, match="no hay ninguna sesión"),
    ):
        base.elegir_sesion(None)
