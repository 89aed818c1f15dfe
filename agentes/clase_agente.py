"""Un agente: sus datos y nada más. Quien lo mueve es su bucle."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import TYPE_CHECKING

from agentes.eventos import USUARIO, AgenteTerminado, Espera, EstadoAgente
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
    `nota` lo que se supo de ellas al acabar; `pausado_por`, quién lo mandó pausar, si lo está: va
    por encima de `estado` y `espera`. Solo su bucle cambia todo eso.
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
    pausado_por: str = ""
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

    @property
    def a_la_vista(self) -> tuple[EstadoAgente, Espera]:
        """Su estado y por qué espera, contando la pausa que le hayan mandado."""
        if not self.pausado_por or self.estado.es_final:
            return self.estado, self.espera
        quien = Espera.USUARIO if self.pausado_por == USUARIO else Espera.ORDEN
        return EstadoAgente.PAUSED, quien

    def lo_ultimo(self) -> tuple[str, str]:
        """Lo último que dijo y lo último que le respondió una herramienta, vacíos si nada."""
        dichos = (str(m.text) for m in reversed(self.historial) if m.type == "ai")
        salidas = (str(m.text) for m in reversed(self.historial) if m.type == "tool")
        return next(filter(str.strip, dichos), ""), next(filter(str.strip, salidas), "")

    def como_acaba(self, texto: str, hecho: str = "") -> AgenteTerminado:
        """El hecho de su final, con el estado que ya tiene: `texto` es su resultado o el motivo.

        `hecho` es lo que llevaba hecho, si no acabó.
        """
        bien = self.estado.salio_bien
        return AgenteTerminado(
            agente_id=self.nombre,
            estado=self.estado,
            resultado=texto if bien else hecho,
            error="" if bien else texto,
            verificacion=self.verificacion if bien else None,
        )

    def resumen(self, esperas: Mapping[str, Espera] = _NINGUNA) -> dict[str, str]:
        """Cómo va, en textos: lo que ven una cara y un modelo que pregunta.

        `esperas` dice por qué espera cada uno de quienes no lo saben ellos mismos.
        """
        estado, espera = self.a_la_vista
        if not espera.es_mandada:
            espera = esperas.get(self.nombre, espera)
        return {
            "agent_id": self.nombre,
            "agent_type": self.agent_type,
            "status": estado.value,
            "espera": espera.value,
            "superior": self.superior,
            "tarea": self.tarea,
            "modelo": self.llm,
            "tokens": str(self.tokens_utilizados),
            "exige": ", ".join(self.exige),
            "verificacion": self.verificacion.value if self.estado.es_final else "",
        }
