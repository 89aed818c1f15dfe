"""Una sesión entera, leída de una vez aunque se siga escribiendo, y sin secretos."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from agentes.eventos_seguridad import redactar_json
from agentes.respuestas import con_textos
from servicios.registros.auditoria.arbol import Nudo, leer_arbol
from servicios.registros.auditoria.base import Base
from servicios.registros.textos import a_json

Objeto = dict[str, Any]
Redactar = Callable[[str], str]

_PARTES = {
    "agentes": "SELECT * FROM agent_runs WHERE session = ? ORDER BY id",
    "filas": "SELECT * FROM logs WHERE session = ? ORDER BY id",
    "llamadas": "SELECT * FROM v_llamadas WHERE session = ? ORDER BY fila",
    "comandos": "SELECT * FROM v_comandos WHERE session = ? ORDER BY fila",
    "mensajes": "SELECT * FROM v_mensajes WHERE session = ? ORDER BY fila",
    "avisos": "SELECT * FROM v_avisos WHERE session = ? ORDER BY fila",
    "aprobaciones": "SELECT * FROM v_aprobaciones WHERE session = ? ORDER BY fila",
}

PARTES = tuple(_PARTES)
"""Las listas de que se compone una sesión exportada; `filas` es la bitácora misma."""


@dataclass(frozen=True, slots=True)
class Relato:
    """Una sesión que se está sacando de la bitácora. Se obtiene con `leer_relato`."""

    base: Base
    sesion: str
    redactar: Redactar

    def cabecera(self) -> Objeto:
        """Lo que se sabe de la sesión entera."""
        (fila,) = self.base.leer("SELECT * FROM v_sesiones WHERE session = ?", self.sesion)
        return self._objeto(fila)

    def parte(self, nombre: str) -> Iterator[Objeto]:
        """Los objetos de una de `PARTES`, de uno en uno. Lanza `ErrorBitacora`."""
        for fila in self.base.recorrer(_PARTES[nombre], self.sesion):
            yield self._objeto(fila)

    def cuantas(self) -> int:
        """Filas de la bitácora en la sesión."""
        return int(self.base.leer("SELECT count(*) FROM logs WHERE session = ?", self.sesion)[0][0])

    def ultimas(self, cuantas: int) -> Iterator[Objeto]:
        """Las últimas filas de la bitácora, en orden. Lanza `ErrorBitacora`."""
        sql = "SELECT * FROM logs WHERE session = ? AND id >= ? ORDER BY id"
        for fila in self.base.recorrer(sql, self.sesion, self._primera_de(cuantas)):
            yield self._objeto(fila)

    def cuentas(self, cuantas: int) -> list[tuple[str, str, int]]:
        """Agente, tipo y número de hechos en las últimas filas."""
        filas = self.base.leer(
            "SELECT agente_id, tipo, count(*) FROM logs WHERE session = ? AND id >= ?"
            " GROUP BY agente_id, tipo ORDER BY min(id)",
            *(self.sesion, self._primera_de(cuantas)),
        )
        return [(str(agente), str(tipo), int(n)) for agente, tipo, n in filas]

    def ultimo_instante(self) -> str:
        """El de su última fila; el de ahora en la bitácora, no en la pared."""
        sql = "SELECT timestamp FROM logs WHERE session = ? ORDER BY id DESC LIMIT 1"
        filas = self.base.leer(sql, self.sesion)
        return str(filas[0][0]) if filas else str(self.cabecera()["start_time"])

    def _primera_de(self, cuantas: int) -> int:
        sql = "SELECT id FROM logs WHERE session = ? ORDER BY id DESC LIMIT 1 OFFSET ?"
        filas = self.base.leer(sql, self.sesion, cuantas - 1)
        return int(filas[0][0]) if filas else 0

    def arbol(self) -> list[Nudo]:
        """Los agentes en su sitio; sus textos, sin redactar."""
        return leer_arbol(self.base, self.sesion)

    def _objeto(self, fila: sqlite3.Row) -> Objeto:
        objeto = dict(fila)
        for clave in ("details", "args"):
            if clave in objeto:
                objeto[clave] = _desde_json(objeto[clave])
        crudo = a_json(objeto)
        if self.redactar(crudo) == crudo:
            return objeto
        # Como el escritor: primero cada texto y después el JSON, donde la clave delata al valor.
        limpio = a_json(con_textos(objeto, self.redactar))
        leido: Objeto = json.loads(redactar_json(limpio, self.redactar))
        return leido


@contextmanager
def leer_relato(base: Base, sesion: str, redactar: Redactar) -> Iterator[Relato]:
    """Todo lo que se lea dentro del bloque es de un mismo instante. Lanza `ErrorBitacora`."""
    base.leer("BEGIN")
    try:
        yield Relato(base, sesion, redactar)
    finally:
        base.leer("ROLLBACK")


def _desde_json(texto: Any) -> Any:
    """El valor de un texto JSON; el texto mismo si no lo es (una fila dañada también se exporta)."""
    try:
        return json.loads(texto)
    except (TypeError, ValueError):
        return texto
