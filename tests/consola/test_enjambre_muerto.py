"""Si al enjambre lo matan con SIGKILL, sus órdenes mueren con él."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from pathlib import Path

import pytest

from servicios.consola.aislamiento import Aislamiento, EspacioDePids
from tests.consola.apoyo import (
    HIJO,
    SOY_ROOT,
    UID_CORRIENTE,
    CrearConsola,
    carpeta_para,
    hasta_que,
    python_para,
    sueno,
    vivos,
)


async def _matar_y_contar(linea: list[str], variante: str, carpeta: str) -> list[int]:
    n = sueno()
    orden = f"trap -p EXIT > trampa; trap '' TERM HUP; setsid sleep {n} & (setsid sh -c 'sleep {n} &' &); sleep {n}"
    hijo = await asyncio.create_subprocess_exec(
        *linea,
        *(HIJO, variante, carpeta, orden),
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
    await hasta_que(lambda: not vivos(n))
    quedan = vivos(n)
    for pid in quedan:
        os.kill(pid, signal.SIGKILL)
    return quedan


async def test_sigkill_al_enjambre_no_deja_nada_vivo(
    aislamiento: Aislamiento, tmp_path: Path
) -> None:
    variante = "espacio" if isinstance(aislamiento, EspacioDePids) else "sin_espacios"
    quedan = await _matar_y_contar([sys.executable, "-B"], variante, str(tmp_path))
    assert quedan == []


@pytest.mark.skipif(not SOY_ROOT, reason="la carpeta temporal del hijo no es la de la prueba")
async def test_lo_temporal_de_un_enjambre_muerto_lo_borra_el_siguiente(
    crear: CrearConsola, tmp_path: Path
) -> None:
    viva = crear()
    await viva.ejecutar_comando_seguro("true", "a-1")
    await _matar_y_contar([sys.executable, "-B"], "elegir", str(tmp_path))
    hoja = (tmp_path / "agente-1/trampa").read_text().rpartition(">|")[2]
    abandonada = Path(hoja.partition("/estado")[0])
    assert abandonada.is_dir()
    await crear().ejecutar_comando_seguro("true", "a-1")
    assert not abandonada.exists()
    assert (await viva.ejecutar_comando_seguro("export A=1", "a-1")).codigo == 0
    assert (await viva.ejecutar_comando_seguro("echo $A", "a-1")).salida == "1\n"


@pytest.mark.root
@pytest.mark.skipif(not SOY_ROOT, reason="siendo un usuario corriente ya lo cubre la anterior")
@pytest.mark.parametrize("variante", ["elegir", "sin_espacios"])
async def test_sigkill_a_un_enjambre_de_usuario_corriente(variante: str) -> None:
    with carpeta_para(UID_CORRIENTE) as carpeta:
        linea = python_para(UID_CORRIENTE)
        assert await _matar_y_contar(linea, variante, str(carpeta)) == []
