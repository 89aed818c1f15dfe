"""El producto entero abierto contra el modelo de las medidas, y lo que se mide desde dentro."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from types import MappingProxyType
from typing import Any

from agentes.eventos import MASTER
from agentes.respuestas import Operacion, ResultadoHerramienta
from servicios.ajustes import Ajustes
from servicios.herramientas.registro import Herramienta
from servicios.llm.preajustes import resolver_modelo
from servicios.sistema import Sistema, abrir_sistema
from tests.apoyo import preparar_raiz, tipo
from tests.rendimiento.contestaciones import NADA
from tests.rendimiento.herramientas import ESQUEMA_NADA, nada


def variables(servidor: str, proveedor: str, maestro: str) -> dict[str, str]:
    """El `.env` con el que el programa habla con el servidor de las medidas."""
    if proveedor == "gemini":
        return {
            "MODEL": f"gemini:gemini-{maestro}",
            "GOOGLE_API_KEY": "clave-de-medida",
            "GOOGLE_GEMINI_BASE_URL": servidor,
        }
    return {
        "MODEL": f"openai:{maestro}",
        "OPENAI_API_KEY": "clave-de-medida",
        "OPENAI_BASE_URL": servidor,
    }


@asynccontextmanager
async def producto(
    carpeta: Path,
    servidor: str,
    obreros: Mapping[str, str],
    *,
    proveedor: str = "openai",
    maestro: str = "maestro.0",
    mirar: Callable[[], None] = lambda: None,
    ajustes: Mapping[str, str] = MappingProxyType({}),
) -> AsyncIterator[Sistema]:
    """Una sesión con un tipo de agente por obrero (tipo → su modelo).

    `mirar` se llama cada vez que un agente usa la herramienta `nada`.
    """
    prefijo = "gemini:gemini-" if proveedor == "gemini" else "openai:"
    tipos = [
        tipo(nombre, model=f"{prefijo}{modelo}", max_iterations=100_000)
        for nombre, modelo in obreros.items()
    ]
    raiz = preparar_raiz(carpeta, {**variables(servidor, proveedor, maestro), **ajustes}, *tipos)
    leidos = Ajustes.leer(raiz)
    referencia = resolver_modelo(leidos.model, leidos)
    if referencia is None:
        raise ValueError(leidos.model)
    async with abrir_sistema(leidos, referencia, "medida") as sistema:
        _ofrecer_nada(sistema, mirar)
        yield sistema


def _ofrecer_nada(sistema: Sistema, mirar: Callable[[], None]) -> None:
    """Registra la herramienta y la da a los obreros; la orden de consola es otra fila."""
    registro = sistema.registro

    async def ejecutar(
        args: Mapping[str, Any], agente_id: str, uso: Operacion
    ) -> ResultadoHerramienta:
        mirar()
        return ResultadoHerramienta(True, nada(args["texto"]))

    registro.registrar(Herramienta(ESQUEMA_NADA, ejecutar))
    for nombre, definicion in sistema.tipos.items():
        ofrecidas = (*definicion.available_tools, NADA)
        sistema.tipos[nombre] = replace(definicion, available_tools=ofrecidas)


async def lanzar(sistema: Sistema, tipo_de: str, cuantos: int, a_la_vez: int = 500) -> None:
    """Lanza agentes por el gestor, sin pasar por el Master, y espera a que todos reposen."""
    for desde in range(0, cuantos, a_la_vez):
        tanda = min(a_la_vez, cuantos - desde)
        tarea = "Da tus pasos, obrero."
        async with asyncio.TaskGroup() as grupo:
            for _ in range(tanda):
                grupo.create_task(sistema.gestor.lanzar_agente(tipo_de, tarea, MASTER, None))
        await sistema.gestor.esperar_reposo()


async def hablar(sistema: Sistema, linea: str) -> None:
    """La persona dice una línea y espera la calma."""
    await sistema.conversacion.decir(linea)
    await sistema.conversacion.esperar_calma()
