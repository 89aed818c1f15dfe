"""Cuánto descansa un modelo que no pudo, y cuándo vuelve el primero."""

from __future__ import annotations

from typing import Any

import pytest

from agentes.errores import ErrorModelo, ErrorModeloPasajero
from servicios.llm.relevo import DESCANSO_MAXIMO_S, DESCANSO_S, Descansos, Equipo

CAIDO = ErrorModeloPasajero("no hay servidor", clase="conexion")


class RelojParado:
    """Solo pasa el tiempo que diga la prueba."""

    def __init__(self) -> None:
        self.hora = 0.0

    def ahora(self) -> float:
        return self.hora

    async def dormir(self, segundos: float) -> None:
        self.hora += segundos


class ModeloQuieto:
    """Un modelo al que nadie llama."""

    contexto = 0

    def __init__(self, nombre: str) -> None:
        self.referencia = self.puerta = nombre

    def emitir(self, *_: Any) -> Any:
        raise AssertionError(self.referencia)

    async def cerrar(self) -> None:
        """No hay nada que cerrar."""


A, B, C = (ModeloQuieto(n) for n in "abc")


@pytest.fixture
def reloj() -> RelojParado:
    return RelojParado()


def fallar(equipo: Equipo) -> str:
    """Lo elegido falla: quién sigue."""
    relevo = equipo.relevo(CAIDO)
    return relevo.referencia if relevo else ""


def test_el_primero_vuelve_al_acabar_su_descanso_y_recaer_lo_alarga(reloj: RelojParado) -> None:
    equipo = Equipo([A, B], Descansos(reloj))
    esperado = DESCANSO_S
    for _ in range(6):
        assert equipo.elegir() is A
        assert fallar(equipo) == "b"
        equipo.contesto()
        reloj.hora += esperado - 1
        assert equipo.elegir() is B
        reloj.hora += 1
        esperado = min(esperado * 2, DESCANSO_MAXIMO_S)
    assert equipo.elegir() is A
    equipo.contesto()
    assert fallar(equipo) == "b"
    reloj.hora += DESCANSO_S
    assert equipo.elegir() is A, "haber contestado borra las recaídas"


def test_lo_que_sabe_un_agente_lo_saben_todos(reloj: RelojParado) -> None:
    descansos = Descansos(reloj)
    uno, otro, solo = (
        Equipo([A, B], descansos),
        Equipo([A, B, C], descansos),
        Equipo([A], descansos),
    )
    assert (uno.elegir(), otro.elegir()) == (A, A)
    assert (fallar(uno), fallar(otro)) == ("b", "b")
    reloj.hora += DESCANSO_S - 1
    assert (uno.elegir(), otro.elegir()) == (B, B)
    assert solo.elegir() is A, "quien no tiene otro lo intenta siempre"
    reloj.hora += 1
    assert (uno.elegir(), otro.elegir()) == (A, A), "dos que lo vieron a la vez no son dos recaídas"


def test_cada_peticion_prueba_a_todos_una_vez(reloj: RelojParado) -> None:
    equipo = Equipo([A, B, C, A], Descansos(reloj))
    assert equipo.elegir() is A
    assert [fallar(equipo) for _ in range(3)] == ["b", "c", ""]
    assert equipo.elegir() is A, "si descansan todos, se llama al primero"
    assert [fallar(equipo) for _ in range(3)] == ["b", "c", ""]


def test_cambiar_los_modelos_vale_desde_lo_siguiente(reloj: RelojParado) -> None:
    equipo = Equipo([A, B], Descansos(reloj))
    assert equipo.elegir() is A
    equipo.cambiar([C])
    assert fallar(equipo) == "c"
    assert equipo.elegir() is C


@pytest.mark.parametrize("clase", ["peticion", "contexto", "bloqueo", "alarma", "interno"])
def test_no_se_releva_por_lo_que_a_otro_tambien_le_pasaria(reloj: RelojParado, clase: str) -> None:
    equipo = Equipo([A, B], Descansos(reloj))
    equipo.elegir()
    assert equipo.relevo(ErrorModelo("no", clase=clase)) is None
    assert equipo.elegir() is A
