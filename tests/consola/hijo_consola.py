"""Un programa aparte que usa la consola sola; la prueba lo mata o lee lo que imprime.

Argumentos: variante (`espacio`, `sin_espacios` o `elegir`), carpeta de espacios y orden.
"""

from __future__ import annotations

import asyncio
import os
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from servicios.consola.aislamiento import (
    UID_ORDENES,
    Aislamiento,
    EspacioDePids,
    SinEspacios,
    elegir_aislamiento,
)
from servicios.ejecutor_consola import EjecutorConsola


async def main() -> None:
    variante, carpeta, orden = sys.argv[1:]
    duenio = UID_ORDENES if os.geteuid() == 0 else None
    match variante:
        case "espacio":
            aislamiento: Aislamiento = EspacioDePids(duenio)
        case "sin_espacios":
            aislamiento = SinEspacios(duenio)
        case _:
            aislamiento = await elegir_aislamiento()
    consola = EjecutorConsola(Path(carpeta), aislamiento=aislamiento)
    print(type(aislamiento).__name__, flush=True)
    resultado = await consola.ejecutar_comando_seguro(orden, "agente-1")
    print(resultado.para_modelo(), flush=True)
    await consola.cerrar()


asyncio.run(main())
