"""Lo primero y lo último que se lee en una sesión."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from agentes.eventos import EstadoAgente
from agentes.guardado import SesionGuardada
from servicios.interfaz.lineas import RIESGO, Linea, Tono
from servicios.interfaz.terminal.papel import Papel

if TYPE_CHECKING:
    from servicios.sistema import Sistema


def saludar(papel: Papel) -> None:
    """Qué es esto y cómo se sale; se lee antes de que el núcleo esté cargado."""
    papel.linea(
        Linea("Enjambre: habla con el Master; él delega en agentes de consola.", tono=Tono.FUERTE)
    )
    papel.linea(Linea("Ayuda: /ayuda · Salir: salir o Ctrl-D", tono=Tono.TENUE))


def presentar(sistema: Sistema, papel: Papel) -> None:
    """Con qué modelo, con qué riesgo y qué tipos de agente no se cargaron."""
    papel.linea(Linea(f"Modelo: {sistema.modelo} · sesión {sistema.sesion}", entera=True))
    if sistema.modelo.partition(":")[0] == "demo":
        papel.linea(Linea(_DEMO, tono=Tono.AVISO, entera=True))
    if not sistema.aislamiento.encierra:
        papel.linea(Linea(RIESGO, tono=Tono.MAL, entera=True))
    else:
        papel.linea(Linea(f"Aislamiento: {sistema.aislamiento.descripcion}", entera=True))
    if sistema.guardada is not None:
        _presentar_reanudada(sistema, sistema.guardada, papel)
    for rechazo in sistema.rechazos:
        papel.linea(Linea(rechazo, tono=Tono.AVISO, entera=True))


def _presentar_reanudada(sistema: Sistema, guardada: SesionGuardada, papel: Papel) -> None:
    """Dónde se había quedado: quién sigue, quién espera y lo último que dijo el Master."""
    vivos = [a for a in sistema.gestor.get_all_agents_status() if a["agent_id"] in guardada.vivos]
    en_pausa = [a["agent_id"] for a in vivos if a["status"] == EstadoAgente.PAUSED]
    siguen = [a["agent_id"] for a in vivos if a["agent_id"] not in en_pausa]
    partes = ["Sesión reanudada"]
    if siguen:
        partes.append(f"siguen {', '.join(siguen)}")
    if en_pausa:
        partes.append(f"en pausa {', '.join(en_pausa)}")
    papel.linea(Linea(" · ".join(partes), tono=Tono.AVISO, entera=True))
    if guardada.ultimo_texto:
        papel.linea(Linea("Lo último que dijo el Master:", tono=Tono.TENUE))
        papel.respuesta(guardada.ultimo_texto)


_DEMO = (
    "Demostración con reglas fijas: no hay un modelo de lenguaje detrás; los agentes y las órdenes"
    " sí son reales. Escribe «ayuda» para ver qué entiende. Para un modelo de verdad, pon"
    " GOOGLE_API_KEY u OPENAI_API_KEY (y, si quieres elegir, MODEL=proveedor:modelo) en .env."
)


def avisar_cierre(vivos: Sequence[str], papel: Papel) -> None:
    """Antes de cerrar: a quién se va a parar."""
    if vivos:
        papel.linea(
            Linea(f"Cerrando; se cancela a {', '.join(vivos)}.", tono=Tono.AVISO, entera=True)
        )


def despedir(
    sistema: Sistema, cancelados: Sequence[str], pausados: Sequence[str], papel: Papel
) -> None:
    """Después de cerrar: quién quedó cancelado o en pausa, dónde está todo y cómo se vuelve."""
    if cancelados:
        papel.linea(
            Linea(f"Agentes cancelados: {', '.join(cancelados)}.", tono=Tono.AVISO, entera=True)
        )
    if pausados:
        papel.linea(Linea(f"Siguen en pausa: {', '.join(pausados)}.", tono=Tono.AVISO, entera=True))
    guardada = f"Sesión {sistema.sesion} guardada en {sistema.ajustes.datos / 'swarm.db'}."
    papel.linea(Linea(guardada, tono=Tono.TENUE, entera=True))
    seguir = f"Para seguir: python main.py --reanudar {sistema.sesion}"
    papel.linea(Linea(seguir, tono=Tono.TENUE, entera=True))
