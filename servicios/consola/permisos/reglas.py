"""Las reglas de un tipo de agente, comparadas con órdenes ya leídas."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from agentes.perfil_consola import Regla, Veredicto
from servicios.consola.permisos.arbol import Palabra
from servicios.consola.permisos.envoltorios import programa
from servicios.consola.permisos.rutas import nombra_secreto

_GIT_CON_VALOR = {"-C", "-c", "--git-dir", "--work-tree", "--namespace", "--config-env"}
_GIT_CON_VALOR |= {"--super-prefix", "--attr-source"}
_COMILLAS = re.compile(r"\\\n|['\"\\]")


def levanta(regla: Regla, orden: tuple[Palabra, ...]) -> bool:
    """Si una regla permite la orden: toda literal y sin más secretos que los que ella nombre."""
    if regla.decision is not Veredicto.PERMITIR or not regla.orden:
        return False
    argv = [una.texto for una in orden]
    largo = len(regla.orden)
    if tuple(argv[:largo]) != regla.orden or any(una.comodin for una in orden):
        return False
    return not any(nombra_secreto(texto) for texto in argv[largo:])


def por_regla(veredicto: Veredicto, halladas: Sequence[list[str]], reglas: Sequence[Regla]) -> str:
    """La primera regla que decide eso sobre alguna orden, esté donde esté; vacío si no la hay."""
    interesan = [regla for regla in reglas if regla.decision is veredicto]
    for regla in interesan:
        for argv in halladas:
            if any(forma[: len(regla.orden)] == regla.orden for forma in _formas(argv)):
                return f"hay una regla para «{' '.join(regla.orden)}»"
    return ""


def por_nombrarla(comando: str, reglas: Sequence[Regla]) -> str:
    """La primera regla que deniega algo cuyo programa se nombra en `comando`.

    Es para lo que no se pudo leer entero: alargar una orden no puede servir para esquivarla.
    """
    texto = _COMILLAS.sub("", comando)
    for regla in reglas:
        if regla.decision is not Veredicto.DENEGAR:
            continue
        nombre = re.escape(regla.orden[0]) if regla.orden else ""
        if re.search(rf"(?<![\w-]){nombre}(?![\w-])" if nombre else "", texto):
            return f"hay una regla para «{' '.join(regla.orden)}» y no se puede leer entera"
    return ""


def _formas(argv: list[str]) -> Iterator[tuple[str, ...]]:
    """Como está escrita, sin la carpeta del programa y sin las opciones generales de git."""
    yield tuple(argv)
    nombre = programa(argv[0])
    yield (nombre, *argv[1:])
    if nombre != "git":
        return
    lugar = 1
    while lugar < len(argv) and argv[lugar].startswith("-"):
        lugar += 2 if argv[lugar] in _GIT_CON_VALOR else 1
    yield (nombre, *argv[lugar:])
