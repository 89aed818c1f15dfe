"""El árbol de agentes de la página: casillas, tareas y una barra de cuándo trabajó cada uno."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from html import escape
from typing import Any

from agentes.eventos import MASTER, SISTEMA, USUARIO
from servicios.consola.secretos.limpieza import limpiar
from servicios.registros.auditoria.arbol import Nudo
from servicios.registros.auditoria.relato import Relato

_TAREA = 120


@dataclass(frozen=True, slots=True)
class Tallos:
    """Lo que se pinta de cada agente: hechos, clase de color y los extremos del tiempo."""

    hechos: Mapping[str, int]
    colores: Mapping[str, str]
    limites: tuple[str, str]


def escribir_arbol(relato: Relato, tallos: Tallos) -> Iterator[str]:
    """La lista anidada: la persona, el sistema y, debajo del Master, sus agentes."""
    yield "<ul>"
    for agente in (USUARIO, SISTEMA):
        yield f"<li>{_casilla(agente, tallos)}</li>"
    yield f"<li>{_casilla(MASTER, tallos)}"
    abiertos = 0
    for nudo in relato.arbol():
        yield from _mover(abiertos, nudo.nivel + 1)
        abiertos = nudo.nivel + 1
        yield f"<li>{_agente(nudo, relato, tallos)}"
    yield from _mover(abiertos, 0)
    yield "</li></ul>\n"


def _mover(abiertos: int, nivel: int) -> Iterator[str]:
    """Abre o cierra listas hasta ese nivel; un `li` queda abierto hasta saber si tiene hijos."""
    if nivel > abiertos:
        yield "<ul>"
        return
    for _ in range(abiertos - nivel):
        yield "</li></ul>"
    if nivel:
        yield "</li>"


def _agente(nudo: Nudo, relato: Relato, tallos: Tallos) -> str:
    tarea = relato.redactar(str(nudo.fila["tarea"]))
    corta = tarea if len(tarea) <= _TAREA else f"{tarea[:_TAREA]}…"
    return (
        f"{_casilla(str(nudo.fila['agente']), tallos)}{_barra(nudo, tallos)}"
        f'<div class="tarea">{_texto(nudo.fila["estado"])} · {_texto(corta)}'
        '<span data-con-js hidden> <button type="button" data-rama>solo su rama</button></span></div>'
    )


def _casilla(agente: str, tallos: Tallos) -> str:
    return (
        f'<label><input type="checkbox" name="agente" value="{_texto(agente)}" checked>'
        f'<span class="a {tallos.colores.get(agente, "k0")}">{_texto(agente)}</span>'
        f'<span class="cuantos">{tallos.hechos.get(agente, 0)}</span></label>'
    )


def _barra(nudo: Nudo, tallos: Tallos) -> str:
    """Cuándo trabajó, dentro de la duración de la sesión."""
    principio, final = (_instante(t) for t in tallos.limites)
    desde = _instante(str(nudo.fila["start_time"]))
    hasta = _instante(str(nudo.fila["end_time"])) if nudo.fila["end_time"] else final
    total = max(final - principio, 0.001)
    x = min(max((desde - principio) / total * 100, 0), 99)
    ancho = min(max((hasta - desde) / total * 100, 1), 100 - x)
    return (
        '<svg viewBox="0 0 100 4" preserveAspectRatio="none" aria-hidden="true">'
        f'<rect class="{_texto(nudo.fila["estado"])}" x="{x:.2f}" width="{ancho:.2f}" height="4"/>'
        "</svg>"
    )


def _instante(timestamp: str) -> float:
    try:
        return datetime.fromisoformat(timestamp).timestamp()
    except ValueError:
        return 0.0


def _texto(valor: Any) -> str:
    return escape(limpiar(str(valor)), quote=True)
