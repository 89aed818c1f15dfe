"""La casa es como se dibujó: pisos, tamaños, nombres y nada de más arriba del todo.

Las reglas están en `tests/arquitectura/` y sus propias pruebas, en `test_reglas.py`.
"""

from __future__ import annotations

import ast
import json
import re
from pathlib import Path

import pytest

from tests.arquitectura import forma, importes, nombres
from tests.arquitectura.casa import (
    ARRIBA,
    CASA,
    arriba,
    carpetas_sin_espejo,
    fuentes_de_pruebas,
    fuentes_del_producto,
    modulo_de,
)

PRODUCTO = fuentes_del_producto()
PRUEBAS = fuentes_de_pruebas()
TODO = {**PRODUCTO, **PRUEBAS}
NUESTROS = {modulo_de(ruta) for ruta in PRODUCTO}
IMPORTES = [
    importe
    for ruta, fuente in PRODUCTO.items()
    for importe in importes.leer_importes(modulo_de(ruta), fuente, NUESTROS)
]


def test_cada_modulo_tiene_piso() -> None:
    assert NUESTROS
    sin_piso = []
    for modulo in NUESTROS:
        try:
            importes.ala(modulo)
        except KeyError:
            sin_piso.append(modulo)
    assert sin_piso == []


def test_los_importes_bajan() -> None:
    assert [f"{i}: {falta}" for i in IMPORTES for falta in importes.faltas(i)] == []


def test_no_hay_circulos() -> None:
    assert importes.circulo(IMPORTES) == []
    assert importes.circulo_de_alas(IMPORTES) == []


def test_no_hay_importes_relativos() -> None:
    assert {r: malas for r, f in TODO.items() if (malas := importes.relativos(f))} == {}


def test_los_importes_internos_tienen_una_sola_puerta() -> None:
    con_internos = {modulo_de(r) for r, f in PRODUCTO.items() if importes.internos(f)}
    assert con_internos <= {importes.PUERTA_PEREZOSA}


def test_los_archivos_son_cortos() -> None:
    largos = {r: n for r, f in TODO.items() if (n := forma.lineas(f)) > forma.TOPE_ARCHIVO}
    assert largos == {}
    assert forma.lineas(PRODUCTO["main.py"]) <= forma.TOPE_MAIN


def test_las_funciones_son_cortas() -> None:
    assert {r: largas for r, f in TODO.items() if (largas := forma.funciones_largas(f))} == {}


def test_nadie_se_traga_cualquier_fallo_fuera_de_las_fronteras() -> None:
    hay = {
        (ruta, funcion)
        for ruta, fuente in PRODUCTO.items()
        for funcion, _ in forma.capturas_amplias(fuente)
    }
    assert hay == forma.CAPTURAS_AMPLIAS


def test_solo_la_interfaz_escribe_en_la_pantalla() -> None:
    callados = {
        ruta: fuente
        for ruta, fuente in PRODUCTO.items()
        if ruta != "main.py" and not ruta.startswith("servicios/interfaz/")
    }
    assert {r: malas for r, f in callados.items() if (malas := forma.escrituras(f))} == {}


def test_el_producto_no_se_protege_con_assert() -> None:
    assert {r: malas for r, f in PRODUCTO.items() if (malas := forma.aserciones(f))} == {}


def test_los_identificadores_son_ascii() -> None:
    assert {r: malos for r, f in TODO.items() if (malos := nombres.fuera_de_ascii(f))} == {}
    assert [ruta for ruta in TODO if not ruta.isascii()] == []


@pytest.mark.parametrize("ruta", nombres.NOMBRES_FIJOS)
def test_los_nombres_dados_siguen_ahi(ruta: str) -> None:
    assert nombres.perdidos(PRODUCTO[ruta], nombres.NOMBRES_FIJOS[ruta]) == []


@pytest.mark.parametrize("herramienta", nombres.HERRAMIENTAS_FIJAS)
def test_las_herramientas_se_llaman_como_siempre(herramienta: str) -> None:
    hay = nombres.esquemas(PRODUCTO["prompts/tool_definitions.py"])
    assert hay.get(herramienta) == nombres.HERRAMIENTAS_FIJAS[herramienta]


def test_los_estados_valen_lo_de_siempre() -> None:
    valores = nombres.valores_de_clase(PRODUCTO["agentes/eventos.py"], "EstadoAgente")
    assert valores == nombres.ESTADOS_FIJOS


@pytest.mark.parametrize("tabla", nombres.COLUMNAS_FIJAS)
def test_las_tablas_guardan_sus_columnas(tabla: str) -> None:
    sql = "\n".join(
        nodo.value
        for ruta, fuente in PRODUCTO.items()
        if ruta.startswith("servicios/registros/")
        for nodo in ast.walk(ast.parse(fuente))
        if isinstance(nodo, ast.Constant) and isinstance(nodo.value, str)
    )
    assert set(nombres.COLUMNAS_FIJAS[tabla]) <= nombres.columnas(sql, tabla)


def test_los_tipos_de_agente_guardan_sus_claves() -> None:
    rutas = sorted((CASA / "agentes_json").glob("*.json"))
    assert rutas
    for ruta in rutas:
        assert set(nombres.CLAVES_FIJAS) <= set(json.loads(ruta.read_text(encoding="utf-8")))


def test_arriba_del_todo_no_sobra_ni_falta_nada() -> None:
    assert arriba() == ARRIBA


def test_las_pruebas_son_espejo_de_la_casa() -> None:
    assert carpetas_sin_espejo(PRUEBAS, PRODUCTO) == set()


def test_los_textos_son_utf8_sin_rutas_de_nadie() -> None:
    sueltos = re.compile(r"/(?:home|Users|root)/\w+|C:\\\\")
    culpables = []
    for ruta, fuente in PRODUCTO.items():
        if sueltos.search(fuente):
            culpables.append(ruta)
    for carpeta in ("agentes_json", "prompts", "docker"):
        for archivo in Path(CASA / carpeta).rglob("*"):
            if archivo.suffix in {".md", ".json", ".yaml"} and sueltos.search(
                archivo.read_text(encoding="utf-8")
            ):
                culpables.append(str(archivo))
    assert culpables == []
