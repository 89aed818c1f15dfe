"""Los agentes de una sesión como el árbol que son: cada uno debajo de quien lo lanzó."""

from __future__ import annotations

import sqlite3
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass

from agentes.eventos import MASTER
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


@dataclass(frozen=True, slots=True)
class Nudo:
    """Un agente en su sitio del árbol; `rama` es lo que se pinta delante de su nombre."""

    fila: sqlite3.Row
    nivel: int
    rama: str


def leer_arbol(base: Base, sesion: str) -> list[Nudo]:
    """Los agentes, cada uno detrás de su superior y antes que sus hermanos menores."""
    hijos: dict[str, list[sqlite3.Row]] = defaultdict(list)
    filas = base.leer(_AGENTES, sesion)
    conocidos = {fila["agente"] for fila in filas}
    for fila in filas:
        superior = str(fila["superior"])
        hijos[superior if superior in conocidos else MASTER].append(fila)
    return list(_bajar(hijos))


def _bajar(hijos: dict[str, list[sqlite3.Row]]) -> Iterator[Nudo]:
    """De arriba abajo y sin recursión: un árbol puede ser más hondo que la pila."""
    pendientes = [(fila, 0, "") for fila in reversed(hijos.pop(MASTER, []))]
    while pendientes:
        fila, nivel, margen = pendientes.pop()
        siguiente = pendientes[-1][1] if pendientes else -1
        ultimo = siguiente < nivel
        yield Nudo(fila, nivel, f"{margen}{'└ ' if ultimo else '├ '}" if nivel else "")
        dentro = f"{margen}{'  ' if ultimo else '│ '}" if nivel else ""
        suyos = hijos.pop(str(fila["agente"]), [])
        pendientes += [(hijo, nivel + 1, dentro) for hijo in reversed(suyos)]


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
