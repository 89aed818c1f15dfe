"""La barra de abajo: se rehace solo cuando ha pasado algo."""

from __future__ import annotations

from typing import TYPE_CHECKING

from servicios.interfaz.lineas import SIN_AISLAMIENTO
from servicios.interfaz.terminal.fichas import contar_estados, tokens_de

if TYPE_CHECKING:
    from prompt_toolkit.formatted_text import StyleAndTextTuples

    from servicios.sistema import Sistema


class Barra:
    """Lo que hay por aprobar, modelo, agentes por estado, tokens y sesión. `caducar` la da por vieja."""

    def __init__(self) -> None:
        self._sistema: Sistema | None = None
        self._hecha: StyleAndTextTuples | None = None

    def conectar(self, sistema: Sistema) -> None:
        """Ya hay sistema del que hablar."""
        self._sistema = sistema
        self.caducar()

    def caducar(self) -> None:
        """La próxima vez se rehace."""
        self._hecha = None

    def fragmentos(self) -> StyleAndTextTuples:
        """Lo que pinta prompt_toolkit; la llama muchas veces por cada repintado."""
        if self._hecha is None:
            self._hecha = _fragmentos(self._sistema)
        return self._hecha


def _fragmentos(sistema: Sistema | None) -> StyleAndTextTuples:
    if sistema is None:
        return [("", " abriendo… ya puedes escribir ")]
    trozos: StyleAndTextTuples = []
    if not sistema.aislamiento.encierra:
        trozos += [("class:riesgo", f" {SIN_AISLAMIENTO} "), ("", " ")]
    if por_aprobar := len(sistema.aprobaciones.pendientes()):
        trozos += [("class:permiso", f" {por_aprobar} por aprobar "), ("", " ")]
    agentes = contar_estados(sistema.gestor.get_all_agents_status())
    partes = (sistema.modelo, f"agentes: {agentes}", f"{tokens_de(sistema)} tokens", sistema.sesion)
    return [*trozos, ("", " │ ".join(partes))]
