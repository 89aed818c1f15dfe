"""Lo que sale de la bitácora: entero, legible por otros programas, sin secretos y sin trampas."""

from __future__ import annotations

import base64
import csv
import hashlib
import io
import json
import re
import stat
from html.parser import HTMLParser
from pathlib import Path

import pytest
from markdown_it import MarkdownIt

from agentes.errores import ErrorConfiguracion
from servicios.consola.secretos.limpieza import limpiar
from servicios.consola.secretos.secretos import Secretos
from servicios.registros.auditoria.en_csv import celda
from servicios.registros.auditoria.en_markdown import bloque, cita, en_linea
from servicios.registros.auditoria.exportar import EXPORTADORES, Pedido, exportar, exportar_a
from tests.registros.auditoria.sesion_hostil import ETIQUETAS, HOSTILES, PANTALLA, SECRETO
from tests.registros.sesion_de_ejemplo import preguntar

SECRETOS = Secretos.desde({}, {"CLAVE_NUEVA": SECRETO}, ())


def sacar(ruta: Path, formato: str) -> str:
    salida = io.StringIO(newline="")
    exportar(Pedido(ruta, None, formato, SECRETOS.redactar), salida)
    return salida.getvalue()


class Pagina(HTMLParser):
    """Lo que un navegador encontraría: etiquetas con sus atributos, estilos, código y texto."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.etiquetas: list[tuple[str, dict[str, str | None]]] = []
        self.dentro: dict[str, str] = {"script": "", "style": ""}
        self.texto = ""
        self._actual = ""
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.etiquetas.append((tag, dict(attrs)))
        self._actual = tag

    def handle_endtag(self, tag: str) -> None:
        self._actual = ""

    def handle_data(self, data: str) -> None:
        if self._actual in self.dentro:
            self.dentro[self._actual] += data
        else:
            self.texto += data


@pytest.mark.parametrize("formato", EXPORTADORES)
def test_ningun_formato_saca_un_secreto(hostil: Path, formato: str) -> None:
    salida = sacar(hostil, formato)
    assert SECRETO not in salida
    assert "secreto:CLAVE_NUEVA" in salida.replace("\\", "")
    assert "no la digas" in salida


@pytest.mark.parametrize("formato", EXPORTADORES)
def test_ningun_formato_mueve_el_cursor_ni_esconde_letras(hostil: Path, formato: str) -> None:
    salida = sacar(hostil, formato).replace("\r\n", "\n")
    assert limpiar(salida) == salida


# --- JSON -------------------------------------------------------------------------------


def test_el_json_lleva_todo(ruta: Path) -> None:
    datos = json.loads(sacar(ruta, "json"))
    assert datos["sesion"]["session"] == "s-1"
    assert [f["id"] for f in datos["filas"]] == [
        id_ for (id_,) in preguntar("SELECT id FROM logs ORDER BY id", ruta)
    ]
    assert datos["filas"][1]["details"] == {"texto": "mira el disco"}
    cuentas = {parte: len(datos[parte]) for parte in ("agentes", "llamadas", "comandos", "avisos")}
    assert cuentas == {"agentes": 2, "llamadas": 5, "comandos": 2, "avisos": 2}
    assert "usa /var" in [m["texto"] for m in datos["mensajes"]]


def test_el_json_no_pierde_ni_una_letra(hostil: Path) -> None:
    filas = json.loads(sacar(hostil, "json"))["filas"]
    dichos = [f["details"]["texto"] for f in filas if f["tipo"] == "master_input"]
    assert dichos[:-1] == list(HOSTILES[:-1])


# --- CSV --------------------------------------------------------------------------------


def test_el_csv_se_lee_y_tiene_una_linea_por_hecho(ruta: Path) -> None:
    salida = sacar(ruta, "csv")
    filas = list(csv.DictReader(io.StringIO(salida, newline="")))
    assert len(filas) == preguntar("SELECT count(*) FROM logs", ruta)[0][0]
    assert json.loads(filas[1]["details"]) == {"texto": "mira el disco"}
    assert filas[0]["causa"] == ""
    assert salida.count("\r\n") == len(filas) + 1


@pytest.mark.parametrize(
    "mala", ["=1+1", "+1", "-1", "@x", "\t=1", "\r=1", "\n=1", "  =1", "\x1b[1m=1"]
)
def test_una_formula_no_lo_es(mala: str) -> None:
    assert str(celda(mala)).startswith("'")


@pytest.mark.parametrize("buena", ["hola", "a=b", "1-2", "", "correo@x"])
def test_lo_demas_se_queda_igual(buena: str) -> None:
    assert celda(buena) == buena


def test_los_numeros_no_son_formulas() -> None:
    assert [celda(v) for v in (-1, 2.5, None, b"\x01")] == [-1, 2.5, None, "01"]


# --- Markdown ---------------------------------------------------------------------------


def test_el_markdown_cuenta_la_conversacion(ruta: Path) -> None:
    salida = sacar(ruta, "md")
    orden = ["### Tú", "> mira el disco", "### Master", "> Voy a ello", "$ df -h", "/ 87%"]
    sitios = [salida.index(trozo) for trozo in orden]
    assert sitios == sorted(sitios)
    assert "  - **ayudante-1** (failed)" in salida


def test_el_markdown_ajeno_no_sale_de_su_sitio(hostil: Path) -> None:
    fichas = MarkdownIt("commonmark").parse(sacar(hostil, "md"))
    hijas = [hija for ficha in fichas for hija in ficha.children or ()]
    html = [f.content for f in (*fichas, *hijas) if f.type in {"html_block", "html_inline"}]
    assert set(html) <= {"<sub>", "</sub>"}
    assert [hija for hija in hijas if hija.type == "image"] == []
    titulos = [
        fichas[n + 1].content
        for n, f in enumerate(fichas)
        if f.type == "heading_open" and not f.level
    ]
    assert not [t for t in titulos if "falso" in t]
    codigo = [f.content for f in fichas if f.type == "fence"]
    assert any("List<int>" in trozo for trozo in codigo)


def test_una_cerca_no_se_cierra_por_dentro() -> None:
    for texto in ("```\n<b>", "a\n````\nb", "``````"):
        (ficha,) = MarkdownIt("commonmark").parse(bloque(texto))
        assert ficha.content == f"{texto}\n"


def test_una_cita_y_una_linea_no_son_nada_mas() -> None:
    for texto in ("# a", "- b\n\n1. c", "[x](http://a)", "![x](http://a)", "<i>z</i>", "&lt;"):
        html = MarkdownIt("commonmark").render(cita(texto))
        assert html.startswith("<blockquote>")
        assert "<i>" not in html
        assert "<img" not in html
        limpio = re.sub(r"</?p>|\n", "", MarkdownIt("commonmark").render(f"x {en_linea(texto)}"))
        assert "<" not in limpio


# --- HTML -------------------------------------------------------------------------------


def test_la_pagina_no_pide_nada_a_nadie(hostil: Path) -> None:
    pagina = Pagina(sacar(hostil, "html"))
    assert {t for t, _ in pagina.etiquetas} <= {
        *("html", "head", "meta", "title", "style", "body", "header", "h1", "h2", "dl", "div"),
        *("dt", "dd", "p", "aside", "main", "ul", "ol", "li", "label", "input", "span", "svg"),
        *("rect", "button", "a", "time", "details", "summary", "pre", "script"),
    }
    for etiqueta, atributos in pagina.etiquetas:
        assert not [n for n in atributos if n.startswith("on") or n in {"src", "style", "action"}]
        if "href" in atributos:
            assert etiqueta == "a"
            assert re.fullmatch(r"#f\d+", str(atributos["href"]))
    for codigo in pagina.dentro.values():
        assert not re.search(r"url\(|@import|https?:|fetch|innerHTML|XMLHttp", codigo)


def test_la_politica_solo_deja_correr_lo_nuestro(hostil: Path) -> None:
    pagina = Pagina(sacar(hostil, "html"))
    politicas = [a["content"] for t, a in pagina.etiquetas if "http-equiv" in a and t == "meta"]
    assert len(politicas) == 1
    assert str(politicas[0]).startswith("default-src 'none'; ")
    for nombre, codigo in pagina.dentro.items():
        resumen = base64.b64encode(hashlib.sha256(codigo.encode()).digest()).decode()
        assert f"{nombre}-src 'sha256-{resumen}'" in str(politicas[0])
    assert sum(t == "script" for t, _ in pagina.etiquetas) == 1


def test_lo_ajeno_se_lee_como_texto(hostil: Path) -> None:
    pagina = Pagina(sacar(hostil, "html"))
    assert pagina.texto.count(ETIQUETAS) >= 4
    assert limpiar(PANTALLA) in pagina.texto
    assert "<U+202E>" in pagina.texto


def test_la_pagina_lleva_cada_hecho_y_el_arbol(ruta: Path) -> None:
    pagina = Pagina(sacar(ruta, "html"))
    filas = [a for t, a in pagina.etiquetas if t == "li" and "data-t" in a]
    assert len(filas) == preguntar("SELECT count(*) FROM logs", ruta)[0][0]
    casillas = {a["value"] for t, a in pagina.etiquetas if a.get("name") == "agente"}
    assert casillas == {a["data-a"] for a in filas}
    tipos = {a["value"] for t, a in pagina.etiquetas if a.get("name") == "tipo"}
    assert tipos == {a["data-t"] for a in filas}
    ids = {a["id"] for a in filas}
    destinos = {str(a["href"])[1:] for t, a in pagina.etiquetas if "href" in a}
    assert destinos <= ids


# --- el archivo -------------------------------------------------------------------------


def test_un_archivo_nuevo_es_solo_de_su_dueno_y_no_se_machaca(ruta: Path, tmp_path: Path) -> None:
    destino = tmp_path / "sesion.json"
    pedido = Pedido(ruta, "s-1", "json", str)
    exportar_a(pedido, destino)
    assert stat.S_IMODE(destino.stat().st_mode) == 0o600
    primero = destino.read_bytes()
    destino.write_text("mío", encoding="utf-8")

    with pytest.raises(ErrorConfiguracion, match="ya existe"):
        exportar_a(pedido, destino)
    assert destino.read_text(encoding="utf-8") == "mío"

    exportar_a(pedido, destino, forzar=True)
    assert destino.read_bytes() == primero
    assert [r.name for r in tmp_path.glob(".exportar-*")] == []


def test_lo_que_no_se_puede_escribir_se_dice_y_no_deja_restos(ruta: Path, tmp_path: Path) -> None:
    for destino in (tmp_path / "no" / "esta" / "x.md", tmp_path, Path("/proc/x.md")):
        with pytest.raises(ErrorConfiguracion, match=re.escape(str(destino))):
            exportar_a(Pedido(ruta, None, "md", str), destino)
    with pytest.raises(ErrorConfiguracion, match="no existe la sesión"):
        exportar_a(Pedido(ruta, "nada", "md", str), tmp_path / "x.md")
    assert sorted(r.name for r in tmp_path.glob("*x*")) == []
    assert list(tmp_path.glob(".exportar-*")) == []
