"""La tabla de ataques en contenedores, con un demonio de verdad."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.apoyo_docker import BASE, demonio_prestado
from tests.consola.apoyo import SOY_ROOT
from tests.consola.tabla.apoyo_tabla import Enjambre
from tests.consola.tabla.filas import Fila
from tests.consola.tabla.terreno import Tanda, atacar
from tests.consola.tabla.veredicto import comprobar, filas_en, intentos_en

pytestmark = [pytest.mark.docker, pytest.mark.lento]


@pytest.fixture(scope="module")
def tanda(request: pytest.FixtureRequest) -> Iterator[Tanda]:
    """Todos los ataques; donde no hay demonio, se salta diciendo por qué."""
    demonio = demonio_prestado(request.config)
    como = "root" if SOY_ROOT else "corriente"
    enjambre = Enjambre("docker", como, imagen=BASE, docker=demonio.direccion)
    with atacar(enjambre, intentos_en("docker")) as hecha:
        yield hecha


@pytest.mark.parametrize("fila", filas_en("docker"))
def test_con_docker_el_ataque_no_llega(tanda: Tanda, fila: Fila) -> None:
    comprobar(tanda, fila)
