"""Lo que un hecho dice sin lo que cambia de una vez a otra, y el hash de todos los de una sesión.

hash de eventos = sha256 de las filas de cada agente por (época, seq), los agentes por su id
"""

from __future__ import annotations

import hashlib
import json
import sqlite3
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import orjson

VOLATILES = {
    *("ms", "espera_s", "espera_ms", "traza", "carpeta", "version", "aislamiento", "cara"),
    *("origen", "permiso_motivo"),
}
"""Campos de `details` que no entran: duraciones, esperas, rutas y el entorno del proceso."""

_FILAS = """
    SELECT id, agente_id, tipo, details, epoca, seq, causa FROM logs
    WHERE session = ?
        AND NOT (tipo = 'agent_loop' AND json_type(details, '$.motivo') IS NOT NULL)
    ORDER BY agente_id, epoca, seq"""


@dataclass(frozen=True, slots=True)
class FilaGrabada:
    """Una fila de la grabación; `details` sigue siendo texto hasta que hace falta."""

    id: int
    agente_id: str
    tipo: str
    texto: str
    epoca: int
    seq: int
    causa: int | None

    @property
    def details(self) -> dict[str, Any]:
        """Los detalles, leídos."""
        leidos: dict[str, Any] = json.loads(self.texto)
        return leidos

    @property
    def canonica(self) -> bytes:
        """Lo que se compara."""
        return canonico(self.tipo, self.details)


def canonico(tipo: str, details: Mapping[str, Any]) -> bytes:
    """Lo mismo siempre para el mismo hecho, en la sesión que sea."""
    datos = {k: v for k, v in details.items() if k not in VOLATILES}
    if isinstance(datos.get("op"), str):
        datos["op"] = datos["op"].partition(":")[2]  # sin el id de la sesión
    return orjson.dumps([tipo, datos], option=orjson.OPT_SORT_KEYS | orjson.OPT_NON_STR_KEYS)


def leer_filas(db: sqlite3.Connection, sesion: str) -> dict[str, list[FilaGrabada]]:
    """Las filas de cada agente de una sesión, en su orden; no las esperas que puso el sistema."""
    por_agente: dict[str, list[FilaGrabada]] = {}
    for fila in db.execute(_FILAS, (sesion,)):
        por_agente.setdefault(fila[1], []).append(FilaGrabada(*fila))
    return por_agente


def hash_de_eventos(filas: Mapping[str, list[FilaGrabada]]) -> str:
    """El hash de una sesión, en hexadecimal."""
    resumen = hashlib.sha256()
    for agente_id in sorted(filas):
        resumen.update(f"{agente_id}\n".encode())
        for fila in filas[agente_id]:
            resumen.update(fila.canonica + b"\n")
    return resumen.hexdigest()
