"""Lo que una sesión podada tiene fuera de la base, apuntado antes de podarla.

Se poda en una transacción y se borra después: si el programa muere entre medias, la siguiente poda
acaba de borrarlo.
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

_SUFIJO = ".lastre.json"
_PODADAS = "SELECT session FROM anclas"


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
    """Borra lo apuntado de las sesiones que ya están podadas. Lanza `ErrorBitacora`."""
    archivos = sorted((datos / "archivo").glob(f"*{_SUFIJO}"))
    podadas = _podadas(datos / "swarm.db") if archivos else set()
    for archivo in archivos:
        if archivo.name.removesuffix(_SUFIJO) in podadas:
            lastre = json.loads(archivo.read_text(encoding="utf-8"))
            borrar_lo_de_la_sesion(datos, *lastre.values())
            archivo.unlink(missing_ok=True)


def _podadas(ruta: Path) -> set[str]:
    try:
        with closing(conectar_lectura(ruta)) as db:
            return {fila[0] for fila in db.execute(_PODADAS)}
    except sqlite3.Error as error:
        raise ErrorBitacora(explicar(ruta, error)) from error
