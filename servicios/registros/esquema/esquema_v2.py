"""El esquema 2: identidades de una sola columna, épocas, cadena de hashes y anclas.

Todas las claves ajenas son de una columna, para que los visores de SQLite enseñen nombres. Los
textos largos (salidas, mensajes, avisos) están una vez, en `logs.details`: las vistas los enseñan.
"""

from __future__ import annotations

TABLAS_V2 = {
    "sessions": """
        id TEXT PRIMARY KEY,
        name TEXT NOT NULL,
        start_time TEXT NOT NULL,
        end_time TEXT,
        codigo INTEGER,
        motivo TEXT,
        version TEXT,
        modelo TEXT,
        aislamiento TEXT,
        cara TEXT,
        epoca INTEGER NOT NULL DEFAULT 1,
        origen TEXT REFERENCES sessions (id),
        origen_fila INTEGER,
        filas INTEGER NOT NULL DEFAULT 0,
        bytes INTEGER NOT NULL DEFAULT 0,
        ultima_fila INTEGER,
        ultimo_hash TEXT""",
    "agentes": """
        agente_id TEXT PRIMARY KEY,
        name TEXT NOT NULL,
        clase TEXT NOT NULL""",
    "logs": """
        id INTEGER PRIMARY KEY AUTOINCREMENT,
        timestamp TEXT NOT NULL,
        agente_id TEXT NOT NULL REFERENCES agentes (agente_id),
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
        hash TEXT NOT NULL,
        UNIQUE (session, agente_id, epoca, seq)""",
    "agent_runs": """
        id INTEGER PRIMARY KEY REFERENCES logs (id),
        agent_id TEXT NOT NULL REFERENCES agentes (agente_id),
        agent_type TEXT NOT NULL,
        agent_rol TEXT NOT NULL,
        agent_objetivo TEXT NOT NULL,
        task_description TEXT NOT NULL,
        start_time TEXT NOT NULL,
        end_time TEXT,
        status TEXT NOT NULL,
        session TEXT NOT NULL REFERENCES sessions (id),
        parent TEXT NOT NULL REFERENCES agentes (agente_id),
        result TEXT,
        error TEXT,
        tokens_in INTEGER NOT NULL DEFAULT 0,
        tokens_out INTEGER NOT NULL DEFAULT 0,
        cost REAL,
        model TEXT NOT NULL,
        UNIQUE (session, agent_id)""",
    "model_calls": """
        id INTEGER PRIMARY KEY REFERENCES logs (id),
        session TEXT NOT NULL REFERENCES sessions (id),
        agente_id TEXT NOT NULL REFERENCES agentes (agente_id),
        turno INTEGER NOT NULL,
        proposito TEXT NOT NULL DEFAULT '',
        modelo TEXT NOT NULL,
        estado TEXT NOT NULL,
        razon TEXT,
        tokens_in INTEGER NOT NULL DEFAULT 0,
        tokens_out INTEGER NOT NULL DEFAULT 0,
        tokens_cached INTEGER NOT NULL DEFAULT 0,
        intentos INTEGER NOT NULL DEFAULT 1,
        ms INTEGER,
        error TEXT,
        respuesta INTEGER REFERENCES logs (id)""",
    "commands": """
        id INTEGER PRIMARY KEY REFERENCES logs (id),
        session TEXT NOT NULL REFERENCES sessions (id),
        agente_id TEXT NOT NULL REFERENCES agentes (agente_id),
        op TEXT NOT NULL,
        intento INTEGER NOT NULL,
        tool TEXT NOT NULL,
        command TEXT,
        return_code INTEGER,
        ok INTEGER,
        motivo TEXT,
        ms INTEGER,
        cierre TEXT,
        fila_cierre INTEGER REFERENCES logs (id)""",
    "messages": """
        id INTEGER PRIMARY KEY REFERENCES logs (id),
        session TEXT NOT NULL REFERENCES sessions (id),
        de TEXT NOT NULL REFERENCES agentes (agente_id),
        para TEXT NOT NULL REFERENCES agentes (agente_id),
        estado TEXT NOT NULL,
        entregado_en INTEGER REFERENCES logs (id),
        visto_en INTEGER REFERENCES logs (id)""",
    "notices": """
        id INTEGER PRIMARY KEY REFERENCES logs (id),
        session TEXT NOT NULL REFERENCES sessions (id),
        agente_id TEXT NOT NULL REFERENCES agentes (agente_id),
        destinatario TEXT NOT NULL REFERENCES agentes (agente_id),
        clase TEXT NOT NULL,
        estado TEXT NOT NULL,
        entregado_en INTEGER REFERENCES logs (id),
        visto_en INTEGER REFERENCES logs (id)""",
}
"""Las tablas del esquema 1 que cambian de forma, con sus columnas nuevas."""

