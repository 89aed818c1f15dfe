"""`ejecutar_comando_consola`: la consola como herramienta."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from agentes.definicion import DefinicionAgente
from agentes.respuestas import ResultadoHerramienta
from prompts.tool_definitions import EJECUTAR_COMANDO_CONSOLA
from servicios.ejecutor_consola import ResultadoComando
from servicios.herramientas.registro import Herramienta


@dataclass(frozen=True, slots=True)
class LimitesConsola:
    """Límites de una orden según el tipo del agente; `None` es el valor general."""

    limite_s: float | None = None
    limite_salida: int | None = None


def limites_por_tipo(tipos: Mapping[str, DefinicionAgente]) -> Callable[[str], LimitesConsola]:
    """De un id de agente a los límites de su tipo; `tipos` puede llenarse después."""

    def limites_de(agente_id: str) -> LimitesConsola:
        tipo = tipos[agente_id.rpartition("-")[0]]
        return LimitesConsola(tipo.limite_comando_s, tipo.limite_salida)

    return limites_de


class Consola(Protocol):
    """Lo que esta herramienta necesita de la consola."""

    async def ejecutar_comando_seguro(
        self,
        command: str,
        agente_id: str,
        *,
        limite_s: float | None = None,
        limite_salida: int | None = None,
    ) -> ResultadoComando:
        """Ejecuta una orden y vuelve con su resultado; nunca lanza por culpa de la orden."""
        ...


def herramienta_consola(
    consola: Consola, limites_de: Callable[[str], LimitesConsola]
) -> Herramienta:
    """La herramienta sobre una consola; `limites_de` da los límites de cada agente."""

    async def ejecutar(args: Mapping[str, Any], agente_id: str) -> ResultadoHerramienta:
        orden = str(args["command"])
        limites = limites_de(agente_id)
        try:
            resultado = await consola.ejecutar_comando_seguro(
                orden,
                agente_id,
                limite_s=limites.limite_s,
                limite_salida=limites.limite_salida,
            )
        except asyncio.CancelledError as cancelada:
            if cancelada.args and isinstance(cancelada.args[0], ResultadoComando):
                cancelada.args = (_resultado(orden, cancelada.args[0]),)
            raise
        return _resultado(orden, resultado)

    return Herramienta(EJECUTAR_COMANDO_CONSOLA, ejecutar)


def _resultado(orden: str, hecho: ResultadoComando) -> ResultadoHerramienta:
    return ResultadoHerramienta(
        ok=hecho.codigo == 0,
        para_modelo=hecho.para_modelo(),
        para_usuario=hecho.salida or hecho.error,
        detalles={
            "command": orden,
            "stdout": hecho.salida,
            "stderr": hecho.error,
            "return_code": hecho.codigo,
            "motivo": hecho.motivo,
        },
    )
