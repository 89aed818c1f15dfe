"""Qué orden puede ser una prueba: la que no decide ella misma con qué código acaba."""

from __future__ import annotations

from collections.abc import Sequence

from servicios.consola.permisos.arbol import analizar, nodos
from servicios.consola.permisos.conjunto import conjunto
from servicios.consola.permisos.envoltorios import dentro, programa, textos
from servicios.consola.permisos.forma import aplanar

_TAPAN = {"||", ";", "&"}
_NO_PRUEBAN = conjunto(
    "true false : exit return echo printf sleep eval exec source . set trap alias unalias shopt enable "
    "export declare local readonly unset cd pushd popd read wait yes command builtin"
)
_FORMA = (
    "una orden de evidencia es una orden simple, o varias unidas con && o |, sin nada que cambie su"
    " código: ni ||, ni ;, ni &, ni !"
)


def reparo_de_orden(orden: str) -> str:
    """Por qué esa orden no sirve de prueba, o nada."""
    if "\n" in orden.strip():
        return f"{_FORMA}; esta lleva varias líneas"
    raiz = analizar(orden)
    if raiz is None:
        return "la orden es demasiado larga o enredada para ser una prueba"
    ordenes = aplanar(raiz)
    if isinstance(ordenes, str):
        return f"{_FORMA}; esta {ordenes}"
    if tapa := next((nodo.type for nodo in nodos(raiz) if nodo.type in _TAPAN), ""):
        return f"{_FORMA}; esta lleva «{tapa}»"
    if not ordenes or not all(ordenes):
        return _FORMA
    return next(filter(None, (_reparo([p.texto for p in una]) for una in ordenes)), "")


def _reparo(argv: Sequence[str]) -> str:
    """El de una orden simple y de las que lleve dentro."""
    nombre = programa(argv[0])
    if nombre in _NO_PRUEBAN:
        return f"«{nombre}» no prueba nada: acaba igual hayas hecho tu trabajo o no"
    if textos(argv):
        return f"«{nombre}» lleva dentro un texto de bash: escribe la orden misma"
    return next(filter(None, map(_reparo, dentro(argv))), "")
