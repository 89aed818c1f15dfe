"""Las vistas estables de `data/swarm.db`: lo que se puede preguntar con cualquier cliente SQLite."""

from __future__ import annotations

import sqlite3

VISTAS = {
    "v_sesiones": "Sesiones: inicio, fin, duración, modelo, código de salida, agentes y tokens.",
    "v_agentes": "Agentes: quién lanzó a cada uno, estado, resultado, duración y tokens.",
    "v_comandos": "Órdenes de consola: qué se ejecutó, qué imprimió y con qué código acabó.",
    "v_herramientas": "Todas las herramientas pedidas, con sus argumentos y su resultado.",
    "v_evidencias": "Lo que afirmaron los agentes al acabar y si se cumplía: una fila por comprobación.",
    "v_llamadas": "Llamadas a los modelos: estado, tokens, intentos, tiempo y error.",
    "v_arbol": "El árbol de agentes de cada sesión, con su profundidad y su camino desde el Master.",
    "v_costes": "Llamadas, tokens y coste por agente, por rama (él y los que cuelgan) y por sesión.",
    "v_aprobaciones": "Órdenes que pasaron por un permiso: qué se decidió, quién y cuánto se esperó.",
    "v_esperas": "Los ratos en que cada agente esperó y a qué: modelo, herramienta, hijo, superior…",
    "v_mensajes": "Líneas y directivas, y en qué llamada las recibió cada uno.",
    "v_avisos": "Avisos a los superiores y en qué llamada los recibió cada uno.",
    "v_errores": "Lo que salió mal: errores y advertencias, herramientas y agentes que fallaron.",
    "v_linea": "La línea de tiempo: todo lo que pasó, en orden.",
    "v_causas": "Por qué: para cada `fila`, los pasos de su cadena de causas hasta su origen.",
}
"""Nombre de cada vista y qué contesta."""

