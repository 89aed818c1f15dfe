"""Comprobar las herramientas que ofrece una petición de Chat Completions."""

from __future__ import annotations

import functools
import re
from typing import Any

import orjson
from jsonschema import Draft202012Validator
from jsonschema.exceptions import SchemaError

from tests.dobles.rechazo import Rechazo, exigir

_NOMBRE = re.compile(r"[A-Za-z0-9_-]{1,64}")


def validar_herramientas(herramientas: list[Any] | None) -> None:
    """Lanza `Rechazo` si alguna está mal formada o repite nombre."""
    if herramientas is None:
        return
    exigir(herramientas, "Invalid 'tools': empty array. Expected minimum length 1.", "tools")
    vistos: set[str] = set()
    for i, herramienta in enumerate(herramientas):
        nombre = _herramienta(f"tools[{i}]", herramienta)
        exigir(nombre not in vistos, f"Tool names must be unique: '{nombre}'.", f"tools[{i}]")
        vistos.add(nombre)


def _herramienta(donde: str, herramienta: Any) -> str:
    exigir(
        isinstance(herramienta, dict) and herramienta.get("type") == "function",
        f"Invalid value for '{donde}.type': supported values are: 'function'.",
        donde,
    )
    funcion = herramienta.get("function")
    exigir(isinstance(funcion, dict), f"Missing required parameter: '{donde}.function'.", donde)
    nombre = funcion.get("name")
    exigir(
        isinstance(nombre, str) and _NOMBRE.fullmatch(nombre),
        f"Invalid '{donde}.function.name': string does not match '^[a-zA-Z0-9_-]+$'.",
        donde,
    )
    sobra = set(funcion) - {"name", "description", "parameters", "strict"}
    exigir(not sobra, f"Unknown parameter: '{donde}.function.{min(sobra, default='')}'.", donde)
    _parametros(str(nombre), funcion.get("parameters", {"type": "object"}))
    return str(nombre)


def _parametros(nombre: str, parametros: Any) -> None:
    defecto = _defecto(orjson.dumps(parametros, option=orjson.OPT_SORT_KEYS))
    if defecto is not None:
        msg = f"Invalid schema for function '{nombre}': {defecto}"
        raise Rechazo(msg, codigo="invalid_function_parameters", donde="tools[].function")


@functools.lru_cache(maxsize=512)
def _defecto(crudo: bytes) -> str | None:
    esquema = orjson.loads(crudo)
    if not isinstance(esquema, dict) or esquema.get("type") != "object":
        return "schema must be a JSON Schema of 'type: \"object\"'."
    try:
        Draft202012Validator.check_schema(esquema)
    except SchemaError as error:
        return str(error.message)
    ausentes = set(esquema.get("required", ())) - set(esquema.get("properties", {}))
    return f"'required' names unknown properties: {sorted(ausentes)}." if ausentes else None
