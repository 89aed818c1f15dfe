"""Las órdenes que mandan sobre los agentes."""

from __future__ import annotations

from agentes.eventos import USUARIO
from servicios.interfaz.lineas import Linea, Tono
from servicios.interfaz.terminal.ordenes.comando import TODOS, Escena


async def cancelar(escena: Escena, quien: str) -> bool:
    """Para un agente, o todos."""
    gestor = escena.sistema.gestor
    if quien == TODOS:
        ids = await gestor.cancelar_todos(USUARIO)
        texto = f"Cancelados: {', '.join(ids)}." if ids else "No hay agentes que cancelar."
    else:
        texto = await gestor.cancelar_agente(quien, USUARIO)
    escena.papel.linea(Linea(texto, tono=Tono.AVISO, entera=True))
    return True
