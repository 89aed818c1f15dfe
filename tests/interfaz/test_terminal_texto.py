from __future__ import annotations

import io
import time

import pytest
from rich.console import Console

from servicios.interfaz.lineas import Linea, Tono
from servicios.interfaz.terminal.marcado import MarkdownSeguro
from servicios.interfaz.terminal.papel import PapelRico
from servicios.interfaz.texto import cabeza, corto, limpiar

INVISIBLES = [
    *(chr(n) for n in range(0x20) if chr(n) not in "\n\t\r\x0b\x0c"),
    *(chr(n) for n in range(0x7F, 0xA0) if n != 0x85),
    *"\u200b\u200c\u200d\u200e\u200f\u2060\ufeff\u00ad\u061c\u180e",
    *"\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069",
    *"\ud800\udfff\U000e0001\U000e0041",
]


@pytest.mark.parametrize("malo", INVISIBLES, ids=lambda c: f"{ord(c):x}")
def test_nada_invisible_pasa(malo: str) -> None:
    assert limpiar(f"antes{malo}\ndespués{malo}") == "antes\ndespués"


@pytest.mark.parametrize(
    ("crudo", "limpio"),
    [
        ("\x1b[31mrojo\x1b[0m", "rojo"),
        ("\x1b[2J\x1b[1;1Hfuera", "fuera"),
        ("\x9b31mrojo", "rojo"),
        ("\x1b]0;título\x07queda", "queda"),
        ("\x1b]8;;http://malo\x1b\\clic\x1b]8;;\x1b\\", "clic"),
        ("\x1bP1$r0m\x1b\\queda", "queda"),
        ("\x1b(Bqueda\x1b7", "queda"),
        ("\x1b]0;sin cerrar\nqueda", "]0;sin cerrar\nqueda"),
        ("10%\r20%\r\nfin", "10%\n20%\nfin"),
        ("a\x0bb\x0cc\u2028d\x85e", "a\nb\nc\nd\ne"),
        ("\tcon\ttabuladores\n", "\tcon\ttabuladores\n"),
        ("ñandú 日本 👩 [bold]x[/bold]", "ñandú 日本 👩 [bold]x[/bold]"),
    ],
)
def test_limpiar(crudo: str, limpio: str) -> None:
    assert limpiar(crudo) == limpio


@pytest.mark.parametrize("molde", ["\x90", "\x1b]", "\x1b]x", "\x90\n", "\x1b[0;", "\x9dx\x90"])
def test_limpiar_texto_hostil_no_se_eterniza(molde: str) -> None:
    inicio = time.monotonic()
    limpiar(molde * (1_000_000 // len(molde)))
    assert time.monotonic() - inicio < 3


def test_corto_es_una_linea_acotada() -> None:
    assert corto("  dos\n\x1b[1mlíneas ") == "dos líneas"
    assert corto("x" * 1_000_000, 10) == "x" * 9 + "…"


def test_cabeza_dice_cuanto_falta() -> None:
    assert cabeza("a\nb\n", 2) == ["a", "b"]
    assert cabeza("a\nb\nc", 2) == ["a", "b", "[… 5 caracteres en total]"]
    assert cabeza("x" * 50, 3, 10) == ["x" * 10, "[… 50 caracteres en total]"]


def _pintar(texto: str) -> str:
    consola = Console(file=io.StringIO(), width=60, force_terminal=False)
    consola.print(MarkdownSeguro(texto))
    assert isinstance(consola.file, io.StringIO)
    return consola.file.getvalue()


def test_el_markdown_no_pierde_texto() -> None:
    pintado = _pintar("usa List<int> y <b>x</b>\nsegunda línea [red]roja[/red] :smile:\n\n<hr>\n")
    assert "usa List<int> y <b>x</b>" in pintado
    assert "segunda línea [red]roja[/red] :smile:" in pintado.splitlines()[1]
    assert "<hr>" in pintado


def test_una_respuesta_larguisima_se_escribe_entera() -> None:
    salida = io.StringIO()
    consola = Console(file=salida, width=80, force_terminal=False, markup=False, emoji=False)
    PapelRico(consola, lambda _: None).respuesta("palabra [b]x[/b]\n" * 20_000)
    assert salida.getvalue().count("palabra [b]x[/b]") == 20_000


def test_el_markdown_ensena_la_direccion_y_no_hace_enlaces() -> None:
    consola = Console(file=io.StringIO(), width=80, force_terminal=True)
    consola.print(MarkdownSeguro("[banco](http://otro.sitio)"))
    assert isinstance(consola.file, io.StringIO)
    crudo = consola.file.getvalue()
    assert "http://otro.sitio" in crudo
    assert "\x1b]8" not in crudo


@pytest.mark.parametrize(
    ("escrito", "visto"),
    [
        ("mira ![im](http://x/y) esto", "mira im (http://x/y) esto"),
        ("![](http://x/y)", "(http://x/y)"),
        ("[![im](http://x/y)](http://z)", "im (http://x/y) (http://z)"),
        ("![a\u202eb](http://x/&#8238;y)", "ab (http://x/"),
    ],
)
def test_una_imagen_no_pierde_su_direccion(escrito: str, visto: str) -> None:
    pintado = _pintar(escrito)
    assert visto in pintado
    assert limpiar(pintado) == pintado


@pytest.mark.parametrize("entidad", ["&#8238;", "&#27;[31m", "&rlm;", "&#x9b;", "&zwj;"])
def test_las_entidades_no_cuelan_controles(entidad: str) -> None:
    pintado = _pintar(f"antes{entidad}después `{entidad}`")
    assert limpiar(pintado) == pintado


def test_el_papel_no_interpreta_marcas_y_corta_solo_lo_que_puede() -> None:
    salida = io.StringIO()
    consola = Console(file=salida, width=40, force_terminal=False, markup=False, emoji=False)
    papel = PapelRico(consola, lambda _: None)
    papel.linea(Linea("[red]" + "x" * 100, "ejecutor-1", Tono.MAL))
    papel.linea(Linea("y" * 100, entera=True))
    papel.tabla(("a", "b"), [("[i]uno[/i]", "z" * 100)])
    lineas = salida.getvalue().splitlines()
    assert lineas[0].startswith("ejecutor-1 [red]xxx")
    assert lineas[0].endswith("…")
    assert salida.getvalue().count("y") == 100
    assert lineas[-2] == "[i]uno[/i]"
    assert lineas[-1] == "  " + "z" * 37 + "…"