ANCLAS = """
    CREATE TABLE anclas (
        session TEXT PRIMARY KEY,
        name TEXT,
        primera_fila INTEGER,
        ultima_fila INTEGER,
        filas INTEGER NOT NULL,
        ultimo_hash TEXT,
        archivo TEXT NOT NULL,
        huella TEXT NOT NULL,
        podada TEXT NOT NULL
    )"""

GUARDIANES = {
    "logs_no_cambia": """
        CREATE TRIGGER logs_no_cambia BEFORE UPDATE ON logs
        BEGIN SELECT RAISE(ABORT, 'logs solo se añade: una fila no se cambia'); END""",
    "logs_no_borra": """
        CREATE TRIGGER logs_no_borra BEFORE DELETE ON logs
        BEGIN SELECT RAISE(ABORT, 'logs solo se añade: una fila no se borra'); END""",
    "logs_epoca": """
        CREATE TRIGGER logs_epoca BEFORE INSERT ON logs
        WHEN NEW.epoca < (SELECT epoca FROM sessions WHERE id = NEW.session)
        BEGIN SELECT RAISE(ABORT, 'la sesión ya sigue en otra época: fila rechazada'); END""",
    # Un índice único sobre los cierres tocaría una página por agente en cada compromiso.
    "commands_un_cierre": """
        CREATE TRIGGER commands_un_cierre BEFORE UPDATE OF fila_cierre ON commands
        WHEN OLD.fila_cierre IS NOT NULL
        BEGIN SELECT RAISE(ABORT, 'esa intención ya tiene su cierre: fila rechazada'); END""",
}
"""Los disparadores que hacen de la bitácora un libro: nombre y sentencia."""

# Los parciales solo contienen lo raro o lo que está en vuelo: casi no cuestan al escribir.
INDICES = (
    """CREATE UNIQUE INDEX logs_intencion ON logs (op, intento, session)
        WHERE tipo = 'tool_call_request'""",
    "CREATE INDEX logs_sesion ON logs (session)",
    "CREATE INDEX logs_tipo ON logs (tipo)",
    "CREATE INDEX logs_errores ON logs (session) WHERE log_level IN ('WARNING', 'ERROR', 'FATAL')",
    "CREATE INDEX logs_decisiones ON logs (causa) WHERE tipo = 'approval_decision'",
    "CREATE INDEX agent_runs_hijos ON agent_runs (session, parent)",
    "CREATE INDEX commands_errores ON commands (fila_cierre) WHERE ok = 0",
    "CREATE INDEX messages_en_vuelo ON messages (entregado_en) WHERE estado = 'entregado'",
    "CREATE INDEX notices_en_vuelo ON notices (entregado_en) WHERE estado = 'entregado'",
    "CREATE INDEX messages_sin_ver ON messages (session, para) WHERE estado <> 'visto'",
    "CREATE INDEX notices_sin_ver ON notices (session, destinatario) WHERE estado <> 'visto'",
)
