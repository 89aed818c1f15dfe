"""Lo que una proyección escribe en las tablas que resumen los hechos, y en qué orden."""

from __future__ import annotations

SESION_ABIERTA = (
    "UPDATE sessions SET version = ?, modelo = ?, aislamiento = ?, cara = ? WHERE id = ?"
)
SESION_REANUDADA = """UPDATE sessions SET version = ?, modelo = ?, aislamiento = ?, cara = ?
    WHERE id = ?"""
SESION_NOMBRADA = "UPDATE sessions SET name = ? WHERE id = ?"
SESION_MODELO = "UPDATE sessions SET modelo = ? WHERE id = ?"
# Hasta que se abra, su modelo es el de su origen: con él se sigue y con él se repite.
SESION_BIFURCADA = """UPDATE sessions SET origen = ?1, origen_fila = ?2,
    modelo = (SELECT o.modelo FROM sessions AS o WHERE o.id = ?1) WHERE id = ?3"""
NOMBRE = "UPDATE agentes SET name = ? WHERE agente_id = ? AND name = agente_id"
AGENTE = """INSERT INTO agent_runs (id, agent_id, agent_type, agent_rol, agent_objetivo,
    task_description, start_time, status, session, parent, model)
    VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"""
MENSAJE = """INSERT INTO messages (id, session, de, para, estado)
    VALUES (?, ?, ?, ?, 'encolado')"""
AVISO = """INSERT INTO notices (id, session, agente_id, destinatario, clase, estado)
    VALUES (?, ?, ?, ?, ?, 'encolado')"""
LLAMADA = """INSERT INTO model_calls (id, session, agente_id, turno, proposito, modelo, estado)
    VALUES (?, ?, ?, ?, ?, ?, 'en curso')"""
COMANDO = """INSERT INTO commands (id, session, agente_id, op, intento, tool, command)
    VALUES (?, ?, ?, ?, ?, ?, ?)"""
MENSAJE_ENTREGADO = """UPDATE messages SET estado = 'entregado', entregado_en = ?
    WHERE id = ? AND estado <> 'visto'"""
AVISO_ENTREGADO = """UPDATE notices SET estado = 'entregado', entregado_en = ?
    WHERE id = ? AND estado <> 'visto'"""
LLAMADA_GASTO = """UPDATE model_calls SET tokens_in = tokens_in + ?1,
    tokens_out = tokens_out + ?2, tokens_cached = tokens_cached + ?3,
    cost = coalesce(cost + ?4, ?4, cost) WHERE id = ?5"""
LLAMADA_REINTENTADA = "UPDATE model_calls SET intentos = ?, error = ? WHERE id = ?"
LLAMADA_TERMINADA = """UPDATE model_calls SET estado = 'terminada', razon = ?, intentos = ?,
    ms = ?, respuesta = ? WHERE id = ?"""
LLAMADA_FALLIDA = """UPDATE model_calls SET estado = 'fallida', razon = ?, error = ?,
    intentos = ?, ms = ? WHERE id = ?"""
MENSAJE_VISTO = """UPDATE messages SET estado = 'visto', visto_en = ?
    WHERE entregado_en = ? AND estado = 'entregado'"""
AVISO_VISTO = """UPDATE notices SET estado = 'visto', visto_en = ?
    WHERE entregado_en = ? AND estado = 'entregado'"""
COMANDO_CERRADO = """UPDATE commands SET return_code = ?, ok = ?, motivo = ?, ms = ?,
    cierre = ?, fila_cierre = ? WHERE id = ?"""
TOKENS = """UPDATE agent_runs SET tokens_in = tokens_in + ?1, tokens_out = tokens_out + ?2,
    cost = coalesce(cost + ?3, ?3, cost) WHERE session = ?4 AND agent_id = ?5"""
ESTADO = """UPDATE agent_runs SET status = ?
    WHERE session = ? AND agent_id = ? AND end_time IS NULL AND status <> ?"""
AGENTE_TERMINADO = """UPDATE agent_runs SET status = ?, end_time = ?, result = ?, error = ?,
    verificacion = ?
    WHERE session = ? AND agent_id = ?"""
SESION_CERRADA = "UPDATE sessions SET end_time = ?, codigo = ?, motivo = ? WHERE id = ?"
# Un lote puede traer las dos, en cualquier orden: queda lo que diga la última fila.
SESION_REABIERTA = """UPDATE sessions SET end_time = NULL, codigo = NULL, motivo = NULL
    WHERE id = ?1 AND NOT EXISTS (
        SELECT 1 FROM logs WHERE tipo = 'system_exit' AND session = ?1 AND id > ?2)"""

SENTENCIAS = (
    SESION_ABIERTA,
    SESION_REANUDADA,
    SESION_NOMBRADA,
    SESION_BIFURCADA,
    SESION_MODELO,
    NOMBRE,
    AGENTE,
    MENSAJE,
    AVISO,
    LLAMADA,
    COMANDO,
    MENSAJE_ENTREGADO,
    AVISO_ENTREGADO,
    LLAMADA_GASTO,
    LLAMADA_REINTENTADA,
    LLAMADA_TERMINADA,
    LLAMADA_FALLIDA,
    MENSAJE_VISTO,
    AVISO_VISTO,
    COMANDO_CERRADO,
    TOKENS,
    ESTADO,
    AGENTE_TERMINADO,
    SESION_CERRADA,
    SESION_REABIERTA,
)
"""El orden en que se ejecutan las sentencias de un lote."""
