"""La demostración fuera del enjambre: con las herramientas que le den, o sin ninguna."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from langchain_core.messages import BaseMessage, HumanMessage, ToolMessage

from servicios.llm.demo.gramatica import Clase, leer_ordenes, leer_parentesis
from servicios.llm.demo.historia import (
    Decision,
    Esquemas,
    Llamada,
    cola,
    con_nombres,
    llamada_directa,
    respuesta_a,
)
from servicios.llm.demo.master import idioma_de
from servicios.llm.demo.textos import ayuda, decir

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence


def decidir_general(mensajes: Sequence[BaseMessage], esquemas: Esquemas) -> Decision:
    """Cuenta lo que contestaron las herramientas, llama a las que se nombran o se presenta."""
    ingles, llegado = idioma_de(mensajes), cola(mensajes)
    respuestas = [respuesta_a(m, mensajes) for m in llegado if isinstance(m, ToolMessage)]
    dicho = [
        f"{decir('resultado', ingles, herramienta=r.llamada.nombre)} {r.texto}" for r in respuestas
    ]
    humanos = (m.text for m in llegado if isinstance(m, HumanMessage))
    llamadas = tuple(ll for texto in humanos for ll in _literales(texto, esquemas))
    if not dicho and not llamadas:
        dicho = [ayuda(ingles)]
    return Decision("\n".join(dicho), llamadas)


def forzar(
    decision: Decision, eleccion: object, mensajes: Sequence[BaseMessage], esquemas: Esquemas
) -> Decision:
    """Cumple `tool_choice` cuando obliga a llamar: los argumentos salen de la línea, sin adivinar.

    A un parámetro de texto le da la línea entera; a uno numérico, el primer número de ella.
    """
    nombre = _obligada(eleccion, esquemas)
    if nombre is None:
        return decision
    if any(eleccion in {"any", "required"} or ll.nombre == nombre for ll in decision.llamadas):
        return decision
    humanos = [m.text for m in mensajes if isinstance(m, HumanMessage)]
    linea = humanos[-1] if humanos else ""
    esquema = esquemas[nombre]
    propiedades = esquema.get("properties", {})
    args = {
        clave: _valor(propiedades.get(clave, {}), linea) for clave in esquema.get("required", ())
    }
    return Decision(llamadas=(Llamada(nombre, args),))


def _obligada(eleccion: object, esquemas: Esquemas) -> str | None:
    """Qué herramienta obliga a llamar `tool_choice`, si obliga."""
    match eleccion:
        case "any" | "required" | True:
            return next(iter(esquemas), None)
        case {"function": {"name": str(nombre)}} | str(nombre) if nombre in esquemas:
            return nombre
        case _:
            return None


def _literales(texto: str, esquemas: Esquemas) -> list[Llamada]:
    """Las llamadas escritas: `usa NOMBRE {json}` y `NOMBRE(valores JSON)`."""
    usadas = [
        llamada_directa(o, esquemas)
        for o in leer_ordenes(texto)
        if o.clase is Clase.USAR and not o.fallo
    ]
    if usadas:
        return usadas
    halladas = []
    for m in re.finditer(r"\b[\w-]+(?=\()", texto):
        valores, fallo, _ = leer_parentesis(texto, m.end())
        if m[0] in esquemas and valores is not None and not fallo:
            halladas.append(Llamada(m[0], con_nombres(valores, esquemas[m[0]])))
    return halladas


def _valor(esquema: Mapping[str, Any], linea: str) -> object:
    """Un valor que el esquema acepta, sacado de la línea si puede ser."""
    variantes = [v for v in esquema.get("anyOf", ()) if v.get("type") != "null"]
    if variantes:
        return _valor(variantes[0], linea)
    if esquema.get("enum"):
        return esquema["enum"][0]
    numero = re.search(r"-?\d+(?:\.\d+)?", linea)
    match esquema.get("type"):
        case "integer":
            return int(float(numero[0])) if numero else 0
        case "number":
            return float(numero[0]) if numero else 0.0
        case "boolean":
            return False
        case "array":
            return []
        case "object":
            return {}
        case _:
            return linea
