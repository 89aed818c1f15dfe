"""Qué es cada fila para una reproducción: de quién es, si se copia y qué sigue a qué."""

from __future__ import annotations

from agentes.eventos_linea import PARADA
from agentes.eventos_llamada import CANCELADA
from servicios.llm.aparte import APARTE
from servicios.registros.reproducir.canonico import FilaGrabada

AJENAS = {"master_input", "agent_intervention", "agent_control", "swarm_management"}
"""Las que escribe otro en la secuencia de un agente."""

COPIADAS = {
    *("approval_request", "approval_decision", "network_request", "network_end"),
    *("session_name", "model_change", "system_error", "swarm_init", "orphan_operation"),
    *("budget_set", "budget_reserve"),
}
DE_SISTEMA = {"system_init", "system_exit", "session_resume", "session_fork"}

FIN_DE_RAFAGA = AJENAS | {"llm_input", "tool_call_request"}


def es_aparte(fila: FilaGrabada) -> bool:
    """Si es la petición de una pregunta al margen: no toca nada de lo que decide el núcleo."""
    return fila.tipo == "llm_input" and fila.details.get("proposito") == APARTE


def pide_compactar(fila: FilaGrabada) -> bool:
    """Si es la petición de un resumen."""
    return fila.tipo == "llm_input" and bool(fila.details.get("proposito"))


def la_sigue(fila: FilaGrabada) -> bool:
    """Si puede ser el resto de una llamada con propósito: su respuesta, su fallo o el cambio."""
    return fila.tipo in {"llm_output", "llm_call", "history_compaction"}


def es_fin_cortado(fila: FilaGrabada) -> bool:
    """Si es el final de un agente al que cortaron."""
    return fila.tipo == "agent_run_end" and fila.details.get("estado") == "cancelled"


def es_parada(fila: FilaGrabada | None) -> bool:
    """Si dice que la persona paró la respuesta del Master."""
    return fila is not None and fila.details.get("motivo") == PARADA


def es_cancelada(fila: FilaGrabada) -> bool:
    """Si dice que esa llamada la pararon desde fuera."""
    return fila.tipo == "llm_call" and fila.details.get("clase") == CANCELADA


def es_corriente(fila: FilaGrabada) -> bool:
    """Si es la petición de un turno, sin otro propósito."""
    return fila.tipo == "llm_input" and not fila.details.get("proposito")
