"""La lectura de la orden es la de bash: mismas órdenes simples, mismos argumentos."""

from __future__ import annotations

import random
import subprocess
import tempfile
from collections import Counter
from pathlib import Path

import pytest

from agentes.perfil_consola import Veredicto
from servicios.consola.permisos import decidir
from servicios.consola.permisos.arbol import analizar
from servicios.consola.permisos.forma import aplanar
from servicios.consola.permisos.lexico import Linea, leer
from tests.consola.permisos.corpus import CORRIENTES

# Nada se ejecuta: sin programas ni órdenes propias, bash entrega los argumentos a esta función.
_ESPIA = """
PATH=/nada; set -f; exec 9>&{fd}
command_not_found_handle() {{ builtin printf '%s\\0' "$@" $'\\1' >&9; }}
printf() {{ command_not_found_handle printf "$@"; }}
enable -n echo test [ true false pwd cd : exit type command ulimit umask
"""
_TROZOS = (
    *("ls", "cat", " ", " ", " ", "\t", "\n", ";", "&&", "|", "'", '"', "\\", "#", "-l", "a", "="),
    *(
        "~",
        "$",
        "*",
        "?",
        "[a]",
        "[",
        "]",
        "!",
        "{",
        "}",
        "(",
        ")",
        "<",
        ">",
        "2",
        "1",
        "&",
        "2>&1",
    ),
    *("2>/dev/null", ">/dev/null", "&>/dev/null", "''", '""', "'a b'", '"a b"', "\\;", "\\ "),
    *("\\\n", "á", "ñ", "^", "@", ":", ".", "..", "#x", "a#b", '"a\\"b"', "'\\'", '"$"', '"a$ b"'),
    *("-", "--", "echo", "+", "[ a = b ]", "\\#", "\\$", "`", "if", "{a,b}", "=~", "a=b", "\\\\"),
)
_NOMBRES = {"ls", "cat", "echo"}


def leida(orden: str) -> Linea | None:
    """La línea si las dos lecturas coinciden, como exige la política."""
    raiz = analizar(orden)
    linea = leer(orden)
    if raiz is None or isinstance(linea, str):
        return None
    return linea if [list(una) for una in linea.ordenes] == aplanar(raiz) else None


def segun_bash(orden: str, carpeta: Path) -> Counter[tuple[str, ...]]:
    """Los argumentos de cada orden simple que bash iba a ejecutar."""
    with tempfile.TemporaryFile() as archivo:
        espia = _ESPIA.format(fd=archivo.fileno())
        subprocess.run(
            ["bash", "--norc", "-c", espia + orden],
            pass_fds=(archivo.fileno(),),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            env={"LC_ALL": "C.UTF-8"},
            cwd=carpeta,
            check=False,
        )
        archivo.seek(0)
        datos = archivo.read().decode()
    partes = datos.split("\0\1\0")[:-1]
    return Counter(tuple(parte.split("\0")) for parte in partes)


def segun_nosotros(linea: Linea) -> Counter[tuple[str, ...]]:
    return Counter(tuple(una.texto for una in orden) for orden in linea.ordenes)


@pytest.mark.parametrize("semilla", range(4))
def test_lineas_al_azar(semilla: int, tmp_path: Path) -> None:
    azar = random.Random(semilla)
    comparadas = 0
    while comparadas < 150:
        cabeza = azar.choice(["ls", "echo a", "cat b"]) + azar.choice([" ", ""])
        orden = cabeza + "".join(azar.choices(_TROZOS, k=azar.randrange(1, 9)))
        linea = leida(orden)
        if linea is None or not all(una[0].texto in _NOMBRES for una in linea.ordenes):
            continue
        assert segun_bash(orden, tmp_path) == segun_nosotros(linea), orden
        comparadas += 1


def test_las_ordenes_corrientes(tmp_path: Path) -> None:
    lineas = {orden: linea for _, orden in CORRIENTES if (linea := leida(orden)) is not None}
    assert len(lineas) > 300
    for orden, linea in lineas.items():
        de_bash = segun_bash(orden, tmp_path)
        if "||" in linea.fichas:
            assert de_bash <= segun_nosotros(linea), orden
        else:
            assert de_bash == segun_nosotros(linea), orden


@pytest.mark.parametrize(
    "orden", ["ls \\  if", "ls \\ ='a b'", "cat b''\\;", "cat 'a'\\#b", 'echo "a\\"b"\\#']
)
def test_donde_la_gramatica_y_bash_leen_distinto_se_pregunta(orden: str, tmp_path: Path) -> None:
    raiz = analizar(orden)
    assert raiz is not None
    del_arbol = aplanar(raiz)
    assert not isinstance(del_arbol, str)
    assert segun_bash(orden, tmp_path) != Counter(
        tuple(una.texto for una in simple) for simple in del_arbol
    )
    assert decidir(orden).veredicto is Veredicto.PREGUNTAR
