"""Sacar una sesión de la bitácora, a una salida abierta o a un archivo."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TextIO

from agentes.errores import ErrorConfiguracion
from servicios.registros.auditoria.base import abrir_base
from servicios.registros.auditoria.en_csv import exportar_csv
from servicios.registros.auditoria.en_html import exportar_html
from servicios.registros.auditoria.en_json import exportar_json
from servicios.registros.auditoria.en_markdown import exportar_markdown
from servicios.registros.auditoria.relato import Redactar, Relato, leer_relato

EXPORTADORES: dict[str, Callable[[Relato, TextIO], str]] = {
    "json": exportar_json,
    "csv": exportar_csv,
    "md": exportar_markdown,
    "html": exportar_html,
}
"""Formato → quien lo escribe y devuelve la nota de lo que no cupo."""


@dataclass(frozen=True, slots=True)
class Pedido:
    """Qué sesión se saca (`None`: la última), de qué bitácora y cómo."""

    ruta: Path
    sesion: str | None
    formato: str
    redactar: Redactar


def exportar(pedido: Pedido, salida: TextIO) -> tuple[str, str]:
    """Escribe la sesión. Devuelve su id y la nota de lo que no cupo, o vacío.

    Lanza `ErrorEnjambre`, u `OSError` si no se puede escribir.
    """
    with abrir_base(pedido.ruta) as base:
        sesion = base.elegir_sesion(pedido.sesion)
        with leer_relato(base, sesion, pedido.redactar) as relato:
            return sesion, EXPORTADORES[pedido.formato](relato, salida)


def exportar_a(pedido: Pedido, destino: Path, *, forzar: bool = False) -> tuple[str, str]:
    """Como `exportar`, a un archivo que aparece entero o no aparece; solo lo lee su dueño.

    Lanza `ErrorConfiguracion` si ya existe (salvo `forzar`) o no se puede escribir.
    """
    if destino.is_dir():
        raise ErrorConfiguracion(f"{destino} es una carpeta: di el nombre del archivo")
    if destino.exists() and not forzar:
        raise _existe(destino)
    provisional = ""
    try:
        descriptor, provisional = tempfile.mkstemp(prefix=".exportar-", dir=destino.parent)
        with os.fdopen(descriptor, "w", encoding="utf-8", newline="") as salida:
            hecho = exportar(pedido, salida)
        _poner(Path(provisional), destino, forzar=forzar)
    except FileExistsError as error:
        raise _existe(destino) from error
    except OSError as error:
        raise ErrorConfiguracion(f"{destino}: no se puede escribir ({error.strerror})") from error
    finally:
        if provisional:
            with suppress(OSError):
                Path(provisional).unlink()
    return hecho


def _poner(provisional: Path, destino: Path, *, forzar: bool) -> None:
    """Le da su nombre; sin `forzar`, falla si alguien creó el destino mientras tanto."""
    if forzar:
        provisional.replace(destino)
    else:
        destino.hardlink_to(provisional)


def _existe(destino: Path) -> ErrorConfiguracion:
    return ErrorConfiguracion(f"{destino} ya existe: usa otro nombre, o --forzar para cambiarlo")
