"""Mil árboles de 16 agentes en tres niveles, con un proveedor que niega lo que pasa de su ritmo."""

from __future__ import annotations

import asyncio
import math
import random
from collections.abc import Callable
from typing import Any

import pytest

from agentes.errores import ErrorModeloPasajero
from agentes.eventos_llamada import LlamadaFallida
from servicios.llm.freno import ESPERA_TECHO_S
from servicios.llm.llamada import Llamador
from tests.bucle_virtual import correr_virtual
from tests.llm.apoyo_arboles import Corrida, Nodo, Proveedor, arbol_al_azar

TANDAS = 10
ARBOLES = 100
PEOR = 1.3


def _proveedor(azar: random.Random) -> dict[str, Any]:
    return {
        "por_segundo": azar.choice([0.5, 1, 2, 4, 8, 16, 32]),
        "cubo": azar.choice([1, 2, 4, 8, 16]),
        "latencia_s": azar.choice([0.1, 0.5, 1, 2, 5, 10]),
    }


def _correr(arbol: Nodo, puestos: int, proveedor: Proveedor) -> tuple[Corrida, float]:
    """El árbol entero; sale de aquí cualquier llamada fallida y cualquier bloqueo."""
    corrida = Corrida(proveedor, puestos)
    segundos = correr_virtual(corrida.correr(arbol))
    assert corrida.acabados == 16
    assert corrida.maximo_dentro <= puestos
    assert proveedor.servidas == arbol.llamadas
    return corrida, segundos


@pytest.mark.parametrize("tanda", range(TANDAS))
def test_ninguno_falla_ni_se_bloquea_y_tarda_casi_lo_ideal(tanda: int) -> None:
    """Lo ideal es el mismo árbol con un portero que conoce el ritmo y nunca se equivoca."""
    for semilla in range(tanda * ARBOLES, (tanda + 1) * ARBOLES):
        azar = random.Random(semilla)
        random.seed(semilla)
        arbol, datos = arbol_al_azar(azar), _proveedor(azar)
        puestos = azar.choice([1, 2, 4, 8, 16, 16, 16])
        _, real = _correr(arbol, puestos, Proveedor(**datos))
        _, ideal = _correr(arbol, puestos, Proveedor(**datos, perfecto=True))
        assert real <= ideal * PEOR, (semilla, datos, puestos, real / ideal)


def _callado(_: float) -> None:
    return None


@pytest.mark.parametrize("dice", [math.ceil, _callado], ids=["segundos enteros", "no lo dice"])
def test_tampoco_falla_si_el_proveedor_redondea_o_no_dice_cuanto(
    dice: Callable[[float], float | None],
) -> None:
    for semilla in range(100):
        azar = random.Random(semilla)
        random.seed(semilla)
        _correr(arbol_al_azar(azar), 16, Proveedor(**_proveedor(azar), dice=dice))


def test_tampoco_falla_con_quien_solo_atiende_a_unas_pocas_a_la_vez() -> None:
    for semilla in range(100):
        azar = random.Random(semilla)
        random.seed(semilla)
        arbol, latencia = arbol_al_azar(azar), azar.choice([0.1, 0.5, 2, 10])
        a_la_vez = azar.choice([1, 2, 3, 5])
        proveedor = Proveedor(1_000, 1_000, latencia, a_la_vez=a_la_vez, dice=_callado)
        corrida, real = _correr(arbol, 16, proveedor)
        assert proveedor.negadas <= arbol.llamadas
        assert real <= arbol.llamadas * latencia / a_la_vez * PEOR + 3 * ESPERA_TECHO_S
        assert corrida.mas_reintentos < 16


def test_si_no_admite_a_nadie_todos_acaban_sabiendolo() -> None:
    """Sin nadie a quien conteste, cada ronda gasta un intento de todos: no se espera para siempre."""
    corrida = Corrida(Proveedor(1_000, 1_000, 1.0, a_la_vez=0, dice=_callado))

    async def caso() -> float:
        via = corrida.via()
        llamadas = [corrida.llamar(Llamador(f"a-{n}", corrida.proveedor, via)) for n in range(16)]
        errores = await asyncio.gather(*llamadas, return_exceptions=True)
        assert all(isinstance(error, ErrorModeloPasajero) for error in errores)
        return via.reloj.ahora()

    assert correr_virtual(caso()) < 60
    fallidas = [h for h in corrida.hechos if isinstance(h, LlamadaFallida)]
    assert sorted(h.agente_id for h in fallidas) == sorted(f"a-{n}" for n in range(16))
