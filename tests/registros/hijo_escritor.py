"""Proceso hijo de las pruebas: anota hechos y dice por la salida los que ya están confirmados.

    python -m tests.registros.hijo_escritor RUTA SESION PRODUCTORES HECHOS [LIMITE_BYTES]

Con LIMITE_BYTES ningún archivo puede pasar de ese tamaño: así se llena un disco de verdad.
"""

from __future__ import annotations

import asyncio
import os
import resource
import sys
from pathlib import Path

from agentes.errores import ErrorBitacora
from agentes.eventos import ProblemaReportado
from servicios.gestor_logs import GestorLogs


async def escribir(ruta: Path, sesion: str, productores: int, hechos: int) -> None:
    async with GestorLogs.abrir(ruta, sesion=sesion, publicar=lambda _: None) as gestor:

        async def producir(quien: int) -> None:
            nombre = f"{sesion}-{quien}"
            numero = await gestor.siguiente_numero("comun")
            os.write(1, f"numero {numero}\n".encode())
            for i in range(hechos):
                evento = ProblemaReportado(agente_id=nombre, descripcion=f"{i} {'x' * 200}")
                fila = await gestor.anotar(evento)
                os.write(1, f"fila {fila} {nombre} {i}\n".encode())

        async with asyncio.TaskGroup() as grupo:
            for quien in range(productores):
                grupo.create_task(producir(quien))


def main() -> int:
    ruta, sesion, productores, hechos, *limite = sys.argv[1:]
    if limite:
        resource.setrlimit(resource.RLIMIT_FSIZE, (int(limite[0]), int(limite[0])))
    codigo = 0
    try:
        asyncio.run(escribir(Path(ruta), sesion, int(productores), int(hechos)))
    except* ErrorBitacora as fallo:
        os.write(2, f"{fallo.exceptions[0]}\n".encode())
        codigo = 3
    return codigo


if __name__ == "__main__":
    sys.exit(main())
