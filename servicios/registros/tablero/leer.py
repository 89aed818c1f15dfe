"""De la bitácora a lo que el tablero necesita. Lo que cuesta no depende de lo larga que sea.

Cada agente que sigue se mira por el final de sus filas, con el índice de `(session, agente_id,
epoca, seq)`, hasta dar con lo que hace; de los demás solo se lee su resumen.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator
from datetime import datetime

from agentes.eventos import EstadoAgente
from agentes.presupuesto import Presupuesto
from servicios.registros.tablero.leido import AgenteLeido, Huella, Leido, OrdenAbierta

PASOS = (
    *("agent_run_start", "agent_loop", "llm_input", "llm_call", "llm_output"),
    *("tool_call_request", "tool_execution", "approval_request", "approval_decision"),
    *("master_error", "master_loop"),
)
"""Los tipos de fila que cambian lo que hace un agente; los demás no dicen por qué espera."""

_DE_OTROS = ("agent_intervention", "swarm_management", "agent_control")
"""Filas de un agente que no escribió él: que le hablen no es una señal de vida."""

# Una espera impuesta no cambia su estado, ni por qué está en pausa si lo está.
_IMPUESTA = "json_extract(l.details, '$.motivo') IS NOT NULL"

# Acaba con otra fila que solo dice que sigue: lo que hacía es lo de antes.
_SOLO_SIGUE = f"""(l.tipo = 'agent_loop' AND json_extract(l.details, '$.espera') = ''
    AND {_IMPUESTA})"""

# Y las de una pausa mandada: van por encima de lo que hacía, que sigue siendo lo de antes.
_MANDADA = """(l.tipo = 'agent_loop' AND (json_extract(l.details, '$.espera') IN ('usuario', 'orden')
    OR EXISTS (SELECT 1 FROM logs AS m WHERE m.id = l.causa AND m.tipo = 'agent_control')))"""

_PROBLEMAS = ("agent_problem", "budget_warning")
"""Lo que dice por qué alguien está en pausa."""

_CON_DETALLES = ("agent_loop", "llm_call", "approval_request")
_RECIENTES = 60
"""Filas del final de un agente entre las que se busca su última herramienta y su problema."""

_FINAL = 2_000
"""Caracteres que se leen de una salida, de un resultado o de una tarea: se enseña una línea."""

_SESION = """
    SELECT s.id, coalesce(nullif(s.name, s.id), ''), coalesce(s.modelo, ''), s.start_time,
        (SELECT l.timestamp FROM logs AS l WHERE l.id = s.ultima_fila)
    FROM sessions AS s WHERE s.id = ?"""

_AGENTES = """
    SELECT agent_id, agent_type, agent_rol, parent, substr(task_description, 1, {final}), status,
        start_time, end_time, CASE WHEN end_time IS NOT NULL
            THEN substr(coalesce(nullif(error, ''), result, ''), 1, {final}) ELSE '' END,
        tokens_in, tokens_out, cost, model, {verificacion}
    FROM agent_runs WHERE session = ? ORDER BY id"""

# El «+» quita de en medio el índice por tipo: el bueno es el que recorre al agente hacia atrás.
_LA_ULTIMA = """SELECT l.id FROM logs AS l
    WHERE l.session = ?1 AND l.agente_id = a.agente AND {condicion}
    ORDER BY l.epoca DESC, l.seq DESC LIMIT 1"""
_ENTRE_LAS_RECIENTES = """SELECT max(x.id) FROM (
        SELECT l.id, l.tipo FROM logs AS l WHERE l.session = ?1 AND l.agente_id = a.agente
        ORDER BY l.epoca DESC, l.seq DESC LIMIT {recientes}
    ) AS x WHERE x.tipo IN ({tipos})"""
_PRESUPUESTOS = """
    SELECT a.agent_id, json_extract(l.details, '$.presupuesto')
    FROM agent_runs AS a JOIN logs AS l ON l.id = a.id
    WHERE a.session = ?1 AND json_extract(l.details, '$.presupuesto') IS NOT NULL
    UNION ALL
    SELECT * FROM (
        SELECT json_extract(details, '$.de'), json_extract(details, '$.topes') FROM logs
        WHERE session = ?1 AND agente_id = 'usuario' AND tipo = 'budget_set' ORDER BY id)"""
_HUELLAS = """
    WITH vivos (agente, ultima, paso, pedida, pausa, problema) AS MATERIALIZED (
        SELECT a.agente, ({ultima}), ({paso}), ({pedida}),
            CASE WHEN a.estado = 'paused' THEN ({pausa}) END,
            CASE WHEN a.estado = 'paused' THEN ({problema}) END
        FROM (
            SELECT agent_id AS agente, status AS estado FROM agent_runs
            WHERE session = ?1 AND end_time IS NULL
            UNION ALL SELECT 'master', ''
        ) AS a
    )
    SELECT v.agente, u.timestamp, p.tipo, p.timestamp,
        CASE WHEN p.tipo IN ({con_detalles}) THEN p.details
            WHEN p.tipo = 'llm_output' THEN json_object(
                'llamadas', json_array_length(p.details, '$.llamadas')) END,
        c.id, c.tool, coalesce(c.command, ''), c.fila_cierre,
        substr(coalesce(nullif(json_extract(k.details, '$.stdout'), ''),
            json_extract(k.details, '$.stderr'), ''), -{final}),
        coalesce(json_extract(e.details, '$.espera'), ''),
        substr(coalesce(json_extract(b.details, '$.descripcion'),
            json_extract(b.details, '$.texto'), ''), 1, {final})
    FROM vivos AS v
    LEFT JOIN logs AS u ON u.id = v.ultima
    LEFT JOIN logs AS p ON p.id = v.paso
    LEFT JOIN commands AS c ON c.id = v.pedida
    LEFT JOIN logs AS k ON k.id = c.fila_cierre
    LEFT JOIN logs AS e ON e.id = v.pausa
    LEFT JOIN logs AS b ON b.id = v.problema"""


def _lista(tipos: tuple[str, ...]) -> str:
    return ", ".join(f"'{tipo}'" for tipo in tipos)


_HUELLAS_SQL = _HUELLAS.format(
    ultima=_LA_ULTIMA.format(condicion=f"+l.tipo NOT IN ({_lista(_DE_OTROS)})"),
    paso=_LA_ULTIMA.format(
        condicion=f"+l.tipo IN ({_lista(PASOS)}) AND NOT {_SOLO_SIGUE} AND NOT {_MANDADA}"
    ),
    pausa=_LA_ULTIMA.format(condicion=f"+l.tipo = 'agent_loop' AND NOT {_IMPUESTA}"),
    pedida=_ENTRE_LAS_RECIENTES.format(recientes=_RECIENTES, tipos="'tool_call_request'"),
    problema=_ENTRE_LAS_RECIENTES.format(recientes=_RECIENTES, tipos=_lista(_PROBLEMAS)),
    con_detalles=_lista(_CON_DETALLES),
    final=_FINAL,
)


def leer_sesion(db: sqlite3.Connection, sesion: str) -> Leido:
    """Lo que hay de esa sesión, que existe. `db` es de solo lectura. Lanza `sqlite3.Error`.

    Todo se lee de la misma foto de la base: nadie la cambia entre una pregunta y otra.
    """
    db.execute("BEGIN")
    try:
        (cabecera,) = db.execute(_SESION, (sesion,)).fetchall()
        agentes = tuple(_agentes(db, sesion))
        huellas = dict(_huellas(db, sesion))
        presupuestos = {
            de: Presupuesto.de(json.loads(topes))
            for de, topes in db.execute(_PRESUPUESTOS, (sesion,))
        }
    finally:
        db.execute("COMMIT")
    return Leido(
        sesion=cabecera[0],
        nombre=cabecera[1],
        modelo=cabecera[2],
        inicio=datetime.fromisoformat(cabecera[3]),
        senal=_momento(cabecera[4]),
        agentes=agentes,
        huellas=huellas,
        presupuestos=presupuestos,
    )


def _agentes(db: sqlite3.Connection, sesion: str) -> Iterator[AgenteLeido]:
    columnas = {fila[1] for fila in db.execute("PRAGMA table_info(agent_runs)")}
    verificacion = "verificacion" if "verificacion" in columnas else "NULL"
    for fila in db.execute(_AGENTES.format(final=_FINAL, verificacion=verificacion), (sesion,)):
        yield AgenteLeido(
            id=fila[0],
            tipo=fila[1],
            rol=fila[2],
            superior=fila[3],
            tarea=fila[4],
            estado=EstadoAgente(fila[5]),
            inicio=datetime.fromisoformat(fila[6]),
            fin=_momento(fila[7]),
            desenlace=fila[8],
            tokens_in=fila[9],
            tokens_out=fila[10],
            coste=fila[11],
            modelo=fila[12],
            verificacion=fila[13],
        )


def _huellas(db: sqlite3.Connection, sesion: str) -> Iterator[tuple[str, Huella]]:
    for fila in db.execute(_HUELLAS_SQL, (sesion,)):
        agente, senal, paso, desde, detalles, *resto = fila
        pedida, tool, command, cierre, salida, espera, problema = resto
        abierta = pedida is not None and cierre is None
        yield (
            agente,
            Huella(
                senal=_momento(senal),
                paso=paso or "",
                desde=_momento(desde),
                detalles=json.loads(detalles) if detalles else {},
                orden=OrdenAbierta(pedida, tool, command) if abierta else None,
                salida=salida,
                espera=espera,
                problema=problema,
            ),
        )


def _momento(timestamp: str | None) -> datetime | None:
    return None if timestamp is None else datetime.fromisoformat(timestamp)
