"""Lo que había en cada buzón y nadie había leído."""

from __future__ import annotations

import sqlite3

from agentes.eventos import MASTER, USUARIO
from agentes.guardado import OperacionGuardada, OrdenAbierta
from agentes.mensajes import Aviso, ClaseAviso, Directiva, EntradaUsuario
from servicios.registros.escritura.apuntes import ApunteFila

_MENSAJES = """
    SELECT m.id, m.de, json_extract(l.details, '$.texto') AS texto
    FROM messages AS m JOIN logs AS l ON l.id = m.id
    WHERE m.session = ? AND m.para = ? AND m.estado = 'encolado' ORDER BY m.id"""
_AVISOS = """
    SELECT n.id, n.agente_id, n.clase, json_extract(l.details, '$.texto') AS texto,
        coalesce(json_extract(l.details, '$.nota'), '') AS nota,
        a.agent_rol AS rol, coalesce(a.result, a.error) AS reporte
    FROM notices AS n JOIN logs AS l ON l.id = n.id
    LEFT JOIN agent_runs AS a ON a.session = n.session AND a.agent_id = n.agente_id
    WHERE n.session = ? AND n.destinatario = ? AND n.estado = 'encolado' ORDER BY n.id"""

_SIN_CONTAR = """
    SELECT agente_id FROM notices
    WHERE session = ?1 AND destinatario = ?2 AND clase = ?3 AND entregado_en > (
        SELECT coalesce(max(id), 0) FROM logs
        WHERE session = ?1 AND agente_id = ?2 AND tipo = 'master_response_text') ORDER BY id"""
_ABIERTAS = """
    SELECT id, op, intento, tool, command FROM commands AS c
    WHERE session = ? AND agente_id = ? AND cierre IS NULL AND NOT EXISTS (
        SELECT 1 FROM logs AS l WHERE l.tipo = 'tool_call_request' AND l.op = c.op
            AND l.intento > c.intento AND l.session = c.session)
    ORDER BY id"""
"""La que se volvió a pedir en otra vida solo está abierta si lo está su último intento."""


def pendientes_de_agente(
    db: sqlite3.Connection, sesion: str, agente_id: str
) -> tuple[Directiva | Aviso, ...]:
    """Lo de un agente, en el orden en que llegó. Lanza `sqlite3.Error`."""
    llegadas: dict[int, Directiva | Aviso] = {}
    for f in db.execute(_MENSAJES, (sesion, agente_id)):
        llegadas[f["id"]] = Directiva(f["de"], f["texto"], ApunteFila.firme(f["id"]))
    llegadas |= _avisos(db, sesion, agente_id)
    return tuple(llegadas[fila] for fila in sorted(llegadas))


def pendientes_del_master(
    db: sqlite3.Connection, sesion: str
) -> tuple[EntradaUsuario | Aviso, ...]:
    """Las líneas de la persona y los avisos, en el orden en que llegaron. Lanza `sqlite3.Error`."""
    llegadas: dict[int, EntradaUsuario | Aviso] = {}
    for f in db.execute(_MENSAJES, (sesion, MASTER)):
        llegadas[f["id"]] = EntradaUsuario(f["texto"], ApunteFila.firme(f["id"]))
    llegadas |= _avisos(db, sesion, MASTER)
    return tuple(llegadas[fila] for fila in sorted(llegadas))


def problemas_sin_contar(db: sqlite3.Connection, sesion: str) -> tuple[str, ...]:
    """Los agentes cuyo problema leyó el Master sin decir nada después. Lanza `sqlite3.Error`."""
    filas = db.execute(_SIN_CONTAR, (sesion, MASTER, ClaseAviso.PROBLEMA.value))
    return tuple(fila[0] for fila in filas)


def ordenes_abiertas(db: sqlite3.Connection, sesion: str) -> tuple[OrdenAbierta, ...]:
    """Las órdenes de la persona que se quedaron sin cierre. Lanza `sqlite3.Error`."""
    return tuple(
        OrdenAbierta(
            OperacionGuardada(f["op"], f["intento"], f["tool"], ApunteFila.firme(f["id"])),
            f["command"] or "",
        )
        for f in db.execute(_ABIERTAS, (sesion, USUARIO))
    )


def _avisos(db: sqlite3.Connection, sesion: str, para: str) -> dict[int, Aviso]:
    return {f["id"]: _aviso(f) for f in db.execute(_AVISOS, (sesion, para))}


def _aviso(f: sqlite3.Row) -> Aviso:
    clase, texto = ClaseAviso(f["clase"]), f["texto"]
    de_otro = clase is ClaseAviso.PROBLEMA or clase.es_nota
    if not de_otro and f["reporte"] and f["reporte"].startswith(texto):
        texto = f["reporte"]  # en la fila del aviso solo está su principio
    apunte = ApunteFila.firme(f["id"])
    return Aviso(f["agente_id"], f["rol"] or "", clase, texto, apunte, f["nota"])
