"""`!orden`: una orden de la persona, fuera de los modelos."""

from __future__ import annotations

from agentes.perfil_consola import Veredicto
from servicios.interfaz.lineas import Linea, Tono
from servicios.interfaz.terminal.ordenes.comando import Escena

LINEAS = 200
"""Líneas de cada salida que se enseñan: las primeras y las últimas."""


async def ejecutar(escena: Escena, orden: str) -> bool:
    """Ejecuta la orden y enseña lo que dejó; falso si está vacía.

    Lanza `ErrorEnjambre` si no se puede ni anotar.
    """
    if not orden.strip():
        return False
    ordenes, papel = escena.sistema.ordenes, escena.papel
    donde = ordenes.sitio.donde()
    resultado = await ordenes.ejecutar(orden)
    detalles = resultado.detalles
    if detalles.get("permiso") == Veredicto.DENEGAR:
        return True  # ya lo dice la línea de su decisión
    if "return_code" not in detalles:
        papel.linea(Linea(resultado.para_modelo, tono=Tono.AVISO, entera=True))
        return True
    for texto, tono in ((detalles["stdout"], Tono.NORMAL), (detalles["stderr"], Tono.AVISO)):
        if str(texto).strip():
            papel.linea(Linea(_acotado(str(texto)), tono=tono, entera=True))
    cierre = f"[código {detalles['return_code']} · en {donde}]"
    papel.linea(Linea(cierre, tono=Tono.TENUE, entera=True))
    return True


def _acotado(texto: str) -> str:
    lineas = texto.rstrip("\n").split("\n")
    sobran = len(lineas) - LINEAS
    if sobran <= 0:
        return "\n".join(lineas)
    medio = LINEAS // 2
    return "\n".join([*lineas[:medio], f"[… {sobran} líneas más …]", *lineas[-medio:]])
