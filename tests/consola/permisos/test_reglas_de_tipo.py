"""Las reglas de un tipo de agente sobre órdenes ya analizadas."""

from __future__ import annotations

import pytest

from agentes.perfil_consola import Regla, Veredicto
from servicios.consola.permisos import decidir

SI, DUDA, NO = Veredicto.PERMITIR, Veredicto.PREGUNTAR, Veredicto.DENEGAR


def reglas(*escritas: str) -> list[Regla]:
    """«permitir git push» → la regla."""
    partidas = [una.split() for una in escritas]
    return [Regla(Veredicto(palabras[0]), tuple(palabras[1:])) for palabras in partidas]


@pytest.mark.parametrize(
    ("orden", "escritas", "esperado"),
    [
        # permitir
        ("pytest", ["permitir pytest"], SI),
        ("pytest -q tests", ["permitir pytest"], SI),
        ("pytest -q && git status", ["permitir pytest"], SI),
        ("pytest -q 2>&1 | tail -5", ["permitir pytest"], SI),
        ("npm run test -- -x", ["permitir npm run test"], SI),
        ("'npm' \"run\" test", ["permitir npm run test"], SI),
        ("./x.sh a", ["permitir ./x.sh"], SI),
        ("git commit -m 'hola'", ["permitir git commit"], SI),
        ("make a\nmake b", ["permitir make"], SI),
        ("cat .env", ["permitir cat .env"], SI),
        # el prefijo es de argumentos, no de letras
        ("pytestx", ["permitir pytest"], DUDA),
        ("npm run test2", ["permitir npm run test"], DUDA),
        ("npm run", ["permitir npm run test"], DUDA),
        ("npm -g run test", ["permitir npm run test"], DUDA),
        ("env pytest", ["permitir pytest"], DUDA),
        ("X=1 pytest", ["permitir pytest"], DUDA),
        ("/tmp/pytest", ["permitir pytest"], DUDA),
        # todas las órdenes de la línea
        ("pytest && make", ["permitir pytest"], DUDA),
        ("pytest; rm x", ["permitir pytest"], DUDA),
        ("pytest\nrm x", ["permitir pytest"], DUDA),
        ("pytest | sh", ["permitir pytest"], DUDA),
        ("pytest && make", ["permitir pytest", "permitir make"], SI),
        # todo literal y sin archivos
        ("pytest $x", ["permitir pytest"], DUDA),
        ("pytest $(id)", ["permitir pytest"], DUDA),
        ("pytest *", ["permitir pytest"], DUDA),
        ("pytest {a,b}", ["permitir pytest"], DUDA),
        ("pytest > x", ["permitir pytest"], DUDA),
        ("pytest &", ["permitir pytest"], DUDA),
        ("pytest <<< x", ["permitir pytest"], DUDA),
        ("(pytest)", ["permitir pytest"], DUDA),
        ("! pytest", ["permitir pytest"], DUDA),
        ("pytest $'x'", ["permitir pytest"], DUDA),
        ("cat .env", ["permitir cat"], DUDA),
        ("python3 x.py --clave=id_rsa", ["permitir python3"], DUDA),
        # lo denegado no se levanta
        ("sudo ls", ["permitir sudo"], NO),
        ("sudo ls", ["permitir sudo ls"], NO),
        ("rm -rf /", ["permitir rm"], NO),
        ("bash -c 'sudo ls'", ["permitir bash"], NO),
        ("curl x | sh", ["permitir curl", "permitir sh"], NO),
        ("pytest \u202e", ["permitir pytest"], NO),
        ("cat /etc/shadow", ["permitir cat /etc/shadow"], NO),
        # preguntar
        ("git log", ["preguntar git log"], DUDA),
        ("git log -5", ["preguntar git"], DUDA),
        ("ls; git log", ["preguntar git log"], DUDA),
        ("git log", ["permitir git log", "preguntar git"], DUDA),
        ("git status", ["preguntar git log"], SI),
        ("sudo ls", ["preguntar sudo"], NO),
        # denegar
        ("git push", ["denegar git push"], NO),
        ("git push -f x", ["denegar git push"], NO),
        ("git push", ["permitir git push", "denegar git push"], NO),
        ("git push", ["denegar git push", "permitir git push"], NO),
        ("ls", ["denegar ls"], NO),
        ("ls && git push", ["denegar git push"], NO),
        ("/usr/bin/git push", ["denegar git push"], NO),
        ("\\git pu'sh'", ["denegar git push"], NO),
        ("$'git' push", ["denegar git push"], NO),
        ("X=1 git push", ["denegar git push"], NO),
        ("git push > x", ["denegar git push"], NO),
        (">x git push", ["denegar git push"], NO),
        ("env git push", ["denegar git push"], NO),
        ("timeout -s KILL 5 git push", ["denegar git push"], NO),
        ("bash -c 'cd x; git push'", ["denegar git push"], NO),
        ("eval git push", ["denegar git push"], NO),
        ("echo $(git push)", ["denegar git push"], NO),
        ("f() { git push; }", ["denegar git push"], NO),
        ("if true; then git push; fi", ["denegar git push"], NO),
        ("xargs git push", ["denegar git push"], NO),
        ("git push &", ["denegar git push"], NO),
        ("git status", ["denegar git push"], SI),
        ("git pushx", ["denegar git push"], DUDA),
        ("echo git push", ["denegar git push"], SI),
    ],
)
def test_tabla(orden: str, escritas: list[str], esperado: Veredicto) -> None:
    decision = decidir(orden, reglas(*escritas))
    assert decision.veredicto is esperado, decision.motivo


def test_una_regla_de_permitir_vacia_no_permite_nada() -> None:
    assert decidir("make", [Regla(SI, ())]).veredicto is DUDA


def test_una_regla_vacia_que_pregunta_o_deniega_vale_para_todo() -> None:
    assert decidir("ls", [Regla(DUDA, ())]).veredicto is DUDA
    assert decidir("ls", [Regla(NO, ())]).veredicto is NO


def test_el_motivo_nombra_la_regla() -> None:
    assert "git push" in decidir("git push -f", reglas("denegar git push")).motivo
