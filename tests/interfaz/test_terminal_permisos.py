"""El programa de verdad, sin aislamiento: cada orden que cambia algo se pregunta."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

import pytest

from servicios.interfaz.terminal.permisos import PARA_LEERLA_S
from tests.interfaz.apoyo_pty import en_pty

LOCAL = (sys.executable, "main.py", "--aislamiento", "local")


@pytest.mark.parametrize(("no_color", "enter"), [("1", "\n"), ("", "\r")])
async def test_se_aprueba_y_se_rechaza_en_los_dos_modos(
    tmp_path: Path, no_color: str, enter: str
) -> None:
    async with en_pty(*LOCAL, ENJAMBRE_DATOS=str(tmp_path), NO_COLOR=no_color) as t:
        await t.se_ve("SIN AISLAMIENTO")
        t.teclear(f"ejecuta: touch uno-aprobado{enter}")
        await t.se_ve("Petición 1: ejecutor-1 pide permiso")
        await t.se_ve("$ touch uno-aprobado")
        assert list(tmp_path.rglob("uno-aprobado")) == []
        t.teclear(f"/agentes{enter}")
        await t.se_ve("espera aprobación")
        await asyncio.sleep(PARA_LEERLA_S)
        t.teclear(f"1{enter}")
        await t.se_ve("permitida una vez · $ touch uno-aprobado")
        await t.se_ve("(código 0)")
        assert list(tmp_path.rglob("uno-aprobado"))
        t.teclear(f"ejecuta: touch dos-rechazado{enter}")
        await t.se_ve("Petición 2: ejecutor-2 pide permiso")
        t.teclear(f"/no 2 mejor no{enter}")
        await t.se_ve("denegada · $ touch dos-rechazado · mejor no")
        assert list(tmp_path.rglob("dos-rechazado")) == []
        t.teclear(f"salir{enter}")
        assert await asyncio.wait_for(t.proceso.wait(), 10) == 0
        assert "Traceback" not in t.texto
