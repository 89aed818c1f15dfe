"""Los presupuestos, para cualquier cara: cómo van y quién sigue cuando la persona da más."""

from __future__ import annotations

from typing import TYPE_CHECKING

from agentes.eventos import MASTER, USUARIO, Espera, EstadoAgente

if TYPE_CHECKING:
    from servicios.sistema import Sistema

SIGUE = "Hay más presupuesto: sigue donde lo dejaste."
"""Lo que se dice, de parte de la persona, a quien se paró por falta de presupuesto."""

TITULOS = ("de quién", "gastado", "tope", "%")


def filas(sistema: Sistema) -> list[tuple[str, str, str, str]]:
    """Cada tope que hay, con lo que lleva gastado."""
    return [
        (
            cuenta.nombre,
            recurso.dicho(usado),
            recurso.dicho(tope := cuenta.topes[recurso]),
            f"{usado / tope:.0%}" if tope else "—",
        )
        for cuenta, recurso, usado in sistema.contaduria.cuentas()
    ]


def parados(sistema: Sistema) -> list[str]:
    """Los agentes en pausa porque se acabó un presupuesto."""
    return [
        estado["agent_id"]
        for estado in sistema.gestor.get_all_agents_status()
        if estado["status"] == EstadoAgente.PAUSED and estado["espera"] == Espera.PRESUPUESTO
    ]


async def seguir_si_hay_mas(sistema: Sistema) -> None:
    """Al reanudar con otros topes: siguen los que se habían parado."""
    if sistema.guardada is not None and sistema.contaduria.ampliada:
        await seguir(sistema)


async def seguir(sistema: Sistema) -> list[str]:
    """Siguen los que se pararon y ya tienen con qué; devuelve quiénes."""
    siguen = [i for i in parados(sistema) if sistema.contaduria.le_alcanza(i)]
    for agente_id in siguen:
        sistema.gestor.send_message_to_agent(agente_id, SIGUE, USUARIO, None)
    error = sistema.conversacion.ultimo_error
    if error and error.es_de_presupuesto and sistema.contaduria.le_alcanza(MASTER):
        await sistema.conversacion.decir(SIGUE)
        siguen.append(MASTER)
    return siguen
