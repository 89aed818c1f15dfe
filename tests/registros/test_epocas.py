"""Una sesión tiene una cadena y un dueño: épocas, hash de cada fila y reanudación."""

from __future__ import annotations

import asyncio
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from agentes.errores import ErrorBitacora
from agentes.eventos import SISTEMA, SesionCerrada
from agentes.eventos_sesion import SesionBifurcada, SesionNombrada, SesionReanudada
from servicios.registros.cadena import COLUMNAS, eslabon, semilla
from tests.registros.sesion_de_ejemplo import (
    SESION,
    apertura,
    bitacora,
    grabar_sesion,
    pedida,
    preguntar,
    problema,
)


@pytest.fixture
def ruta(tmp_path: Path) -> Path:
    return tmp_path / "swarm.db"


def cadena_rota(ruta: Path, sesion: str) -> list[int]:
    """Las filas cuyo hash no es el que sale de recalcular la cadena de su sesión."""
    anterior, rotas = semilla(sesion), []
    columnas = ", ".join((*COLUMNAS, "hash"))
    for *fila, dicho in preguntar(
        f"SELECT {columnas} FROM logs WHERE session = ? ORDER BY id", ruta, (sesion,)
    ):
        anterior = eslabon(anterior, fila)
        rotas += [fila[0]] if anterior != dicho else []
    (final,) = preguntar("SELECT ultimo_hash FROM sessions WHERE id = ?", ruta, (sesion,))
    return rotas if final == (anterior,) else [*rotas, -1]


def reanudada(epoca: int) -> SesionReanudada:
    return SesionReanudada(
        agente_id=SISTEMA,
        version="0.2",
        modelo="otro",
        aislamiento="docker",
        cara="web",
        epoca=epoca,
    )


def test_la_forma_del_hash_no_cambia() -> None:
    # Con otra forma, las bases ya escritas dejarían de verificarse.
    fila = (1, "2026-01-01T00:00:00.000Z", "año-1", "tipo", "INFO", "", "{}", "s", None, 1, 1)
    assert eslabon(semilla("s"), (*fila, None, None)) == (
        "5b75c3b5cf6ec61fae77613deae375d1d38b7597637f05f7e51573a88d3fab98"
    )


@pytest.mark.parametrize("uno_a_uno", [False, True])
async def test_cada_fila_responde_de_las_anteriores(ruta: Path, uno_a_uno: bool) -> None:
    for sesion in ("s-1", "s-2"):
        async with bitacora(ruta, sesion) as gestor:
            await grabar_sesion(gestor, uno_a_uno=uno_a_uno)
    assert [cadena_rota(ruta, s) for s in ("s-1", "s-2")] == [[], []]
    filas = preguntar("SELECT filas, ultima_fila FROM sessions ORDER BY id", ruta)
    cuentas = preguntar("SELECT count(*), max(id) FROM logs GROUP BY session", ruta)
    assert filas == cuentas


async def test_reabrir_sigue_la_cuenta_y_la_cadena_en_otra_epoca(ruta: Path) -> None:
    epocas = []
    for _ in range(3):
        async with bitacora(ruta) as gestor:
            epocas.append(gestor.epoca)
            await gestor.anotar(problema("a-1"))
    assert epocas == [1, 2, 3]
    assert preguntar("SELECT epoca, seq FROM logs", ruta) == [(1, 1), (2, 2), (3, 3)]
    assert preguntar("SELECT epoca FROM sessions", ruta) == [(3,)]
    assert cadena_rota(ruta, SESION) == []


async def test_abrir_sin_anotar_no_gasta_epoca(ruta: Path) -> None:
    for _ in range(2):
        async with bitacora(ruta) as gestor:
            assert gestor.epoca == 1
    assert preguntar("SELECT count(*) FROM sessions", ruta) == [(0,)]


async def test_el_dueno_viejo_no_puede_escribir_mas(ruta: Path) -> None:
    async with bitacora(ruta) as vieja:
        await vieja.anotar(problema("a-1"))
        async with bitacora(ruta) as nueva, bitacora(ruta) as tarde:
            await nueva.anotar(problema("a-1"))
            fallos = await asyncio.gather(
                *(caduca.anotar(problema("a-1")) for caduca in (vieja, tarde)),
                return_exceptions=True,
            )
            assert [type(fallo) for fallo in fallos] == [ErrorBitacora] * 2
            assert "ya sigue en otro proceso" in str(await vieja.fallo)
            await nueva.anotar(problema("a-1"))
    assert preguntar("SELECT epoca FROM logs", ruta) == [(1,), (2,), (2,)]
    assert cadena_rota(ruta, SESION) == []


async def test_la_base_rechaza_una_fila_de_una_epoca_vieja(ruta: Path) -> None:
    for _ in range(2):
        async with bitacora(ruta) as gestor:
            await gestor.anotar(problema("a-1"))
    copia = "INSERT INTO logs SELECT 9, timestamp, agente_id, tipo, log_level, mensaje, details,"
    copia += " session, causa, ?, 9, op, intento, hash FROM logs WHERE id = 1"
    with closing(sqlite3.connect(ruta)) as db:
        with pytest.raises(sqlite3.IntegrityError, match="fila rechazada"):
            db.execute(copia, (1,))
        db.execute(copia, (2,))


async def test_lo_rechazado_no_rompe_la_cadena_ni_la_cuenta(ruta: Path) -> None:
    async with bitacora(ruta) as gestor:
        await gestor.anotar(pedida("a-1", "op", "x"))
        mala = gestor.anotar(pedida("a-1", "op", "x"))
        buena = gestor.anotar(problema("a-1"))
        await buena
        with pytest.raises(ErrorBitacora, match="rechazó"):
            await mala
        await gestor.anotar(problema("a-1"))
    assert cadena_rota(ruta, SESION) == []
    suyas = preguntar("SELECT seq FROM logs WHERE agente_id = 'a-1' ORDER BY id", ruta)
    assert suyas == [(1,), (2,), (3,)]


async def test_reanudar_reabre_la_sesion_y_es_causa_de_lo_que_sigue(ruta: Path) -> None:
    async with bitacora(ruta) as gestor:
        abre = await gestor.anotar(apertura())
        await gestor.anotar(SesionCerrada(agente_id=SISTEMA, motivo="salir", codigo=7))
    async with bitacora(ruta) as gestor:
        sigue = await gestor.anotar(reanudada(gestor.epoca))
        suelta = await gestor.anotar(problema("a-1"))
    sesion = "SELECT end_time, codigo, motivo, modelo, aislamiento, cara, epoca FROM sessions"
    assert preguntar(sesion, ruta) == [(None, None, None, "otro", "docker", "web", 2)]
    causas: dict[Any, Any] = dict(preguntar("SELECT id, causa FROM logs", ruta))
    assert (causas[sigue], causas[suelta]) == (abre, sigue)


async def test_el_nombre_y_el_origen_quedan_en_la_sesion(ruta: Path) -> None:
    async with bitacora(ruta, "vieja") as gestor:
        fila = await gestor.anotar(apertura())
    async with bitacora(ruta, "nueva") as gestor:
        gestor.anotar(SesionBifurcada(agente_id=SISTEMA, origen="vieja", fila=fila))
        await gestor.anotar(SesionNombrada(agente_id=SISTEMA, nombre="la buena"))
    assert preguntar("SELECT name, origen, origen_fila FROM sessions WHERE id = 'nueva'", ruta) == [
        ("la buena", "vieja", fila)
    ]
