"""Un programa que usa la consola y al que se corta con Ctrl-C una vez tras otra.

Argumentos: aislamiento, carpeta de datos, marca y cuántas veces. En cada vuelta abre la consola,
lanza un árbol de procesos, escribe «lista» cuando está en marcha y, cortado, «fuera».
"""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[3]))

from servicios.ejecutor_consola import OpcionesConsola, abrir_consola

ORDEN = (
    "trap '' TERM INT HUP; setsid sleep {n} & (env -i setsid sh -c 'sleep {n} & sleep {n}' &);"
    " touch lista; sleep {n}"
)


async def vuelta(aislamiento: str, datos: Path, marca: str) -> None:
    lista = datos / "espacios/a-1/lista"
    async with abrir_consola(datos, OpcionesConsola(aislamiento)) as consola:
        tarea = asyncio.create_task(consola.ejecutar_comando_seguro(ORDEN.format(n=marca), "a-1"))
        while not lista.exists():
            await asyncio.sleep(0.005)
        lista.unlink()
        print("lista", flush=True)
        await tarea


def main() -> None:
    aislamiento, datos, marca, veces = sys.argv[1:]
    for i in range(int(veces)):
        try:
            asyncio.run(vuelta(aislamiento, Path(datos), f"{marca}{i:03d}"))
        except KeyboardInterrupt:
            print("fuera", flush=True)


main()
