"""`/agentes` y `/tablero`: qué hace cada agente y por qué espera, una vez o sin parar."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import TYPE_CHECKING

from servicios.interfaz.lineas import Linea
from servicios.interfaz.tablero import renglones
from servicios.interfaz.terminal.ordenes.comando import Escena
from servicios.interfaz.texto import ancho_de_salida
from servicios.registros.tablero.foto import Camara
from servicios.registros.tablero.ordenes import Tapadera

if TYPE_CHECKING:
    from servicios.registros.tablero.visto import Tablero
    from servicios.sistema import Sistema


async def listar_agentes(escena: Escena, _: str) -> bool:
    """Una foto del tablero. Lanza `ErrorBitacora` si no se puede leer."""
    for linea in renglones(await foto(escena.sistema), ancho_de_salida()):
        escena.papel.linea(linea)
    return True


async def ver_tablero(escena: Escena, _: str) -> bool:
    """El tablero vivo donde se pueda; si no, una foto. Lanza `ErrorBitacora`."""
    sistema = escena.sistema

    async def pintar(ancho: int) -> Sequence[Linea]:
        return renglones(await foto(sistema), ancho)

    with sistema.bus.suscribir() as cambios:
        vivo = await escena.papel.ocupar(pintar, cambios)
    return vivo or await listar_agentes(escena, "")


async def foto(sistema: Sistema) -> Tablero:
    """El tablero de esta sesión, leído en un hilo. Lanza `ErrorBitacora`."""
    ajustes = sistema.ajustes
    tapadera = Tapadera(sistema.redactar, sistema.retener)
    camara = Camara(ajustes.datos, tapadera, ajustes.limite_llamada_s)
    return await asyncio.to_thread(camara.foto, sistema.sesion)
