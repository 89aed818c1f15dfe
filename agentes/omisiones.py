"""Los problemas que el Master leyó y aún no contó: su primer texto ha de nombrar a cada agente."""

from __future__ import annotations

import re
from collections.abc import Iterable

from agentes.mensajes import Aviso, ClaseAviso


class ProblemasPorContar:
    """Se llena con lo que lee el Master y se juzga con lo que dice; no sabe de nada más."""

    def __init__(self, pendientes: Iterable[str] = ()) -> None:
        """`pendientes` son los agentes cuyo problema leyó antes, sin haber dicho nada después."""
        self._pendientes = dict.fromkeys(pendientes)

    def leer(self, avisos: Iterable[Aviso]) -> None:
        """El Master acaba de leer esos avisos."""
        for aviso in avisos:
            if aviso.clase is ClaseAviso.PROBLEMA:
                self._pendientes[aviso.agente_id] = None

    def omitidos_en(self, texto: str) -> list[str]:
        """Los que ese texto no nombra. Cada problema se juzga una vez: con el primer texto."""
        pendientes, self._pendientes = self._pendientes, {}
        return [agente_id for agente_id in pendientes if not nombra(texto, agente_id)]


def nombra(texto: str, agente_id: str) -> bool:
    """Si un texto dice ese id entero: «ejecutor-12» no nombra a ejecutor-1."""
    antes, detras = r"(?<![^\W_])(?<![^\W_]_)(?<!-)", r"(?![^\W_])(?!_[^\W_])(?!-\w)"
    return bool(re.search(f"{antes}{re.escape(agente_id)}{detras}", texto, re.IGNORECASE))
