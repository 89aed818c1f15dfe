"""Un enjambre de usar y tirar: ejecuta una orden con fila, o un trabajo, y la prueba lo mata.

Argumentos: aislamiento, carpeta de datos, «orden» o «trabajo», fila, orden, segundos de límite y
«si» para congelarla cuando exista su archivo `empezada`.
"""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from agentes.perfil_consola import PerfilConsola
from servicios.ejecutor_consola import EjecutorConsola, OpcionesConsola, abrir_consola

AGENTE, SESION = "agente-1", "s1"


async def main() -> None:
    aislamiento, datos, clase, fila, orden, limite, congelar = sys.argv[1:]
    perfil = PerfilConsola(limite_comando_s=float(limite), vida_trabajo_s=float(limite))
    async with abrir_consola(Path(datos), OpcionesConsola(aislamiento, sesion=SESION)) as consola:
        print("listo", flush=True)
        if congelar == "si":
            pendiente = asyncio.create_task(_congelar(consola, Path(datos)))
            pendiente.add_done_callback(lambda tarea: tarea.result())
        if clase == "trabajo":
            await consola.trabajos.iniciar(orden, AGENTE, perfil, int(fila))
            await asyncio.sleep(60)
        resultado = await consola.ejecutar_comando_seguro(orden, AGENTE, perfil, int(fila))
        print(resultado.para_modelo(), flush=True)


async def _congelar(consola: EjecutorConsola, datos: Path) -> None:
    while not (datos / f"espacios/{AGENTE}/empezada").exists():
        await asyncio.sleep(0.01)
    await consola.congelar(AGENTE)


if __name__ == "__main__":
    asyncio.run(main())
