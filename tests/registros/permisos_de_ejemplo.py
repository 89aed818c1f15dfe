"""Los hechos de una orden que esperó el permiso de la persona."""

from __future__ import annotations

from agentes.eventos_permisos import Alcance, AprobacionPedida, AprobacionResuelta, Quien
from agentes.perfil_consola import Veredicto


def permiso_pedido(agente_id: str, op: str, orden: str) -> AprobacionPedida:
    return AprobacionPedida(
        agente_id=agente_id,
        op=op,
        numero=1,
        orden=orden,
        clase=("df",),
        motivo="no está en la lista",
        aislamiento="bwrap",
        carpeta="/trabajo",
    )


def permiso_resuelto(agente_id: str, op: str, orden: str) -> AprobacionResuelta:
    return AprobacionResuelta(
        agente_id=agente_id,
        op=op,
        numero=1,
        orden=orden,
        clase=("df",),
        decision=Veredicto.PERMITIR,
        quien=Quien.USUARIO,
        motivo="adelante",
        alcance=Alcance.UNA_VEZ,
        espera_ms=1500,
    )
