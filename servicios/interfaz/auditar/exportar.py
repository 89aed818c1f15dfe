"""`python main.py exportar`: una sesión a un archivo o a la salida."""

from __future__ import annotations

import io
import os
import sys
import tempfile
from argparse import Namespace
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import TextIO

from agentes.errores import ErrorConfiguracion
from servicios.interfaz.auditar.fuente import Fuente, elegir_fuente
from servicios.interfaz.codigos import Salida
from servicios.registros.auditoria.base import abrir_base
from servicios.registros.auditoria.en_csv import exportar_csv
from servicios.registros.auditoria.en_html import exportar_html
from servicios.registros.auditoria.en_json import exportar_json
from servicios.registros.auditoria.en_markdown import exportar_markdown
from servicios.registros.auditoria.relato import Relato, leer_relato

EXPORTADORES: dict[str, Callable[[Relato, TextIO], str]] = {
    "json": exportar_json,
    "csv": exportar_csv,
    "md": exportar_markdown,
    "html": exportar_html,
}
"""Formato → quien lo escribe y devuelve la nota de lo que no cupo."""


def correr(argumentos: Namespace) -> int:
    """Exporta y devuelve el código de salida. Lanza `ErrorEnjambre`, en una línea, u `OSError`."""
    fuente = elegir_fuente(argumentos.base)
    if argumentos.a is None:
        if isinstance(sys.stdout, io.TextIOWrapper):
            sys.stdout.reconfigure(encoding="utf-8", newline="")
        _, nota = exportar(fuente, argumentos.sesion, argumentos.formato, sys.stdout)
        sys.stdout.flush()
    else:
        destino = Path(argumentos.a).expanduser()
        sesion, nota = exportar_a(
            fuente, argumentos.sesion, argumentos.formato, destino, forzar=argumentos.forzar
        )
        print(f"Sesión {sesion} exportada a {destino}", file=sys.stderr)
    if nota:
        print(nota, file=sys.stderr)
    return Salida.BIEN


def exportar(fuente: Fuente, sesion: str | None, formato: str, salida: TextIO) -> tuple[str, str]:
    """Escribe la sesión. Devuelve su id y la nota de lo que no cupo.

    Lanza `ErrorEnjambre`, o `OSError` si no se puede escribir.
    """
    with abrir_base(fuente.ruta) as base:
        elegida = base.elegir_sesion(sesion)
        with leer_relato(base, elegida, fuente.redactar) as relato:
            return elegida, EXPORTADORES[formato](relato, salida)


def exportar_a(
    fuente: Fuente, sesion: str | None, formato: str, destino: Path, *, forzar: bool
) -> tuple[str, str]:
    """Como `exportar`, a un archivo que aparece entero o no aparece; solo lo lee su dueño.

    Lanza `ErrorConfiguracion` si ya existe (salvo `forzar`) o no se puede escribir.
    """
    if destino.exists() and not forzar:
        raise ErrorConfiguracion(f"{destino} ya existe: usa otro nombre, o --forzar para cambiarlo")
    if destino.is_dir():
        raise ErrorConfiguracion(f"{destino} es una carpeta: di el nombre del archivo")
    provisional = ""
    try:
        descriptor, provisional = tempfile.mkstemp(prefix=".exportar-", dir=destino.parent)
        with os.fdopen(descriptor, "w", encoding="utf-8", newline="") as salida:
            hecho = exportar(fuente, sesion, formato, salida)
        _poner(Path(provisional), destino, forzar=forzar)
    except OSError as error:
        raise ErrorConfiguracion(f"{destino}: no se puede escribir ({error.strerror})") from error
    finally:
        with suppress(OSError):
            Path(provisional).unlink()
    return hecho


def _poner(provisional: Path, destino: Path, *, forzar: bool) -> None:
    """Le da su nombre; sin `forzar`, falla si alguien creó el destino mientras tanto."""
    if forzar:
        provisional.replace(destino)
    else:
        destino.hardlink_to(provisional)
