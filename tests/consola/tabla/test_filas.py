"""La tabla de ataques: cada uno se intenta con la consola entera y ninguno llega."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from functools import cache

import pytest

from tests.consola.apoyo_plazas import USUARIOS
from tests.consola.tabla.apoyo_tabla import Enjambre
from tests.consola.tabla.filas import FILAS, Fila
from tests.consola.tabla.terreno import Tanda, atacar
from tests.consola.tabla.veredicto import comprobar, filas_en, intentos_en

Tandas = Callable[[Enjambre], Tanda]


@pytest.fixture(scope="module")
def tandas() -> Iterator[Tandas]:
    """Todos los ataques de un caso, intentados una vez en un solo enjambre."""
    with ExitStack() as pila:

        @cache
        def hecha(enjambre: Enjambre) -> Tanda:
            return pila.enter_context(atacar(enjambre, intentos_en(enjambre.aislamiento)))

        yield hecha


@pytest.mark.parametrize("como", USUARIOS)
@pytest.mark.parametrize("fila", filas_en("bwrap"))
def test_con_bwrap_el_ataque_no_llega(tandas: Tandas, como: str, fila: Fila) -> None:
    comprobar(tandas(Enjambre("bwrap", como)), fila)


@pytest.mark.parametrize("como", USUARIOS)
@pytest.mark.parametrize("fila", filas_en("landlock"))
def test_con_landlock_el_ataque_no_llega(tandas: Tandas, como: str, fila: Fila) -> None:
    comprobar(tandas(Enjambre("landlock", como)), fila)


@pytest.mark.parametrize("fila", [pytest.param(f, id=f.agente) for f in FILAS if f.llega_suelto])
def test_sin_encierro_el_ataque_llega(tandas: Tandas, fila: Fila) -> None:
    """Si no, que arriba no llegue no demostraría nada."""
    tanda = tandas(Enjambre("local", "corriente"))
    assert not fila.parado(tanda, fila.agente), tanda.dejados[fila.agente]
