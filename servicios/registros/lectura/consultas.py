"""Preguntas a la bitácora con una conexión propia de solo lectura: nunca estorba al escritor."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self
from urllib.parse import quote

import aiosqlite

from agentes.errores import ErrorBitacora
from agentes.eventos import EstadoAgente
from agentes.pruebas import Verificacion
from agentes.respuestas import Uso
from servicios.registros.fallos import explicar
from servicios.registros.lectura.historias import FilaHistoria

_ESPERA_S = 10.0

_REPORTE = """
    SELECT coalesce(result, error) FROM agent_runs
    WHERE session = ?1 AND agent_id = ?2 AND end_time IS NOT NULL"""
_PROBLEMA = """
    SELECT json_extract(details, '$.descripcion') FROM logs
    WHERE session = ?1 AND agente_id = ?2 AND tipo = 'agent_problem'
    ORDER BY epoca DESC, seq DESC LIMIT 1"""
_EVENTOS = """
    SELECT id, timestamp, tipo, log_level, mensaje, causa, seq FROM logs
    WHERE session = ? AND agente_id = ? ORDER BY epoca DESC, seq DESC LIMIT ?"""
# Por el final de sus filas: en la tabla de órdenes habría que pasar por las de los demás.
_COMANDOS = """
    SELECT p.timestamp, c.command, coalesce(json_extract(r.details, '$.stdout'), ''),
        coalesce(json_extract(r.details, '$.stderr'), ''), c.return_code, c.cierre
    FROM logs AS p JOIN commands AS c ON c.id = p.id LEFT JOIN logs AS r ON r.id = c.fila_cierre
    WHERE p.session = ? AND p.agente_id = ? AND +p.tipo = 'tool_call_request'
        AND c.command IS NOT NULL
    ORDER BY p.epoca DESC, p.seq DESC LIMIT ?"""
_REPORTES = """
    SELECT timestamp, 'problema', json_extract(details, '$.descripcion') FROM logs
    WHERE session = ?1 AND agente_id = ?2 AND +tipo = 'agent_problem'
    UNION ALL
    SELECT end_time, status, coalesce(result, error, '') FROM agent_runs
    WHERE session = ?1 AND agent_id = ?2 AND end_time IS NOT NULL
    ORDER BY 1"""
_EVIDENCIAS = """
    SELECT timestamp, cumple, coalesce(resultado, '') FROM v_evidencias
    WHERE session = ? AND agente_id = ? ORDER BY fila DESC LIMIT ?"""
_ULTIMA = "SELECT coalesce(max(id), 0) FROM logs WHERE session = ?"
_TOTALES = """
    SELECT coalesce(sum(tokens_in), 0), coalesce(sum(tokens_out), 0),
        coalesce(sum(tokens_cached), 0)
    FROM model_calls WHERE session = ?"""
_RECIBOS = """
    SELECT m.id, m.para, m.estado, c.turno, a.end_time IS NOT NULL,
        json_extract(l.details, '$.texto')
    FROM messages AS m JOIN logs AS l ON l.id = m.id
    JOIN agent_runs AS a ON a.session = m.session AND a.agent_id = m.para
    LEFT JOIN model_calls AS c ON c.id = m.entregado_en
    WHERE m.session = ? AND m.de = 'usuario' AND m.id >= ? ORDER BY m.id"""
_HISTORIA = """
    SELECT id, tipo, details, causa FROM logs
    WHERE session = ? AND agente_id = ?
        AND tipo IN ('llm_input', 'llm_output', 'llm_call', 'history_compaction')
    ORDER BY epoca, seq"""
_AGENTES = """
    SELECT agent_id, agent_type, agent_rol, parent, task_description, result, error,
        start_time, end_time, model, status, tokens_in, tokens_out, verificacion
    FROM agent_runs WHERE session = ? ORDER BY id"""


@dataclass(frozen=True, slots=True)
class FilaEvento:
    """Una fila de la bitácora, sin sus detalles. `timestamp` es ISO-8601 UTC."""

    id: int
    timestamp: str
    tipo: str
    nivel: str
    mensaje: str
    causa: int | None
    seq: int


@dataclass(frozen=True, slots=True)
class FilaComando:
    """Una orden de consola. Mientras corre, `codigo` y `cierre` son `None`."""

    timestamp: str
    command: str
    stdout: str
    stderr: str
    codigo: int | None
    cierre: str | None


@dataclass(frozen=True, slots=True)
class Recibo:
    """Qué fue de un mensaje directo de la persona.

    `estado` es encolado, entregado (está en la petición `peticion` de ese agente, ya guardada) o
    visto (esa petición fue contestada); `acabo`, si el agente ya terminó.
    """

    fila: int
    para: str
    estado: str
    peticion: int | None
    acabo: bool
    texto: str

    @property
    def es_firme(self) -> bool:
        """Si ya no va a cambiar."""
        return self.acabo or self.estado == "visto"


@dataclass(frozen=True, slots=True)
class FilaAgente:
    """Un agente tal como quedó en la bitácora; `inicio` y `fin` son ISO-8601 UTC."""

    agente_id: str
    agent_type: str
    rol: str
    superior: str
    tarea: str
    estado: EstadoAgente
    resultado: str | None
    error: str | None
    inicio: str
    fin: str | None
    uso: Uso
    modelo: str
    verificacion: Verificacion


@dataclass(frozen=True, slots=True)
class FilaEvidencia:
    """Lo que un agente afirmó y si se cumplía; mientras se comprueba, `cumple` es `None`."""

    timestamp: str
    cumple: bool | None
    resultado: str


@dataclass(frozen=True, slots=True)
class Reporte:
    """Lo que contó un agente, entero. `clase` es `problema` o el estado en que terminó."""

    timestamp: str
    clase: str
    texto: str


class Consultas:
    """Lo que una cara pregunta a `swarm.db`. Se abre con `abrir` y se cierra con `cerrar`.

    Todas las preguntas ven solo lo comprometido y lanzan `ErrorBitacora` si no se puede leer.
    """

    def __init__(self, ruta: Path, db: aiosqlite.Connection) -> None:
        self._ruta = ruta
        self._db = db

    @classmethod
    async def abrir(cls, ruta: Path) -> Self:
        """Abre una base que ya existe. Lanza `ErrorBitacora` si no se puede leer."""
        origen = f"file:{quote(str(ruta))}?mode=ro"
        db = aiosqlite.connect(origen, uri=True, timeout=_ESPERA_S, isolation_level=None)
        try:
            await db
            db.row_factory = sqlite3.Row
            await db.execute_fetchall("SELECT 1 FROM sessions LIMIT 1")
        except sqlite3.Error as error:
            await db.close()
            raise ErrorBitacora(explicar(ruta, error)) from error
        return cls(ruta, db)

    async def cerrar(self) -> None:
        """Cierra la conexión; después no se pregunta más."""
        await self._db.close()

    async def ultima_fila(self, session: str) -> int:
        """El id de la última fila guardada de una sesión."""
        return int((await self._leer(_ULTIMA, (session,)))[0][0])

    async def ultimo_reporte(self, session: str, agente_id: str) -> str | None:
        """Lo último que un agente tiene que contar, entero.

        Su resultado (o el motivo del fin) si terminó; si sigue vivo, su último problema; `None`
        si no hay nada o no existe.
        """
        for sql in (_REPORTE, _PROBLEMA):
            for fila in await self._leer(sql, (session, agente_id)):
                return None if fila[0] is None else str(fila[0])
        return None

    async def eventos_de(self, session: str, agente_id: str, limite: int) -> list[FilaEvento]:
        """Los últimos `limite` hechos de un agente, del más antiguo al más nuevo."""
        filas = await self._leer(_EVENTOS, (session, agente_id, limite))
        return [FilaEvento(*fila) for fila in reversed(filas)]

    async def comandos_de(self, session: str, agente_id: str, limite: int) -> list[FilaComando]:
        """Las últimas `limite` órdenes de consola de un agente, de la más antigua a la más nueva."""
        filas = await self._leer(_COMANDOS, (session, agente_id, limite))
        return [FilaComando(*fila) for fila in reversed(filas)]

    async def evidencias_de(self, session: str, agente_id: str, limite: int) -> list[FilaEvidencia]:
        """Las últimas `limite` afirmaciones de un agente, de la más antigua a la más nueva."""
        filas = await self._leer(_EVIDENCIAS, (session, agente_id, limite))
        return [
            FilaEvidencia(f[0], None if f[1] is None else bool(f[1]), f[2]) for f in reversed(filas)
        ]

    async def reportes(self, session: str, agente_id: str) -> list[Reporte]:
        """Todo lo que contó un agente a su superior, en orden y sin recortar."""
        return [Reporte(*fila) for fila in await self._leer(_REPORTES, (session, agente_id))]

    async def totales(self, session: str) -> Uso:
        """Tokens de todas las llamadas de la sesión, las del Master incluidas."""
        return Uso(*(await self._leer(_TOTALES, (session,)))[0])

    async def agentes(self, session: str) -> list[FilaAgente]:
        """Los agentes de la sesión, en el orden en que nacieron."""
        return [_agente(fila) for fila in await self._leer(_AGENTES, (session,))]

    async def recibos(self, session: str, desde: int = 0) -> list[Recibo]:
        """Los mensajes directos de la persona a los agentes, desde una fila."""
        filas = await self._leer(_RECIBOS, (session, desde))
        return [Recibo(f[0], f[1], f[2], f[3], bool(f[4]), f[5]) for f in filas]

    async def filas_de_historia(self, session: str, agente_id: str) -> list[FilaHistoria]:
        """Las filas con las que se pliega la historia de un agente, en orden."""
        filas = await self._leer(_HISTORIA, (session, agente_id))
        return [FilaHistoria(f[0], f[1], json.loads(f[2]), f[3]) for f in filas]

    async def _leer(self, sql: str, valores: Sequence[Any]) -> list[sqlite3.Row]:
        try:
            return list(await self._db.execute_fetchall(sql, valores))
        except sqlite3.Error as error:
            raise ErrorBitacora(explicar(self._ruta, error)) from error


def _agente(fila: sqlite3.Row) -> FilaAgente:
    return FilaAgente(
        agente_id=fila["agent_id"],
        agent_type=fila["agent_type"],
        rol=fila["agent_rol"],
        superior=fila["parent"],
        tarea=fila["task_description"],
        estado=EstadoAgente(fila["status"]),
        resultado=fila["result"],
        error=fila["error"],
        inicio=fila["start_time"],
        fin=fila["end_time"],
        uso=Uso(fila["tokens_in"], fila["tokens_out"]),
        modelo=fila["model"],
        verificacion=Verificacion(fila["verificacion"]),
    )
