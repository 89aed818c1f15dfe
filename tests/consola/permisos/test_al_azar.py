"""Ningún texto hace fallar ni esperar a quien decide."""

from __future__ import annotations

import random

import pytest

from agentes.perfil_consola import Veredicto
from servicios.consola.permisos import decidir
from tests.consola.permisos import cronometro
from tests.consola.permisos.corpus import CORRIENTES, HOSTILES, NEGADAS

LIMITE_S = 0.2
"""De procesador, para la orden más enrevesada."""

FICHAS = (
    *("a", "|", "=(", "(", ")", "{ ", "}", "$(", "`", '"', "'", "<<a\n", "\n", "if ", "then "),
    *("while ", "[[ ", " ]]", "[ ", "${", "case a in ", "a) ", ";;", "&", ">", "<(", "((", "))"),
    *("a=", "[", "fi;", "f()", "1", "-", "!", "#", "\\", "function f ", "for i in ", "sh -c "),
    *("find -exec ", "| sh", "*", "a*", "{a,b}", "/", "rm -rf ", "eval ", "xargs ", "env ", "<<<"),
)


def decidir_a_tiempo(orden: str) -> Veredicto:
    return cronometro.decidir_a_tiempo(orden, LIMITE_S).veredicto


@pytest.mark.parametrize("semilla", range(5))
def test_bytes_al_azar(semilla: int) -> None:
    azar = random.Random(semilla)
    for _ in range(200):
        datos = azar.randbytes(azar.randrange(400))
        for texto in (
            datos.decode("latin-1"),
            datos.decode("utf-8", "replace"),
            datos.decode("utf-8", "surrogateescape"),
            datos.decode("utf-16-le", "replace"),
        ):
            assert decidir_a_tiempo(texto) is not Veredicto.PERMITIR or texto.isascii()


@pytest.mark.parametrize("semilla", range(5))
def test_caracteres_al_azar(semilla: int) -> None:
    azar = random.Random(semilla)
    for _ in range(200):
        largo = azar.randrange(200)
        texto = "".join(chr(azar.randrange(0x110000)) for _ in range(largo))
        decidir_a_tiempo(texto)
        decidir_a_tiempo("cat " + texto[:3])


@pytest.mark.parametrize("semilla", range(5))
def test_trozos_de_bash_al_azar(semilla: int) -> None:
    azar = random.Random(semilla)
    for _ in range(60):
        decidir_a_tiempo("".join(azar.choices(FICHAS, k=azar.randrange(400))))


@pytest.mark.parametrize("semilla", range(5))
def test_ordenes_rotas_al_azar(semilla: int) -> None:
    azar = random.Random(semilla)
    ordenes = [orden for _, orden in [*CORRIENTES, *HOSTILES, *NEGADAS]]
    for _ in range(300):
        una, otra = azar.sample(ordenes, 2)
        decidir_a_tiempo(una[: azar.randrange(len(una) + 1)] + otra[azar.randrange(len(otra)) :])


@pytest.mark.parametrize("largo", [3_000, 31_000, 100_000])
def test_repeticiones_largas(largo: int) -> None:
    for ficha in FICHAS:
        repetida = ficha * (largo // len(ficha))
        assert decidir_a_tiempo(repetida) is not Veredicto.PERMITIR
        decidir_a_tiempo("ls " + repetida)
        decidir_a_tiempo(f"sh -c '{repetida}'")


@pytest.mark.parametrize(("abre", "cierra"), [("(", ")"), ("$(", ")"), ('"$(', ')"'), ("{ ", "}")])
def test_anidamientos_hondos(abre: str, cierra: str) -> None:
    for hondura in (10, 100, 1_000, 10_000):
        anidada = abre * hondura + "ls" + cierra * hondura
        assert decidir_a_tiempo(anidada) is Veredicto.PREGUNTAR


def test_una_orden_larguisima_se_pregunta_aunque_sea_llana() -> None:
    assert decidir_a_tiempo("echo " + "a" * 100_000) is Veredicto.PREGUNTAR
    assert decidir_a_tiempo("cat " + "a " * 50_000) is Veredicto.PREGUNTAR
    assert decidir_a_tiempo("cat <<'EOF' > x\n" + "a = 1\n" * 4_000 + "EOF\n") is (
        Veredicto.PREGUNTAR
    )


def test_un_texto_largo_no_esconde_lo_denegado() -> None:
    documento = "cat <<'EOF' > x\n" + "a = 1\n" * 300 + "EOF\n"
    assert decidir(documento + "sudo ls").veredicto is Veredicto.DENEGAR
    assert decidir("echo '" + "a" * 20_000 + "'; sudo ls").veredicto is Veredicto.DENEGAR
