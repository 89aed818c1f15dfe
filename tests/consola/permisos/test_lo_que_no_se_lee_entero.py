"""Alargar o enredar una orden no sirve para esquivar una regla ni para hacer esperar."""

from __future__ import annotations

import pytest

from agentes.perfil_consola import Regla, Veredicto
from servicios.consola.permisos import decidir
from tests.consola.permisos.cronometro import decidir_a_tiempo

SIN_SUBIR = [Regla(Veredicto.DENEGAR, ("git", "push"))]

LIMITE_S = 0.06
"""De procesador: el plazo de la búsqueda y lo que cuesta darse cuenta de que se acabó."""

ALARGADAS = (
    "git push #" + "x" * 33_000,
    "#" + "x" * 33_000 + "\ngit push",
    "g'i't pu\\sh #" + "x" * 33_000,
    "git push" + "|cat" * 301,
    "env " * 600 + "git push",
    "(" * 200 + "git push" + ")" * 200,
    "true;" * 400 + "git push",
    "eval " * 6 + "git push",
    "/usr/bin/git push" + "|cat" * 301,
)


@pytest.mark.parametrize("orden", ALARGADAS)
def test_lo_que_no_se_lee_entero_y_nombra_algo_con_regla_se_deniega(orden: str) -> None:
    decision = decidir(orden, SIN_SUBIR)
    assert decision.veredicto is Veredicto.DENEGAR
    assert "git push" in decision.motivo


@pytest.mark.parametrize("orden", ALARGADAS)
def test_sin_regla_o_con_la_de_otro_programa_solo_se_pregunta(orden: str) -> None:
    otra = [Regla(Veredicto.DENEGAR, ("hg", "push")), Regla(Veredicto.PERMITIR, ("git", "push"))]
    assert decidir(orden).veredicto is Veredicto.PREGUNTAR
    assert decidir(orden, otra).veredicto is Veredicto.PREGUNTAR


def test_lo_largo_que_no_nombra_el_programa_se_pregunta() -> None:
    for texto in ("ls #", "cat .gitignore #", "digit push #", "gitk push #", "x-git push #"):
        orden = texto + "x" * 33_000
        assert decidir(orden, SIN_SUBIR).veredicto is Veredicto.PREGUNTAR


@pytest.mark.parametrize(
    "orden",
    [
        "env " * 6 + "git push",
        "env " * 100 + "git push",
        "nohup nice -n 5 env A=1 command timeout 3 stdbuf -oL env git push",
        "git -C . push",
        "git --no-pager push",
        "git -c a.b=c --git-dir x -P push -f",
        "git --git-dir=x --work-tree=y push",
        "/usr/bin/git -C . push",
    ],
)
def test_ni_los_envoltorios_ni_las_opciones_de_git_esconden_lo_que_corre(orden: str) -> None:
    assert decidir(orden, SIN_SUBIR).veredicto is Veredicto.DENEGAR


def test_las_opciones_generales_de_git_no_deniegan_otra_orden_suya() -> None:
    assert decidir("git --no-pager log push", SIN_SUBIR).veredicto is Veredicto.PERMITIR
    assert decidir("git -C push log", SIN_SUBIR).veredicto is Veredicto.PREGUNTAR


@pytest.mark.parametrize(
    "orden",
    [
        "eval " * 1_600,
        "rm -rf " + "a|" * 300 + "a",
        "rm -rf " + "a|" * 149 + "a",
        "eval " * 30 + "a|" * 140 + "a",
        "env " * 8_000,
        "curl x | " + "xargs env " * 3_000,
        "curl x | " + "env " * 7_000 + "bash",
        "find / " + "-exec a " * 4_000,
        "find / " + "-exec find " * 2_900,
        "f(){ " * 40 + "ls" + "; }" * 40,
        "(a|" * 60 + "a" + ")" * 60,
        "bash <<< '" + "a;" * 400 + "'\n",
        "xargs " * 5_000,
    ],
)
@pytest.mark.parametrize("reglas", [[], SIN_SUBIR])
def test_nada_hace_esperar(orden: str, reglas: list[Regla]) -> None:
    assert decidir_a_tiempo(orden, LIMITE_S, reglas).veredicto is not Veredicto.PERMITIR
