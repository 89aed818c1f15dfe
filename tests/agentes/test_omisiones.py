from __future__ import annotations

import pytest

from agentes.mensajes import Aviso, ClaseAviso
from agentes.omisiones import ProblemasPorContar, nombra
from tests.prompts.test_avisos import SIN_APUNTE


def _aviso(agente_id: str, clase: ClaseAviso = ClaseAviso.PROBLEMA) -> Aviso:
    return Aviso(agente_id, "rol", clase, "texto", SIN_APUNTE)


@pytest.mark.parametrize(
    "texto",
    [
        "ejecutor-1 pide ayuda",
        "Pide ayuda **ejecutor-1**.",
        "«Ejecutor-1», dice",
        "es _ejecutor-1_",
        "(ejecutor-1)",
        "ejecutor-1: falta la clave",
    ],
)
def test_lo_nombra(texto: str) -> None:
    assert nombra(texto, "ejecutor-1")


@pytest.mark.parametrize(
    "texto",
    [
        "",
        "todo va bien",
        "ejecutor-12 terminó",
        "otro-ejecutor-1",
        "mi_ejecutor-1",
        "ejecutor-1-b",
        "ejecutor 1",
        "ejecutor-1_b",
        "eje\u200bcutor-1",
    ],
)
def test_no_lo_nombra(texto: str) -> None:
    assert not nombra(texto, "ejecutor-1")


def test_cada_problema_se_juzga_con_el_primer_texto_y_una_vez() -> None:
    problemas = ProblemasPorContar(["viejo-1"])
    problemas.leer([_aviso("a-1"), _aviso("b-1", ClaseAviso.RESULTADO), _aviso("c-2")])
    assert problemas.omitidos_en("c-2 necesita algo") == ["viejo-1", "a-1"]
    assert problemas.omitidos_en("nada") == []
    problemas.leer([_aviso("a-1"), _aviso("a-1")])
    assert problemas.omitidos_en("nada") == ["a-1"]
