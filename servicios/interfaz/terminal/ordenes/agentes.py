"""Las órdenes sobre los agentes: verlos y pararlos."""

from __future__ import annotations

from agentes.eventos import USUARIO
from servicios.interfaz.lineas import Linea, Tono
from servicios.interfaz.terminal.fichas import ficha_agente, ficha_agentes
from servicios.interfaz.terminal.ordenes.comando import TODOS, Escena


async def listar_agentes(escena: Escena, _: str) -> bool:
    """Los agentes de la sesión y cómo van."""
    ficha_agentes(escena.sistema, escena.papel)
    return True


async def ver_agente(escena: Escena, agente_id: str) -> bool:
    """Un agente por dentro."""
    await ficha_agente(escena.sistema, agente_id, escena.papel)
    return True


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
