"""El tablero en líneas y en JSON: se lee a cualquier ancho y dice lo mismo en todas partes."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest
from rich.cells import cell_len

from agentes.eventos import EstadoAgente
from servicios.interfaz.lineas import Tono
from servicios.interfaz.tablero import duracion, frase, recortada, renglones
from servicios.registros.tablero.en_json import CLAVES, VERSION, objeto
from servicios.registros.tablero.leido import OrdenMirada
from servicios.registros.tablero.visto import Tablero
from tests.registros.tablero.apoyo import CERO, ORDEN, a_los, agente, huella, leido, mirar, uno

LARGA = "compilando " * 60


def tablero() -> Tablero:
    final: dict[str, Any] = {"fin": a_los(30), "coste": 0.0123}
    sesion = leido(
        agente("ejecutor-1", coste=0.5),
        agente("revisor-con-nombre-largo-2", "ejecutor-1"),
        agente("ejecutor-3", estado=EstadoAgente.PAUSED),
        agente(
            "ejecutor-4",
            estado=EstadoAgente.FAILED,
            desenlace="no pudo\nde ninguna manera",
            **final,
        ),
        agente("ejecutor-5", estado=EstadoAgente.COMPLETED, desenlace="hecho", **final),
        huellas={
            "ejecutor-1": huella("tool_call_request", 100, orden=ORDEN),
            "revisor-con-nombre-largo-2": huella(
                "approval_request", detalles={"orden": "git push"}
            ),
            "ejecutor-3": huella("agent_loop", espera="superior", problema="dos carpetas"),
        },
        senal_s=100,
    )
    return mirar(sesion, 125, {ORDEN.fila: OrdenMirada(True, a_los(124), f"uno\n{LARGA}")})


@pytest.mark.parametrize("ancho", [40, 59, 60, 80, 120, None])
def test_se_lee_a_cualquier_ancho(ancho: int | None) -> None:
    lineas = [linea.texto for linea in renglones(tablero(), ancho)]
    texto = "\n".join(lineas)
    for dicho in (
        "te espera 1",
        "master",
        "ejecutor-1",
        "herramienta",
        "$ make",
        "espera aprob",
        "revisor-con-nombre-largo-2",
        "$ git push",
        "en pausa: superior",
        "dos carpetas",
        "fallido",
        "no pudo",
        "terminado",
        "hecho",
        "1 s",
        "2m05s",
    ):
        assert dicho in texto, dicho
    assert "de ninguna manera" not in texto
    if ancho is None:
        assert LARGA.strip()[:390] in texto
    else:
        assert max(map(cell_len, lineas)) <= ancho
        assert any(linea.endswith("…") for linea in lineas)


def test_a_80_columnas_cada_agente_cabe_en_dos_lineas_con_sus_numeros() -> None:
    lineas = [linea.texto for linea in renglones(tablero(), 80)]
    assert len(lineas) <= 2 + 2 * len(tablero().todos)
    (suya,) = [linea for linea in lineas if linea.startswith("ejecutor-1")]
    assert suya.split() == ["ejecutor-1", "herramienta", "1", "s", "2m05s", "12", "0.5000"]
    (hija,) = [linea for linea in lineas if "revisor" in linea]
    assert hija.startswith("└ revisor")


def test_lo_que_va_mal_o_pide_algo_se_distingue_tambien_por_el_tono() -> None:
    tonos = {ln.texto.split()[0]: ln.tono for ln in renglones(tablero(), 80) if ln.texto[0] != " "}
    assert tonos["ejecutor-3"] is Tono.AVISO
    assert tonos["ejecutor-4"] is Tono.MAL
    assert tonos["ejecutor-5"] is Tono.BIEN


@pytest.mark.parametrize(
    ("visto", "dice"),
    [
        (uno(huella("llm_input"), 1), "modelo"),
        (uno(huella("llm_call", detalles={"espera_s": 75, "clase": "tasa"}), 3), "tasa 1m12s"),
        (
            uno(huella("llm_call", detalles={"espera_s": 5, "clase": "servidor"}), 1),
            "modelo, repite en 4 s",
        ),
        (uno(huella("agent_loop", detalles={"espera": "bucle"}), 1), "en bucle"),
        (uno(huella("agent_loop", detalles={"espera": "hijo"}), 1), "espera a un hijo"),
        (uno(huella("llm_output"), 1), "trabajando"),
        (uno(huella("tool_call_request"), 500), "atascado (herramienta)"),
        (
            uno(huella("llm_output", espera="presupuesto"), 1, estado=EstadoAgente.PAUSED),
            "en pausa: presupuesto",
        ),
        (
            uno(huella("llm_output", espera="usuario"), 1, estado=EstadoAgente.PAUSED),
            "en pausa: la persona",
        ),
        (
            uno(huella(""), 1, estado=EstadoAgente.COMPLETED, fin=CERO, verificacion="verificada"),
            "terminado ✔",
        ),
        (
            uno(huella(""), 1, estado=EstadoAgente.COMPLETED, fin=CERO, verificacion="fallida"),
            "terminado ✘",
        ),
        (uno(huella(""), 1, estado=EstadoAgente.MAX_ITERATIONS, fin=CERO), "al límite"),
    ],
    ids=lambda dato: dato if isinstance(dato, str) else "",
)
def test_la_frase_de_cada_estado(visto: Any, dice: str) -> None:
    assert frase(visto) == dice


@pytest.mark.parametrize(
    ("segundos", "dice"), [(0.9, "0 s"), (59.9, "59 s"), (65, "1m05s"), (11_220, "3h07m")]
)
def test_las_duraciones_son_cortas(segundos: float, dice: str) -> None:
    assert duracion(segundos) == dice


def test_recortar_cuenta_columnas_y_no_letras() -> None:
    assert recortada("漢字漢字", 8) == "漢字漢字"
    assert recortada("漢字漢字", 7) == "漢字漢…"
    assert cell_len(recortada("漢字漢字", 6)) <= 6


def test_el_objeto_json_tiene_las_claves_documentadas_y_ningun_secreto() -> None:
    foto = tablero()
    hostil = replace(foto.agentes[0], motivo="la clave es abracadabra", orden="$ echo abracadabra")
    foto = replace(foto, agentes=(hostil, *foto.agentes[1:]))
    dicho = json.loads(json.dumps(objeto(foto, lambda texto: texto.replace("abracadabra", "[x]"))))
    assert list(dicho) == ["version", "sesion", "vivo", "ahora", "master", "agentes"]
    assert (dicho["version"], dicho["sesion"], dicho["vivo"]) == (VERSION, "s-1", True)
    for uno_de in (dicho["master"], *dicho["agentes"]):
        assert list(uno_de) == list(CLAVES)
    assert "abracadabra" not in json.dumps(dicho)
    primero = dicho["agentes"][0]
    assert (primero["espera"], primero["senal_s"], primero["coste"]) == ("herramienta", 1.0, 0.5)
    assert primero["senal"] == "2026-01-01T00:02:04.000Z"
    assert len(primero["ultima_linea"]) == 500


def test_sin_ninguna_sesion_el_objeto_lo_dice() -> None:
    dicho = objeto(None)
    assert (dicho["version"], dicho["sesion"], dicho["vivo"]) == (VERSION, None, False)
    assert (dicho["master"], dicho["agentes"]) == (None, [])
