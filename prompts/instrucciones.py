"""Las instrucciones con las que empieza cada historia: la del Master y la de un agente."""

from __future__ import annotations

from collections.abc import Iterable

from agentes.clase_agente import Agente
from agentes.definicion import DefinicionAgente
from prompts.avisos import MARCA
from prompts.evidencias import exigencia
from prompts.plantillas import rellenar, rellenar_propia


def instrucciones_master(tipos: Iterable[DefinicionAgente]) -> str:
    """Las del Master, con los tipos que puede lanzar y el objetivo de cada uno."""
    lineas = [f"- {t.agent_type}: {t.rol}. Objetivo: {t.objetivo}." for t in tipos]
    lista = "\n".join(lineas) or "- (ninguno: no puedes delegar)"
    return rellenar_propia("master.md", {"marca": MARCA, "tipos": lista})


def instrucciones_agente(agente: Agente, definicion: DefinicionAgente) -> str:
    """Las de un agente: el prompt de su tipo con sus huecos conocidos rellenos."""
    valores = {
        "agent_name": agente.nombre,
        "agent_rol": agente.rol,
        "agent_objetivo": agente.objetivo,
        "marca": MARCA,
    }
    propias = rellenar(definicion.instrucciones, valores)
    return f"{propias}\n{exigencia(definicion.evidencias)}" if definicion.evidencias else propias
