"""Las notificaciones: marcadas, acotadas, y ningún agente se pierde en silencio."""

from __future__ import annotations

from typing import Any

import pytest
from langchain_core.messages import HumanMessage

from agentes.errores import ErrorPlantilla
from agentes.mensajes import Aviso, ClaseAviso
from prompts.avisos import MARCA, recortar, resumir_avisos, texto_estado
from prompts.plantillas import rellenar, rellenar_propia
from servicios.llm.demo.historia import leer_avisos

SIN_APUNTE: Any = None


def aviso(n: int, texto: str) -> Aviso:
    return Aviso(f"ejecutor-{n}", "rol", ClaseAviso.RESULTADO, texto, SIN_APUNTE)


def test_un_reporte_corto_entra_entero() -> None:
    resumen = resumir_avisos([aviso(1, "hola {llaves}")], tope=12_000, tope_aviso=4_000)
    assert resumen == f"{MARCA} ejecutor-1 (rol) terminó su tarea: hola {{llaves}}"


@pytest.mark.parametrize("tope", [1_000, 2_000, 12_000])
@pytest.mark.parametrize("cuantos", [1, 2, 3, 4, 20, 50, 70, 200, 5_000])
def test_muchos_reportes_enormes_caben_y_todos_constan(cuantos: int, tope: int) -> None:
    avisos = [aviso(n, "x" * 40_000) for n in range(cuantos)]
    resumen = resumir_avisos(avisos, tope=tope, tope_aviso=4_000)
    assert len(resumen) <= tope
    nombrados = resumen.count("terminó su tarea")
    if nombrados < cuantos:
        assert f"y {cuantos - nombrados} avisos más" in resumen
    assert nombrados >= min(cuantos, tope // 150)


def test_lo_recortado_dice_como_seguir_leyendo() -> None:
    assert recortar("a-1", "abcdef", 4) == (
        'abcd\n[… 2 caracteres más: leer_reporte(agent_id="a-1", desde=4)]'
    )


def test_rellenar_respeta_las_llaves_ajenas() -> None:
    texto = 'Eres {agent_name}: responde {"a": {b}} y {otra_cosa}'
    assert rellenar(texto, {"agent_name": "x"}) == 'Eres x: responde {"a": {b}} y {otra_cosa}'


def test_a_una_plantilla_propia_no_le_puede_faltar_nada() -> None:
    with pytest.raises(ErrorPlantilla, match=r"master.md: falta valor para tipos"):
        rellenar_propia("master.md", {"marca": MARCA})


@pytest.mark.parametrize("nombre", ["../agentes/errores.py", "no_existe.md", "/etc/passwd"])
def test_un_prompt_de_fuera_o_que_no_esta_se_explica(nombre: str) -> None:
    with pytest.raises(ErrorPlantilla):
        rellenar_propia(nombre, {})


def test_el_estado_de_muchos_agentes_cabe_y_cuenta_los_que_faltan() -> None:
    campos = ("agent_type", "status", "espera", "superior")
    uno = dict.fromkeys(campos, "x")
    estados = [{**uno, "agent_id": f"a-{n}", "tarea": "t" * 500} for n in range(300)]
    texto = texto_estado(estados)
    assert len(texto) <= 12_050
    nombrados = texto.count("; superior")
    assert texto.endswith(f"y {300 - nombrados} agentes más.")
    assert texto_estado(estados[:3]).count("\n") == 2


def test_lo_probado_va_delante_y_la_demostracion_lo_entiende() -> None:
    nota = "(SIN VERIFICAR: ✘ faltan las exigidas: orden)"
    probado = Aviso("e-1", "rol", ClaseAviso.RESULTADO, "hecho: 5", SIN_APUNTE, nota)
    resumen = resumir_avisos([probado], tope=1_000, tope_aviso=500)
    assert resumen == f"{MARCA} e-1 (rol) terminó su tarea {nota}: hecho: 5"
    [leido] = leer_avisos(HumanMessage(resumen))
    assert (leido.agente, leido.que, leido.texto) == ("e-1", "terminó", f"{nota} hecho: 5")
