"""El clasificador, con un reloj virtual: cada causa de espera y ni un atasco de mentira."""

from __future__ import annotations

from typing import Any

import pytest

from agentes.eventos import Espera, EstadoAgente
from servicios.registros.tablero.clasificar import MARGEN_MODELO_S, PACIENCIA_S
from servicios.registros.tablero.leido import Huella, OrdenMirada
from servicios.registros.tablero.visto import Visto
from tests.registros.tablero.apoyo import (
    CERO,
    LIMITE_LLAMADA_S,
    ORDEN,
    a_los,
    agente,
    huella,
    leido,
    mirar,
    uno,
)

DIEZ_MINUTOS = 600
VIVA = OrdenMirada(viva=True, escrito=CERO)


@pytest.mark.parametrize(
    ("paso", "detalles", "espera"),
    [
        ("agent_run_start", {}, ""),
        ("agent_loop", {"estado": "running", "espera": ""}, ""),
        ("agent_loop", {"estado": "running", "espera": "hijo"}, "hijo"),
        ("agent_loop", {"estado": "running", "espera": "presupuesto"}, "presupuesto"),
        ("agent_loop", {"estado": "running", "espera": "en_bucle"}, "en_bucle"),
        ("agent_loop", {"estado": "running", "espera": "", "motivo": "le toca"}, ""),
        ("llm_input", {}, "modelo"),
        ("llm_call", {"clase": "interrumpida"}, ""),
        ("llm_output", {"llamadas": 1}, ""),
        ("tool_call_request", {}, "herramienta"),
        ("approval_request", {"orden": "git push"}, "aprobacion"),
        ("approval_decision", {}, "herramienta"),
        ("tool_execution", {}, ""),
    ],
)
def test_cada_paso_dice_por_que_espera(paso: str, detalles: dict[str, Any], espera: str) -> None:
    visto = uno(huella(paso, detalles=detalles), 5)
    assert (visto.espera, visto.senal_s, visto.tiempo_s) == (espera, 5, 5)


@pytest.mark.parametrize("espera", ["superior", "usuario", "presupuesto", "en_bucle", "otra_nueva"])
def test_una_pausa_espera_lo_que_dijo_aunque_despues_llegara_otra_fila(espera: str) -> None:
    """Una llamada en vuelo se deja acabar: su fila llega con el agente ya en pausa."""
    suya = huella("llm_output", detalles={"llamadas": 1}, espera=espera, problema="dos carpetas")
    visto = uno(suya, DIEZ_MINUTOS, estado=EstadoAgente.PAUSED)
    assert visto.espera == espera
    por_problema = espera in {Espera.SUPERIOR, Espera.PRESUPUESTO, "en_bucle"}
    assert visto.motivo == ("dos carpetas" if por_problema else "")


def test_la_espera_por_tasa_cuenta_atras_y_despues_es_del_modelo() -> None:
    suya = huella("llm_call", detalles={"espera_s": 12.0, "clase": "tasa", "error": "429"})
    vistos = [uno(suya, en_s) for en_s in (0, 5, 11.5, 12, 20)]
    assert [v.falta_s for v in vistos] == [12, 7, 0.5, None, None]
    assert [v.espera for v in vistos] == ["tasa", "tasa", "tasa", "modelo", "modelo"]
    assert vistos[0].motivo == "429"


def test_un_reintento_que_no_es_por_tasa_no_se_hace_pasar_por_ella() -> None:
    suya = huella("llm_call", detalles={"espera_s": 4.0, "clase": "servidor", "error": "HTTP 500"})
    visto = uno(suya, 1)
    assert (visto.espera, visto.falta_s, visto.motivo) == ("modelo", 3, "HTTP 500")


def test_una_espera_impuesta_dice_cuanto_falta_y_que_puesto_tiene() -> None:
    por_tasa = {"espera": "tasa", "espera_s": 6.0, "motivo": "openai:x", "puesto": 0}
    visto = uno(huella("agent_loop", detalles=por_tasa), 2)
    assert (visto.espera, visto.falta_s, visto.motivo) == ("tasa", 4, "openai:x")
    assert uno(huella("agent_loop", detalles=por_tasa), 900).falta_s == 0
    en_cola = {"espera": "cola", "espera_s": 0.0, "motivo": "tope de agentes", "puesto": 3}
    visto = uno(huella("agent_loop", detalles=en_cola), 2)
    assert (visto.espera, visto.falta_s) == ("cola", None)
    assert visto.motivo == "puesto 3: tope de agentes"


# --- atascado ---------------------------------------------------------------------------


def test_una_orden_lenta_y_callada_de_diez_minutos_nunca_esta_atascada() -> None:
    suya = huella("tool_call_request", orden=ORDEN)
    vistos = [uno(suya, segundo, VIVA) for segundo in range(DIEZ_MINUTOS + 1)]
    assert {v.espera for v in vistos} == {"herramienta"}
    assert (vistos[-1].senal_s, vistos[-1].orden) == (DIEZ_MINUTOS, "$ make")


def test_lo_que_escribe_su_orden_es_una_senal_de_vida() -> None:
    suya = huella("tool_call_request", orden=ORDEN)
    orden = OrdenMirada(viva=True, escrito=a_los(598), salida="uno\nva por el 80 %\n\n")
    visto = uno(suya, DIEZ_MINUTOS, orden)
    assert (visto.senal_s, visto.ultima_linea) == (2, "va por el 80 %")


