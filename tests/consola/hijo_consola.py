"""Un programa aparte que usa la consola sola; la prueba lo mata o lee lo que imprime.

Argumentos: aislamiento, carpeta de datos, orden y, si se quiere, segundos de límite.
"""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from agentes.perfil_consola import PerfilConsola
from servicios.ejecutor_consola import OpcionesConsola, abrir_consola


async def main() -> None:
    aislamiento, datos, orden, *limite = sys.argv[1:]
    perfil = PerfilConsola(limite_comando_s=float(limite[0]) if limite else None)
    async with abrir_consola(Path(datos), OpcionesConsola(aislamiento=aislamiento)) as consola:
        print(consola.aislamiento.nombre, flush=True)
        resultado = await consola.ejecutar_comando_seguro(orden, "agente-1", perfil)
        print(resultado.para_modelo(), flush=True)


asyncio.run(main())
