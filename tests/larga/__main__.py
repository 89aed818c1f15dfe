"""La carrera larga: `python -m tests.larga --minutos 40 --semilla 7`."""

from __future__ import annotations

import argparse
import asyncio
import logging
import shutil
import sys
import tempfile
import time
from pathlib import Path

from tests.larga.carrera import correr
from tests.larga.informe import juzgar
from tests.larga.plan import largo


def main() -> None:
    """Entrada de `python -m tests.larga`."""
    analizador = argparse.ArgumentParser(description=__doc__)
    analizador.add_argument("--minutos", type=float, default=40)
    analizador.add_argument("--semilla", type=int, default=time.time_ns() % 10**6)
    opciones = analizador.parse_args()
    # Un cliente muerto a media respuesta es lo normal aquí.
    logging.getLogger("aiohttp.server").setLevel(logging.CRITICAL)
    # Si algo falla se queda, para mirarlo: la base, el registro y lo que se vio.
    carpeta = Path(tempfile.mkdtemp(prefix="larga-"))
    print(f"semilla {opciones.semilla}, en {carpeta}", file=sys.stderr, flush=True)
    plan = largo(opciones.minutos, opciones.semilla)
    asyncio.run(correr(plan, carpeta))
    bien, informe = juzgar(plan, carpeta)
    print(informe)
    if not bien:
        sys.exit(1)
    shutil.rmtree(carpeta)


if __name__ == "__main__":
    main()
