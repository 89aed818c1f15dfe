"""`/permisos`, `/si` y `/no`: lo que espera a que la persona lo apruebe."""

from __future__ import annotations

from servicios.interfaz.terminal.ordenes.comando import Escena
from servicios.interfaz.terminal.permisos import aprobar, listar, rechazar


async def ver_permisos(escena: Escena, numero: str) -> bool:
    """Las peticiones por aprobar, o una entera."""
    return listar(numero, escena.sistema, escena.papel)


async def decir_si(escena: Escena, args: str) -> bool:
    """Aprueba una petición."""
    return aprobar(args, escena.sistema.aprobaciones, escena.papel)


async def decir_no(escena: Escena, args: str) -> bool:
    """Rechaza una petición."""
    rechazar(args, escena.sistema.aprobaciones, escena.papel)
    return True
