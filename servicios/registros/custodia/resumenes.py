"""Que las tablas que resumen los hechos digan lo que dicen los hechos.

La cadena prueba `logs`; lo que se pregunta a diario (órdenes, agentes, gastos, avisos) sale de las
demás. Cada consulta busca la primera fila de una tabla que no cuadra con las de `logs` que la
escribieron. No se mira lo que `logs` no guarda: en qué llamada entró cada aviso, solo que pudo ser.
"""

from __future__ import annotations

import sqlite3
from typing import NamedTuple


class Discordancia(NamedTuple):
    """Una fila que no cuadra: su tabla, la fila de `logs` de que sale (si la hay) y su sesión."""

    tabla: str
    fila: int | None
    sesion: str


_ORDENES = """
    SELECT c.id, c.session FROM commands AS c
    LEFT JOIN logs AS p ON p.id = c.id AND p.tipo = 'tool_call_request'
    LEFT JOIN logs AS r ON r.id = c.fila_cierre AND r.tipo = 'tool_execution' AND r.causa = c.id
    WHERE p.id IS NULL OR c.session <> p.session OR c.agente_id <> p.agente_id
        OR c.op IS NOT p.op OR c.intento IS NOT p.intento OR c.tool IS NOT p.details ->> '$.tool'
        OR c.command IS NOT CASE json_type(p.details, '$.args.command')
            WHEN 'text' THEN p.details ->> '$.args.command' END
        OR (r.id IS NULL AND coalesce(
            c.fila_cierre, c.cierre, c.ok, c.return_code, c.motivo, c.ms) IS NOT NULL)
        OR (r.id IS NOT NULL AND (c.ok IS NOT r.details ->> '$.ok'
            OR c.ms IS NOT r.details ->> '$.ms' OR c.cierre IS NOT r.details ->> '$.cierre'
            OR c.return_code IS NOT CASE json_type(r.details, '$.return_code')
                WHEN 'integer' THEN r.details ->> '$.return_code' END
            OR c.motivo IS NOT CASE json_type(r.details, '$.motivo')
                WHEN 'text' THEN nullif(r.details ->> '$.motivo', '') END))
    ORDER BY c.id LIMIT 1"""
_SIN_CIERRE = """
    SELECT c.id, c.session FROM logs AS r JOIN commands AS c ON c.id = r.causa
    WHERE r.tipo = 'tool_execution' AND c.fila_cierre IS NULL
        AND (SELECT count(*) FROM logs WHERE tipo = 'tool_execution')
            <> (SELECT count(fila_cierre) FROM commands)
    LIMIT 1"""
_LLAMADAS = """
    WITH gasto (id, entrada, salida, cacheados) AS (
        SELECT causa, sum(details ->> '$.gasto.entrada'), sum(details ->> '$.gasto.salida'),
            sum(details ->> '$.gasto.cacheados')
        FROM logs WHERE tipo = 'llm_call' AND NOT coalesce(details ->> '$.gasto.estimado', 0)
        GROUP BY causa
    )
    SELECT m.id, m.session FROM model_calls AS m
    LEFT JOIN logs AS p ON p.id = m.id AND p.tipo = 'llm_input'
    LEFT JOIN logs AS r ON r.id = m.respuesta AND r.tipo = 'llm_output' AND r.causa = m.id
    LEFT JOIN gasto AS g ON g.id = m.id
    WHERE p.id IS NULL OR m.session <> p.session OR m.agente_id <> p.agente_id
        OR m.turno IS NOT p.details ->> '$.turno' OR m.modelo IS NOT p.details ->> '$.modelo'
        OR m.proposito <> coalesce(p.details ->> '$.proposito', '')
        OR (m.respuesta IS NULL) = (m.estado = 'terminada') OR (m.respuesta IS NULL) <> (r.id IS NULL)
        OR (r.id IS NOT NULL AND (m.ms IS NOT r.details ->> '$.ms'
            OR m.razon IS NOT r.details ->> '$.razon'))
        OR m.tokens_in <> coalesce(r.details ->> '$.uso.entrada', 0) + coalesce(g.entrada, 0)
        OR m.tokens_out <> coalesce(r.details ->> '$.uso.salida', 0) + coalesce(g.salida, 0)
        OR m.tokens_cached <> coalesce(r.details ->> '$.uso.cacheados', 0) + coalesce(g.cacheados, 0)
    ORDER BY m.id LIMIT 1"""
