"""Salidas desmedidas y quinientas órdenes a la vez: el enjambre ni crece ni se para.

Se mide en un enjambre aparte, sin la depuración de asyncio que llevan las pruebas.
"""

from __future__ import annotations

import pytest

from tests.consola.apoyo_plazas import USUARIOS, sitio
from tests.consola.tabla.apoyo_tabla import COMO, ENCIERROS, Enjambre, Informe, Pedida

pytestmark = pytest.mark.solo

_MIB = 1024 * 1024
_SALIDA = 16_000
"""Lo que se conserva de cada flujo por omisión, en bytes."""

_TOTAL = 64 * _MIB
_CRECE_KIB = 8 * 1024
_RETRASO_MS = 100
_QUINIENTAS = 500

SALIDAS = {
    "yes": "yes",
    "linea": "head -c 1000000 /dev/zero | tr '\\0' x; echo; echo final",
    "binario": "head -c 3000000 /dev/urandom; printf 'a\\0b\\377' >&2",
    "diez-gigas": "head -c 10G /dev/zero",
    "cerradas": "exec >&- 2>&-; sleep 0.5; echo hecho > hecho; echo nada",
    "fondo": "sleep 9 & echo hi",
}


@pytest.fixture(
    scope="module",
    params=[pytest.param((a, c), id=f"{a}-{c}") for a in ENCIERROS for c in USUARIOS],
)
def salidas(request: pytest.FixtureRequest) -> Informe:
    """Todas las salidas difíciles a la vez, en un enjambre de cada clase."""
    aislamiento, como = request.param
    with sitio(aislamiento, COMO[como]) as lugar:
        pedidas = [Pedida(agente, orden) for agente, orden in SALIDAS.items()]
        comprobar = [Pedida("cerradas", "cat hecho")]
        primero = Enjambre(aislamiento, como).correr(lugar, [pedidas])
        hecho = Enjambre(aislamiento, como).correr(lugar, [comprobar])
        assert hecho.dejados["cerradas"].salida == "hecho\n"
        return primero


def test_el_enjambre_ni_crece_ni_se_para(salidas: Informe) -> None:
    assert salidas.crecio_kib < _CRECE_KIB
    assert salidas.p99_ms < _RETRASO_MS


@pytest.mark.parametrize("agente", ["yes", "diez-gigas"])
def test_lo_que_no_acaba_muere_en_el_total(salidas: Informe, agente: str) -> None:
    dejado = salidas.dejados[agente]
    assert (dejado.motivo, dejado.codigo) == ("limite_salida", 137)
    assert f"{_TOTAL} bytes" in dejado.error
    leidos = dejado.bytes_omitidos + _SALIDA
    assert _TOTAL < leidos <= _TOTAL + _MIB


def test_una_linea_de_un_mega_se_recorta(salidas: Informe) -> None:
    dejado = salidas.dejados["linea"]
    assert (dejado.motivo, dejado.codigo, dejado.error) == ("ok", 0, "")
    assert dejado.bytes_omitidos == 1_000_007 - _SALIDA
    principio, aviso, final = dejado.salida.split("\n", 2)
    assert principio == "x" * (_SALIDA // 2)
    assert str(dejado.bytes_omitidos) in aviso
    assert final == "x" * (_SALIDA // 2 - 7) + "\nfinal\n"


def test_lo_binario_sale_como_texto(salidas: Informe) -> None:
    dejado = salidas.dejados["binario"]
    assert (dejado.motivo, dejado.codigo) == ("ok", 0)
    assert dejado.error == "ab\ufffd"
    assert "\0" not in dejado.salida
    assert 3_000_000 - _SALIDA <= dejado.bytes_omitidos < 3_000_000 - _SALIDA + 8


def test_cerrar_las_salidas_no_es_terminar(salidas: Informe) -> None:
    dejado = salidas.dejados["cerradas"]
    assert (dejado.salida, dejado.error, dejado.motivo) == ("", "", "ok")
    assert dejado.ms >= 500


def test_quien_queda_detras_no_retiene_la_respuesta(salidas: Informe) -> None:
    dejado = salidas.dejados["fondo"]
    assert (dejado.salida, dejado.error, dejado.codigo, dejado.motivo) == ("hi\n", "", 0, "ok")
    assert dejado.ms < 2_000


@pytest.mark.lento
@pytest.mark.parametrize("aislamiento", ENCIERROS)
def test_quinientas_ordenes_a_la_vez_salen_bien(aislamiento: str) -> None:
    pedidas = [
        Pedida(f"a-{i}", f"sleep 0.1; echo {i}; echo e{i} >&2; exit {i % 7}")
        for i in range(_QUINIENTAS)
    ]
    como = next(iter(COMO))
    with sitio(aislamiento, COMO[como]) as lugar:
        informe = Enjambre(aislamiento, como).correr(lugar, [pedidas])
    assert {
        agente: (d.salida, d.error, d.codigo, d.motivo) for agente, d in informe.dejados.items()
    } == {f"a-{i}": (f"{i}\n", f"e{i}\n", i % 7, "ok") for i in range(_QUINIENTAS)}
    assert informe.crecio_kib < _CRECE_KIB
    assert informe.p99_ms < _RETRASO_MS
