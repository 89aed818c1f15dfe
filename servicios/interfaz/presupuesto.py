"""Los presupuestos, para cualquier cara: cómo van y quién sigue cuando la persona da más."""

from __future__ import annotations

from typing import TYPE_CHECKING

from agentes.eventos import MASTER, USUARIO
from servicios.llm.presupuestos.tesoreria import LA_SESION

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
    return sistema.gestor.sin_fondos()


def explicacion(sistema: Sistema) -> tuple[str, ...]:
    """Qué se quedó sin hacer porque se acabó un presupuesto y cómo seguir; nada si no pasó."""
    en_pausa, motivo = parados(sistema), sistema.contaduria.negado
    error = sistema.conversacion.ultimo_error
    if not motivo and error is not None and error.es_de_presupuesto:
        motivo = str(error)
    if not (en_pausa or motivo):
        return ()
    por = f" ({motivo})" if motivo else ""
    quienes = f"; en pausa: {', '.join(en_pausa)}" if en_pausa else ""
    orden = f"python main.py --reanudar {sistema.sesion}"
    cuentas = [(cuenta.nombre, recurso) for cuenta, recurso, _ in sistema.contaduria.cuentas()]
    topes = ",".join(f"{recurso}=N" for nombre, recurso in cuentas if nombre == LA_SESION)
    dicho = (
        f"Se acabó el presupuesto{por}{quienes}. Para seguir con más: {orden}"
        f" --presupuesto {topes or 'recurso=N'} --salida texto"
    )
    if all(nombre == LA_SESION for nombre, _ in cuentas):
        return (dicho,)
    de_agentes = (
        f"Eso sube los de la sesión; los de un agente, en la conversación ({orden}):"
        " /presupuesto ID recurso=+N"
    )
    return dicho, de_agentes


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