_SIN_RESPUESTA = """
    SELECT m.id, m.session FROM logs AS r JOIN model_calls AS m ON m.id = r.causa
    WHERE r.tipo = 'llm_output' AND m.respuesta IS NULL
        AND (SELECT count(*) FROM logs WHERE tipo = 'llm_output')
            <> (SELECT count(respuesta) FROM model_calls)
    LIMIT 1"""
_AGENTES = """
    WITH fin (session, agente_id, id) AS (
        SELECT session, agente_id, max(id) FROM logs WHERE tipo = 'agent_run_end'
        GROUP BY session, agente_id
    ), estado (session, agente_id, id) AS (
        SELECT session, agente_id, max(id) FROM logs
        WHERE tipo = 'agent_loop' AND details ->> '$.estado' IS NOT NULL
        GROUP BY session, agente_id
    ), gasto (session, agente_id, entrada, salida, usd) AS (
        SELECT session, agente_id, sum(tokens_in), sum(tokens_out), sum(cost) FROM model_calls
        GROUP BY session, agente_id
    )
    SELECT a.id, a.session FROM agent_runs AS a
    LEFT JOIN logs AS p ON p.id = a.id AND p.tipo = 'agent_run_start'
    LEFT JOIN fin AS f ON f.session = a.session AND f.agente_id = a.agent_id
    LEFT JOIN logs AS r ON r.id = f.id
    LEFT JOIN estado AS e ON e.session = a.session AND e.agente_id = a.agent_id
    LEFT JOIN logs AS s ON s.id = e.id
    LEFT JOIN gasto AS g ON g.session = a.session AND g.agente_id = a.agent_id
    WHERE p.id IS NULL OR a.session <> p.session OR a.agent_id <> p.agente_id
        OR a.agent_type <> p.details ->> '$.agent_type' OR a.agent_rol <> p.details ->> '$.rol'
        OR a.agent_objetivo <> p.details ->> '$.objetivo'
        OR a.task_description <> p.details ->> '$.tarea'
        OR a.parent <> p.details ->> '$.superior' OR a.model <> p.details ->> '$.modelo'
        OR a.start_time <> p.timestamp OR a.end_time IS NOT r.timestamp
        OR a.status <> coalesce(r.details ->> '$.estado', s.details ->> '$.estado', 'started')
        OR a.result IS NOT nullif(r.details ->> '$.resultado', '')
        OR a.error IS NOT nullif(r.details ->> '$.error', '')
        OR a.verificacion <> coalesce(r.details ->> '$.verificacion', 'sin_pruebas')
        OR a.tokens_in <> coalesce(g.entrada, 0) OR a.tokens_out <> coalesce(g.salida, 0)
        OR abs(coalesce(a.cost, 0) - coalesce(g.usd, 0)) > 1e-6
    ORDER BY a.id LIMIT 1"""
_RECIBOS = """
        OR ({t}.estado = 'encolado') <> ({t}.entregado_en IS NULL AND {t}.visto_en IS NULL)
            AND {t}.estado <> 'visto'
        OR ({t}.entregado_en IS NOT NULL AND coalesce(d.tipo <> 'llm_input'
            OR d.session <> {t}.session OR d.agente_id <> {t}.{quien}, 1))
        OR ({t}.visto_en IS NOT NULL AND coalesce(v.tipo <> 'llm_output'
            OR v.causa IS NOT {t}.entregado_en OR {t}.estado <> 'visto', 1))
    ORDER BY {t}.id LIMIT 1"""
