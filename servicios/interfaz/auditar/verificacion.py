"""`auditar verificar`: si la bitácora está como se escribió, y si no, lo primero que no."""

from __future__ import annotations

import sys
from argparse import Namespace
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from servicios.consola.secretos.limpieza import limpiar
from servicios.interfaz.auditar.fuente import elegir_fuente
from servicios.interfaz.auditar.salida import escribir, formato_de
from servicios.interfaz.codigos import Salida
from servicios.registros.auditoria.base import abrir_base
from servicios.registros.auditoria.hojas import Hoja
from servicios.registros.custodia.verificar import Veredicto, verificar

_COLUMNAS = ("entera", "filas", "sesiones", "fila_rota", "sesion_rota", "rotura")


def correr(argumentos: Namespace) -> int:
    """0 si está entera, 1 si no. Lanza `ErrorEnjambre`, en una línea, u `OSError`."""
    fuente = elegir_fuente(argumentos.base)
    with abrir_base(fuente.ruta):
        pass
    veredicto = _con_barra(fuente.ruta)
    formato = formato_de(argumentos)
    if formato == "tabla":
        print(limpiar(_en_una_linea(veredicto, fuente.ruta)), flush=True)
        if veredicto.sin_archivo:
            print(limpiar(_nota(veredicto)), file=sys.stderr)
    else:
        escribir(_hoja(veredicto), formato, fuente.redactar)
    return Salida.BIEN if veredicto.entera else Salida.FALLO


def _con_barra(ruta: Path) -> Veredicto:
    """El avance va por la salida de error, y solo si es una pantalla."""
    consola = Console(stderr=True)
    columnas = (
        TextColumn("Verificando"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
    )
    barra = Progress(*columnas, console=consola, transient=True, disable=not consola.is_terminal)
    with barra:
        tarea = barra.add_task("", total=None)
        return verificar(
            ruta, lambda hechas, total: barra.update(tarea, completed=hechas, total=total)
        )


def _en_una_linea(veredicto: Veredicto, ruta: Path) -> str:
    if veredicto.rotura is not None:
        return f"Rota: {ruta}: {' '.join(str(veredicto.rotura).split())}"
    sesiones = f"{veredicto.sesiones} sesi{'ón' if veredicto.sesiones == 1 else 'ones'}"
    return f"Entera: {ruta}: {veredicto.filas} filas de {sesiones}, tal como se escribieron"


def _hoja(veredicto: Veredicto) -> Hoja:
    rotura = veredicto.rotura
    donde = (None, None, None) if rotura is None else (rotura.fila, rotura.sesion, rotura.que)
    filas = [(veredicto.entera, veredicto.filas, veredicto.sesiones, *donde)]
    return Hoja(_COLUMNAS, filas, nota=_nota(veredicto))


def _nota(veredicto: Veredicto) -> str:
    """Lo que no se pudo comprobar; vacío si se comprobó todo."""
    if not veredicto.sin_archivo:
        return ""
    cuales = ", ".join(veredicto.sin_archivo[:5])
    return f"No está el archivo de lo podado ({cuales}): de esas filas solo queda su ancla"
