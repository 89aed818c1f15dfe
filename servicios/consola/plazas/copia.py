"""Copiar lo de unos agentes para que otra sesión siga con ello por su lado."""

from __future__ import annotations

import subprocess
from collections.abc import Iterable
from pathlib import Path

from agentes.errores import ErrorConsola
from servicios.consola.plazas import carpetas
from servicios.consola.plazas.plazas import carpetas_de


def copiar_espacios(datos: Path, agentes: Iterable[str], de_sub: str, a_sub: str) -> None:
    """Copia el espacio y la casa de esos agentes de una subcarpeta a otra (ver `Plazas`).

    Fiel: enlaces tal cual y sin seguirlos, permisos, dueños y fechas. De quien no tenga nada no
    hay nada que copiar. Lanza `ErrorConsola` si en el destino ya hay algo o no se puede.
    """
    agentes = tuple(agentes)
    pares = zip(carpetas_de(datos, de_sub), carpetas_de(datos, a_sub), strict=True)
    for origen, destino in pares:
        for agente in agentes:
            if (origen / agente).is_dir() and not (origen / agente).is_symlink():
                _copiar(origen / agente, destino / agente)


def _copiar(origen: Path, destino: Path) -> None:
    if destino.exists():
        raise ErrorConsola(f"consola: «{destino}» ya existe y no se pisa")
    try:
        with carpetas.abierta(destino.parent):
            hecho = subprocess.run(
                ("cp", "-a", "-T", "--", str(origen), str(destino)),
                capture_output=True,
                text=True,
                check=False,
            )
    except OSError as error:
        raise ErrorConsola(f"consola: no se puede copiar «{origen}» ({error})") from error
    if hecho.returncode != 0:
        raise ErrorConsola(f"consola: no se puede copiar «{origen}»: {hecho.stderr.strip()[:200]}")
