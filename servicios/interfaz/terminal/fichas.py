"""Lo que se enseña a petición del sistema entero: cuántos agentes hay y el estado."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

from agentes.eventos import EstadoAgente
from servicios.interfaz.lineas import Linea
from servicios.interfaz.tablero import PALABRAS
from servicios.interfaz.terminal.papel import Papel

if TYPE_CHECKING:
    from servicios.sistema import Sistema


def contar_estados(estados: Iterable[Mapping[str, str]]) -> str:
    """«2 trabajando, 1 en pausa»; «ninguno» si no hay."""
    cuenta = Counter(PALABRAS[EstadoAgente(e["status"])] for e in estados)
    orden = dict.fromkeys(PALABRAS.values())
    return ", ".join(f"{cuenta[p]} {p[cuenta[p] > 1]}" for p in orden if cuenta[p]) or "ninguno"


def tokens_de(sistema: Sistema) -> int:
    """Los del Master y los de todos los agentes de la sesión."""
    estados = sistema.gestor.get_all_agents_status()
    return sistema.master.uso.total + sum(int(e["tokens"]) for e in estados)


def en_marcha(sistema: Sistema) -> list[str]:
    """Los ids de los agentes que se cancelarían al cerrar."""
    estados = sistema.gestor.get_all_agents_status()
    quedan = sistema.gestor.mandos.los_que_se_quedan()
    return [
        e["agent_id"]
        for e in estados
        if not EstadoAgente(e["status"]).es_final and e["agent_id"] not in quedan
    ]


def en_pausa(sistema: Sistema) -> list[str]:
    """Los ids de los que están en pausa: siguen así cuando se reanude la sesión."""
    estados = sistema.gestor.get_all_agents_status()
    return [e["agent_id"] for e in estados if e["status"] == EstadoAgente.PAUSED]


def ficha_estado(sistema: Sistema, papel: Papel) -> None:
    """Cómo va todo: sesión, modelo, aislamiento, agentes, tokens y dónde queda guardado."""
    estados = sistema.gestor.get_all_agents_status()
    agentes = sum(int(e["tokens"]) for e in estados)
    master = "respondiendo" if sistema.conversacion.esta_respondiendo else "a la escucha"
    filas = (
        ("sesión", sistema.sesion),
        ("modelo", sistema.modelo),
        ("aislamiento", sistema.aislamiento.descripcion),
        ("Master", master),
        ("agentes", contar_estados(estados)),
        ("por aprobar", str(len(sistema.aprobaciones.pendientes()) or "nada")),
        ("tipos de agente", ", ".join(sorted(sistema.tipos)) or "ninguno"),
        ("tokens", f"{sistema.master.uso.total} del Master y {agentes} de los agentes"),
        ("bitácora", str(sistema.ajustes.datos / "swarm.db")),
    )
    for nombre, valor in filas:
        papel.linea(Linea(f"{nombre}: {valor}", entera=True))