@pytest.mark.parametrize("orden", [None, OrdenMirada(viva=False, escrito=CERO)])
@pytest.mark.parametrize("paso", ["tool_call_request", "tool_execution", "agent_run_start"])
def test_sin_orden_viva_ni_senales_esta_atascado_y_dice_en_que(
    paso: str, orden: OrdenMirada | None
) -> None:
    suya = huella(paso, orden=ORDEN)
    assert uno(suya, PACIENCIA_S, orden).espera != "atascado"
    visto = uno(suya, PACIENCIA_S + 1, orden)
    en = "herramienta" if paso == "tool_call_request" else ""
    assert (visto.espera, visto.motivo) == ("atascado", en)


def test_al_modelo_se_le_da_lo_que_dura_una_llamada() -> None:
    tope = LIMITE_LLAMADA_S + MARGEN_MODELO_S
    assert uno(huella("llm_input"), tope).espera == "modelo"
    assert uno(huella("llm_input"), tope + 1).espera == "atascado"
    # Con muchas a la vez espera su turno: mientras la sesión avance, no está atascado.
    assert uno(huella("llm_input"), tope + 1, senal_s=tope).espera == "modelo"


@pytest.mark.parametrize(
    "suya",
    [
        huella("approval_request", detalles={"orden": "git push"}),
        huella("agent_loop", detalles={"espera": "hijo"}),
        huella("agent_loop", detalles={"espera": "presupuesto"}),
        huella("llm_call", detalles={"espera_s": 90_000, "clase": "tasa"}),
    ],
    ids=["aprobacion", "hijo", "presupuesto", "tasa"],
)
def test_lo_que_espera_a_otro_no_se_atasca(suya: Huella) -> None:
    assert uno(suya, 86_400).espera != "atascado"


# --- la sesión --------------------------------------------------------------------------


def test_sin_nadie_que_la_tenga_abierta_esperan_a_que_se_reanude() -> None:
    sesion = leido(
        agente("a-1"),
        agente("a-2", estado=EstadoAgente.COMPLETED, fin=a_los(4), desenlace="\nhecho\ny más"),
        huellas={"a-1": huella("llm_input", 3)},
    )
    tablero = mirar(sesion, 86_400, abierta=False)
    cortado, acabado = tablero.agentes
    assert (tablero.vivo, tablero.master.espera) == (False, "reanudar")
    assert (cortado.espera, cortado.tiempo_s) == ("reanudar", 3)
    assert (acabado.espera, acabado.tiempo_s, acabado.motivo) == ("", 4, "hecho")


def test_el_arbol_pone_a_cada_uno_bajo_su_superior_y_los_que_siguen_delante() -> None:
    final: dict[str, Any] = {"estado": EstadoAgente.COMPLETED, "fin": CERO}
    sesion = leido(
        agente("a-1", **final),
        agente("a-2"),
        agente("b-1", "a-2", **final),
        agente("b-2", "a-2"),
        agente("c-1", "b-2"),
        agente("d-1", "no-esta"),
        huellas={},
    )
    orden = [(v.rama + v.id, v.profundidad) for v in mirar(sesion, 1).agentes]
    assert orden == [
        ("a-2", 1),
        ("├ b-2", 2),
        ("│ └ c-1", 3),
        ("└ b-1", 2),
        ("d-1", 1),
        ("a-1", 1),
    ]


@pytest.mark.parametrize(
    ("suya", "estado", "espera"),
    [
        (huella("llm_input"), EstadoAgente.RUNNING, "modelo"),
        (huella("tool_call_request"), EstadoAgente.RUNNING, "herramienta"),
        (huella("llm_output", detalles={"llamadas": 2}), EstadoAgente.RUNNING, ""),
        (huella("llm_output", detalles={"llamadas": 0}), EstadoAgente.RUNNING, "hijo"),
        (huella("llm_output", detalles={"llamadas": 0}), EstadoAgente.PAUSED, "usuario"),
        (huella("llm_output", detalles={"llamadas": 0}), EstadoAgente.COMPLETED, "usuario"),
        (huella("master_error"), EstadoAgente.COMPLETED, "usuario"),
        (huella("master_loop"), EstadoAgente.RUNNING, "hijo"),
        (huella("llm_call", detalles={"clase": "cancelada"}), EstadoAgente.COMPLETED, "usuario"),
        (Huella(), EstadoAgente.COMPLETED, "usuario"),
    ],
)
def test_el_master_espera_a_los_suyos_o_a_la_persona(
    suya: Huella, estado: EstadoAgente, espera: str
) -> None:
    fin = CERO if estado.es_final else None
    sesion = leido(agente("a-1", estado=estado, fin=fin), huellas={"master": suya})
    assert mirar(sesion, 3).master.espera == espera


def test_solo_lo_que_pide_algo_a_la_persona_le_espera() -> None:
    def pide(visto: Visto) -> bool:
        return visto.espera_a_la_persona

    assert pide(uno(huella("approval_request", detalles={"orden": "x"}), 1))
    assert pide(uno(huella("agent_loop", detalles={"espera": "presupuesto"}), 1))
    assert not pide(uno(huella("llm_input"), 1))
