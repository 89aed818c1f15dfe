"""Quien mira la bitácora desde fuera: lo que vio comprometido ha de seguir ahí, igual."""

from __future__ import annotations

import re
import sqlite3
from collections import Counter
from collections.abc import Iterator
from contextlib import closing, suppress
from pathlib import Path
from typing import Any

_FILAS = "SELECT id, hash FROM logs WHERE id > ? ORDER BY id"
_CIERRES_DE_MAS = """SELECT op, intento FROM logs WHERE tipo = 'tool_execution' AND op IS NOT NULL
    GROUP BY op, intento HAVING count(*) > 1"""
_SIN_AVISO = """SELECT l.agente_id, l.tipo, count(n.id) FROM logs AS l
    LEFT JOIN (logs AS n JOIN notices AS a ON a.id = n.id) ON n.causa = l.id
    WHERE l.tipo IN ('agent_run_end', 'agent_problem') AND coalesce(l.details ->> '$.estado', '') <> 'cancelled' GROUP BY l.id HAVING count(n.id) <> 1"""
_PEDIDAS = """SELECT json_extract(details, '$.args.command') FROM logs
    WHERE tipo = 'tool_call_request' AND json_extract(details, '$.args.command') IS NOT NULL"""
NOMBRE = re.compile(r"^echo (\S+) >> empezadas")
"""Cómo empieza una orden de la tortura, y su nombre."""


class Mirada:
    """El de una sesión. Abre y suelta la base cada vez: no estorba ni sostiene nada."""

    def __init__(self, datos: Path) -> None:
        self._datos = datos
        self._vistas: dict[int, str] = {}

    @property
    def vistas(self) -> int:
        """Cuántas filas ha visto comprometidas."""
        return len(self._vistas)

    def mirar(self) -> None:
        """Apunta lo nuevo que ya está comprometido. Si aún no hay base, nada."""
        with suppress(sqlite3.Error):
            for fila, huella in self._leer(_FILAS, max(self._vistas, default=0)):
                self._vistas[fila] = huella

    def comprobar(self) -> None:
        """Lo que ha de cumplirse después de cualquier muerte."""
        if not (self._datos / "swarm.db").exists():
            assert not self._vistas
            return
        hay = dict(self._leer(_FILAS, 0)) if self._vistas else {}
        perdidas = [fila for fila, huella in self._vistas.items() if hay.get(fila) != huella]
        assert not perdidas, f"filas comprometidas que se perdieron o cambiaron: {perdidas}"
        if not self._vistas:
            return
        assert not self._leer(_CIERRES_DE_MAS), self._leer(_CIERRES_DE_MAS)
        assert not self._leer(_SIN_AVISO), self._leer(_SIN_AVISO)
        veces = Counter(self.apuntadas("empezadas"))
        dobles = {nombre: n for nombre, n in veces.items() if n > 1}
        assert not dobles, f"órdenes ejecutadas más de una vez: {dobles}"
        pedidas = {NOMBRE.match(orden)[1] for (orden,) in self._leer(_PEDIDAS)}  # type: ignore[index]
        assert veces.keys() <= pedidas, f"empezaron sin su intención: {veces.keys() - pedidas}"

    def apuntadas(self, archivo: str) -> Iterator[str]:
        """Lo que dejaron dicho las órdenes en el archivo de ese nombre de cada espacio."""
        for ruta in (self._datos / "espacios").glob(f"*/{archivo}"):
            yield from ruta.read_text(encoding="utf-8").split()

    def sesion(self) -> tuple[str, bool] | None:
        """El id de la sesión y si la línea de la persona ya consta; `None` si no hay ninguna."""
        with suppress(sqlite3.Error):
            for sesion, linea in self._leer(
                "SELECT id, EXISTS (SELECT 1 FROM logs WHERE tipo = 'master_input') FROM sessions"
            ):
                return sesion, bool(linea)
        return None

    def _leer(self, sql: str, *valores: object) -> list[tuple[Any, ...]]:
        origen = f"file:{self._datos / 'swarm.db'}?mode=ro"
        with closing(sqlite3.connect(origen, uri=True, timeout=10)) as db:
            return db.execute(sql, valores).fetchall()
