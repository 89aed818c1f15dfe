"""Copiar lo de unos agentes para que otra sesión siga con ello por su lado."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path

from agentes.errores import ErrorConsola
from servicios.consola.estado import Estado
from servicios.consola.memoria import NADA, Memoria
from servicios.consola.plazas import carpetas
from servicios.consola.plazas.plazas import carpetas_de

_YA_NO_ESTA = "No such file or directory"
"""Lo que dice `cp` de un archivo que se borró mientras copiaba: otro lo está usando."""
_CON_NOSOTROS = ("setpriv", "--pdeathsig", "KILL", "--")
"""Si el programa muere a media copia, quien copia también: nadie llena el disco para nadie."""

Ascendiente = tuple[str, str]
"""Una sesión y la subcarpeta de los espacios de sus agentes."""


def copiar_espacios(
    datos: Path, agentes: Iterable[str], linaje: Sequence[Ascendiente], nueva: str
) -> None:
    """Copia a la sesión `nueva` el espacio, la casa y la consola de esos agentes (ver `Plazas`).

    `linaje` es su origen, el origen de su origen y así hasta el primero: lo de cada agente se toma
    del más cercano que lo tenga, porque una bifurcación solo se llevó lo de quien entonces vivía.
    Fiel: enlaces tal cual y sin seguirlos, permisos, dueños y fechas. De quien no tenga nada no
    hay nada que copiar. Lanza `ErrorConsola` si en el destino ya hay algo o no se puede.
    """
    destinos = carpetas_de(datos, nueva)
    origenes = [carpetas_de(datos, sub) for _, sub in linaje]
    recuerdos = [Memoria(datos, sesion) for sesion, _ in linaje]
    nuevos = Memoria(datos, nueva)
    for agente in agentes:
        for candidatas, destino in zip(zip(*origenes, strict=True), destinos, strict=True):
            hallada = next((c for c in candidatas if _es_carpeta(c / agente)), None)
            if hallada is not None:
                _copiar(hallada / agente, destino / agente)
        recuerdo = next((r for m in recuerdos if (r := m.de(agente)) != NADA), NADA)
        if recuerdo.estado is not None:
            mudado = _mudar(recuerdo.estado, datos.resolve(), linaje, nueva, agente)
            nuevos.guardar(agente, replace(recuerdo, estado=mudado))


def _es_carpeta(ruta: Path) -> bool:
    return ruta.is_dir() and not ruta.is_symlink()


def _mudar(
    estado: Estado, datos: Path, linaje: Sequence[Ascendiente], nueva: str, agente: str
) -> Estado:
    """Lo que nombraba una carpeta suya nombra ahora la copia."""
    cambios = [
        (str(vieja / agente), str(suya / agente))
        for _, sub in linaje
        for vieja, suya in zip(carpetas_de(datos, sub), carpetas_de(datos, nueva), strict=True)
    ]

    def mudada(texto: str) -> str:
        for vieja, suya in cambios:
            if texto == vieja or texto.startswith(f"{vieja}/"):
                return f"{suya}{texto.removeprefix(vieja)}"
        return texto

    return Estado(
        carpeta=mudada(estado.carpeta),
        carpeta_anterior=mudada(estado.carpeta_anterior),
        variables={nombre: mudada(valor) for nombre, valor in estado.variables.items()},
    )


def _copiar(origen: Path, destino: Path) -> None:
    if destino.exists():
        raise ErrorConsola(f"consola: «{destino}» ya existe y no se pisa")
    try:
        with carpetas.abierta(destino.parent):
            hecho = subprocess.run(
                (*_CON_NOSOTROS, "cp", "-a", "-T", "--", str(origen), str(destino)),
                capture_output=True,
                text=True,
                errors="replace",
                check=False,
                env={**os.environ, "LC_ALL": "C"},
            )
    except OSError as error:
        raise ErrorConsola(f"consola: no se puede copiar «{origen}» ({error})") from error
    quejas = [q for q in hecho.stderr.splitlines() if not q.endswith(_YA_NO_ESTA)]
    solo_faltan = hecho.returncode == 1 and bool(hecho.stderr) and not quejas
    if hecho.returncode != 0 and not (solo_faltan and destino.is_dir()):
        causa = " ".join(quejas or hecho.stderr.split()) or f"cp acabó con {hecho.returncode}"
        raise ErrorConsola(f"consola: no se puede copiar «{origen}»: {causa[:300]}")
