"""De una fila de `logs` al hecho que la escribió."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import fields
from typing import Any

from agentes import (
    eventos,
    eventos_linea,
    eventos_llamada,
    eventos_mando,
    eventos_permisos,
    eventos_presupuesto,
    eventos_red,
    eventos_seguridad,
    eventos_sesion,
)
from agentes.errores import ErrorBitacora
from agentes.eventos import Espera, EstadoAgente, Evento
from agentes.eventos_espera import EsperaImpuesta
from agentes.eventos_mando import Mando
from agentes.eventos_permisos import Alcance, Quien
from agentes.perfil_consola import Veredicto
from agentes.pruebas import Verificacion
from agentes.respuestas import Uso

_MODULOS = (
    eventos,
    eventos_linea,
    eventos_llamada,
    eventos_mando,
    eventos_permisos,
    eventos_presupuesto,
    eventos_red,
    eventos_seguridad,
    eventos_sesion,
)
_PROPIAS = {"op", "intento", "tool", "ok", "cierre", "ms", "resultado"}

_POR_TIPO: dict[str, type[Evento]] = {
    clase.tipo: clase
    for modulo in _MODULOS
    for clase in vars(modulo).values()
    if isinstance(clase, type) and issubclass(clase, Evento) and clase.tipo
}

_VALORES: dict[str, Callable[[Any], Any]] = {
    "estado": EstadoAgente,
    "espera": Espera,
    "mando": Mando,
    "decision": Veredicto,
    "quien": Quien,
    "alcance": Alcance,
    "verificacion": Verificacion,
    "exige": tuple,
    "uso": lambda uso: Uso(**uso),
    "nuevos": tuple,
    "llamadas": tuple,
    "mensajes": tuple,
}
"""Campo → cómo se lee del JSON; los demás son lo que parecen."""


def hecho_de(tipo: str, agente_id: str, details: Mapping[str, Any]) -> Evento:
    """El hecho de una fila, sin los apuntes que llevara. Lanza `ErrorBitacora` si no se sabe."""
    datos = dict(details)
    if tipo == "tool_execution":
        propios = {k: v for k, v in datos.items() if k not in _PROPIAS}
        datos = {k: v for k, v in datos.items() if k in _PROPIAS} | {"detalles_propios": propios}
    try:
        clase = _clase(tipo, datos)
        nombres = {f.name for f in fields(clase)}
        leidos = {k: _leer(k, v) for k, v in datos.items() if k in nombres}
        return clase(agente_id=agente_id, **leidos)
    except (KeyError, TypeError, ValueError) as error:
        raise ErrorBitacora(f"no se entiende un «{tipo}» de {agente_id}: {error}") from error


def _clase(tipo: str, datos: Mapping[str, Any]) -> type[Evento]:
    if tipo == "llm_call":
        if datos.get("clase") == eventos_llamada.RELEVO:
            return eventos_llamada.ModeloRelevado
        reintento = "espera_s" in datos
        return eventos_llamada.LlamadaReintentada if reintento else eventos_llamada.LlamadaFallida
    if tipo == "agent_loop" and "motivo" in datos:
        return EsperaImpuesta
    return _POR_TIPO[tipo]


def _leer(campo: str, valor: Any) -> Any:
    if campo == "clase" and isinstance(valor, list):
        return tuple(valor)
    return _VALORES[campo](valor) if campo in _VALORES else valor
