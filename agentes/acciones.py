"""Lo que un superior pide: quien decide devuelve acciones, otro las ejecuta."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from agentes.eventos import Apunte
    from agentes.respuestas import LlamadaHerramienta


@dataclass(frozen=True, slots=True)
class Delegar:
    """Lanzar un agente de un tipo con una tarea."""

    agent_type: str
    task_description: str


@dataclass(frozen=True, slots=True)
class EnviarMensaje:
    """Mandar una directiva a un agente vivo; si estaba en pausa por un problema, sigue."""

    agent_id: str
    message_content: str


@dataclass(frozen=True, slots=True)
class Cancelar:
    """Parar un agente y lo que esté ejecutando."""

    agent_id: str


@dataclass(frozen=True, slots=True)
class Pausar:
    """Parar a un agente donde está, con su orden congelada, hasta que se reanude."""

    agent_id: str


@dataclass(frozen=True, slots=True)
class Reanudar:
    """Que siga un agente al que se mandó pausar."""

    agent_id: str


@dataclass(frozen=True, slots=True)
class LeerReporte:
    """Leer el último reporte de un agente a partir de un carácter (desde 0)."""

    agent_id: str
    desde: int = 0


@dataclass(frozen=True, slots=True)
class ConsultarEstado:
    """Preguntar cómo va el enjambre."""


@dataclass(frozen=True, slots=True)
class Rechazada:
    """Una llamada que no vale: no se ejecuta y su respuesta es el motivo."""

    motivo: str


Accion = (
    Rechazada
    | Delegar
    | EnviarMensaje
    | Cancelar
    | Pausar
    | Reanudar
    | LeerReporte
    | ConsultarEstado
)

ACCIONES: dict[str, type[Any]] = {
    "delegate_task": Delegar,
    "send_message_to_agent": EnviarMensaje,
    "cancelar_agente": Cancelar,
    "pausar_agente": Pausar,
    "reanudar_agente": Reanudar,
    "leer_reporte": LeerReporte,
    "estado_enjambre": ConsultarEstado,
}
"""Nombre de la herramienta que ve el modelo → acción. Los argumentos se llaman igual."""


@dataclass(frozen=True, slots=True)
class AccionPedida:
    """Una acción con quién la pide, la llamada que la trajo y su causa en la bitácora.

    `efecto` es el agente que ya se lanzó o al que ya llegó, si se hizo antes de un corte.
    """

    solicitante: str
    accion: Accion
    llamada: LlamadaHerramienta
    causa: Apunte
    efecto: str = ""


def accion_desde(llamada: LlamadaHerramienta) -> Accion:
    """La acción de una llamada; la que trae error o no es de estas queda rechazada."""
    if llamada.error is not None:
        return Rechazada(llamada.error)
    clase = ACCIONES.get(llamada.nombre)
    if clase is None:
        return Rechazada(f"Error: «{llamada.nombre}» no es una acción.")
    accion: Accion = clase(**llamada.args)
    return accion
