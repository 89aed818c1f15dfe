"""Congelar a un agente cuyas órdenes corren en su contenedor, con un demonio de verdad."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest

from agentes.perfil_consola import PerfilConsola
from servicios.ejecutor_consola import MotivoFin, OpcionesConsola, abrir_consola
from tests.apoyo_docker import BASE, Prestado, demonio_prestado
from tests.consola.apoyo import en, hasta_que, sueno, vivos
from tests.consola.apoyo_congelar import detenidos, hasta_existir, tics

pytestmark = pytest.mark.docker


@pytest.fixture(scope="module")
def docker(request: pytest.FixtureRequest) -> Iterator[Prestado]:
    demonio = demonio_prestado(request.config)
    with pytest.MonkeyPatch.context() as entorno:
        entorno.setenv("DOCKER_HOST", demonio.direccion)
        yield demonio


@pytest.mark.usefixtures("docker")
async def test_lo_de_dentro_se_detiene_sigue_y_muere(tmp_path: Path) -> None:
    n, marca = sueno(), sueno()
    orden = (
        f"echo uno; (setsid bash -c 'while :; do :; done' {marca} &); touch lista;"
        " until [ -e ya ]; do :; done; echo dos"
    )
    async with abrir_consola(tmp_path, OpcionesConsola("docker", imagen=BASE)) as consola:
        tarea = asyncio.create_task(consola.ejecutar_comando_seguro(orden, "a-1", en(4)))
        await hasta_existir(tmp_path / "espacios/a-1/lista")
        await consola.trabajos.iniciar(f"sleep {n}", "a-1", PerfilConsola())
        assert await hasta_que(lambda: bool(vivos(n) and vivos(marca)))
        assert await consola.congelar("a-1") == 2
        dentro = [*vivos(n), *vivos(marca)]
        assert detenidos(dentro)
        antes = tics(dentro)
        await asyncio.sleep(5)
        assert tics(dentro) == antes
        (tmp_path / "espacios/a-1/ya").touch()
        await consola.descongelar("a-1")
        resultado = await tarea
        assert (resultado.motivo, resultado.salida) == (MotivoFin.OK, "uno\ndos\n")
        assert await consola.congelar("a-1") == 1
        await consola.trabajos.parar("t1", "a-1")
        assert not [*vivos(n), *vivos(marca)]
