"""Un agente: sus datos y nada más. Quien lo mueve es su bucle."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import TYPE_CHECKING

from agentes.eventos import AgenteTerminado, Espera, EstadoAgente
from agentes.pruebas import Verificacion
from agentes.respuestas import Uso

if TYPE_CHECKING:
    from langchain_core.messages import BaseMessage


_NINGUNA: Mapping[str, Espera] = MappingProxyType({})


@dataclass(slots=True)
class Agente:
    """Una ejecución de un tipo: identidad, historia y estado.

    `nombre` es su id (`{agent_type}-{n}`), `llm` la referencia `proveedor:modelo` con la que
    piensa, `superior` el id de quien recibe sus avisos. `exige` son las pruebas que ha de dar y
    `nota` lo que se supo de ellas al acabar. Solo su bucle cambia `estado`, `espera` y lo probado.
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
    exige: tuple[str, ...] = ()
    verificacion: Verificacion = Verificacion.SIN_PRUEBAS
    nota: str = ""

    @property
    def tokens_utilizados(self) -> int:
        """Entrada más salida de todas sus llamadas."""
        return self.uso.total

    def como_acaba(self, texto: str) -> AgenteTerminado:
        """El hecho de su final, con el estado que ya tiene: `texto` es su resultado o el motivo."""
        bien = self.estado.salio_bien
        return AgenteTerminado(
            agente_id=self.nombre,
            estado=self.estado,
            resultado=texto if bien else "",
            error="" if bien else texto,
            verificacion=self.verificacion if bien else None,
        )

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
            "exige": ", ".join(self.exige),
            "verificacion": self.verificacion.value if self.estado.es_final else "",
        }