_MENSAJES = """
    SELECT m.id, m.session FROM messages AS m
    LEFT JOIN logs AS p ON p.id = m.id AND p.tipo IN ('master_input', 'agent_intervention')
    LEFT JOIN logs AS d ON d.id = m.entregado_en
    LEFT JOIN logs AS v ON v.id = m.visto_en
    WHERE p.id IS NULL OR m.session <> p.session
        OR m.de <> CASE p.tipo WHEN 'master_input' THEN 'usuario' ELSE p.details ->> '$.de' END
        OR m.para <> CASE p.tipo WHEN 'master_input' THEN 'master' ELSE p.agente_id END
        {recibos}"""
_AVISOS = """
    SELECT n.id, n.session FROM notices AS n
    LEFT JOIN logs AS p ON p.id = n.id AND p.tipo = 'master_context_update'
    LEFT JOIN logs AS d ON d.id = n.entregado_en
    LEFT JOIN logs AS v ON v.id = n.visto_en
    WHERE p.id IS NULL OR n.session <> p.session OR n.agente_id <> p.agente_id
        OR n.destinatario <> p.details ->> '$.destinatario' OR n.clase <> p.details ->> '$.clase'
        {recibos}"""
_SESIONES = """
    SELECT NULL, s.id FROM sessions AS s
    LEFT JOIN logs AS c ON c.id = (SELECT max(id) FROM logs AS l WHERE l.tipo = 'system_exit'
        AND l.session = s.id AND l.id > coalesce((SELECT max(id) FROM logs AS q
            WHERE q.tipo = 'session_resume' AND q.session = s.id), 0))
    LEFT JOIN logs AS b ON b.id = (SELECT min(id) FROM logs AS l
        WHERE l.tipo = 'session_fork' AND l.session = s.id)
    WHERE s.end_time IS NOT c.timestamp OR s.codigo IS NOT c.details ->> '$.codigo'
        OR s.motivo IS NOT c.details ->> '$.motivo' OR s.origen IS NOT b.details ->> '$.origen'
        OR s.origen_fila IS NOT b.details ->> '$.fila'
    ORDER BY s.id LIMIT 1"""
_FALTA = """
    SELECT l.id, l.session FROM logs AS l LEFT JOIN {tabla} AS t ON t.id = l.id
    WHERE l.tipo IN ({tipos}) AND t.id IS NULL
        AND (SELECT count(*) FROM logs WHERE tipo IN ({tipos})) <> (SELECT count(*) FROM {tabla})
    LIMIT 1"""
_TIPOS = {
    "commands": "'tool_call_request'",
    "model_calls": "'llm_input'",
    "agent_runs": "'agent_run_start'",
    "messages": "'master_input', 'agent_intervention'",
    "notices": "'master_context_update'",
}
_CONSULTAS = (
    *((tabla, _FALTA.format(tabla=tabla, tipos=tipos)) for tabla, tipos in _TIPOS.items()),
    ("commands", _ORDENES),
    ("commands", _SIN_CIERRE),
    ("model_calls", _LLAMADAS),
    ("model_calls", _SIN_RESPUESTA),
    ("agent_runs", _AGENTES),
    ("messages", _MENSAJES.format(recibos=_RECIBOS.format(t="m", quien="para"))),
    ("notices", _AVISOS.format(recibos=_RECIBOS.format(t="n", quien="destinatario"))),
    ("sessions", _SESIONES),
)


def discordancia(db: sqlite3.Connection) -> Discordancia | None:
    """La primera que haya, tabla a tabla. Lanza `sqlite3.Error`."""
    for tabla, sql in _CONSULTAS:
        hallada = db.execute(sql).fetchone()
        if hallada is not None:
            return Discordancia(tabla, *hallada)
    return None
