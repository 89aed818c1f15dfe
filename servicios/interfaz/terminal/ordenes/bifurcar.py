"""`/bifurcar`: otra sesión que sigue desde aquí, o desde una fila, sin tocar esta."""

from __future__ import annotations

from agentes.errores import ErrorConfiguracion
from servicios.interfaz.bifurcacion import crear_bifurcacion
from servicios.interfaz.lineas import Linea, Tono
from servicios.interfaz.terminal.ordenes.comando import Escena
from servicios.registros.auditoria.filtros import leer_fila


async def bifurcar_aqui(escena: Escena, fila: str) -> bool:
    """Crea la bifurcación y dice cómo se abre. Lanza `ErrorEnjambre` si no se puede."""
    sistema, papel = escena.sistema, escena.papel
    desde = leer_fila(fila) if fila else await sistema.consultas.ultima_fila(sistema.sesion)
    if desde is None:
        raise ErrorConfiguracion(f"«{fila[:40]}» no es el número de una fila")
    nueva = await crear_bifurcacion(sistema.ajustes, desde)
    papel.linea(Linea(f"Bifurcada en {nueva.id}. Esta sesión sigue igual.", tono=Tono.BIEN))
    papel.linea(Linea(f"Para abrirla: python main.py --reanudar {nueva.id}", entera=True))
    return True
