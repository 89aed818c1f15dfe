"""Lo que se responde a quien manda sobre un agente y lo que se cuenta del que no acabó."""

from __future__ import annotations

from agentes.eventos import EstadoAgente
from agentes.eventos_mando import Mando

_TOPE_HECHO = 1_200


def lo_hecho(pasos: int, dicho: str, salida: str) -> str:
    """Lo que llevaba hecho quien no acabó: sus pasos, lo último que dijo y lo último que obtuvo."""
    if not pasos:
        return "No llegó a dar ningún paso."
    partes = [f"Llevaba {pasos} paso{'s' if pasos > 1 else ''}."]
    partes += [f"Lo último que dijo: {_por_el_medio(dicho)}"] if dicho else []
    partes += [f"Lo último que obtuvo: {_por_el_medio(salida)}"] if salida else []
    return "\n".join(partes)


def _por_el_medio(texto: str) -> str:
    """El principio y el final de un texto largo."""
    if len(texto) <= _TOPE_HECHO:
        return texto
    mitad = _TOPE_HECHO // 2
    return f"{texto[:mitad]}\n[… {len(texto) - 2 * mitad} caracteres …]\n{texto[-mitad:]}"


def entregado(agent_id: str, estado: EstadoAgente, pausado_por: str) -> str:
    """El recibo de una directiva: cuándo la leerá."""
    if pausado_por:
        return (
            f"Entregado: {agent_id} está en pausa por orden de {pausado_por} y tu mensaje no lo"
            " reanuda: lo leerá cuando se le haga seguir (reanudar_agente, o la persona con"
            " /reanudar)."
        )
    if estado is EstadoAgente.PAUSED:
        return f"Entregado: {agent_id} estaba en pausa y sigue con tu directiva."
    return f"Entregado: {agent_id} lo leerá antes de su siguiente paso."


def reparo_de_mando(mando: Mando, agent_id: str, pausado_por: str, *, da_un_paso: bool) -> str:
    """Por qué esa orden no cambiaría nada, o nada."""
    if mando is Mando.PAUSAR:
        ya = pausado_por and not da_un_paso
        return f"{agent_id} ya está en pausa por orden de {pausado_por}." if ya else ""
    if not pausado_por:
        return f"Error: nadie mandó pausar a {agent_id}: no hay pausa que quitar."
    if mando is Mando.PASO and da_un_paso:
        return f"{agent_id} ya está dando un paso: espera a que acabe."
    return ""


def mandado(mando: Mando, agent_id: str, *, espera_directiva: bool = False) -> str:
    """La respuesta a quien dio esa orden."""
    match mando:
        case Mando.PAUSAR:
            return (
                f"{agent_id} en pausa: su orden, si tiene alguna en marcha, está congelada, y no da más"
                " pasos hasta que se reanude."
            )
        case Mando.PASO if espera_directiva:
            return f"{agent_id} dará un paso cuando tenga una directiva, que es lo que espera."
        case Mando.PASO:
            return f"{agent_id} da un paso: una llamada al modelo y sus herramientas."
        case _ if espera_directiva:
            return f"{agent_id} ya no está en pausa por orden de nadie, pero espera una directiva."
        case _:
            return f"{agent_id} sigue por donde iba."
