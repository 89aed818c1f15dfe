"""Tortura larga desde la línea de órdenes: `python -m tests.tortura --muertes 1000`."""

from __future__ import annotations

import argparse
import asyncio
import logging
import shutil
import sys
import tempfile
import time
from pathlib import Path
from random import Random

from tests.dobles.openai import DobleOpenAI
from tests.tortura.cliente import Vivero
from tests.tortura.guion import guion
from tests.tortura.vidas import Balance, Modo, Plan, Sesion

MODOS: tuple[Modo, ...] = ("solo", "todo")


async def torturar(
    carpeta: Path, muertes: int, semilla: int, modos: tuple[Modo, ...] = MODOS, a_la_vez: int = 1
) -> Balance:
    """Sesiones, un modo cada vez, hasta llegar a tantas muertes. La semilla las decide todas."""
    balance, plan = Balance(), Plan()
    async with DobleOpenAI(guion()) as doble, Vivero.abrir(carpeta / "programa") as vivero:
        while balance.muertes.total() < muertes:
            modo = modos[balance.sesiones % len(modos)]
            azar = Random(f"{semilla}:{balance.sesiones}")
            sesion = Sesion(vivero, doble, carpeta / f"s{balance.sesiones}", modo, azar, plan)
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
