"""Lo que cuesta guardar un hecho no crece con la sesión."""

from __future__ import annotations

from pathlib import Path

import pytest

from agentes.eventos import USUARIO, LineaUsuario
from tests.registros.sesion_de_ejemplo import Grabador, apertura, bitacora, lanzado


async def bytes_por_hecho(ruta: Path, hechos: int) -> float:
    """Lo que escribe este proceso al anotar, por hecho, con un compromiso para cada uno."""
    antes = escrito()
    async with bitacora(ruta) as gestor:
        g = Grabador(gestor, uno_a_uno=True)
        await g.anotar("abre", apertura())
        await g.anotar("linea", LineaUsuario(agente_id=USUARIO, texto="hola"))
        await g.anotar("nace", lanzado("a-1"), "linea")
        for turno in range(hechos // 2):
            await g.llamada("llamada", "a-1", "nace", turno=turno)
    return (escrito() - antes) / hechos


def escrito() -> int:
    campos = dict(linea.split(": ") for linea in Path("/proc/self/io").read_text().splitlines())
    return int(campos["wchar"])


@pytest.mark.skipif(not Path("/proc/self/io").exists(), reason="necesita /proc/self/io")
async def test_lo_escrito_por_hecho_no_crece_con_la_sesion(tmp_path: Path) -> None:
    corta = await bytes_por_hecho(tmp_path / "corta.db", 200)
    larga = await bytes_por_hecho(tmp_path / "larga.db", 1600)
    assert larga < corta * 1.2, (corta, larga)
    assert larga < 40_000
