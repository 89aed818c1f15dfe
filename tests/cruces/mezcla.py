"""Qué se cruza en una sesión: todo sale de su semilla, menos los tiempos de la máquina."""

from __future__ import annotations

from dataclasses import dataclass
from random import Random
from typing import Any

from tests.apoyo import CANCELAR, CONSOLA, DELEGAR, MENSAJE, PROBLEMA, REPORTAR, tipo
from tests.apoyo_pausas import PAUSAR, REANUDAR

CLASES = ("todo", "pausas", "averias", "pobre", "muertes")
SIN_PRISA = 200
JEFE = [CONSOLA, DELEGAR, MENSAJE, CANCELAR, PAUSAR, REANUDAR, REPORTAR, PROBLEMA]


@dataclass(frozen=True, slots=True)
class Mezcla:
    """Lo que se decide de una sesión antes de empezarla; los tiempos, en segundos.

    Cada vida dura `vida_s`. `averia` es la parte de las peticiones que se estropean; `puestos`, los
    agentes y las llamadas a la vez; `cadencia_s`, lo que la persona espera como mucho entre líneas.
    """

    semilla: int
    clase: str
    vidas: int
    vida_s: float
    averia: float
    puestos: tuple[int, int]
    presupuesto: str
    de_tipo: dict[str, Any]
    cadencia_s: float
    contexto: int
    aislamiento: str

    def tipos(self) -> list[dict[str, Any]]:
        """Los tipos de agente de la sesión."""
        return [
            tipo("obrero", max_iterations=SIN_PRISA),
            tipo("prudente", max_iterations=SIN_PRISA, aprobacion="estricta"),
            tipo("medido", max_iterations=SIN_PRISA, **self.de_tipo),
            tipo("breve", max_iterations=3),
            tipo("jefe", max_iterations=SIN_PRISA, available_tools=JEFE),
        ]

    def variables(self) -> dict[str, str]:
        """Las del programa."""
        agentes, llamadas = self.puestos
        propias = {
            "ENJAMBRE_AISLAMIENTO": self.aislamiento,
            "ENJAMBRE_PROFUNDIDAD": "3",
            "ENJAMBRE_AGENTES_SIMULTANEOS": str(agentes),
            "ENJAMBRE_LLAMADAS_SIMULTANEAS": str(llamadas),
            "ENJAMBRE_LIMITE_COMANDO_S": "20",
        }
        return propias | ({"ENJAMBRE_CONTEXTO": str(self.contexto)} if self.contexto else {})


def mezclar(semilla: int, clase: str = "") -> Mezcla:
    """La de esa semilla; sin decir su clase, también sale de ella."""
    azar = Random(f"{semilla}:mezcla")
    clase = clase or CLASES[semilla % len(CLASES)]
    pobre = clase == "pobre" or azar.random() < 0.25
    return Mezcla(
        semilla=semilla,
        clase=clase,
        vidas=azar.choice((2, 3, 4)) if clase == "muertes" else azar.choice((1, 1, 2)),
        vida_s=azar.uniform(0.6, 1.8) if clase == "muertes" else azar.uniform(1.5, 4),
        averia={"averias": 0.35, "pausas": 0.25}.get(clase, azar.choice((0.0, 0.1, 0.2))),
        puestos=(azar.choice((1, 2, 3, 256)), azar.choice((1, 1, 2, 3, 256))),
        presupuesto=_presupuesto(azar) if pobre else "",
        de_tipo={"presupuesto": {"tokens": 9_000, "comandos": 3}} if pobre else {},
        cadencia_s=azar.choice((0.02, 0.08, 0.2)),
        contexto=azar.choice((0, 0, 0, 6_000)),
        aislamiento=azar.choice(("landlock", "landlock", "landlock", "bwrap")),
    )


def _presupuesto(azar: Random) -> str:
    posibles = {
        "tokens": azar.randrange(15_000, 90_000),
        "usd": round(azar.uniform(0.01, 0.08), 3),
        "comandos": azar.randrange(2, 15),
        "agentes": azar.randrange(2, 8),
        "segundos": round(azar.uniform(0.5, 6), 1),
    }
    elegidos = azar.sample([*posibles], azar.randrange(1, 4))
    return ",".join(f"{recurso}={posibles[recurso]}" for recurso in elegidos)
