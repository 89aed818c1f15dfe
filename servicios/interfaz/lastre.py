"""Lo que una sesión tiene fuera de la base, apuntado antes de podarla o mientras se bifurca.

Se poda en una transacción y se borra después; y los espacios de una bifurcación se copian antes de
que conste. Si el programa muere entre medias, o no cabe, lo que no es de ninguna sesión se borra.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable
from contextlib import closing
from dataclasses import asdict, dataclass
from pathlib import Path

from agentes.errores import ErrorBitacora, ErrorConfiguracion
from servicios.consola.plazas.limpiar_sesion import borrar_lo_de_la_sesion
from servicios.registros.fallos import explicar
from servicios.registros.lectura.conexion import conectar_lectura
from servicios.registros.reanudacion.cerrojo import sesiones_abiertas

_SUFIJO = ".lastre.json"
_CONSTAN = "SELECT id FROM sessions"


@dataclass(frozen=True, slots=True)
class Lastre:
    """Lo de una sesión: los agentes con espacio y las operaciones con rastro.

    `sub` es la subcarpeta de sus espacios, si nació de otra.
    """

    sesion: str
    sub: str
    agentes: tuple[str, ...]
    operaciones: tuple[int, ...]


def apuntar_lastre(datos: Path, lastres: Iterable[Lastre]) -> None:
    """Deja dicho en `datos/archivo` qué habrá que borrar. Lanza `ErrorConfiguracion`."""
    for lastre in lastres:
        archivo = datos / "archivo" / f"{lastre.sesion}{_SUFIJO}"
        try:
            archivo.parent.mkdir(mode=0o700, exist_ok=True)
            nuevo = archivo.with_suffix(".nuevo")
            nuevo.write_text(json.dumps(asdict(lastre)), encoding="utf-8")
            nuevo.replace(archivo)
        except OSError as error:
            raise ErrorConfiguracion(
                f"{archivo}: no se puede escribir ({error.strerror})"
            ) from error


def soltar_lastre(datos: Path) -> None:
    """Borra lo apuntado de las sesiones que ya no constan, o que no llegaron a constar.

    Lo de una que alguien tiene abierta no se toca. Lanza `ErrorBitacora`.
    """
    archivos = sorted((datos / "archivo").glob(f"*{_SUFIJO}"))
    # Antes de mirar cuáles constan: la que se está escribiendo puede acabar entre medias.
    abiertas = sesiones_abiertas(datos) if archivos else set()
    constan = _constan(datos / "swarm.db") if archivos else set()
    for archivo in archivos:
        if archivo.name.removesuffix(_SUFIJO) not in abiertas | constan:
            lastre = json.loads(archivo.read_text(encoding="utf-8"))
            borrar_lo_de_la_sesion(datos, *lastre.values())
            archivo.unlink(missing_ok=True)


def quitar_lastre(datos: Path, sesion: str) -> None:
    """Ya no hay que borrar nada de esa sesión."""
    (datos / "archivo" / f"{sesion}{_SUFIJO}").unlink(missing_ok=True)


def _constan(ruta: Path) -> set[str]:
    try:
        with closing(conectar_lectura(ruta)) as db:
            return {fila[0] for fila in db.execute(_CONSTAN)}
    except sqlite3.Error as error:
        raise ErrorBitacora(explicar(ruta, error)) from error
