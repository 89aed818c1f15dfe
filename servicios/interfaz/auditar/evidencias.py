"""`auditar evidencias --comprobar`: cada afirmación, otra vez, donde trabajó quien la hizo."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from agentes.definicion import Existencias, cargar_definiciones
from agentes.errores import ErrorEnjambre
from agentes.perfil_consola import PerfilConsola, Red, Veredicto
from agentes.pruebas import ClaseEvidencia, Evidencia
from prompts.plantillas import leer_prompt
from prompts.tool_definitions import ESQUEMAS
from servicios.ajustes import Ajustes
from servicios.consola.permisos import decidir
from servicios.ejecutor_consola import EjecutorConsola, OpcionesConsola, abrir_consola
from servicios.herramientas.evidencias.comprobador import mirar, orden_equivalente
from servicios.herramientas.evidencias.lectura import MalEscritaError, leer_evidencias
from servicios.registros.auditoria.base import abrir_base
from servicios.registros.auditoria.hojas import Hoja

_DE_QUIEN = """
    SELECT l.session, s.origen, json_extract(r.details, '$.permiso') AS permiso, a.agent_type,
        (SELECT c.command FROM commands AS c JOIN logs AS t ON t.id = c.fila_cierre
            WHERE c.session = l.session AND c.agente_id = l.agente_id
                AND c.tool = 'iniciar_trabajo' AND c.id < l.id
                AND json_extract(t.details, '$.trabajo') = json_extract(l.details, '$.args.trabajo')
            ORDER BY c.id DESC LIMIT 1) AS trabajo
    FROM logs AS l JOIN sessions AS s ON s.id = l.session
    LEFT JOIN agent_runs AS a ON a.session = l.session AND a.agent_id = l.agente_id
    LEFT JOIN logs AS r ON r.id = ?2
    WHERE l.id = ?1"""
_MARCA = "[secreto:"


@dataclass(frozen=True, slots=True)
class _Caso:
    """Una afirmación de la bitácora y dónde se repite. `trabajo` es la orden del suyo, si es http."""

    evidencia: Evidencia
    agente_id: str
    agent_type: str
    sub: str
    trabajo: str


class _NoSeRepiteError(Exception):
    """Por qué una afirmación no se puede comprobar ahora."""


def otra_vez(ajustes: Ajustes, ruta: Path, hoja: Hoja) -> tuple[Hoja, bool]:
    """La hoja con lo que pasa ahora, y si todo lo que se cumplía se sigue cumpliendo.

    Los espacios están junto a la bitácora de `ruta`. Bloquea. Lanza `ErrorEnjambre` si no se puede abrir la consola o leer la bitácora.
    """
    filas = hoja.objetos()
    ahora = asyncio.run(_comprobar(ajustes, ruta, filas))
    siguen = all(hecha[0] or not fila["cumple"] for fila, hecha in zip(filas, ahora, strict=True))
    nuevas = [(*fila, *hecha) for fila, hecha in zip(hoja.filas, ahora, strict=True)]
    columnas = (*hoja.columnas, "cumple_ahora", "ahora")
    return Hoja(columnas, nuevas, (*hoja.vista, "ahora"), hoja.nota), siguen


async def _comprobar(
    ajustes: Ajustes, ruta: Path, filas: list[dict[str, Any]]
) -> list[tuple[bool, str]]:
    """Una a una, con la consola de su sesión."""
    hay = Existencias(ESQUEMAS.keys(), leer_prompt, lambda _: None)
    tipos, _ = await asyncio.to_thread(cargar_definiciones, ajustes.raiz / "agentes_json", hay)
    perfiles = {nombre: tipo.consola for nombre, tipo in tipos.items()}
    hechas: list[tuple[bool, str]] = []
    sub = await asyncio.to_thread(_sub_de, ruta, filas)
    async with abrir_consola(ruta.parent, OpcionesConsola.de(ajustes, sub=sub)) as consola:
        for fila in filas:
            try:
                caso = await asyncio.to_thread(_caso, ruta, fila)
                hechas.append(await _una(consola, ruta.parent, caso, perfiles))
            except (_NoSeRepiteError, ErrorEnjambre) as error:
                hechas.append((False, f"✘ no se puede repetir: {error}"))
    return hechas


def _sub_de(ruta: Path, filas: list[dict[str, Any]]) -> str:
    """La subcarpeta de los espacios de esa sesión."""
    return _caso_crudo(ruta, filas[0])[1] if filas else ""


def _caso_crudo(ruta: Path, fila: Mapping[str, Any]) -> tuple[Mapping[str, Any], str]:
    with abrir_base(ruta) as base:
        (de_quien,) = base.leer(_DE_QUIEN, fila["fila"], fila["fila_cierre"])
    return dict(de_quien), str(de_quien["session"]) if de_quien["origen"] else ""


def _caso(ruta: Path, fila: Mapping[str, Any]) -> _Caso:
    if _MARCA in fila["afirmacion"]:
        raise _NoSeRepiteError("llevaba un secreto, que en la bitácora está tapado")
    de_quien, sub = _caso_crudo(ruta, fila)
    if de_quien["permiso"] == Veredicto.DENEGAR:
        raise _NoSeRepiteError("entonces no se permitió")
    try:
        (evidencia,) = leer_evidencias([json.loads(fila["afirmacion"])])
    except MalEscritaError as error:
        raise _NoSeRepiteError(str(error)) from error
    trabajo, agent_type = de_quien["trabajo"] or "", de_quien["agent_type"] or ""
    return _Caso(evidencia, str(fila["agente_id"]), str(agent_type), sub, str(trabajo))


async def _una(
    consola: EjecutorConsola, datos: Path, caso: _Caso, perfiles: Mapping[str, PerfilConsola]
) -> tuple[bool, str]:
    """Sin preguntar: ya se permitió entonces y no se puede escribir; lo denegado sigue denegado."""
    if caso.agent_type not in perfiles:
        raise _NoSeRepiteError(f"ya no existe el tipo «{caso.agent_type}»")
    if not (datos / "espacios" / caso.sub / caso.agente_id).is_dir():
        raise _NoSeRepiteError("ya no está la carpeta de su agente")
    perfil, evidencia = perfiles[caso.agent_type], caso.evidencia
    decision = decidir(orden_equivalente(evidencia), perfil.reglas)
    if decision.veredicto is Veredicto.DENEGAR:
        raise _NoSeRepiteError(decision.motivo)
    if perfil.red is Red.LISTA:
        perfil = replace(perfil, red=Red.NINGUNA, red_destinos=())
    if evidencia.clase is ClaseEvidencia.HTTP:
        if not caso.trabajo:
            raise _NoSeRepiteError("no consta la orden de su trabajo")
        # Su trabajo ya no vive: se pone otra vez en marcha ahí dentro, mientras se le pregunta.
        evidencia = Evidencia(evidencia.clase, {**evidencia.datos, "lanzar": caso.trabajo})
    hecho = await mirar(consola.comprobaciones, evidencia, caso.agente_id, perfil)
    return hecho.ok, hecho.para_modelo
