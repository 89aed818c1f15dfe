"""Comprobar las declaraciones de funciones de generateContent."""

from __future__ import annotations

import re
from typing import Any

from jsonschema import Draft202012Validator
from jsonschema.exceptions import SchemaError

from tests.dobles.rechazo import Rechazo, exigir

_NOMBRE = re.compile(r"[A-Za-z_][A-Za-z0-9_.:-]{0,63}")
_CAMPOS = {
    "name", "description", "parameters", "parametersJsonSchema", "response", "responseJsonSchema",
    "behavior",
}  # fmt: skip
_TIPOS = {"STRING", "NUMBER", "INTEGER", "BOOLEAN", "ARRAY", "OBJECT", "NULL"}
_ESQUEMA = {
    "type", "format", "title", "description", "nullable", "enum", "items", "maxItems", "minItems",
    "properties", "required", "propertyOrdering", "minProperties", "maxProperties", "minLength",
    "maxLength", "pattern", "example", "anyOf", "default", "minimum", "maximum",
}  # fmt: skip


def validar_declaraciones(declaraciones: list[Any]) -> None:
    """Lanza `Rechazo` si alguna está mal formada o repite nombre."""
    vistos: set[str] = set()
    for i, declaracion in enumerate(declaraciones):
        donde = f"tools[0].function_declarations[{i}]"
        exigir(isinstance(declaracion, dict), f"Invalid value at '{donde}'.")
        sobra = set(declaracion) - _CAMPOS
        exigir(not sobra, _desconocidos(sobra, donde))
        nombre = declaracion.get("name")
        exigir(
            isinstance(nombre, str) and _NOMBRE.fullmatch(nombre),
            f"* GenerateContentRequest.{donde}.name: Invalid function name. Must start with a "
            "letter or an underscore and have a maximum length of 64.",
        )
        exigir(nombre not in vistos, f"Duplicate function declaration found: {nombre}")
        vistos.add(str(nombre))
        _parametros(donde, declaracion)


def _parametros(donde: str, declaracion: dict[str, Any]) -> None:
    libre = declaracion.get("parametersJsonSchema")
    if libre is not None:
        exigir("parameters" not in declaracion, f"Only one of the parameters at '{donde}'.")
        try:
            Draft202012Validator.check_schema(libre)
        except SchemaError as error:
            msg = f"Invalid JSON schema at '{donde}.parameters_json_schema': {error.message}"
            raise Rechazo(msg) from error
    if "parameters" in declaracion:
        parametros = declaracion["parameters"]
        _esquema(f"{donde}.parameters", parametros)
        exigir(
            parametros.get("type") == "OBJECT",
            f"* GenerateContentRequest.{donde}.parameters.type: must be OBJECT.",
        )


def _esquema(donde: str, esquema: Any) -> None:
    exigir(isinstance(esquema, dict), f"Invalid value at '{donde}': expected a Schema.")
    sobra = set(esquema) - _ESQUEMA
    exigir(not sobra, _desconocidos(sobra, donde))
    exigir(
        "anyOf" in esquema or esquema.get("type") in _TIPOS,
        f"Invalid value at '{donde}.type': {esquema.get('type')!r}.",
    )
    propiedades = esquema.get("properties", {})
    exigir(isinstance(propiedades, dict), f"Invalid value at '{donde}.properties'.")
    for n, requerido in enumerate(esquema.get("required", ())):
        exigir(
            requerido in propiedades,
            f"* GenerateContentRequest.{donde}.required[{n}]: property is not defined",
        )
    exigir(
        esquema.get("type") != "ARRAY" or "items" in esquema,
        f"* GenerateContentRequest.{donde}.items: missing field.",
    )
    exigir(
        not esquema.get("enum") or esquema.get("type") == "STRING",
        f"* GenerateContentRequest.{donde}.enum: only allowed for STRING type",
    )
    hijos = {**propiedades, **({"items": esquema["items"]} if "items" in esquema else {})}
    for nombre, hijo in hijos.items():
        _esquema(f"{donde}.{nombre}", hijo)
    for n, variante in enumerate(esquema.get("anyOf", ())):
        _esquema(f"{donde}.any_of[{n}]", variante)


def _desconocidos(sobra: set[str], donde: str) -> str:
    nombre = min(sobra, default="")
    return (
        f"Invalid JSON payload received. Unknown name \"{nombre}\" at '{donde}': Cannot find field."
    )
