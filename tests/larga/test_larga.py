"""La carrera larga en pequeño: poco más de un minuto, una muerte y todo lo demás."""

from __future__ import annotations

import asyncio
import shutil
import sys
from pathlib import Path

import pytest

from tests.larga.carrera import correr
from tests.larga.informe import juzgar
from tests.larga.plan import corto

if sys.platform != "linux":
    pytest.skip("la consola es solo de Linux", allow_module_level=True)

SEMILLA = 20_261_127

pytestmark = [
    pytest.mark.lento,
    pytest.mark.solo,
    pytest.mark.tmux,
    pytest.mark.skipif(shutil.which("tmux") is None, reason="no hay tmux"),
]


async def test_lo_que_dice_la_bitacora_es_lo_que_paso(tmp_path: Path) -> None:
    plan = corto(SEMILLA)
    await correr(plan, tmp_path)
    bien, informe = await asyncio.to_thread(juzgar, plan, tmp_path)
    assert bien, informe
