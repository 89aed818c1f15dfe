"""Completado de órdenes y de ids de agentes."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING

from prompt_toolkit.completion import CompleteEvent, Completer, Completion

from servicios.interfaz.terminal.ordenes.comando import TODOS
from servicios.interfaz.terminal.ordenes.tabla import COMANDOS, POR_NOMBRE

if TYPE_CHECKING:
    from prompt_toolkit.document import Document


class Completado(Completer):
    """Órdenes al principio de la línea; ids tras las que los piden, o en una palabra empezada.

    Tras una arroba, los ids con ella. `ids` da los agentes de la sesión. Un alias se ofrece si por
    su nombre no hay ninguna. En una línea vacía no ofrece nada: prompt_toolkit completa
    un instante después de la tecla, cuando la línea puede estar ya enviada.
    """

    def __init__(self, ids: Callable[[], Sequence[str]]) -> None:
        self._ids = ids

    def get_completions(
        self, document: Document, complete_event: CompleteEvent
    ) -> Iterable[Completion]:
        """Lo que puede seguir a lo escrito."""
        antes = document.text_before_cursor
        palabra = antes.rpartition("\n")[2].rpartition(" ")[2]
        if antes == palabra and antes.startswith("/"):
            for nombre in _ordenes(palabra.lower()):
                yield _completar(nombre, palabra, POR_NOMBRE[nombre].significado)
            return
        for candidato in self._tras(antes, palabra):
            if candidato.startswith(palabra):
                yield _completar(candidato, palabra, "")

    def _tras(self, antes: str, palabra: str) -> Sequence[str]:
        primera, hay, _ = antes.partition(" ")
        con_arroba = [f"@{agente_id}" for agente_id in self._ids()]
        if not hay and palabra.startswith("@"):
            return con_arroba
        pedida = POR_NOMBRE.get(primera.lower())
        if pedida is None:
            return self._ids() if palabra else ()
        args = pedida.args
        if "@ID" in args:
            return con_arroba
        if "ID" not in args:
            return ()
        return [*self._ids(), TODOS] if TODOS in args else self._ids()


def _ordenes(principio: str) -> Sequence[str]:
    propias = [c.nombre for c in COMANDOS if c.nombre.startswith(principio)]
    return propias or [nombre for nombre in POR_NOMBRE if nombre.startswith(principio)]


def _completar(texto: str, palabra: str, significado: str) -> Completion:
    return Completion(texto, -len(palabra), display_meta=significado)
