"""La demostración ante una pregunta al margen: no razona, así que enseña lo que hay."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from langchain_core.messages import AIMessage, BaseMessage, HumanMessage

from prompts.avisos import APARTE
from servicios.llm.demo.historia import Decision, es_notificacion, leer_avisos
from servicios.llm.demo.textos import cercar

if TYPE_CHECKING:
    from collections.abc import Sequence

_ULTIMOS = 6
_LARGO = 300
_DATOS = re.compile(r"\n(?P<marca>[0-9a-f]{16})\n(?P<datos>.*)\n(?P=marca)\n", re.DOTALL)
_HONESTA = (
    "Respondo con reglas fijas: no hay un modelo de lenguaje detrás que entienda la pregunta."
)


def preguntan_al_margen(mensajes: Sequence[BaseMessage]) -> bool:
    """Si lo último es una pregunta al margen."""
    return bool(mensajes) and mensajes[-1].text.startswith(APARTE)


def decidir_aparte(mensajes: Sequence[BaseMessage]) -> Decision:
    """Los datos que traía la pregunta o, sin ellos, lo último de la conversación."""
    datos = _DATOS.search(mensajes[-1].text)
    if datos is not None:
        return Decision(f"{_HONESTA} Esto es lo que guarda la bitácora:\n{cercar(datos['datos'])}")
    anteriores = mensajes[:-1]
    dicho = [m for m in anteriores if isinstance(m, HumanMessage) and not es_notificacion(m)]
    avisos = [a for m in anteriores if es_notificacion(m) for a in leer_avisos(m)]
    propios = [m.text for m in anteriores if isinstance(m, AIMessage) and m.text.strip()]
    partes = [
        f"{_HONESTA} Esto es lo que hay en la conversación:",
        f"- mensajes tuyos y respuestas de herramientas: {len(dicho)}",
        *(f"- {a.agente} {a.que}: {_corto(a.texto)}" for a in avisos[-_ULTIMOS:]),
        *(f"- lo último que dije: {_corto(texto)}" for texto in propios[-1:]),
    ]
    return Decision("\n".join(partes))


def _corto(texto: str) -> str:
    return " ".join(texto.split())[:_LARGO]
