"""Hacer de una sesión otra que sigue por su cuenta: sus filas hasta un punto y sus espacios."""

from __future__ import annotations

import asyncio

from agentes.errores import ErrorEnjambre
from servicios.ajustes import Ajustes
from servicios.ejecutor_consola import copiar_espacios
from servicios.gestor_logs import GestorLogs
from servicios.interfaz.lastre import Lastre, apuntar_lastre, quitar_lastre, soltar_lastre
from servicios.registros.lectura.sesiones import (
    SesionHallada,
    elegir_sesion,
    linaje_de,
    nueva_sesion,
)
from servicios.registros.reanudacion.bifurcar import agentes_vivos, bifurcar, buscar_origen
from servicios.registros.reanudacion.cerrojo import tomar_sesion


async def crear_bifurcacion(ajustes: Ajustes, fila: int) -> SesionHallada:
    """Escribe la sesión nueva y copia los espacios de sus agentes tal como están ahora.

    Lanza `ErrorConfiguracion` si de esa fila no se puede, `ErrorBitacora` y `ErrorConsola`.
    """
    ruta, nueva = ajustes.datos / "swarm.db", nueva_sesion()
    origen = await asyncio.to_thread(buscar_origen, ruta, fila)
    madre = await asyncio.to_thread(elegir_sesion, ruta, origen.sesion)
    linaje = await asyncio.to_thread(linaje_de, ruta, origen.sesion)
    agentes = await asyncio.to_thread(agentes_vivos, ruta, origen)
    lastre = Lastre(nueva, nueva, tuple(agentes), ())
    await asyncio.to_thread(soltar_lastre, ajustes.datos)  # lo de otra que no llegó a acabar
    try:
        with tomar_sesion(ajustes.datos, nueva):
            # Primero los espacios: si algo falla después, no queda ninguna sesión a medias.
            await asyncio.to_thread(apuntar_lastre, ajustes.datos, [lastre])
            await asyncio.to_thread(copiar_espacios, ajustes.datos, agentes, linaje, nueva)
            async with GestorLogs.abrir(ruta, sesion=nueva, publicar=_nada) as bitacora:
                await bifurcar(ruta, origen, nueva, bitacora.anotar)
            quitar_lastre(ajustes.datos, nueva)
    except ErrorEnjambre:
        # Lo que se llegó a copiar no es de nadie: que no ocupe el sitio que quizá faltó.
        await asyncio.to_thread(soltar_lastre, ajustes.datos)
        raise
    return SesionHallada(nueva, "", madre.modelo, cerrada=False, sub=nueva)


def _nada(_: object) -> None:
    """Nadie mira la copia según se hace."""
