"""Quitar del disco lo que los agentes de una sesión podada dejaron en él."""

from __future__ import annotations

import shutil
from collections.abc import Iterable
from pathlib import Path

from servicios.consola.operaciones.disco import borrar_operacion
from servicios.consola.plazas.plazas import carpetas_de


def borrar_lo_de_la_sesion(
    datos: Path, sesion: str, sub: str, agentes: Iterable[str], operaciones: Iterable[int]
) -> None:
    """Borra sus espacios y casas, lo que recordaban sus consolas y el rastro de sus operaciones.

    Nunca sigue un enlace; lo que no se puede borrar se queda.
    """
    for carpeta in carpetas_de(datos, sub):
        for agente in agentes:
            if not (carpeta / agente).is_symlink():
                shutil.rmtree(carpeta / agente, ignore_errors=True)
        if sub:
            shutil.rmtree(carpeta, ignore_errors=True)
    shutil.rmtree(datos / "estados" / sesion, ignore_errors=True)
    for fila in operaciones:
        borrar_operacion(datos, fila)
