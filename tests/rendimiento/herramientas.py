"""La herramienta trivial y las instrucciones: las mismas para el producto y para los suelos."""

from __future__ import annotations

from typing import Any

from prompts.plantillas import leer_prompt
from prompts.tool_definitions import HERRAMIENTAS_AGENTE, Esquema
from tests.rendimiento.contestaciones import NADA

TAREA = "Da tus pasos, obrero."

ESQUEMA_NADA: Esquema = {
    "name": NADA,
    "description": "Apunta un texto y no hace nada más.",
    "parameters": {
        "type": "object",
        "properties": {"texto": {"type": "string", "minLength": 1, "description": "El texto."}},
        "required": ["texto"],
        "additionalProperties": False,
    },
}

ESQUEMAS: tuple[Esquema, ...] = (*HERRAMIENTAS_AGENTE, ESQUEMA_NADA)


def nada(texto: str) -> str:
    """Lo que devuelve la herramienta trivial: un texto de tamaño corriente."""
    return f"Apuntado: {texto}. " + "Todo sigue como estaba. " * 8


def instrucciones() -> str:
    """Las de un obrero, con el mismo tamaño que las que recibe el del producto."""
    return leer_prompt("ejecutor.md").replace("{agent_name}", "obrero-1")


def en_openai() -> list[dict[str, Any]]:
    """Los esquemas en la forma del protocolo de OpenAI."""
    return [{"type": "function", "function": esquema} for esquema in ESQUEMAS]
