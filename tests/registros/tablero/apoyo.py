"""Una sesión de mentira, ya leída, y un reloj que la prueba mueve a su gusto."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from agentes.eventos import MASTER, EstadoAgente
from servicios.registros.tablero.clasificar import Mirada, clasificar
from servicios.registros.tablero.leido import (
    AgenteLeido,
    Huella,
    Leido,
    OrdenAbierta,
    OrdenMirada,
)
from servicios.registros.tablero.visto import Tablero, Visto

CERO = datetime(2026, 1, 1, tzinfo=UTC)
LIMITE_LLAMADA_S = 300.0
ORDEN = OrdenAbierta(7, "ejecutar_comando_consola", "make")


def a_los(segundos: float) -> datetime:
    return CERO + timedelta(seconds=segundos)


def agente(agente_id: str, superior: str = MASTER, **cambios: Any) -> AgenteLeido:
    campos: dict[str, Any] = {
        "id": agente_id,
        "tipo": agente_id.rsplit("-", 1)[0],
        "rol": "rol",
        "superior": superior,
        "tarea": f"tarea de {agente_id}",
        "estado": EstadoAgente.RUNNING,
        "inicio": CERO,
        "fin": None,
        "desenlace": "",
        "tokens_in": 10,
        "tokens_out": 2,
        "coste": None,
        "modelo": "openai:gpt-prueba",
        "verificacion": None,
    }
    return AgenteLeido(**{**campos, **cambios})


def huella(paso: str, en_s: float = 0.0, **cambios: Any) -> Huella:
    return Huella(senal=a_los(en_s), paso=paso, desde=a_los(en_s), **cambios)


def leido(
    *agentes: AgenteLeido, huellas: Mapping[str, Huella], senal_s: float | None = 0.0
) -> Leido:
    return Leido(
        sesion="s-1",
        nombre="",
        modelo="openai:gpt-prueba",
        inicio=CERO,
        senal=None if senal_s is None else a_los(senal_s),
        agentes=agentes,
        huellas=huellas,
    )


def mirar(
    sesion: Leido,
    en_s: float,
    ordenes: Mapping[int, OrdenMirada] | None = None,
    *,
    abierta: bool = True,
) -> Tablero:
    return clasificar(sesion, ordenes or {}, Mirada(abierta, a_los(en_s), LIMITE_LLAMADA_S))


def uno(
    suya: Huella,
    en_s: float,
    orden: OrdenMirada | None = None,
    *,
    senal_s: float = 0.0,
    **cambios: Any,
) -> Visto:
    """El único agente de una sesión, mirado a los `en_s` segundos de nacer."""
    sesion = leido(agente("a-1", **cambios), huellas={"a-1": suya}, senal_s=senal_s)
    return mirar(sesion, en_s, {} if orden is None else {ORDEN.fila: orden}).agentes[0]
