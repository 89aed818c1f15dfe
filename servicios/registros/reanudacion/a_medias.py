"""Qué se quedó a medias al cortarse: la respuesta por hacer y la petición sin contestar."""

from __future__ import annotations

import json
import sqlite3
from dataclasses import replace
from itertools import takewhile

from langchain_core.messages import AIMessage, ToolMessage

from agentes.decisiones import RespuestaModelo
from agentes.eventos import Apunte
from servicios.registros.escritura.apuntes import ApunteFila
from servicios.registros.lectura.historias import FilaSalida, Historia

_FALLOS_NUESTROS = frozenset({"alarma", "interno"})


def respuesta_de(salida: FilaSalida) -> RespuestaModelo:
    """La respuesta de un modelo a partir de su fila."""
    return RespuestaModelo(
        mensaje=salida.mensaje,
        texto=salida.texto,
        llamadas=salida.llamadas,
        razon=salida.razon,
        uso=salida.uso,
        apunte=ApunteFila.firme(salida.id),
        turno=salida.turno,
    )


def por_hacer(historia: Historia, cola: list[sqlite3.Row]) -> RespuestaModelo | None:
    """La última respuesta, si detrás no hubo otra llamada ni se paró el turno.

    Si entretanto se compactó, lo que la historia ya lleva respondido no se hace otra vez.
    """
    salida = historia.salida
    parado = any(f["tipo"] in {"master_loop", "master_error"} for f in cola)
    if salida is None or salida.seguida or parado:
        return None
    detras = list(takewhile(lambda m: not isinstance(m, AIMessage), reversed(historia.mensajes)))
    hechas = {m.tool_call_id for m in detras if isinstance(m, ToolMessage)}
    faltan = tuple(ll for ll in salida.llamadas if ll.id not in hechas)
    if detras and not faltan:
        return None
    return replace(respuesta_de(salida), llamadas=faltan)


def cortada(historia: Historia, cola: list[sqlite3.Row]) -> Apunte | None:
    """La petición que se quedó sin respuesta, si nadie la paró."""
    entrada = historia.entrada_abierta
    if entrada is None or any(f["tipo"] == "master_loop" and f["id"] > entrada for f in cola):
        return None
    return ApunteFila.firme(entrada)


def sin_contestar(historia: Historia, cola: list[sqlite3.Row]) -> bool:
    """Si lo último fue que falló el modelo, y repetir lo mismo puede salir bien."""
    if not historia.mensajes or isinstance(historia.mensajes[-1], AIMessage):
        return False
    propias = [f for f in cola if f["tipo"] != "llm_input" or not _de_lado(f)]
    marcas = [f for f in propias if f["tipo"] in {"llm_input", "master_loop", "master_error"}]
    if not marcas or marcas[-1]["tipo"] != "master_error":
        return False
    return json.loads(marcas[-1]["details"])["clase"] not in _FALLOS_NUESTROS


def _de_lado(entrada: sqlite3.Row) -> bool:
    """Si es una petición con otro propósito: no es de la historia."""
    return bool(json.loads(entrada["details"]).get("proposito"))
