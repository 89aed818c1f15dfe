"""Tortura larga desde la línea de órdenes: `python -m tests.tortura --muertes 1000`."""

from __future__ import annotations

import argparse
import asyncio
import logging
import shutil
import sys
import tempfile
import time
from contextlib import AsyncExitStack
from pathlib import Path
from random import Random

from tests.apoyo import PROVEEDORES, doble_de, variables_de
from tests.tortura.cliente import Vivero
from tests.tortura.guion import guion
from tests.tortura.vidas import Balance, Modo, Plan, Sesion

MODOS: tuple[Modo, ...] = ("solo", "todo")


async def torturar(
    carpeta: Path, muertes: int, semilla: int, modos: tuple[Modo, ...] = MODOS
) -> Balance:
    """Sesiones hasta llegar a tantas muertes, un modo y un proveedor cada vez.

    La semilla decide cuándo llega cada muerte.
    """
    balance, plan = Balance(), Plan()
    async with AsyncExitStack() as pila:
        vivero = await pila.enter_async_context(Vivero.abrir(carpeta / "programa"))
        dobles = [
            (p, await pila.enter_async_context(doble_de(p, guion(), modelos=None)))
            for p in PROVEEDORES
        ]
        while balance.muertes.total() < muertes:
            modo = modos[balance.sesiones % len(modos)]
            proveedor, doble = dobles[balance.sesiones // len(modos) % len(dobles)]
            azar, datos = Random(f"{semilla}:{balance.sesiones}"), carpeta / f"s{balance.sesiones}"
            sesion = Sesion(vivero, variables_de(proveedor, doble), datos, modo, azar, plan)
            balance.cuenta += await sesion.correr()
            balance.sesiones += 1
            balance.muertes[modo] += sesion.muertes
            assert not doble.rechazos, doble.rechazos
            assert not doble.imprevistos, doble.imprevistos
            doble.peticiones.clear()
            print(f"semilla {semilla}: {balance}", file=sys.stderr, flush=True)
    return balance


def main() -> None:
    """Entrada de `python -m tests.tortura`."""
    analizador = argparse.ArgumentParser(description=__doc__)
    analizador.add_argument("--muertes", type=int, default=1000)
    analizador.add_argument("--semilla", type=int, default=time.time_ns() % 10**6)
    analizador.add_argument("--modo", choices=MODOS, action="append")
    opciones = analizador.parse_args()
    # Un cliente muerto a media respuesta es lo normal aquí.
    logging.getLogger("aiohttp.server").setLevel(logging.CRITICAL)
    # Si algo falla, se queda para mirarla: dentro está la base de la sesión que no cumplió.
    carpeta = Path(tempfile.mkdtemp(prefix="tortura-"))
    print(f"semilla {opciones.semilla}, en {carpeta}", file=sys.stderr, flush=True)
    modos = tuple(opciones.modo or MODOS)
    balance = asyncio.run(torturar(carpeta, opciones.muertes, opciones.semilla, modos))
    print(balance)
    if balance.cuenta.infieles:
        sys.exit(1)
    shutil.rmtree(carpeta)


if __name__ == "__main__":
    main()
