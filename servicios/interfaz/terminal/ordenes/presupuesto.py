"""`/presupuesto`: cuánto se puede gastar, cuánto va y dar más."""

from __future__ import annotations

from agentes.eventos import MASTER
from agentes.presupuesto import SOLO, leer_cambios
from servicios.interfaz.lineas import Linea, Tono
from servicios.interfaz.presupuesto import TITULOS, filas, seguir
from servicios.interfaz.terminal.ordenes.comando import Escena


async def ver_o_cambiar(escena: Escena, args: str) -> bool:
    """Cómo van todos los topes o, con cambios, los de la sesión o los de un agente.

    Lanza `ErrorConfiguracion` si lo pedido no vale: todo sigue como estaba.
    """
    partes = args.replace(",", " ").split()
    if not partes:
        ensenar(escena)
        return True
    quien = MASTER if _es_cambio(partes[0]) else partes.pop(0).removeprefix("@")
    if quien != MASTER and escena.sistema.gestor.get_agent_status(quien) is None:
        texto = f"No hay ningún agente «{quien}»: /agentes los lista."
        escena.papel.linea(Linea(texto, tono=Tono.AVISO, entera=True))
        return True
    solo = bool(partes) and partes[0] == SOLO
    cambios = leer_cambios(partes[solo:])
    if not cambios:
        return False
    nuevo = await escena.sistema.contaduria.cambiar(quien, cambios, solo=solo)
    siguen = await seguir(escena.sistema)
    de = "la sesión" if quien == MASTER else quien
    coda = f" Siguen: {', '.join(siguen)}." if siguen else ""
    texto = f"Presupuesto de {de}: {nuevo}.{coda}"
    escena.papel.linea(Linea(texto, tono=Tono.BIEN, entera=True))
    return True


def ensenar(escena: Escena) -> None:
    """Una fila por tope, o cómo poner uno."""
    if topes := filas(escena.sistema):
        escena.papel.tabla(TITULOS, topes, entera=True)
        return
    texto = (
        "No hay ningún presupuesto. Ponlo con /presupuesto tokens=200000 usd=1.5 (o segundos,"
        " comandos, agentes), para la sesión; delante, un ID es para él y los suyos."
    )
    escena.papel.linea(Linea(texto, entera=True))


def _es_cambio(parte: str) -> bool:
    return "=" in parte or parte.startswith("+")
