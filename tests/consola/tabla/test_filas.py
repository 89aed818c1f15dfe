"""La tabla de ataques: cada uno se intenta con la consola entera y ninguno llega."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from functools import cache

import pytest

from tests.apoyo_docker import BASE, demonio_prestado
from tests.consola.apoyo import SOY_ROOT
from tests.consola.apoyo_plazas import USUARIOS
from tests.consola.tabla.apoyo_tabla import ENCIERROS, Enjambre
from tests.consola.tabla.filas import FILAS, Fila
from tests.consola.tabla.terreno import Tanda, atacar

Tandas = Callable[[str, str], Tanda]

CASOS = [(aislamiento, como) for aislamiento in ENCIERROS for como in USUARIOS]
DE_DOCKER = ("docker", "root" if SOY_ROOT else "corriente")
SUELTO = ("local", "corriente")


@pytest.fixture(scope="module")
def tandas(request: pytest.FixtureRequest) -> Iterator[Tandas]:
    """Todos los ataques de un caso, intentados una vez en un solo enjambre."""
    with ExitStack() as pila:

        @cache
        def hecha(aislamiento: str, como: str) -> Tanda:
            enjambre = Enjambre(aislamiento, como)
            if aislamiento == "docker":
                demonio = demonio_prestado(request.config)
                enjambre = Enjambre(aislamiento, como, imagen=BASE, docker=demonio.direccion)
            intentos = [fila.intento for fila in FILAS if aislamiento not in fila.menos]
            return pila.enter_context(atacar(enjambre, intentos))

        yield hecha


def _parejas(casos: list[tuple[str, str]], filas: tuple[Fila, ...]) -> list[object]:
    return [
        pytest.param(*caso, fila, id="-".join((*caso, fila.agente)), marks=_marcas(caso))
        for caso in casos
        for fila in filas
        if caso[0] not in fila.menos
    ]


def _marcas(caso: tuple[str, str]) -> list[pytest.MarkDecorator]:
    return [pytest.mark.docker] if caso[0] == "docker" else []


@pytest.mark.parametrize(
    ("aislamiento", "como", "fila"), _parejas([*CASOS, DE_DOCKER], FILAS)
)
def test_el_ataque_no_llega(tandas: Tandas, aislamiento: str, como: str, fila: Fila) -> None:
    tanda = tandas(aislamiento, como)
    assert fila.parado(tanda, fila.agente), tanda.dejados[fila.agente]
    assert tanda.restos[fila.agente] == []


SUELTAS = tuple(fila for fila in FILAS if fila.llega_suelto)


@pytest.mark.parametrize(("aislamiento", "como", "fila"), _parejas([SUELTO], SUELTAS))
def test_sin_encierro_el_ataque_llega(
    tandas: Tandas, aislamiento: str, como: str, fila: Fila
) -> None:
    """Si no, que arriba no llegue no demostraría nada."""
    tanda = tandas(aislamiento, como)
    assert not fila.parado(tanda, fila.agente), tanda.dejados[fila.agente]
