"""Si al enjambre lo matan con SIGKILL, sus órdenes acaban a lo sumo con su límite de tiempo."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from pathlib import Path

import pytest

from tests.consola.apoyo import (
    HIJO,
    SOY_ROOT,
    UID_CORRIENTE,
    carpeta_para,
    hasta_que,
    python_para,
    sueno,
    vivos,
)

LIMITE_S = 3


async def _matar_y_contar(linea: list[str], variante: str, carpeta: str) -> list[int]:
    """Mata al enjambre con su orden en marcha; devuelve quién sigue tras el límite de la orden."""
    n = sueno()
    orden = f"trap '' TERM HUP; setsid sleep {n} & (setsid sh -c 'sleep {n} &' &); sleep {n}"
    hijo = await asyncio.create_subprocess_exec(
        *linea,
        *(HIJO, variante, carpeta, orden, str(LIMITE_S)),
        stdout=asyncio.subprocess.DEVNULL,
        cwd="/",
        env={**os.environ, "TMPDIR": carpeta},
    )
    try:
        assert await hasta_que(lambda: len(vivos(n)) == 3, 10)
    finally:
        # Si la línea empezó por setpriv, ya es el propio Python: setpriv lo sustituye.
        hijo.kill()
        await hijo.wait()
    await hasta_que(lambda: not vivos(n), LIMITE_S + 2)
    quedan = vivos(n)
    for pid in quedan:
        os.kill(pid, signal.SIGKILL)
    return quedan


async def test_sigkill_al_enjambre_no_deja_nada_vivo(aislamiento: str, tmp_path: Path) -> None:
    assert await _matar_y_contar([sys.executable, "-B"], aislamiento, str(tmp_path)) == []


async def test_la_orden_termina_aunque_el_enjambre_haya_muerto(
    aislamiento: str, tmp_path: Path
) -> None:
    """Es de su supervisor: escribe, sigue y acaba bien."""
    n = sueno()
    orden = f"(exec sleep {n}) & sleep 1; seq 100000; echo hecho > final"
    hijo = await asyncio.create_subprocess_exec(
        *(sys.executable, "-B", HIJO, aislamiento, str(tmp_path), orden, "20"),
        stdout=asyncio.subprocess.DEVNULL,
    )
    assert await hasta_que(lambda: bool(vivos(n)), 10)
    hijo.kill()
    await hijo.wait()
    final = tmp_path / "espacios/agente-1/final"
    assert await hasta_que(final.is_file)
    assert await hasta_que(lambda: not vivos(n))


@pytest.mark.root
@pytest.mark.skipif(not SOY_ROOT, reason="siendo un usuario corriente ya lo cubre la primera")
async def test_sigkill_a_un_enjambre_de_usuario_corriente(aislamiento: str) -> None:
    with carpeta_para(UID_CORRIENTE) as carpeta:
        linea = python_para(UID_CORRIENTE)
        assert await _matar_y_contar(linea, aislamiento, str(carpeta)) == []
