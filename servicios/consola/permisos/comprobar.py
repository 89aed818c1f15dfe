"""Comprobaciones que comparten los programas que no leen sus opciones como getopt."""

from __future__ import annotations

from collections.abc import Sequence

from servicios.consola.permisos.arbol import Palabra
from servicios.consola.permisos.rutas import motivo_de_ruta

Palabras = Sequence[Palabra]


def con_comodin(argumentos: Palabras) -> str:
    """Vacío si ninguna lleva comodines."""
    malos = [una.texto for una in argumentos if una.comodin]
    return f"«{malos[0]}» puede convertirse en otros argumentos" if malos else ""


def motivo_de(una: Palabra, *, contenido: bool = True) -> str:
    """Por qué hay que preguntar antes de leer esa ruta; vacío si no hace falta."""
    motivo = motivo_de_ruta(una.texto, comodin=una.comodin, contenido=contenido)
    return f"«{una.texto}» {motivo}" if motivo else ""


def motivo_de_archivos(archivos: Palabras, *, contenido: bool = True) -> str:
    """Lo mismo de varias; un comodín del principio podría dar nombres que parezcan opciones."""
    malos = [una.texto for una in archivos if una.comodin and una.texto[0] in "*?["]
    if malos:
        return f"«{malos[0]}» puede convertirse en una opción"
    return next(filter(None, (motivo_de(una, contenido=contenido) for una in archivos)), "")