_SQL = {
    "v_sesiones": """
        SELECT s.id AS session, nullif(s.name, s.id) AS name, s.start_time, s.end_time,
            round((julianday(s.end_time) - julianday(s.start_time)) * 86400, 3) AS duracion_s,
            s.modelo, s.version, s.aislamiento, s.cara, s.codigo, s.motivo, s.epoca,
            s.origen, s.origen_fila, s.filas, s.bytes, s.ultima_fila,
            (SELECT count(*) FROM agent_runs AS a WHERE a.session = s.id) AS agentes,
            coalesce(t.tokens_in, 0) AS tokens_in,
            coalesce(t.tokens_out, 0) AS tokens_out
        FROM sessions AS s
        LEFT JOIN (
            SELECT session, sum(tokens_in) AS tokens_in, sum(tokens_out) AS tokens_out
            FROM model_calls GROUP BY session
        ) AS t ON t.session = s.id""",
    "v_agentes": """
        SELECT id AS fila, session, agent_id, agent_type, agent_rol, parent AS lanzado_por,
            status, task_description, substr(result, 1, 200) AS resultado, error,
            start_time, end_time,
            round((julianday(end_time) - julianday(start_time)) * 86400, 3) AS duracion_s,
            tokens_in, tokens_out, cost, model, verificacion
        FROM agent_runs""",
    "v_comandos": """
        SELECT c.id AS fila, p.timestamp, c.session, c.agente_id, c.command,
            json_extract(r.details, '$.stdout') AS stdout,
            json_extract(r.details, '$.stderr') AS stderr,
            c.return_code, c.motivo, c.ms, c.cierre, c.intento, c.op, c.fila_cierre
        FROM commands AS c
        JOIN logs AS p ON p.id = c.id
        LEFT JOIN logs AS r ON r.id = c.fila_cierre
        WHERE c.command IS NOT NULL""",
    "v_herramientas": """
        SELECT c.id AS fila, p.timestamp, c.session, c.agente_id, c.tool,
            json_extract(p.details, '$.args') AS args, c.ok,
            json_extract(r.details, '$.resultado') AS resultado,
            c.ms, c.cierre, c.intento, c.op, c.fila_cierre
        FROM commands AS c
        JOIN logs AS p ON p.id = c.id
        LEFT JOIN logs AS r ON r.id = c.fila_cierre""",
    "v_evidencias": """
        SELECT c.id AS fila, p.timestamp, c.session, c.agente_id, p.causa AS respuesta,
            json_extract(p.details, '$.args.clase') AS clase,
            json_extract(p.details, '$.args') AS afirmacion, c.ok AS cumple,
            json_extract(r.details, '$.resultado') AS resultado,
            c.ms, c.intento, c.op, c.fila_cierre
        FROM commands AS c
        JOIN logs AS p ON p.id = c.id
        LEFT JOIN logs AS r ON r.id = c.fila_cierre
        WHERE c.tool = 'comprobar_evidencia'""",
    "v_llamadas": """
        SELECT m.id AS fila, p.timestamp, m.session, m.agente_id, m.turno, m.proposito, m.modelo,
            m.estado, m.razon, r.mensaje AS respuesta, m.tokens_in, m.tokens_out, m.tokens_cached,
            m.cost, m.intentos, m.ms, m.error, m.respuesta AS fila_respuesta
        FROM model_calls AS m
        JOIN logs AS p ON p.id = m.id
        LEFT JOIN logs AS r ON r.id = m.respuesta""",
    "v_arbol": """
        WITH RECURSIVE rama (session, agente_id, lanzado_por, profundidad, camino, fila) AS (
            SELECT id, 'master', NULL, 0, 'master', NULL FROM sessions
            UNION ALL
            SELECT a.session, a.agent_id, a.parent, r.profundidad + 1,
                r.camino || '/' || a.agent_id, a.id
            FROM rama AS r
            JOIN agent_runs AS a ON a.session = r.session AND a.parent = r.agente_id
            WHERE r.profundidad < 1000
        )
        SELECT r.session, r.agente_id, r.lanzado_por, r.profundidad, r.camino,
            n.name AS nombre, a.status, r.fila
        FROM rama AS r
        LEFT JOIN agent_runs AS a ON a.id = r.fila
        LEFT JOIN agentes AS n ON n.agente_id = r.agente_id""",
    "v_costes": """
        WITH RECURSIVE
        gasto AS (
            SELECT session, agente_id, count(*) AS llamadas, sum(tokens_in) AS tokens_in,
                sum(tokens_out) AS tokens_out, sum(tokens_cached) AS tokens_cached,
                sum(cost) AS coste
            FROM model_calls GROUP BY session, agente_id
        ),
        rama (session, agente_id, cabeza) AS (
            SELECT session, agente_id, agente_id FROM gasto
            UNION
            SELECT r.session, r.agente_id, a.parent
            FROM rama AS r
            JOIN agent_runs AS a ON a.session = r.session AND a.agent_id = r.cabeza
        )
        SELECT session, 'agente' AS ambito, agente_id, llamadas, tokens_in, tokens_out,
            tokens_cached, coste
        FROM gasto
        UNION ALL
        SELECT g.session, 'rama', r.cabeza, sum(g.llamadas), sum(g.tokens_in),
            sum(g.tokens_out), sum(g.tokens_cached), sum(g.coste)
        FROM rama AS r
        JOIN gasto AS g ON g.session = r.session AND g.agente_id = r.agente_id
        GROUP BY g.session, r.cabeza
        UNION ALL
        SELECT session, 'sesion', NULL, sum(llamadas), sum(tokens_in), sum(tokens_out),
            sum(tokens_cached), sum(coste)
        FROM gasto GROUP BY session""",
    "v_aprobaciones": """
        SELECT p.id AS fila, p.timestamp, p.session, p.agente_id,
            json_extract(p.details, '$.orden') AS orden,
            json_extract(p.details, '$.motivo') AS por_que,
            json_extract(d.details, '$.decision') AS decision,
            json_extract(d.details, '$.quien') AS quien,
            json_extract(d.details, '$.motivo') AS motivo,
            json_extract(d.details, '$.alcance') AS alcance,
            json_extract(d.details, '$.espera_ms') AS espera_ms, d.id AS fila_decision
        FROM logs AS p
        LEFT JOIN logs AS d ON d.causa = p.id AND d.tipo = 'approval_decision'
        WHERE p.tipo = 'approval_request'
        UNION ALL
        SELECT d.id, d.timestamp, d.session, d.agente_id, json_extract(d.details, '$.orden'),
            NULL, json_extract(d.details, '$.decision'), json_extract(d.details, '$.quien'),
            json_extract(d.details, '$.motivo'), json_extract(d.details, '$.alcance'), 0, d.id
        FROM logs AS d
        LEFT JOIN logs AS p ON p.id = d.causa
        WHERE d.tipo = 'approval_decision' AND p.tipo IS NOT 'approval_request'""",
    # Los CAST dan la misma afinidad a cada columna: sin eso SQLite no reparte el orden y el
    # límite entre las partes, y lee la bitácora entera para enseñar lo último.
    "v_esperas": """
        SELECT m.id AS fila, p.timestamp AS desde, m.session, m.agente_id, CAST('modelo' AS TEXT) AS motivo,
            m.ms, m.modelo AS detalle, CAST(coalesce(m.respuesta, f.id) AS INTEGER) AS fila_fin
        FROM model_calls AS m JOIN logs AS p ON p.id = m.id
        LEFT JOIN logs AS f ON m.estado = 'fallida' AND f.id = (
            SELECT s.id FROM logs AS s
            WHERE s.session = p.session AND s.agente_id = p.agente_id
                AND (s.epoca, s.seq) > (p.epoca, p.seq)
                AND s.tipo = 'llm_call' AND s.causa = p.id
                AND json_extract(s.details, '$.espera_s') IS NULL
            ORDER BY s.epoca, s.seq LIMIT 1
        )
        UNION ALL
        SELECT c.id, p.timestamp, c.session, c.agente_id, CAST('herramienta' AS TEXT), c.ms,
            CAST(coalesce(c.command, c.tool) AS TEXT), c.fila_cierre
        FROM commands AS c JOIN logs AS p ON p.id = c.id
        UNION ALL
        SELECT p.id, p.timestamp, p.session, p.agente_id, CAST('aprobacion' AS TEXT),
            CAST(json_extract(d.details, '$.espera_ms') AS INTEGER),
            CAST(json_extract(p.details, '$.orden') AS TEXT), d.id
        FROM logs AS p
        LEFT JOIN logs AS d ON d.causa = p.id AND d.tipo = 'approval_decision'
        WHERE p.tipo = 'approval_request'
        UNION ALL
        SELECT e.id, e.timestamp, e.session, e.agente_id,
            CAST(json_extract(e.details, '$.espera') AS TEXT),
            CAST(round((julianday(f.timestamp) - julianday(e.timestamp)) * 86400000) AS INTEGER),
            CAST(json_extract(e.details, '$.estado') AS TEXT), f.id
        FROM logs AS e
        LEFT JOIN logs AS f ON f.id = (
            SELECT s.id FROM logs AS s
            WHERE s.session = e.session AND s.agente_id = e.agente_id
                AND (s.epoca, s.seq) > (e.epoca, e.seq)
                AND s.tipo IN ('agent_loop', 'agent_run_end')
            ORDER BY s.epoca, s.seq LIMIT 1
        )
        WHERE e.tipo = 'agent_loop' AND json_extract(e.details, '$.espera') <> ''""",
    "v_mensajes": """
        SELECT m.id AS fila, l.timestamp, m.session, m.de, m.para,
            json_extract(l.details, '$.texto') AS texto, m.estado, m.entregado_en, m.visto_en
        FROM messages AS m
        JOIN logs AS l ON l.id = m.id""",
    "v_avisos": """
        SELECT n.id AS fila, l.timestamp, n.session, n.agente_id, n.destinatario, n.clase,
            json_extract(l.details, '$.texto') AS texto, n.estado, n.entregado_en, n.visto_en
        FROM notices AS n
        JOIN logs AS l ON l.id = n.id""",
    "v_errores": """
        SELECT id AS fila, timestamp, session, agente_id, tipo, log_level, mensaje
        FROM logs INDEXED BY logs_errores WHERE log_level IN ('WARNING', 'ERROR', 'FATAL')
        UNION ALL
        SELECT l.id, l.timestamp, l.session, l.agente_id, l.tipo, l.log_level,
            l.mensaje || coalesce(': ' || nullif(c.motivo, 'ok'), '') || coalesce(' — ' || c.command, '')
        FROM commands AS c
        JOIN logs AS l ON l.id = c.fila_cierre
        WHERE c.ok = 0
        UNION ALL
        SELECT a.id, a.end_time, a.session, a.agent_id, 'agent_run_end', 'ERROR',
            a.status || ': ' || coalesce(a.error, '')
        FROM agent_runs AS a
        WHERE a.status IN ('failed', 'max_iterations')""",
    "v_linea": """
        SELECT id AS fila, timestamp, session, agente_id, tipo, log_level, mensaje, causa
        FROM logs""",
    # La recursión va dentro de una subconsulta correlacionada para que `WHERE fila = N` recorra
    # una sola cadena: SQLite no empuja esa condición a una CTE recursiva.
    "v_causas": """
        SELECT f.id AS fila, p.key AS paso, l.id, l.timestamp, l.agente_id, l.tipo, l.mensaje
        FROM logs AS f,
            json_each((
                WITH RECURSIVE cadena (id, causa) AS (
                    SELECT f.id, f.causa
                    UNION ALL
                    SELECT c.id, c.causa FROM cadena JOIN logs AS c ON c.id = cadena.causa
                )
                SELECT json_group_array(id) FROM cadena
            )) AS p
        JOIN logs AS l ON l.id = p.value""",
}


def crear_vistas(db: sqlite3.Connection) -> None:
    """Rehace todas las vistas; no guardan datos, así que valen para cualquier versión."""
    for nombre in VISTAS:
        db.execute(f"DROP VIEW IF EXISTS {nombre}")
        db.execute(f"CREATE VIEW {nombre} AS {_SQL[nombre]}")
