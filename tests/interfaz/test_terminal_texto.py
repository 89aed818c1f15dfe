from __future__ import annotations

import io
import re

import pytest
from rich.cells import cell_len
from rich.console import Console

from servicios.consola.secretos.limpieza import limpiar
from servicios.interfaz.lineas import Linea, Tono
from servicios.interfaz.terminal.lineal import PapelLlano
from servicios.interfaz.terminal.marcado import MarkdownSeguro
from servicios.interfaz.terminal.papel import PapelRico, plegar
from servicios.interfaz.texto import cabeza, corto, recortado, sin_huecos

TRAMPAS = [
    "\x1b[2J\x1b[H",
    "\x1b[31mAPROBADO\x1b[0m",
    "\x1b[?1049h",
    "\x1b]0;otro título\x07",
    "\x1b]52;c;cm9iYWRv\x07",
    "\x1b]8;;http://malo\x1b\\clic\x1b]8;;\x1b\\",
    "\x1bP1$r0m\x1b\\",
    "\x1b_orden\x1b\\",
    "\x9b31mrojo",
    "\x9d0;título\x9c",
    "\x1bc",
    "\x1b]0;sin cerrar",
    "\rSobrescribe",
    "\x08\x08\x08borra",
    "rm \u202etxt.exe",
    "a\u200bb\u2060c",
    "\U000e0041\U000e0042",
    "\x07\x00\x7f\x85",
    "\ud83d",
    "[bold green]APROBADO[/]",
    "[/foo] x",
    "[link=http://malo]clic[/link]",
    "&#27;[31m &#8238; &#x9b;2J",
    ":smile: [blink]x",
]
_PROPIOS = re.compile(r"\x1b\[[0-9;]*m")
"""Los colores que pone la casa."""


@pytest.mark.parametrize("trampa", TRAMPAS, ids=ascii)
def test_ninguna_trampa_llega_a_la_pantalla(trampa: str) -> None:
    salida = io.StringIO()
    consola = Console(
        file=salida, width=80, force_terminal=True, color_system="standard", markup=False
    )
    vivo: list[str] = []
    papel = PapelRico(consola, vivo.append)
    llano = PapelLlano(salida)
    llano.pedir = lambda: None  # type: ignore[method-assign]
    for destino in (papel, llano):
        destino.linea(Linea(f"antes {trampa} después", f"ejecutor{trampa}-1", entera=True))
        destino.eco(trampa)
        destino.respuesta(f"antes {trampa} después")
        destino.tabla(("a", trampa), [(trampa, "z")])
        destino.vivo(trampa)
    for texto in (_PROPIOS.sub("", salida.getvalue()), *vivo):
        assert limpiar(texto) == texto
    assert "\x1b[31m" not in salida.getvalue().replace("\x1b[0m", "")
    assert "\x1b[5m" not in salida.getvalue()
    if trampa.startswith("["):
        assert salida.getvalue().count(trampa.split(maxsplit=1)[0]) >= 5


def test_corto_es_una_linea_acotada() -> None:
    assert corto("  dos\n\x1b[1mlíneas ") == "dos líneas"
    assert corto("x" * 1_000_000, 10) == "x" * 9 + "…"


def test_corto_no_pierde_nada_sin_decirlo() -> None:
    assert corto("ls" + " " * 10_500 + "; touch X") == "ls ; touch X"
    assert corto("\x1b[31m" * 5_000 + "touch X", 20).endswith("…")
    assert corto("\x1b[31m " * 500 + "touch X", 20).endswith("…")


@pytest.mark.parametrize(
    ("texto", "visto"),
    [
        ("ls" + " " * 10_500 + "; touch X", "ls[… 10500 blancos …]; touch X"),
        ("ls" + "\u3000\u2800\t" * 4 + "x", "ls[… 12 blancos …]x"),
        ("ls" + "\n \n" * 50 + "touch X", "ls\n[… 100 saltos …]\ntouch X"),
        ("if x:\n        y", "if x:\n        y"),
    ],
)
def test_los_huecos_se_dicen(texto: str, visto: str) -> None:
    assert sin_huecos(texto) == visto


@pytest.mark.parametrize(
    "texto", ["x" * 1_501, "\n".join("abcdefghijklmnopqrstu"), "a" * 700 + "\n" + "b" * 1_000]
)
def test_lo_recortado_ensena_los_dos_extremos_y_cuenta_lo_que_falta(texto: str) -> None:
    principio, falta, final = re.split(
        r"\n\[… faltan (\d+) de \d+ caracteres …\]\n", recortado(texto)
    )
    assert texto.startswith(principio)
    assert texto.endswith(final)
    assert len(principio) + int(falta) + len(final) == len(texto)
    assert int(falta) > 0


def test_lo_que_cabe_no_se_recorta() -> None:
    assert recortado("x" * 1_500) == "x" * 1_500
    assert recortado("a\n" * 19) == "a\n" * 19


def test_plegar_no_deja_nada_en_la_primera_columna(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "40")
    lineas = plegar("$ echo " + "宽" * 60 + "\nPetición 9: x\r\tpide", "  │ ")
    assert all(linea.startswith("  │ ") and cell_len(linea) < 40 for linea in lineas)
    assert "".join(linea[4:] for linea in lineas).count("宽") == 60
    assert lineas[-2:] == ["  │ Petición 9: x", "  │     pide"]


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
        ("![a\u202eb](http://x/&#8238;y)", "a<U+202E>b (http://x/"),
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
