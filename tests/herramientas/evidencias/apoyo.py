"""Agentes de guion que preparan algo, reportan con evidencias y, si se les devuelve, insisten."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from tests.apoyo import CONSOLA, DELEGAR, PROBLEMA, REPORTAR, tipo
from tests.dobles.guion import Guion
from tests.dobles.peticion import Peticion
from tests.dobles.respuestas import Respuesta, llamada, llamar, respuesta, texto
from tests.herramientas.evidencias.casos import Caso

INICIAR = "iniciar_trabajo"
MANOS = [CONSOLA, INICIAR, REPORTAR, PROBLEMA]
TIPOS = (
    tipo("probador", max_iterations=5),
    tipo("exigente", max_iterations=5, evidencias=["orden"]),
    tipo(
        "servidor",
        max_iterations=6,
        available_tools=MANOS,
        red="libre",
        reglas=[
            {"decision": "permitir", "orden": [n]} for n in ("python3", "sleep", "exec", "curl")
        ],
    ),
)


def reportar(evidencias: Sequence[dict[str, Any]], resultado: str = "hecho") -> Respuesta:
    return llamar(REPORTAR, {"resultado": resultado, "evidencias": list(evidencias)})


def guion_de(casos: Sequence[Caso]) -> tuple[Guion, dict[str, str]]:
    """El guion de esos casos, y de cada agente a su caso."""
    guion, cuentas, agentes = Guion(), dict[str, int](), dict[str, str]()
    for caso in casos:
        cuentas[caso.tipo] = cuentas.get(caso.tipo, 0) + 1
        agente_id = f"{caso.tipo}-{cuentas[caso.tipo]}"
        agentes[agente_id] = caso.nombre
        guion.poner(agente_id, _agente(caso))
    guion.poner("Master", _master(casos))
    return guion, agentes


def _agente(caso: Caso) -> Callable[[Peticion], Respuesta]:
    pasos = [llamar(CONSOLA, {"command": caso.prepara})] if caso.prepara else []
    if caso.trabajo:
        pasos.append(llamar(INICIAR, {"command": caso.trabajo}))
        pasos.append(llamar(CONSOLA, {"command": "sleep 0.7"}))

    def contestar(peticion: Peticion) -> Respuesta:
        hechos = len(peticion.resultados)
        return pasos[hechos] if hechos < len(pasos) else reportar(caso.evidencias)

    return contestar


def _master(casos: Sequence[Caso]) -> Callable[[Peticion], Respuesta]:
    encargos = [
        llamada(DELEGAR, {"agent_type": c.tipo, "task_description": c.nombre}) for c in casos
    ]

    def contestar(peticion: Peticion) -> Respuesta:
        if len(peticion.mensajes) == 1:
            return respuesta(texto="reparto", llamadas=encargos)
        return texto("sigo")

    return contestar
