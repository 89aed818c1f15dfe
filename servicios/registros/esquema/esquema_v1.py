"""El esquema 1 de `data/swarm.db`, tal como se publicó: no se cambia."""

from __future__ import annotations

import sqlite3

_TABLAS_BASE = (
    """
    CREATE TABLE sessions (
        id TEXT PRIMARY KEY,
        start_time TEXT NOT NULL,
        end_time TEXT,
        codigo INTEGER,
        motivo TEXT,
        version TEXT,
        modelo TEXT,
        aislamiento TEXT,
        cara TEXT
    )""",
    """
    CREATE TABLE agentes (
        session TEXT NOT NULL REFERENCES sessions (id),
        agente_id TEXT NOT NULL,
        clase TEXT NOT NULL,
        PRIMARY KEY (session, agente_id)
    ) WITHOUT ROWID""",
    """
    CREATE TABLE logs (
        id INTEGER PRIMARY KEY AUTOINCREMENT,
        timestamp TEXT NOT NULL,
        agente_id TEXT NOT NULL,
        tipo TEXT NOT NULL,
        log_level TEXT NOT NULL,
        mensaje TEXT NOT NULL,
        details TEXT NOT NULL,
        session TEXT NOT NULL REFERENCES sessions (id),
        causa INTEGER REFERENCES logs (id),
        epoca INTEGER NOT NULL,
        seq INTEGER NOT NULL,
        op TEXT,
        intento INTEGER,
        hash TEXT,
        UNIQUE (session, agente_id, epoca, seq),
        FOREIGN KEY (session, agente_id) REFERENCES agentes (session, agente_id)
    )""",
    """
    CREATE TABLE agent_runs (
        id INTEGER PRIMARY KEY REFERENCES logs (id),
        agent_id TEXT NOT NULL,
        agent_type TEXT NOT NULL,
        agent_rol TEXT NOT NULL,
        agent_objetivo TEXT NOT NULL,
        task_description TEXT NOT NULL,
        start_time TEXT NOT NULL,
        end_time TEXT,
        status TEXT NOT NULL,
        session TEXT NOT NULL REFERENCES sessions (id),
        parent TEXT NOT NULL,
        result TEXT,
        error TEXT,
        tokens_in INTEGER NOT NULL DEFAULT 0,
        tokens_out INTEGER NOT NULL DEFAULT 0,
        cost REAL,
        model TEXT NOT NULL,
        UNIQUE (session, agent_id),
        FOREIGN KEY (session, agent_id) REFERENCES agentes (session, agente_id)
    )""",
    """
    CREATE TABLE contadores (
        agent_type TEXT PRIMARY KEY,
        numero INTEGER NOT NULL
    ) WITHOUT ROWID""",
)

# Los textos largos (salida, mensajes, avisos) no se repiten en estas tablas: están una vez en
# `logs.details` y las vistas los enseñan. Así lo escrito por hecho es casi lo que ocupa.
_PROYECCIONES = (
    """
    CREATE TABLE model_calls (
        id INTEGER PRIMARY KEY REFERENCES logs (id),
        session TEXT NOT NULL REFERENCES sessions (id),
        agente_id TEXT NOT NULL,
        turno INTEGER NOT NULL,
        modelo TEXT NOT NULL,
        estado TEXT NOT NULL,
        razon TEXT,
        tokens_in INTEGER NOT NULL DEFAULT 0,
        tokens_out INTEGER NOT NULL DEFAULT 0,
        tokens_cached INTEGER NOT NULL DEFAULT 0,
        intentos INTEGER NOT NULL DEFAULT 1,
        ms INTEGER,
        error TEXT,
        respuesta INTEGER REFERENCES logs (id)
    )""",
    """
    CREATE TABLE commands (
        id INTEGER PRIMARY KEY REFERENCES logs (id),
        session TEXT NOT NULL REFERENCES sessions (id),
        agente_id TEXT NOT NULL,
        op TEXT NOT NULL,
        intento INTEGER NOT NULL,
        tool TEXT NOT NULL,
        command TEXT,
        return_code INTEGER,
        ok INTEGER,
        motivo TEXT,
        ms INTEGER,
        cierre TEXT,
        fila_cierre INTEGER REFERENCES logs (id)
    )""",
    """
    CREATE TABLE messages (
        id INTEGER PRIMARY KEY REFERENCES logs (id),
        session TEXT NOT NULL REFERENCES sessions (id),
        de TEXT NOT NULL,
        para TEXT NOT NULL,
        estado TEXT NOT NULL,
        entregado_en INTEGER REFERENCES logs (id),
        visto_en INTEGER REFERENCES logs (id)
    )""",
    """
    CREATE TABLE notices (
        id INTEGER PRIMARY KEY REFERENCES logs (id),
        session TEXT NOT NULL REFERENCES sessions (id),
        agente_id TEXT NOT NULL,
        destinatario TEXT NOT NULL,
        clase TEXT NOT NULL,
        estado TEXT NOT NULL,
        entregado_en INTEGER REFERENCES logs (id),
        visto_en INTEGER REFERENCES logs (id)
    )""",
)

_REGLAS = (
    """
    CREATE UNIQUE INDEX logs_intencion ON logs (op, intento, session)
    WHERE tipo = 'tool_call_request'""",
    """
    CREATE UNIQUE INDEX logs_cierre ON logs (op, intento, session)
    WHERE tipo = 'tool_execution'""",
    # Solo contienen lo que está en vuelo: no crecen con la bitácora.
    "CREATE INDEX messages_en_vuelo ON messages (entregado_en) WHERE estado = 'entregado'",
    "CREATE INDEX notices_en_vuelo ON notices (entregado_en) WHERE estado = 'entregado'",
    """
    CREATE TRIGGER logs_no_cambia BEFORE UPDATE ON logs
    BEGIN SELECT RAISE(ABORT, 'logs solo se añade: una fila no se cambia'); END""",
    """
    CREATE TRIGGER logs_no_borra BEFORE DELETE ON logs
    BEGIN SELECT RAISE(ABORT, 'logs solo se añade: una fila no se borra'); END""",
    # El escritor toma de esta fila el último id dentro de su transacción.
    "INSERT INTO sqlite_sequence (name, seq) VALUES ('logs', 0)",
)


def m001_bitacora(db: sqlite3.Connection) -> None:
    """Crea la bitácora, sus proyecciones y las reglas que la hacen de solo añadir."""
    for sentencia in (*_TABLAS_BASE, *_PROYECCIONES, *_REGLAS):
        db.execute(sentencia)
