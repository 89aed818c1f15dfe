"""Los agentes de una sesión como el árbol que son: cada uno debajo de quien lo lanzó."""

from __future__ import annotations

import sqlite3

from servicios.registros import ramas
from servicios.registros.auditoria.base import Base
from servicios.registros.auditoria.hojas import Hoja

_COLUMNAS = (
    *("fila", "agente", "superior", "nivel", "tipo", "estado", "start_time", "end_time"),
    *(
        "duracion_s",
        "tokens_in",
        "tokens_out",
        "modelo",
        "verificacion",
        "tarea",
        "resultado",
        "error",
    ),
)
_A_LA_VISTA = ("agente", "estado", "duracion_s", "tokens_in", "tokens_out", "tarea")
_AGENTES = """
    SELECT fila, agent_id AS agente, lanzado_por AS superior, agent_type AS tipo, status AS estado,
        start_time, end_time, duracion_s, tokens_in, tokens_out, model AS modelo,
        verificacion, task_description AS tarea, resultado, error
    FROM v_agentes WHERE session = ? ORDER BY fila"""

Nudo = ramas.Nudo[sqlite3.Row]
"""Un agente en su sitio del árbol."""


def leer_arbol(base: Base, sesion: str) -> list[Nudo]:
    """Los agentes, cada uno detrás de su superior y antes que sus hermanos menores."""
    filas = base.leer(_AGENTES, sesion)
    return list(ramas.colgar(filas, lambda f: str(f["agente"]), lambda f: str(f["superior"])))


def agentes(base: Base, sesion: str, limite: int, *, con_ramas: bool) -> Hoja:
    """El árbol de los agentes. `con_ramas` pinta las ramas delante de los nombres."""
    nudos = leer_arbol(base, sesion)
    filas = []
    for nudo in nudos[:limite]:
        datos = {**nudo.fila, "nivel": nudo.nivel}
        if con_ramas:
            datos["agente"] = f"{nudo.rama}{nudo.fila['agente']}"
        filas.append(tuple(datos[columna] for columna in _COLUMNAS))
    sobran = len(nudos) - limite
    nota = f"Hay {sobran} agentes más: --limite {len(nudos)}" if sobran > 0 else ""
    return Hoja(_COLUMNAS, filas, _A_LA_VISTA, nota)
