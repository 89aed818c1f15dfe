"""Lo que está mal escrito se dice con su campo; lo que no prueba nada no llega a comprobarse."""

from __future__ import annotations

from typing import Any

import pytest

from agentes.pruebas import ClaseEvidencia, Comprobada, Verificacion, faltan, verificacion_de
from prompts.evidencias import nota
from servicios.herramientas.evidencias.lectura import MalEscritaError, leer_evidencias
from tests.herramientas.evidencias.casos import archivo, en_texto, http, orden, sql


@pytest.mark.parametrize(
    ("evidencia", "motivo"),
    [
        ({}, "«clase» ha de ser una de: archivo, orden, texto, sql, http"),
        ({"clase": "fe"}, "«clase» ha de ser"),
        ({"clase": "archivo", "ruta": "f"}, "los campos de «archivo» son: ruta, sha256"),
        ({**archivo("f", "x"), "orden": "ls"}, "los campos de «archivo»"),
        ({**archivo("f", "x"), "sha256": "zz"}, "64 cifras"),
        (archivo("f", ""), "vacío no prueba nada"),
        (archivo("/f", "x"), "sale de tu carpeta"),
        (archivo("a/../../f", "x"), "sale de tu carpeta"),
        (archivo("~/f", "x"), "sale de tu carpeta"),
        (archivo("a\nb", "x"), "caracteres de control"),
        ({"clase": "texto", "ruta": "f"}, "los campos de «texto»"),
        (en_texto("f", texto="a", expresion="b"), "los campos de «texto»"),
        (en_texto("f", texto="  "), "solo blancos"),
        (en_texto("f", expresion="("), "no es una expresión regular"),
        (en_texto("f", expresion="a*"), "vale para cualquier archivo"),
        (sql("DROP TABLE t", "1"), "ha de ser un SELECT"),
        (http(8000, "sin/barra"), "empieza por /"),
        (http(70_000), "puerto"),
        (orden("make", codigo=126), "codigo"),
        (orden("make || true"), "«||»"),
        (orden("make; true"), "«;»"),
        (orden("make\ntrue"), "varias líneas"),
        (orden("make &"), "segundo plano"),
        (orden("! make"), "una negación"),
        (orden("make && exit 0"), "«exit» no prueba nada"),
        (orden("echo bien"), "«echo» no prueba nada"),
        (orden("nice -n 5 true"), "«true» no prueba nada"),
        (orden("sh -c 'make || true'"), "texto de bash"),
        (orden("env -S 'true'"), "texto de bash"),
        (orden("test $x"), "una variable"),
        (orden("if a; then b; fi"), "no es una orden simple"),
    ],
)
def test_lo_mal_escrito_dice_por_que(evidencia: dict[str, Any], motivo: str) -> None:
    with pytest.raises(MalEscritaError) as error:
        leer_evidencias([orden("ls"), evidencia])
    assert str(error.value).startswith("evidencia 2: ")
    assert motivo in str(error.value)


def test_lo_bien_escrito_se_lee_en_su_orden() -> None:
    escritas = [
        archivo("a b/ñ", "x"),
        orden("pytest -q && grep -c x f | wc -l", codigo=0),
        en_texto("f", expresion="^a+$"),
        sql("WITH x AS (SELECT 1) SELECT * FROM t", "1|2"),
        http(8000, "/x?y=1", estado=404),
    ]
    assert [e.datos for e in leer_evidencias(escritas)] == escritas


def hecha(clase: ClaseEvidencia, *, cumple: bool = True) -> Comprobada:
    return Comprobada(clase, cumple, f"{'✔' if cumple else '✘'} {clase} f")


@pytest.mark.parametrize(
    ("exige", "hechas", "verificacion", "sin"),
    [
        ((), [], "sin_pruebas", ()),
        ((), [hecha(ClaseEvidencia.SQL)], "verificada", ()),
        (("cualquiera",), [], "sin_pruebas", ("cualquiera",)),
        (("cualquiera",), [hecha(ClaseEvidencia.SQL)], "verificada", ()),
        (("orden",), [hecha(ClaseEvidencia.SQL)], "sin_pruebas", ("orden",)),
        (("orden",), [hecha(ClaseEvidencia.ORDEN)], "verificada", ()),
        ((), [hecha(ClaseEvidencia.SQL), hecha(ClaseEvidencia.SQL, cumple=False)], "fallida", ()),
    ],
)
def test_lo_que_vale_un_reporte(
    exige: tuple[str, ...], hechas: list[Comprobada], verificacion: str, sin: tuple[str, ...]
) -> None:
    assert verificacion_de(exige, hechas) == verificacion
    assert faltan(exige, hechas) == sin


def test_lo_que_lee_el_superior_cabe_y_empieza_por_lo_que_falla() -> None:
    muchas = [hecha(ClaseEvidencia.ORDEN) for _ in range(200)]
    larga = Comprobada(ClaseEvidencia.TEXTO, False, "✘ texto " + "f\n" * 400)
    dicho = nota(Verificacion.FALLIDA, [*muchas, larga], ())
    assert dicho.startswith("(SIN VERIFICAR: ✘ texto f f")
    assert "\n" not in dicho
    assert len(dicho) < 800
    assert dicho.endswith(" más)")
