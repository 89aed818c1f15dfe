"""Lo que la demostración lee de una historia: quién habla, qué pidió y qué le contestaron."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from langchain_core.messages import AIMessage, BaseMessage, HumanMessage, ToolMessage

from prompts.avisos import MARCA
from servicios.llm.demo.gramatica import Clase, Orden

Esquemas = Mapping[str, Mapping[str, Any]]
"""Nombre de herramienta → JSON Schema de sus argumentos."""

_DIRECTIVA = re.compile(r"Mensaje de [^\n:]+:\n(?P<texto>.*)", re.DOTALL)
_AVISO = re.compile(
    r"^(?P<agente>[\w-]+) \([^\n]*?\) (?P<que>terminó|está en pausa|falló|llegó a su límite"
    r"|fue cancelado|parece dar vueltas|recibió un mensaje directo)[^\n:;(]*?"
    r"(?P<nota> \((?:verificado|SIN VERIFICAR): [^\n]*?\))?(?:: |; |$)",
    re.MULTILINE,
)

_NOTAS = {"parece dar vueltas", "recibió un mensaje directo"}


@dataclass(frozen=True, slots=True)
class Llamada:
    """Una llamada a herramienta que la demostración decide hacer."""

    nombre: str
    args: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Decision:
    """Lo que responde: texto, llamadas o las dos cosas."""

    texto: str = ""
    llamadas: tuple[Llamada, ...] = ()


@dataclass(frozen=True, slots=True)
class AvisoLeido:
    """Un aviso de una notificación: de qué agente, qué le pasó y con qué texto."""

    agente: str
    que: str
    texto: str

    @property
    def es_final(self) -> bool:
        """Si el agente ya no sigue."""
        return self.que not in {"está en pausa", *_NOTAS}

    @property
    def es_nota(self) -> bool:
        """Si solo informa: no hay nada que contestar."""
        return self.que in _NOTAS


@dataclass(frozen=True, slots=True)
class Respuesta:
    """Una llamada propia con lo que contestó su herramienta."""

    llamada: Llamada
    texto: str


def es_notificacion(mensaje: BaseMessage) -> bool:
    """Si lo metió el sistema, no una persona."""
    return isinstance(mensaje, HumanMessage) and mensaje.text.startswith(MARCA)


def cuerpo(mensaje: BaseMessage) -> str:
    """El texto sin la marca."""
    return mensaje.text.removeprefix(MARCA).strip()


def leer_directiva(mensaje: BaseMessage) -> str | None:
    """El texto de una directiva, o `None` si la notificación es otra cosa."""
    hallada = _DIRECTIVA.match(cuerpo(mensaje))
    return hallada["texto"].strip() if hallada else None


def leer_avisos(mensaje: BaseMessage) -> list[AvisoLeido]:
    """Los avisos de una notificación, en orden."""
    texto = cuerpo(mensaje)
    cabezas = list(_AVISO.finditer(texto))
    finales = [*(c.start() for c in cabezas), len(texto)][1:]
    return [
        AvisoLeido(c["agente"], c["que"], f"{c['nota'] or ''} {texto[c.end() : fin]}".strip())
        for c, fin in zip(cabezas, finales, strict=True)
    ]


def cola(mensajes: Sequence[BaseMessage]) -> Sequence[BaseMessage]:
    """Lo que llegó después de la última respuesta propia."""
    propios = [i for i, m in enumerate(mensajes) if isinstance(m, AIMessage)]
    return mensajes[propios[-1] + 1 :] if propios else mensajes


def respuesta_a(mensaje: ToolMessage, mensajes: Sequence[BaseMessage]) -> Respuesta:
    """Un mensaje de herramienta junto a la llamada que contesta."""
    for anterior in reversed(mensajes):
        if not isinstance(anterior, AIMessage):
            continue
        for llamada in anterior.tool_calls:
            if llamada["id"] == mensaje.tool_call_id:
                return Respuesta(Llamada(llamada["name"], llamada["args"]), mensaje.text)
    return Respuesta(Llamada(mensaje.name or ""), mensaje.text)


def llamada_directa(orden: Orden, esquemas: Esquemas) -> Llamada:
    """La llamada de una orden que no depende de quién la haga (ni `ejecuta` ni `problema`)."""
    match orden.clase:
        case Clase.MENSAJE:
            args = {"agent_id": orden.agente, "message_content": orden.contenido}
            return Llamada("send_message_to_agent", args)
        case Clase.CANCELAR:
            return Llamada("cancelar_agente", {"agent_id": orden.agente})
        case Clase.LEER:
            desde = {"desde": int(orden.contenido)} if orden.contenido else {}
            return Llamada("leer_reporte", {"agent_id": orden.agente, **desde})
        case Clase.USAR:
            esquema = esquemas.get(orden.herramienta, {})
            return Llamada(orden.herramienta, con_nombres(orden.args or {}, esquema))
        case _:
            return Llamada("estado_enjambre")


def con_nombres(args: dict[str, Any] | list[Any], esquema: Mapping[str, Any]) -> dict[str, Any]:
    """Da a los valores sin nombre el de los parámetros del esquema, en su orden."""
    if isinstance(args, dict):
        return args
    nombres = [*esquema.get("properties", {})]
    sobrantes = [f"sobra_{i}" for i in range(len(nombres) + 1, len(args) + 1)]
    return dict(zip([*nombres, *sobrantes], args, strict=False))
