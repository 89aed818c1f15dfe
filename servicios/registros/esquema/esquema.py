"""Qué hay en `data/swarm.db`: la marca de nuestras bases y para qué sirve cada tabla."""

from __future__ import annotations

MARCA = 0x456E6A42
"""`application_id` de nuestras bases: las letras «EnjB»."""

TABLAS = {
    "logs": "La bitácora: una fila por hecho, solo se añade. Es la verdad; lo demás sale de aquí.",
    "sessions": "Una fila por sesión: cuándo empezó y acabó, su época y el final de su cadena.",
    "agentes": "Quién puede aparecer en la bitácora: el sistema, el Master, la persona y los agentes.",
    "agent_runs": "Una fila por agente lanzado: tipo, tarea, superior, estado, resultado y tokens.",
    "model_calls": "Una fila por llamada al modelo; su id es el de su fila `llm_input`.",
    "commands": "Una fila por herramienta pedida; su id es el de su fila `tool_call_request`.",
    "messages": "Líneas de la persona y directivas: en cola, entregadas (en qué llamada) y vistas.",
    "notices": "Avisos a los superiores: en cola, entregados (en qué llamada) y vistos.",
    "contadores": "El último número dado a cada tipo de agente; crece entre sesiones.",
    "anclas": "Las sesiones que se podaron: qué filas tenían, su último hash y dónde se archivaron.",
}
"""Nombre de cada tabla y para qué sirve."""
