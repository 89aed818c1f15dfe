"""Un agente: sus datos y nada más. Quien lo mueve es su bucle."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import TYPE_CHECKING

from agentes.eventos import Espera, EstadoAgente
from agentes.respuestas import Uso

if TYPE_CHECKING:
    from langchain_core.messages import BaseMessage


_NINGUNA: Mapping[str, Espera] = MappingProxyType({})


@dataclass(slots=True)
class Agente:
    """Una ejecución de un tipo: identidad, historia y estado.

    `nombre` es su id (`{agent_type}-{n}`), `llm` la referencia `proveedor:modelo` con la que
    piensa, `superior` el id de quien recibe sus avisos. Solo su bucle cambia `estado` y `espera`.
    """

    nombre: str
    agent_type: str
    rol: str
    objetivo: str
    llm: str
    tarea: str
    superior: str
    historial: list[BaseMessage] = field(default_factory=list)
    estado: EstadoAgente = EstadoAgente.STARTED
    espera: Espera = Espera.NADA
    uso: Uso = field(default_factory=Uso)
    resultado: str = ""
    problema: str = ""

    @property
    def tokens_utilizados(self) -> int:
        """Entrada más salida de todas sus llamadas."""
        return self.uso.total

    def resumen(self, esperas: Mapping[str, Espera] = _NINGUNA) -> dict[str, str]:
        """Cómo va, en textos: lo que ven una cara y un modelo que pregunta.

        `esperas` dice por qué espera cada uno de quienes no lo saben ellos mismos.
        """
        return {
            "agent_id": self.nombre,
            "agent_type": self.agent_type,
            "status": self.estado.value,
            "espera": esperas.get(self.nombre, self.espera).value,
            "superior": self.superior,
            "tarea": self.tarea,
            "modelo": self.llm,
            "tokens": str(self.tokens_utilizados),
        }
