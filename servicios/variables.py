"""Una variable de entorno y cómo se explica que su valor no vale."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pydantic import ValidationError


@dataclass(frozen=True, slots=True)
class Variable:
    """Una variable de entorno tal como la cuenta el README; `omision` es su valor si falta."""

    nombres: tuple[str, ...]
    significado: str
    omision: str


def explicar(error: ValidationError, variables: Mapping[str, Variable]) -> str:
    """El primer fallo, con la variable que la persona escribió y lo que se espera de ella."""
    fallo = error.errors(include_url=False, include_context=True)[0]
    variable = variables[str(fallo["loc"][0])]
    valor = str(fallo["input"])
    visto = valor if len(valor) <= 40 else valor[:40] + "…"
    if "://" in valor and "@" in valor:
        visto = "(url con credenciales)"
    motivo = _motivo(fallo["type"], fallo.get("ctx", {}), fallo["msg"])
    remedio = f"; quítala para usar {variable.omision}" if variable.omision else ""
    return f"{variable.nombres[0]}={visto}: {motivo}{remedio} (entorno o .env)"


def _motivo(tipo: str, contexto: Mapping[str, Any], mensaje: str) -> str:
    match tipo:
        case "greater_than":
            return f"ha de ser mayor que {contexto['gt']:g}"
        case "greater_than_equal":
            return f"es demasiado pequeño: el mínimo es {contexto['ge']:g}"
        case "less_than_equal":
            return f"es demasiado grande: el máximo es {contexto['le']:g}"
        case "int_parsing" | "int_from_float":
            return "ha de ser un número entero"
        case "float_parsing" | "finite_number":
            return "ha de ser un número"
        case "bool_parsing" | "bool_type":
            return "ha de ser `true` o `false`"
        case "value_error":
            return str(contexto.get("error", mensaje))
    return "no vale"
