"""La demostración cuando le piden el resumen de una historia: por reglas, y lo dice."""

from __future__ import annotations

import json
import re
from collections import deque
from typing import TYPE_CHECKING, Any

from langchain_core.messages import (
    AIMessage,
    BaseMessage,
    HumanMessage,
    SystemMessage,
    ToolMessage,
)

from agentes.eventos import MASTER
from prompts.plantillas import leer_prompt
from servicios.llm.demo.agente import leer_trabajo
from servicios.llm.demo.historia import Decision, es_notificacion, leer_avisos
from servicios.llm.demo.master import lanzados_en
from servicios.llm.demo.resumen import Resumido

if TYPE_CHECKING:
    from collections.abc import Sequence

_LINEAS = 20
_LARGO = 160


def piden_resumen(mensajes: Sequence[BaseMessage]) -> bool:
    """Si lo que llega es la petición de un resumen."""
    return bool(mensajes) and isinstance(mensajes[0], SystemMessage) and _de_quien(mensajes) != ""


def decidir_resumen(mensajes: Sequence[BaseMessage]) -> Decision:
    """El resumen de los mensajes que trae la petición."""
    viejos = _leer(mensajes[-1].text)
    if _de_quien(mensajes) == MASTER:
        return Decision(_del_master(viejos))
    trabajo = leer_trabajo(viejos, {})
    return Decision(
        Resumido(
            quedan=len(trabajo.pendientes),
            espera=tuple(trabajo.esperados(viejos)),
            avisaron=tuple(sorted(trabajo.avisaron)),
            hecho="\n\n".join(trabajo.cuento),
        ).texto
    )


def _de_quien(mensajes: Sequence[BaseMessage]) -> str:
    principio = re.escape(leer_prompt("compactar.md").partition("{agente}")[0])
    hallado = re.match(rf"{principio}([\w-]+)", mensajes[0].text)
    return hallado[1] if hallado else ""


def _del_master(viejos: Sequence[BaseMessage]) -> str:
    dicho = [m.text for m in viejos if isinstance(m, HumanMessage) and not es_notificacion(m)]
    avisos = [a for m in viejos if es_notificacion(m) for a in leer_avisos(m)]
    partes = [
        "Resumen hecho con reglas fijas: no hay un modelo de lenguaje detrás.",
        f"La persona escribió {len(dicho)} líneas; las últimas:",
        *(f"- {' '.join(texto.split())[:_LARGO]}" for texto in dicho[-_LINEAS:]),
        f"Agentes lanzados: {', '.join(lanzados_en(viejos)) or 'ninguno'}.",
        *(f"- {a.agente} {a.que}: {' '.join(a.texto.split())[:_LARGO]}" for a in avisos[-_LINEAS:]),
    ]
    return "\n".join(partes)


def _leer(transcrito: str) -> list[BaseMessage]:
    """Los mensajes de la petición, con sus llamadas y respuestas emparejadas en orden."""
    mensajes: list[BaseMessage] = []
    abiertas: deque[str] = deque()
    for numero, linea in enumerate(transcrito.splitlines()):
        datos = _objeto(linea)
        texto = str(datos.get("texto", ""))
        match datos.get("quien"):
            case "modelo":
                llamadas = [
                    {"name": ll["nombre"], "args": _objeto(ll["args"]), "id": f"{numero}-{i}"}
                    for i, ll in enumerate(datos.get("llamadas", ()))
                ]
                abiertas = deque(ll["id"] for ll in llamadas)
                mensajes.append(AIMessage(texto, tool_calls=llamadas))
            case "herramienta" if abiertas:
                nombre = str(datos.get("herramienta", ""))
                respuesta = ToolMessage(texto, tool_call_id=abiertas.popleft(), name=nombre)
                mensajes.append(respuesta)
            case "persona" | "sistema":
                mensajes.append(HumanMessage(texto))
            case _:
                pass
    return mensajes


def _objeto(texto: str) -> dict[str, Any]:
    try:
        leido = json.loads(texto)
    except ValueError:
        return {}
    return leido if isinstance(leido, dict) else {}
