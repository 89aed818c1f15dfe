"""La tabla: `python -m tests.rendimiento [--rapido] [--fila N…] [--json]`.

Cada fila dice lo que cuesta el producto, lo que cuesta lo mismo hecho a mano y su razón. Sale con
1 si una medida no se pudo hacer; no cumplir un objetivo se ve en la tabla y no es un fallo.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import sys
import time
from collections.abc import Callable, Iterator

from rich.console import Console
from rich.table import Table

from tests.rendimiento import filas_agente, filas_enjambre
from tests.rendimiento.lineas import Linea, cifra
from tests.rendimiento.procesos import ErrorMedida, Servidor, servidor

Fila = Callable[[Servidor, bool], Iterator[Linea]]

FILAS: dict[int, Fila] = {
    1: filas_agente.cpu_por_turno,
    2: filas_agente.memoria,
    3: filas_enjambre.arranques,
    4: filas_enjambre.bitacora,
    5: filas_enjambre.enjambres,
    6: filas_agente.ordenes,
    7: filas_agente.bytes_por_turno,
    8: filas_enjambre.primer_aviso,
    9: filas_enjambre.retraso,
    10: filas_agente.encierro,
}


def correr(numeros: list[int], *, rapido: bool) -> tuple[list[Linea], list[str]]:
    """Mide las filas pedidas, una detrás de otra. Devuelve las líneas y los tropiezos."""
    lineas: list[Linea] = []
    tropiezos: list[str] = []
    with servidor() as modelo:
        for numero in numeros:
            inicio = time.monotonic()
            try:
                lineas += FILAS[numero](modelo, rapido)
            except ErrorMedida as error:
                tropiezos.append(f"fila {numero}: {error}")
            duracion = time.monotonic() - inicio
            print(f"fila {numero}: {duracion:.0f} s", file=sys.stderr, flush=True)
    return lineas, tropiezos


def tabla(lineas: list[Linea]) -> Table:
    """Las líneas para leerlas."""
    dibujada = Table(title="Lo que cuesta el enjambre", title_justify="left")
    for nombre in ("", "medida", "producto", "referencia"):
        dibujada.add_column(nombre)
    for nombre in ("razón", "objetivo", ""):
        dibujada.add_column(nombre, justify="right", no_wrap=True)
    for linea in lineas:
        dibujada.add_row(
            str(linea.fila),
            linea.medida,
            linea.producto,
            linea.referencia,
            "" if linea.razon is None else f"{cifra(linea.razon)} ×",
            linea.objetivo,
            {None: "", True: "[green]✔[/]", False: "[red]✘[/]"}[linea.cumple],
        )
    return dibujada


def main() -> int:
    """Mide lo pedido y lo enseña."""
    analizador = argparse.ArgumentParser(prog="python -m tests.rendimiento", description=__doc__)
    analizador.add_argument("--rapido", action="store_true", help="menos veces y menos agentes")
    analizador.add_argument("--fila", type=int, nargs="+", choices=FILAS, help="solo estas filas")
    analizador.add_argument("--json", action="store_true", help="las líneas en JSON")
    argumentos = analizador.parse_args()
    lineas, tropiezos = correr(argumentos.fila or list(FILAS), rapido=argumentos.rapido)
    if argumentos.json:
        print(json.dumps([dataclasses.asdict(linea) for linea in lineas], ensure_ascii=False))
    else:
        Console(width=None if sys.stdout.isatty() else 150).print(tabla(lineas))
    for tropiezo in tropiezos:
        print(tropiezo, file=sys.stderr)
    return 1 if tropiezos else 0


if __name__ == "__main__":
    sys.exit(main())
