"""Por qué se quedó esperando un agente, según sus últimas filas."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Sequence

from agentes.eventos import Espera


def ultima_espera(cola: Sequence[sqlite3.Row]) -> Espera:
    """La última que anotó él."""
    suyas = [json.loads(f["details"]) for f in cola if f["tipo"] == "agent_loop"]
    # Las demás las ponen el sistema o quien lo mandó pausar.
    esperas = [e for d in suyas if "motivo" not in d and not (e := Espera(d["espera"])).es_mandada]
    return esperas[-1] if esperas else Espera.NADA


def es_problema(fila: sqlite3.Row) -> bool:
    """Si con ella consta por qué se le pausó: lo reportó, o se quedó sin presupuesto."""
    sin_fondos = fila["tipo"] == "budget_warning" and not json.loads(fila["details"]).get("cuenta")
    return sin_fondos or fila["tipo"] == "agent_problem"
