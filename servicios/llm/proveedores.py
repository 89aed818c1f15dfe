"""La única puerta perezosa: los clientes de proveedores tardan un segundo en importarse.

Nada fuera de aquí los importa; abrir un modelo desde un hilo no para el bucle mientras tanto.
"""

from __future__ import annotations

import gc
import os
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from servicios.llm.adaptador import Fuente, ModeloAdaptado
    from servicios.llm.destino import Destino

_RASTREO = (
    "LANGSMITH_TRACING",
    "LANGSMITH_TRACING_V2",
    "LANGCHAIN_TRACING",
    "LANGCHAIN_TRACING_V2",
)


def abrir_modelo(destino: Destino, clave: str, puerta: str) -> ModeloAdaptado:
    """El modelo de un destino; importa su cliente. Se puede llamar desde un hilo."""
    from servicios.llm.adaptador import ModeloAdaptado

    fuente = _fuente(destino, clave)
    # Los módulos recién importados viven siempre: sin esto, el recolector los recorre enteros
    # (más de 100 ms con el bucle parado) cada vez que busca ciclos.
    gc.freeze()
    return ModeloAdaptado(fuente, puerta)


def _fuente(destino: Destino, clave: str) -> Fuente:
    _sin_rastreo()
    match destino.proveedor:
        case "demo":
            from servicios.llm.adaptador import FuenteLangchain
            from servicios.llm.demostracion import ModeloDemostracion

            return FuenteLangchain(ModeloDemostracion(), destino)
        case "gemini":
            from servicios.llm.cliente_gemini import FuenteGemini

            return FuenteGemini(destino, clave)
    from servicios.llm.cliente_openai import FuenteOpenAI

    return FuenteOpenAI(destino, clave)


def _sin_rastreo() -> None:
    """Nada de lo que se conversa sale hacia LangSmith, diga lo que diga el entorno."""
    for variable in _RASTREO:
        os.environ[variable] = "false"
