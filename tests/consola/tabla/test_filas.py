"""La tabla de ataques: cada uno se intenta con la consola entera y ninguno llega."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from functools import cache

import pytest

from tests.apoyo_docker import BASE, demonio_prestado
from tests.consola.apoyo import SOY_ROOT
from tests.consola.apoyo_plazas import USUARIOS
from tests.consola.tabla.apoyo_tabla import Enjambre
from tests.consola.tabla.filas import FILAS, Fila
from tests.consola.tabla.terreno import Tanda, atacar

Tandas = Callable[[Enjambre], Tanda]


@pytest.fixture(scope="module")
def tandas() -> Iterator[Tandas]:
    """Todos los ataques de un caso, intentados una vez en un solo enjambre."""
    with ExitStack() as pila:

        @cache
        def hecha(enjambre: Enjambre) -> Tanda:
            intentos = [fila.intento for fila in FILAS if enjambre.aislamiento not in fila.menos]
            return pila.enter_context(atacar(enjambre, intentos))

        yield hecha


@pytest.fixture(scope="module")
def en_docker(request: pytest.FixtureRequest) -> Enjambre:
    """Un enjambre con un demonio de verdad; donde no lo hay, se salta diciendo por qué."""
    demonio = demonio_prestado(request.config)
    como = "root" if SOY_ROOT else "corriente"
    return Enjambre("docker", como, imagen=BASE, docker=demonio.direccion)


def _comprobar(tanda: Tanda, fila: Fila) -> None:
    assert fila.parado(tanda, fila.agente), tanda.dejados[fila.agente]
    assert tanda.restos[fila.agente] == []


def _filas(aislamiento: str) -> list[object]:
    """Las que se intentan en ese aislamiento."""
    return [pytest.param(f, id=f.agente) for f in FILAS if aislamiento not in f.menos]


@pytest.mark.parametrize("como", USUARIOS)
@pytest.mark.parametrize("fila", _filas("bwrap"))
def test_con_bwrap_el_ataque_no_llega(tandas: Tandas, como: str, fila: Fila) -> None:
    _comprobar(tandas(Enjambre("bwrap", como)), fila)


@pytest.mark.parametrize("como", USUARIOS)
@pytest.mark.parametrize("fila", _filas("landlock"))
def test_con_landlock_el_ataque_no_llega(tandas: Tandas, como: str, fila: Fila) -> None:
    _comprobar(tandas(Enjambre("landlock", como)), fila)


@pytest.mark.lento
@pytest.mark.docker
@pytest.mark.parametrize("fila", _filas("docker"))
def test_con_docker_el_ataque_no_llega(tandas: Tandas, en_docker: Enjambre, fila: Fila) -> None:
    _comprobar(tandas(en_docker), fila)


@pytest.mark.parametrize("fila", [pytest.param(f, id=f.agente) for f in FILAS if f.llega_suelto])
def test_sin_encierro_el_ataque_llega(tandas: Tandas, fila: Fila) -> None:
    """Si no, que arriba no llegue no demostraría nada."""
    tanda = tandas(Enjambre("local", "corriente"))
    assert not fila.parado(tanda, fila.agente), tanda.dejados[fila.agente]
