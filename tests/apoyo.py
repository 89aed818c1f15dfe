"""Lo que comparten las pruebas del enjambre entero: un sistema abierto contra un doble."""

from __future__ import annotations

import asyncio
import json
import shutil
import sqlite3
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from agentes.eventos import HechoAnotado, TextoMaster
from agentes.presupuesto import leer_topes
from servicios.ajustes import RAIZ, Ajustes
from servicios.buzon import Suscripcion
from servicios.herramientas.guardia import Guardia
from servicios.herramientas.puerta import Anotar, PuertosPuerta
from servicios.herramientas.registro import RegistroHerramientas
from servicios.llm.preajustes import resolver_modelo
from servicios.reproduccion import leer_grabacion, reproducir
from servicios.sistema import Sistema, abrir_sistema
from tests.dobles.base import Doble
from tests.dobles.gemini import DobleGemini
from tests.dobles.guion import Guion
from tests.dobles.openai import DobleOpenAI
from tests.dobles.respuestas import Respuesta, llamada, respuesta
from tests.registros.apoyo_historias import comprobar_historias

PROVEEDORES = ("openai", "gemini")
REPORTAR = "reportar_resultado_final"
PROBLEMA = "reportar_problema"
CONSOLA = "ejecutar_comando_consola"
DELEGAR = "delegate_task"
MENSAJE = "send_message_to_agent"
CANCELAR = "cancelar_agente"

_DOBLES: dict[str, Callable[..., Doble]] = {"openai": DobleOpenAI, "gemini": DobleGemini}
_MODELOS = {"openai": "openai:gpt-prueba", "gemini": "gemini:gemini-3-prueba"}


def doble_de(proveedor: str, guion: Guion, **opciones: Any) -> Doble:
    """El doble estricto de un proveedor, sin abrir."""
    return _DOBLES[proveedor](guion, **opciones)


def variables_de(proveedor: str, doble: Doble) -> dict[str, str]:
    """El entorno con el que el programa habla con ese doble."""
    if proveedor == "openai":
        claves = {"OPENAI_API_KEY": doble.clave, "OPENAI_BASE_URL": doble.url}
    else:
        claves = {"GOOGLE_API_KEY": doble.clave, "GOOGLE_GEMINI_BASE_URL": doble.url}
    return {"MODEL": _MODELOS[proveedor], **claves}


def preparar_raiz(carpeta: Path, variables: dict[str, str], *tipos: dict[str, Any]) -> Path:
    """Una carpeta de programa con su `.env`, los tipos que se reparten y los que se añadan."""
    shutil.copytree(RAIZ / "agentes_json", carpeta / "agentes_json", dirs_exist_ok=True)
    for tipo in tipos:
        ruta = carpeta / "agentes_json" / f"{tipo['agent_type']}.json"
        ruta.write_text(json.dumps(tipo), encoding="utf-8")
    completas = {"ENJAMBRE_DATOS": str(carpeta / "data"), **variables}
    lineas = [f"{clave}={valor}" for clave, valor in completas.items()]
    (carpeta / ".env").write_text("\n".join(lineas), encoding="utf-8")
    return carpeta


def puertos_puerta(anotar: Anotar, guardia: Guardia) -> PuertosPuerta:
    """Los de una puerta que no tiene nada que recordar ni que soltar."""

    def soltar(_: int) -> None:
        return

    return PuertosPuerta(anotar, guardia, RegistroHerramientas().rescatar, soltar)


def tipo(nombre: str, **cambios: Any) -> dict[str, Any]:
    """Un tipo de agente válido."""
    return {
        "agent_type": nombre,
        "rol": f"rol de {nombre}",
        "objetivo": f"objetivo de {nombre}",
        "instruction_prompt_file": "ejecutor.md",
        "available_tools": [CONSOLA, REPORTAR, PROBLEMA],
        **cambios,
    }


def delegar(*tareas: str, tipo: str = "ejecutor", dice: str = "") -> Respuesta:
    """El Master delega varias tareas en la misma respuesta."""
    pedidas = [llamada(DELEGAR, {"agent_type": tipo, "task_description": t}) for t in tareas]
    return respuesta(texto=dice, llamadas=pedidas)


@asynccontextmanager
async def enjambre(
    doble: Doble,
    carpeta: Path,
    *tipos: dict[str, Any],
    proveedor: str,
    presupuesto: str = "",
    **variables: str,
) -> AsyncIterator[Sistema]:
    """Un sistema abierto cuyo modelo es ese doble (ya abierto).

    Al cerrarse, sus historias se rehacen de la bitácora y han de ser las que se mandaron, y la
    sesión entera se reproduce sin red y ha de hacer lo mismo.
    """
    raiz = preparar_raiz(carpeta, {**variables_de(proveedor, doble), **variables}, *tipos)
    ajustes = Ajustes.leer(raiz)
    referencia = resolver_modelo(ajustes.model, ajustes)
    assert referencia is not None
    topes = leer_topes(presupuesto) if presupuesto else None
    async with abrir_sistema(ajustes, referencia, "prueba", presupuesto=topes) as sistema:
        conocidos = dict(sistema.tipos)
        yield sistema
    comprobar_historias(ajustes.datos / "swarm.db")
    hubo_alarma = consultar(carpeta, "SELECT 1 FROM logs WHERE tipo = 'security_alarm'")
    if sistema.tipos == conocidos and not hubo_alarma:
        grabacion = leer_grabacion(ajustes.datos / "swarm.db", sistema.sesion)
        hecha = await reproducir(grabacion, ajustes, conocidos)
        assert not hecha.divergencia, hecha.divergencia
        assert hecha.es_fiel, (hecha.grabado, hecha.obtenido)


async def conversar(sistema: Sistema, *lineas: str) -> str:
    """Dice cada línea y espera la calma; devuelve el último texto del Master."""
    for linea in lineas:
        await sistema.conversacion.decir(linea)
        await sistema.conversacion.esperar_calma()
    return sistema.conversacion.ultimo_texto


async def hasta_texto(oidos: Suscripcion, texto: str, limite_s: float = 10) -> None:
    """Espera a que el Master diga ese texto. `TimeoutError` si no lo dice."""
    async with asyncio.timeout(limite_s):
        async for cosa in oidos:
            evento = cosa.evento if isinstance(cosa, HechoAnotado) else None
            if isinstance(evento, TextoMaster) and evento.texto == texto:
                return


def consultar(carpeta: Path, sql: str, *valores: Any) -> list[tuple[Any, ...]]:
    """Pregunta a la base de la carpeta como lo haría `sqlite3`."""
    db = sqlite3.connect(f"file:{carpeta / 'data' / 'swarm.db'}?mode=ro", uri=True)
    try:
        return list(db.execute(sql, valores))
    finally:
        db.close()
