"""Proveedores de mentira sobre HTTP de verdad, tan estrictos como los reales."""

from __future__ import annotations

from agentes.respuestas import Uso
from tests.dobles.base import CLAVE, Doble
from tests.dobles.fallos import FALLOS, fallo
from tests.dobles.gemini import DobleGemini
from tests.dobles.guion import Guion, Paso
from tests.dobles.openai import DobleOpenAI
from tests.dobles.peticion import Mensaje, Peticion
from tests.dobles.respuestas import Fin, Llamada, Respuesta, llamada, llamar, respuesta, texto

__all__ = [
    "CLAVE",
    "FALLOS",
    "Doble",
    "DobleGemini",
    "DobleOpenAI",
    "Fin",
    "Guion",
    "Llamada",
    "Mensaje",
    "Paso",
    "Peticion",
    "Respuesta",
    "Uso",
    "fallo",
    "llamada",
    "llamar",
    "respuesta",
    "texto",
]
