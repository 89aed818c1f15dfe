"""La puerta: nada se ejecuta antes de que su intención esté en el disco."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Mapping
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from agentes.errores import ErrorBitacora, ErrorConfiguracion, ErrorConsola
from agentes.eventos import Apunte, FalloInterno
from agentes.respuestas import LlamadaHerramienta, ResultadoHerramienta
from servicios.gestor_logs import GestorLogs
from servicios.herramientas.puerta import Puerta
from servicios.herramientas.registro import Herramienta, RegistroHerramientas

ESQUEMA = {"name": "mira", "description": "mira", "parameters": {"type": "object"}}
BIEN = ResultadoHerramienta(True, "bien")


def ignorar(_: object) -> None:
    return


def intenciones(ruta: Path) -> list[tuple[Any, ...]]:
    with closing(sqlite3.connect(ruta)) as db:
        return db.execute("SELECT tipo, op FROM logs WHERE op IS NOT NULL ORDER BY id").fetchall()


async def test_al_ejecutar_la_intencion_ya_esta_guardada(tmp_path: Path) -> None:
    ruta = tmp_path / "swarm.db"
    vistas: list[Any] = []

    async def hacer(_: Apunte) -> ResultadoHerramienta:
        vistas.extend(intenciones(ruta))
        return BIEN

    async with GestorLogs.abrir(ruta, sesion="s", publicar=ignorar) as bitacora:
        causa = bitacora.anotar(FalloInterno(agente_id="a-1", error="x"))
        puerta = Puerta("s", "a-1", bitacora.anotar)
        _, cierre = await puerta.cruzar(LlamadaHerramienta("c", "mira", {}), 1, causa, hacer)
        await cierre
    assert vistas == [("tool_call_request", "s:a-1:1:c")]
    assert intenciones(ruta)[1] == ("tool_execution", "s:a-1:1:c")


async def test_si_la_intencion_no_se_guarda_no_se_ejecuta(tmp_path: Path) -> None:
    ruta = tmp_path / "swarm.db"
    ejecutadas: list[int] = []

    async def hacer(_: Apunte) -> ResultadoHerramienta:
        ejecutadas.append(1)
        return BIEN

    async with GestorLogs.abrir(ruta, sesion="s", publicar=ignorar) as bitacora:
        causa = bitacora.anotar(FalloInterno(agente_id="a-1", error="x"))
        await causa
        ruta.unlink()
        puerta = Puerta("s", "a-1", bitacora.anotar)
        with pytest.raises(ErrorBitacora):
            await puerta.cruzar(LlamadaHerramienta("c", "mira", {}), 1, causa, hacer)
    assert ejecutadas == []


async def test_cancelar_deja_un_cierre_que_dice_la_verdad(tmp_path: Path) -> None:
    ruta = tmp_path / "swarm.db"
    empezo = asyncio.Event()

    async def hacer(_: Apunte) -> ResultadoHerramienta:
        empezo.set()
        await asyncio.Event().wait()
        return BIEN

    async with GestorLogs.abrir(ruta, sesion="s", publicar=ignorar) as bitacora:
        causa = bitacora.anotar(FalloInterno(agente_id="a-1", error="x"))
        puerta = Puerta("s", "a-1", bitacora.anotar)
        llamada = LlamadaHerramienta("c", "mira", {"command": "sleep 9"})
        tarea = asyncio.create_task(puerta.cruzar(llamada, 1, causa, hacer))
        await empezo.wait()
        tarea.cancel()
        with pytest.raises(asyncio.CancelledError):
            await tarea
    with closing(sqlite3.connect(ruta)) as db:
        assert db.execute("SELECT command, cierre, ok FROM commands").fetchall() == [
            ("sleep 9", "interrumpido", 0)
        ]


@pytest.mark.parametrize(
    ("fallo", "dice"),
    [(ErrorConsola("sin bash"), "Error: sin bash"), (ValueError("ay"), "ValueError: ay")],
)
async def test_una_herramienta_rota_es_un_valor(fallo: Exception, dice: str) -> None:
    async def romper(args: Mapping[str, Any], agente_id: str) -> ResultadoHerramienta:
        raise fallo

    registro = RegistroHerramientas()
    registro.registrar(Herramienta(ESQUEMA, romper))
    resultado = await registro.ejecutar("mira", {}, "a-1")
    assert not resultado.ok
    assert dice in resultado.para_modelo
    with pytest.raises(ErrorConfiguracion, match="mira"):
        registro.registrar(Herramienta(ESQUEMA, romper))
    assert not (await registro.ejecutar("otra", {}, "a-1")).ok
