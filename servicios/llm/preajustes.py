"""Qué proveedores se conocen y a cuál apunta un `MODEL`. No importa ningún cliente."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from agentes.errores import ErrorConfiguracion

if TYPE_CHECKING:
    from servicios.ajustes import Ajustes

SIN_CLAVE = "sin-clave"
"""Lo que se manda a un servidor que no pide clave: nunca la clave de otro."""


@dataclass(frozen=True, slots=True)
class Preajuste:
    """Un proveedor: dónde está, de qué variable sale su clave y su modelo por omisión.

    Sin `variable_clave` el servidor no pide clave; `variable_url` permite cambiar la dirección.
    Con `modelo` vacío hay que nombrar uno: depende de lo que tenga cargado el servidor.
    """

    nombre: str
    url: str
    variable_clave: str | None
    modelo: str
    variable_url: str | None = None


@dataclass(frozen=True, slots=True)
class ReferenciaModelo:
    """Un modelo de un proveedor; como texto es `proveedor:modelo`."""

    proveedor: str
    nombre: str

    def __str__(self) -> str:
        return f"{self.proveedor}:{self.nombre}"


PREAJUSTES: dict[str, Preajuste] = {
    p.nombre: p
    for p in (
        Preajuste(
            "gemini",
            "https://generativelanguage.googleapis.com",
            "GOOGLE_API_KEY",
            "gemini-3.5-flash",
            "GOOGLE_GEMINI_BASE_URL",
        ),
        Preajuste(
            "openai", "https://api.openai.com/v1", "OPENAI_API_KEY", "gpt-5-mini", "OPENAI_BASE_URL"
        ),
        Preajuste("demo", "", None, "demo"),
        Preajuste("ollama", "http://127.0.0.1:11434/v1", None, "qwen3", "OLLAMA_BASE_URL"),
        Preajuste("lmstudio", "http://127.0.0.1:1234/v1", None, "", "LMSTUDIO_BASE_URL"),
        Preajuste("vllm", "http://127.0.0.1:8000/v1", None, "", "VLLM_BASE_URL"),
        Preajuste(
            "openrouter",
            "https://openrouter.ai/api/v1",
            "OPENROUTER_API_KEY",
            "openrouter/auto",
            "OPENROUTER_BASE_URL",
        ),
        Preajuste(
            "groq",
            "https://api.groq.com/openai/v1",
            "GROQ_API_KEY",
            "llama-3.3-70b-versatile",
            "GROQ_BASE_URL",
        ),
        Preajuste(
            "deepseek",
            "https://api.deepseek.com/v1",
            "DEEPSEEK_API_KEY",
            "deepseek-chat",
            "DEEPSEEK_BASE_URL",
        ),
        Preajuste(
            "mistral",
            "https://api.mistral.ai/v1",
            "MISTRAL_API_KEY",
            "mistral-large-latest",
            "MISTRAL_BASE_URL",
        ),
        Preajuste("xai", "https://api.x.ai/v1", "XAI_API_KEY", "grok-4", "XAI_BASE_URL"),
    )
}
"""Nombre del proveedor → su preajuste. Todos menos `gemini` y `demo` hablan como OpenAI."""

_INCONFUNDIBLES = ((re.compile(r"gemini-\S"), "gemini"), (re.compile(r"gpt-\S|o[134]\b"), "openai"))


def resolver_modelo(texto: str | None, ajustes: Ajustes) -> ReferenciaModelo | None:
    """El modelo al que se refiere un `MODEL` (o el `model` de un tipo de agente).

    Vacío: el proveedor de la primera clave que haya (Gemini, luego OpenAI), o `None` si no hay.
    Lanza `ErrorConfiguracion` si el texto no dice de qué proveedor es el modelo.
    """
    limpio = (texto or "").strip()
    if not limpio:
        return _por_clave(ajustes)
    proveedor, separador, nombre = limpio.partition(":")
    if separador and proveedor.lower() in PREAJUSTES:
        return _referencia(proveedor.lower(), nombre.strip())
    if limpio.lower() in PREAJUSTES:
        return _referencia(limpio.lower(), "")
    for patron, dueno in _INCONFUNDIBLES:
        if patron.match(limpio):
            return ReferenciaModelo(dueno, limpio)
    if ajustes.openai_base_url:
        return ReferenciaModelo("openai", limpio)
    raise ErrorConfiguracion(
        f"MODEL={limpio[:80]}: no se sabe de qué proveedor es; escribe proveedor:{limpio[:80]}"
        f" (proveedores: {', '.join(PREAJUSTES)})"
    )


def _por_clave(ajustes: Ajustes) -> ReferenciaModelo | None:
    if ajustes.google_api_key:
        return _referencia("gemini", "")
    if ajustes.openai_api_key:
        return _referencia("openai", "")
    return None


def _referencia(proveedor: str, nombre: str) -> ReferenciaModelo:
    elegido = nombre or PREAJUSTES[proveedor].modelo
    if not elegido:
        raise ErrorConfiguracion(
            f"MODEL={proveedor}: di qué modelo tiene cargado el servidor, {proveedor}:MODELO"
        )
    return ReferenciaModelo(proveedor, elegido)
