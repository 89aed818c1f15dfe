"""Los hechos de la seguridad: alguien tocó lo que nadie tiene por qué tocar."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, fields, replace
from typing import ClassVar

from agentes.eventos import Evento
from agentes.respuestas import con_textos

_IDENTIDADES = {"agente_id", "op", "tool_call_id", "superior", "destinatario", "de"}


@dataclass(frozen=True, slots=True, kw_only=True)
class AlarmaSeguridad(Evento):
    """El canario apareció `donde` no debía (`argumentos` o `resultado`); `que` dice en qué forma."""

    tipo: ClassVar[str] = "security_alarm"
    nivel: ClassVar[str] = "ERROR"
    op: str
    tool: str
    donde: str
    que: str

    @property
    def mensaje(self) -> str:
        return f"Canario {self.que} en {self.donde} de {self.tool}"


def sin_secretos(evento: Evento, redactar: Callable[[str], str]) -> Evento:
    """El mismo hecho con cada texto suyo redactado; quién es quién no cambia."""
    textos = (f.name for f in fields(evento) if f.name not in _IDENTIDADES)
    return replace(evento, **{n: con_textos(getattr(evento, n), redactar) for n in textos})


def redactar_json(texto: str, redactar: Callable[[str], str]) -> str:
    """El JSON redactado también donde la clave delata al valor, si sigue siendo JSON."""
    limpio = redactar(texto)
    try:
        json.loads(limpio)
    except ValueError:
        return texto
    return limpio
