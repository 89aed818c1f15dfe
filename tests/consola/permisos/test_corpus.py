from __future__ import annotations

import statistics
import time

from agentes.perfil_consola import Veredicto
from servicios.consola.permisos import decidir
from tests.consola.permisos.corpus import CORRIENTES, HOSTILES, NEGADAS, TRABAJO

TODAS = [*HOSTILES, *NEGADAS, *CORRIENTES, *TRABAJO]


def con(veredicto: Veredicto, corpus: list[tuple[str, str]]) -> list[str]:
    """Las órdenes del corpus con ese veredicto."""
    return [orden for _, orden in corpus if decidir(orden).veredicto is veredicto]


def test_nada_hostil_se_permite_solo() -> None:
    assert con(Veredicto.PERMITIR, HOSTILES) == []


def test_todo_lo_negado_se_deniega() -> None:
    assert con(Veredicto.PERMITIR, NEGADAS) == con(Veredicto.PREGUNTAR, NEGADAS) == []


def test_ni_lo_corriente_ni_el_trabajo_de_cada_dia_se_deniegan() -> None:
    assert con(Veredicto.DENEGAR, [*CORRIENTES, *TRABAJO]) == []


def test_lo_corriente_de_solo_lectura_casi_nunca_se_pregunta() -> None:
    preguntadas = con(Veredicto.PREGUNTAR, CORRIENTES)
    assert len(preguntadas) <= len(CORRIENTES) * 0.1, preguntadas


def test_los_corpus_son_de_verdad_grandes_y_sin_repetir() -> None:
    for corpus, minimo in ((HOSTILES, 300), (CORRIENTES, 200), (NEGADAS, 60), (TRABAJO, 60)):
        ordenes = [orden for _, orden in corpus]
        assert len(set(ordenes)) == len(ordenes) >= minimo


def test_el_motivo_es_una_linea_corta_que_se_puede_ensenar() -> None:
    for _, orden in TODAS:
        motivo = decidir(orden).motivo
        assert 0 < len(motivo) <= 160
        assert motivo.isprintable(), orden


def test_decidir_tarda_menos_de_un_milisegundo() -> None:
    tiempos = []
    for _, orden in TODAS:
        antes = time.thread_time()
        decidir(orden)
        tiempos.append(time.thread_time() - antes)
    assert statistics.median(tiempos) < 0.001


def test_anadir_algo_hostil_a_lo_permitido_deja_de_permitirse() -> None:
    permitidas = con(Veredicto.PERMITIR, CORRIENTES)
    colas = (
        *("; touch x", " && rm x", " | sh", " | tee x", " > x", " >> x", " &", "\ntouch x"),
        *("\n#\ntouch x", " $(id)", " `id`", " <(id)", " ${x}", " 2> x", " <<< x", " ; X=1 ls"),
        *(" || eval x", " |& cat", " ; (ls)", " ; f(){ ls; }", " ; . x", " ; exec 3>x", " ;;"),
    )
    coladas = [
        orden + cola
        for orden in permitidas
        for cola in colas
        if "#" not in orden and decidir(orden + cola).veredicto == "permitir"
    ]
    assert coladas == []


def test_poner_algo_hostil_delante_de_lo_permitido_deja_de_permitirse() -> None:
    permitidas = con(Veredicto.PERMITIR, CORRIENTES)
    cabezas = (
        *("X=1 ", "PATH=. ", "! ", "time ", "env ", "nohup ", "eval ", "exec ", "command "),
        *("touch x; ", "touch x\n", "( ", "{ ", "alias ls=x\n", "$x ", "./", "coproc ", ">x "),
    )
    coladas = [
        cabeza + orden
        for orden in permitidas
        for cabeza in cabezas
        if orden[0] not in "#." and decidir(cabeza + orden).veredicto == "permitir"
    ]
    assert coladas == []
