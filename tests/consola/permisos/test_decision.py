"""Lo que se ve de una decisión: el motivo y la clase que se aprobaría."""

from __future__ import annotations

import pytest

from agentes.perfil_consola import Veredicto
from servicios.consola.permisos import Decision, decidir


@pytest.mark.parametrize(
    ("orden", "parte"),
    [
        ("ls && touch x", "touch"),
        ("cat .env", ".env"),
        ("sort -o x y", "-o"),
        ("ls > x", "> x"),
        ("echo $HOME", "$HOME"),
        ("cat <(id)", "<(id)"),
        ("git push", "push"),
        ("find . -delete", "-delete"),
        ("ls; sudo -n true", "sudo"),
        ("rm -rf /etc", "/etc"),
        ("curl x | tee y | bash", "bash"),
        ("ls\u202e", "U+202E"),
        ("./x", "./x"),
        ("X=1 ls", "X=1"),
    ],
)
def test_el_motivo_nombra_la_parte_que_decidio(orden: str, parte: str) -> None:
    assert parte in decidir(orden).motivo


@pytest.mark.parametrize(
    ("orden", "clase"),
    [
        ("git push origin main", ("git", "push", "origin", "main")),
        ("  git   push\t--force ", ("git", "push", "--force")),
        ("'git' pu\"sh\"", ("git", "push")),
        ("make && make test", ("make", "&&", "make", "test")),
        ("make\nmake test # y ya", ("make", ";", "make", "test")),
        ("make 2>&1 | tail -5", ("make", "2>&1", "|", "tail", "-5")),
        ("make 2> /dev/null", ("make", "2>/dev/null")),
        ("git commit -m 'dos palabras'", ("git", "commit", "-m", "'dos palabras'")),
        ("ls *.py", ("ls", "*.py")),
        ("ls '*.py'", ("ls", "'*.py'")),
        ("echo '&&' rm", ("echo", "'&&'", "rm")),
        ("rm a \\\n  b", ("rm", "a", "b")),
    ],
)
def test_la_clase_son_las_fichas_de_toda_la_linea(orden: str, clase: tuple[str, ...]) -> None:
    assert decidir(orden).clase == clase


@pytest.mark.parametrize(
    "orden", ["git push $x", "make > x", "make &", "for i in a; do x; done", "make 'a", "a\0b", ""]
)
def test_lo_que_no_se_entiende_entero_es_su_propia_clase(orden: str) -> None:
    assert decidir(orden).clase == (orden,)


def test_ordenes_distintas_no_comparten_clase() -> None:
    parejas = [
        ("echo '&&' rm x", "echo && rm x"),
        ("ls '*'", "ls *"),
        ("rm 'a b'", "rm a b"),
        ("rm a; rm b", "rm a && rm b"),
        ("make 2>/dev/null", "make '2>/dev/null'"),
        ("make -n", "make"),
        ("rm ''", "rm"),
    ]
    for una, otra in parejas:
        assert decidir(una).clase != decidir(otra).clase


def test_la_decision_es_siempre_la_misma() -> None:
    for orden in ("ls -la", "rm -rf /", "make", "ls \u202e"):
        assert decidir(orden) == decidir(orden)


def test_la_orden_vacia_se_pregunta() -> None:
    for orden in ("", " ", "\n", "# solo un comentario"):
        assert decidir(orden).veredicto is Veredicto.PREGUNTAR


def test_la_decision_no_se_puede_cambiar() -> None:
    decision = decidir("ls")
    with pytest.raises(AttributeError):
        decision.veredicto = Veredicto.DENEGAR  # type: ignore[misc]
    assert decision == Decision(Veredicto.PERMITIR, "solo lee: ls", ("ls",))
