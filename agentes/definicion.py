"""Los tipos de agente: un archivo JSON cada uno, validado sin piedad.

Un archivo malo no impide cargar los demás; su error nombra archivo y clave.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

from agentes.clase_agente import Agente
from agentes.errores import (
    ErrorConfiguracion,
    ErrorDefinicion,
    ErrorEnjambre,
    ErrorPlantilla,
)
from agentes.eventos import AgenteLanzado
from agentes.perfil_consola import PerfilConsola
from agentes.perfil_json import CLAVES_CONSOLA, leer_perfil
from agentes.presupuesto import Presupuesto
from agentes.pruebas import CUALQUIERA, ClaseEvidencia

TOPE_BYTES = 1024 * 1024

CLAVES_OBLIGATORIAS: dict[str, type] = {
    "agent_type": str,
    "rol": str,
    "objetivo": str,
    "instruction_prompt_file": str,
    "available_tools": list,
}
CLAVES_OPCIONALES: dict[str, type] = {
    "model": str,
    "modelos_respaldo": list,
    "max_iterations": int,
    "evidencias": list,
    "presupuesto": dict,
    **CLAVES_CONSOLA,
}
"""Claves que se pueden omitir; los números han de ser mayores que cero."""

_NOMBRE = re.compile(r"[A-Za-z_][A-Za-z0-9_-]{0,63}")
_EN_CASTELLANO = {
    str: "texto",
    list: "una lista",
    int: "un entero",
    float: "un número",
    dict: "un objeto",
}


@dataclass(frozen=True, slots=True)
class DefinicionAgente:
    """Un tipo de agente ya validado; `instrucciones` es el texto de su prompt.

    Con `model` o `max_iterations` en `None` vale el valor general; con `modelos_respaldo`, el
    general si tampoco hay `model`, y si lo hay, ninguno. `evidencias` son las clases de pruebas que
    ha de dar al acabar, y `presupuesto`, lo que puede gastar cada uno.
    """

    agent_type: str
    rol: str
    objetivo: str
    instruction_prompt_file: str
    available_tools: tuple[str, ...]
    instrucciones: str
    model: str | None = None
    modelos_respaldo: tuple[str, ...] | None = None
    max_iterations: int | None = None
    evidencias: tuple[str, ...] = ()
    presupuesto: Presupuesto = field(default_factory=Presupuesto)
    consola: PerfilConsola = field(default_factory=PerfilConsola)


@dataclass(frozen=True, slots=True)
class Encargo:
    """Lo que hace falta para construir un agente."""

    agente_id: str
    definicion: DefinicionAgente
    tarea: str
    superior: str

    def nuevo_agente(self, modelo: str) -> Agente:
        """El agente, recién nacido y sin historia, que pensará con ese modelo."""
        return Agente(
            nombre=self.agente_id,
            agent_type=self.definicion.agent_type,
            rol=self.definicion.rol,
            objetivo=self.definicion.objetivo,
            llm=modelo,
            tarea=self.tarea,
            superior=self.superior,
            exige=self.definicion.evidencias,
        )

    def nacimiento(self, modelo: str) -> AgenteLanzado:
        """El hecho de que nace, antes de arrancar."""
        return AgenteLanzado(
            agente_id=self.agente_id,
            agent_type=self.definicion.agent_type,
            rol=self.definicion.rol,
            objetivo=self.definicion.objetivo,
            tarea=self.tarea,
            superior=self.superior,
            modelo=modelo,
            exige=self.definicion.evidencias,
            presupuesto=self.definicion.presupuesto.datos(),
        )


@dataclass(frozen=True, slots=True)
class Existencias:
    """Lo que un archivo puede nombrar y ha de existir.

    `leer_prompt` lanza `ErrorPlantilla`; `comprobar_modelo`, cualquier `ErrorEnjambre`.
    """

    herramientas: Collection[str]
    leer_prompt: Callable[[str], str]
    comprobar_modelo: Callable[[str], object]


def cargar_definiciones(
    carpeta: Path, hay: Existencias
) -> tuple[dict[str, DefinicionAgente], list[str]]:
    """Lee todos los `*.json` de la carpeta.

    Devuelve los tipos válidos por nombre y una línea de error por archivo rechazado.
    """
    validas: dict[str, DefinicionAgente] = {}
    errores: list[str] = []
    for ruta in sorted(carpeta.glob("*.json")):
        try:
            definicion = leer_definicion(ruta, hay)
            if definicion.agent_type in validas:
                raise _error(ruta, "agent_type", f"«{definicion.agent_type}» ya existe")
        except ErrorDefinicion as error:
            errores.append(str(error))
        else:
            validas[definicion.agent_type] = definicion
    return validas, errores


def leer_definicion(ruta: Path, hay: Existencias) -> DefinicionAgente:
    """Lee y valida un archivo.

    Lanza `ErrorDefinicion` con el archivo y la clave.
    """
    datos = _leer_json(ruta)
    _comprobar_claves(ruta, datos)
    _comprobar_tipos(ruta, datos)
    if not _NOMBRE.fullmatch(datos["agent_type"]):
        raise _error(ruta, "agent_type", "solo letras, cifras, _ y -, sin empezar por cifra")
    _comprobar_herramientas(ruta, datos["available_tools"], hay.herramientas)
    try:
        instrucciones = hay.leer_prompt(datos["instruction_prompt_file"])
    except ErrorPlantilla as error:
        raise _error(ruta, "instruction_prompt_file", str(error)) from error
    _comprobar_modelos(ruta, datos, hay)
    _comprobar_evidencias(ruta, datos.get("evidencias", []))
    for lista in {"available_tools", "evidencias"} & datos.keys():
        datos[lista] = tuple(datos[lista])
    if "presupuesto" in datos:
        datos["presupuesto"] = _leer_presupuesto(ruta, datos["presupuesto"])
    consola = leer_perfil(datos, partial(_error, ruta))
    propios = {clave: valor for clave, valor in datos.items() if clave not in CLAVES_CONSOLA}
    return DefinicionAgente(**propios, consola=consola, instrucciones=instrucciones)


def _leer_json(ruta: Path) -> dict[str, Any]:
    try:
        if ruta.stat().st_size > TOPE_BYTES:
            raise _error(ruta, None, "pasa de 1 MiB")
        datos = json.loads(ruta.read_text(encoding="utf-8"), object_pairs_hook=_sin_repetidas)
    except OSError as error:
        raise _error(ruta, None, f"no se puede leer ({error.strerror})") from error
    except UnicodeDecodeError as error:
        raise _error(ruta, None, "no está en UTF-8") from error
    except json.JSONDecodeError as error:
        motivo = f"JSON roto en la línea {error.lineno}, columna {error.colno}"
        raise _error(ruta, None, motivo) from error
    except KeyError as error:
        raise _error(ruta, str(error.args[0]), "clave repetida") from error
    except (ValueError, RecursionError) as error:
        raise _error(ruta, None, "JSON que no se puede leer") from error
    if not isinstance(datos, dict):
        raise _error(ruta, None, "ha de ser un objeto JSON")
    return datos


def _sin_repetidas(pares: list[tuple[str, Any]]) -> dict[str, Any]:
    datos: dict[str, Any] = {}
    for clave, valor in pares:
        if clave in datos:
            raise KeyError(clave)
        datos[clave] = valor
    return datos


def _comprobar_claves(ruta: Path, datos: dict[str, Any]) -> None:
    for clave in CLAVES_OBLIGATORIAS:
        if clave not in datos:
            raise _error(ruta, clave, "falta")
    for clave in datos:
        if clave not in CLAVES_OBLIGATORIAS and clave not in CLAVES_OPCIONALES:
            conocidas = ", ".join([*CLAVES_OBLIGATORIAS, *CLAVES_OPCIONALES])
            raise _error(ruta, clave, f"clave desconocida; las que hay: {conocidas}")


def _comprobar_tipos(ruta: Path, datos: dict[str, Any]) -> None:
    tipos = {**CLAVES_OBLIGATORIAS, **CLAVES_OPCIONALES}
    for clave, valor in datos.items():
        tipo = tipos[clave]
        admitidos = (int, float) if tipo is float else (tipo,)
        if isinstance(valor, bool) or not isinstance(valor, admitidos):
            raise _error(ruta, clave, f"ha de ser {_EN_CASTELLANO[tipo]}")
        if isinstance(valor, str) and not valor.strip():
            raise _error(ruta, clave, "está vacía")
        if isinstance(valor, int | float) and not 0 < valor < 1e9:
            raise _error(ruta, clave, "ha de ser mayor que cero y razonable")


def _comprobar_herramientas(ruta: Path, pedidas: list[Any], hay: Collection[str]) -> None:
    for nombre in pedidas:
        if not isinstance(nombre, str):
            raise _error(ruta, "available_tools", "solo nombres de herramienta (texto)")
        if nombre not in hay:
            existentes = ", ".join(sorted(hay))
            motivo = f"no existe la herramienta «{nombre[:80]}»; las que hay: {existentes}"
            raise _error(ruta, "available_tools", motivo)
    if len(set(pedidas)) != len(pedidas):
        raise _error(ruta, "available_tools", "hay herramientas repetidas")
    if "reportar_resultado_final" not in pedidas:
        raise _error(ruta, "available_tools", "falta reportar_resultado_final")


def _comprobar_modelos(ruta: Path, datos: dict[str, Any], hay: Existencias) -> None:
    """El suyo y los de respaldo, que deja como tupla."""
    respaldo = datos.get("modelos_respaldo", [])
    if not all(isinstance(texto, str) and texto.strip() for texto in respaldo):
        motivo = "solo «proveedor:modelo» (texto), y ninguno vacío"
        raise _error(ruta, "modelos_respaldo", motivo)
    if len({datos.get("model"), *respaldo}) != len(respaldo) + 1:
        raise _error(ruta, "modelos_respaldo", "hay un modelo repetido")
    pedidos = [("model", datos["model"])] if "model" in datos else []
    for clave, texto in [*pedidos, *(("modelos_respaldo", texto) for texto in respaldo)]:
        try:
            hay.comprobar_modelo(texto)
        except ErrorEnjambre as error:
            raise _error(ruta, clave, str(error)) from error
    if "modelos_respaldo" in datos:
        datos["modelos_respaldo"] = tuple(respaldo)


def _comprobar_evidencias(ruta: Path, exigidas: list[Any]) -> None:
    hay = (*ClaseEvidencia, CUALQUIERA)
    for clase in exigidas:
        if clase not in hay:
            motivo = (
                f"«{str(clase)[:80]}» no es una clase de evidencia; las que hay: {', '.join(hay)}"
            )
            raise _error(ruta, "evidencias", motivo)
    if len(set(exigidas)) != len(exigidas):
        raise _error(ruta, "evidencias", "hay clases repetidas")


def _leer_presupuesto(ruta: Path, datos: dict[str, Any]) -> Presupuesto:
    try:
        return Presupuesto.de(datos)
    except ErrorConfiguracion as error:
        raise _error(ruta, "presupuesto", str(error)) from error


def _error(ruta: Path, clave: str | None, motivo: str) -> ErrorDefinicion:
    donde = (
        f"agentes_json/{ruta.name}"
        if clave is None
        else f"agentes_json/{ruta.name}: «{clave[:80]}»"
    )
    return ErrorDefinicion(f"{donde}: {motivo}")
