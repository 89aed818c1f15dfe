"""Lo que la persona hizo y paró en una reproducción: la respuesta del Master y una compactación."""

from __future__ import annotations

from agentes.eventos import MASTER
from servicios.registros.reproducir.canonico import FilaGrabada
from servicios.registros.reproducir.clases import es_cancelada, es_corriente, es_parada
from servicios.registros.reproducir.guion import Guion


def parada(guion: Guion) -> FilaGrabada | None:
    """La fila que dice que se paró al Master, si antes no consta que enviara nada."""
    fila = guion.buscar(MASTER, lambda f: es_parada(f) or es_corriente(f))
    return fila if es_parada(fila) else None


async def hasta_parar(guion: Guion, fila: FilaGrabada) -> bool:
    """Vuelve cuando el Master está donde lo pararon; falso si ya consta que se paró."""
    espera = _compactando(guion, fila)

    def llego() -> bool:
        ya = not espera and guion.esperada(MASTER) is fila
        return ya or guion.por_parar is fila or guion.consta(fila)

    await guion.hasta(llego)
    return not guion.consta(fila)


def _compactando(guion: Guion, fila: FilaGrabada) -> bool:
    """Si entonces se hacía la compactación que pidió la persona: el Master esperaba por ella."""
    previas = [f for f in guion.filas.get(MASTER, ()) if f.id < fila.id and guion.la_pide(f)]
    ultima = previas[-1] if previas else None
    return ultima is not None and (ultima.tipo == "llm_input" or "espera_s" in ultima.details)


def corte_de(guion: Guion, entrada: FilaGrabada) -> FilaGrabada | None:
    """La fila que dice que se paró la compactación que empieza con esa, si se paró."""
    return guion.buscar(entrada.agente_id, lambda f: f.causa == entrada.id and es_cancelada(f))


def foco_de(guion: Guion, entrada: FilaGrabada) -> str:
    """El de una compactación que pidió la persona; en las más viejas solo lo dice su final."""
    if "foco" in entrada.details:
        return str(entrada.details["foco"])
    cambio = guion.buscar(
        entrada.agente_id, lambda f: f.tipo == "history_compaction" and f.id > entrada.id
    )
    return str(cambio.details["foco"]) if cambio else ""
