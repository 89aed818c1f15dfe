"""Copiar una sesión hasta un punto en otra nueva, que después se reanuda y sigue por su cuenta.

Cada fila se vuelve a escribir con su hecho: la copia tiene su propia cadena y sus propias tablas.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable, Iterable
from contextlib import closing
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from agentes.acciones import ACCIONES
from agentes.errores import ErrorBitacora, ErrorConfiguracion, ErrorModelo
from agentes.eventos import MASTER, SISTEMA, Apunte, AvisoEncolado, Evento
from agentes.eventos_llamada import (
    HerramientaPedida,
    HerramientaTerminada,
    LlamadaFallida,
    LlamadaIniciada,
    LlamadaTerminada,
)
from agentes.eventos_sesion import SesionBifurcada
from agentes.mensajes import ClaseAviso
from agentes.pruebas import COMPROBAR
from servicios.registros.fallos import NO_CABE, explicar
from servicios.registros.lectura.conexion import conectar_lectura
from servicios.registros.lectura.hechos import hecho_de

Anotar = Callable[[Evento, Apunte | None, str], Apunte]
"""De un hecho, su causa y su hora (vacía es ahora) a su recibo."""

_DE_QUIEN = "SELECT session FROM logs WHERE id = ?"
# Donde empieza un turno, o lo último que hizo la persona fuera de los turnos.
_BORDE = """
    SELECT max(id) FROM logs
    WHERE session = ?1 AND id <= ?2
        AND (tipo IN ('llm_input', 'tool_call_request', 'master_input', 'agent_control', 'budget_set')
            OR (tipo = 'agent_intervention' AND details ->> '$.de' = 'usuario')
            OR (tipo = 'master_context_update' AND details ->> '$.clase' = 'linea_directa'))
        AND coalesce(details ->> '$.proposito', '') = ''"""
_FILAS = """
    SELECT id, timestamp, agente_id, tipo, details, causa, op FROM logs
    WHERE session = ? AND id <= ? AND (agente_id <> 'sistema'
        OR tipo IN ('session_resume', 'system_exit', 'master_context_update')) ORDER BY id"""
_VIVOS = """
    SELECT agente_id FROM logs WHERE session = ?1 AND id <= ?2 AND tipo = 'agent_run_start'
    EXCEPT
    SELECT agente_id FROM logs WHERE session = ?1 AND id <= ?2 AND tipo = 'agent_run_end'"""
_ACCIONES = {*ACCIONES, "reportar_resultado_final", "reportar_problema", COMPROBAR}
CORTADA = (
    "interrumpido por bifurcación: en esta sesión no llegó a acabar; en la de origen pudo hacerlo."
    " Verifica antes de repetirlo."
)
AVISO = (
    "esta sesión es una bifurcación de {origen}: todo lo anterior pasó allí. Los espacios y las"
    " consolas de los agentes son una copia de como están ahora, que puede no ser como estaban"
    " entonces; un proyecto prestado no se copia: es el mismo para las dos."
)


@dataclass(frozen=True, slots=True)
class Origen:
    """De dónde sale una bifurcación: la sesión y la última fila que se copia."""

    sesion: str
    fila: int


@dataclass(slots=True)
class _Copia:
    """Lo que se lleva copiado: recibos, lo que espera en los buzones, lo leído y lo abierto.

    `de_lado` son las peticiones con otro propósito: no se llevan nada de ningún buzón.
    """

    sesion: str
    anotar: Anotar
    raiz: Apunte
    recibos: dict[int, Apunte] = field(default_factory=dict)
    en_cola: dict[str, list[tuple[str, Apunte]]] = field(default_factory=dict)
    en_vuelo: dict[str, list[tuple[str, Apunte]]] = field(default_factory=dict)
    abiertas: dict[tuple[str, int], tuple[HerramientaPedida, Apunte]] = field(default_factory=dict)
    vivos: dict[str, None] = field(default_factory=dict)
    de_lado: set[int] = field(default_factory=set)


def buscar_origen(ruta: Path, fila: int) -> Origen:
    """La sesión de esa fila y el último borde de turno hasta ella. Bloquea.

    Lanza `ErrorConfiguracion` si la fila no existe o antes de ella no hay ninguno.
    """
    with _abierta(ruta) as db:
        try:
            duena = db.execute(_DE_QUIEN, (fila,)).fetchone()
        except OverflowError as error:
            raise ErrorConfiguracion(NO_CABE) from error
        if duena is None:
            raise ErrorConfiguracion(f"no existe la fila {fila} en {ruta}")
        borde = db.execute(_BORDE, (duena[0], fila)).fetchone()[0]
    if borde is None:
        raise ErrorConfiguracion(
            f"antes de la fila {fila} no ha empezado ningún turno: no hay desde dónde bifurcar"
        )
    return Origen(str(duena[0]), int(borde))


def agentes_vivos(ruta: Path, origen: Origen) -> list[str]:
    """Los que no habían acabado en ese punto. Bloquea. Lanza `ErrorBitacora`."""
    with _abierta(ruta) as db:
        return [fila[0] for fila in db.execute(_VIVOS, (origen.sesion, origen.fila))]


def bifurcar(ruta: Path, origen: Origen, nueva: str, anotar: Anotar) -> Apunte:
    """Anota en la sesión `nueva` lo que había hasta ese punto; el recibo de la última fila.

    Bloquea mientras lee.
    """
    with _abierta(ruta) as db:
        filas = db.execute(_FILAS, (origen.sesion, origen.fila)).fetchall()
    hecho = SesionBifurcada(agente_id=SISTEMA, origen=origen.sesion, fila=origen.fila)
    copia = _Copia(nueva, anotar, anotar(hecho, None, ""))
    for fila in filas:
        _copiar(copia, fila)
    _despedir(copia, origen)
    return anotar(_aviso(origen, MASTER), copia.raiz, "")


def _copiar(copia: _Copia, grabada: tuple[Any, ...]) -> None:
    fila, cuando, agente_id, tipo, details, causa, op = grabada
    datos: dict[str, Any] = json.loads(details)
    if op is not None and "op" in datos:
        datos["op"] = f"{copia.sesion}:{op.partition(':')[2]}"
    hecho = hecho_de(tipo, agente_id, datos)
    if isinstance(hecho, LlamadaIniciada) and not hecho.proposito:
        hecho = _con_lo_que_entra(hecho, _sacar(copia, agente_id, datos.get("entran")))
    elif isinstance(hecho, LlamadaIniciada):
        copia.de_lado.add(fila)
    recibo = copia.anotar(hecho, _causa(copia, tipo, causa), cuando)
    copia.recibos[fila] = recibo
    if isinstance(hecho, LlamadaFallida) and causa not in copia.de_lado:
        _devolver(copia, hecho)
    _seguir(copia, hecho, recibo)


def _causa(copia: _Copia, tipo: str, causa: int | None) -> Apunte | None:
    """La misma fila, copiada; lo que colgaba del sistema cuelga de la bifurcación."""
    if causa is None:
        return None if tipo == "master_input" else copia.raiz
    return copia.recibos.get(causa, copia.raiz)


def _sacar(copia: _Copia, agente_id: str, cuantos: int | None) -> list[tuple[str, Apunte]]:
    """Lo que leyó esa llamada del buzón; las de antes, que no decían cuánto, lo leían todo."""
    cola = copia.en_cola.pop(agente_id, [])
    cuantos = len(cola) if cuantos is None else cuantos
    copia.en_cola[agente_id] = cola[cuantos:]
    copia.en_vuelo[agente_id] = cola[:cuantos]
    return cola[:cuantos]


def _seguir(copia: _Copia, hecho: Evento, recibo: Apunte) -> None:
    """Apunta lo que hará falta después: buzones, operaciones abiertas y quién vive."""
    match hecho.tipo:
        case "agent_run_start":
            copia.vivos[hecho.agente_id] = None
        case "agent_run_end":
            copia.vivos.pop(hecho.agente_id, None)
        case "master_input":
            copia.en_cola.setdefault(MASTER, []).append(("lineas", recibo))
        case "agent_intervention":
            copia.en_cola.setdefault(hecho.agente_id, []).append(("directivas", recibo))
    if isinstance(hecho, LlamadaTerminada) and not hecho.proposito:
        copia.en_vuelo.pop(hecho.agente_id, None)
    if isinstance(hecho, AvisoEncolado):
        copia.en_cola.setdefault(hecho.destinatario, []).append(("avisos", recibo))
    if isinstance(hecho, HerramientaPedida):
        copia.abiertas[hecho.op, hecho.intento] = (hecho, recibo)
    if isinstance(hecho, HerramientaTerminada):
        copia.abiertas.pop((hecho.op, hecho.intento), None)


def _devolver(copia: _Copia, fallo: LlamadaFallida) -> None:
    """Lo que llevaba la que falló vuelve a entrar con la siguiente, salvo si se retiró."""
    devuelto = copia.en_vuelo.pop(fallo.agente_id, [])
    if not ErrorModelo("", clase=fallo.clase).envenena:
        copia.en_cola[fallo.agente_id] = devuelto + copia.en_cola.get(fallo.agente_id, [])


def _con_lo_que_entra(
    hecho: LlamadaIniciada, llegado: Iterable[tuple[str, Apunte]]
) -> LlamadaIniciada:
    """Cada llamada se lleva todo lo que había en el buzón."""
    por_clase: dict[str, tuple[Apunte, ...]] = {}
    for clase, recibo in llegado:
        por_clase[clase] = (*por_clase.get(clase, ()), recibo)
    return replace(
        hecho,
        avisos=por_clase.get("avisos", ()),
        directivas=por_clase.get("directivas", ()),
        lineas=por_clase.get("lineas", ()),
    )


def _despedir(copia: _Copia, origen: Origen) -> None:
    """Lo que quedó abierto no sigue aquí, y a cada agente se le dice dónde está."""
    for pedida, recibo in copia.abiertas.values():
        if pedida.tool not in _ACCIONES:
            copia.anotar(_cortada(pedida), recibo, "")
    for agente_id in copia.vivos:
        copia.anotar(_aviso(origen, agente_id), copia.raiz, "")


def _cortada(pedida: HerramientaPedida) -> HerramientaTerminada:
    orden = pedida.args.get("command")
    return HerramientaTerminada(
        agente_id=pedida.agente_id,
        op=pedida.op,
        intento=pedida.intento,
        tool=pedida.tool,
        ok=False,
        resultado=CORTADA,
        ms=0,
        detalles_propios={} if orden is None else {"command": orden},
        cierre="interrumpido",
    )


def _aviso(origen: Origen, destinatario: str) -> AvisoEncolado:
    return AvisoEncolado(
        agente_id=SISTEMA,
        destinatario=destinatario,
        clase=ClaseAviso.SESION,
        texto=AVISO.format(origen=origen.sesion),
    )


def _abierta(ruta: Path) -> closing[sqlite3.Connection]:
    try:
        return closing(conectar_lectura(ruta))
    except sqlite3.Error as error:
        raise ErrorBitacora(explicar(ruta, error)) from error
