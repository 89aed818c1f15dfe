"""Los resultados de lo que no llegó a hacerse o se quedó a medias."""

from __future__ import annotations

import asyncio
import json
from dataclasses import replace

from agentes.pruebas import COMPROBAR
from agentes.respuestas import LlamadaHerramienta, ResultadoHerramienta

_DE_CONSOLA = {"ejecutar_comando_consola", "iniciar_trabajo", COMPROBAR}
_MARCA_SECRETO = "[secreto:"


def sin_ejecutar(llamada: LlamadaHerramienta, que: str) -> ResultadoHerramienta:
    """No se ejecutó porque llevaba el canario, en la forma `que`."""
    texto = f"no se ejecutó: los argumentos llevan el canario ({que})"
    return ResultadoHerramienta(False, texto, detalles=orden_de(llamada))


def lleva_marca(llamada: LlamadaHerramienta) -> bool:
    """Si es una orden que copia la marca que tapa un secreto."""
    if llamada.nombre not in _DE_CONSOLA:
        return False
    return _MARCA_SECRETO in json.dumps(llamada.args, ensure_ascii=False, default=str)


def sin_marcas(llamada: LlamadaHerramienta) -> ResultadoHerramienta:
    """No se ejecutó porque habría escrito la marca en lugar del valor."""
    texto = "[secreto:…] es una marca que tapa un valor, no el valor: escribe la orden sin copiarla"
    return ResultadoHerramienta(False, texto, detalles=orden_de(llamada))


def a_medias(
    llamada: LlamadaHerramienta, cancelada: asyncio.CancelledError
) -> ResultadoHerramienta:
    """Lo que dejó una herramienta cancelada: lo que traiga la cancelación o, sin nada, la orden."""
    for parcial in cancelada.args:
        if isinstance(parcial, ResultadoHerramienta):
            return replace(parcial, ok=False)
    texto = "interrumpido: se canceló mientras se ejecutaba"
    return ResultadoHerramienta(False, texto, detalles=orden_de(llamada))


def orden_de(llamada: LlamadaHerramienta) -> dict[str, object]:
    """La orden de la llamada, si es de consola, para los detalles de su fila."""
    return {"command": llamada.args["command"]} if "command" in llamada.args else {}
