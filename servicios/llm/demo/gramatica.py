"""La gramática de la demostración: frases fijas, en español y en inglés.

Una frase empieza en una línea o tras « y » / « and » (o `;;`) si lleva su verbo: así
`ejecuta: A y ejecuta: B` son dos. Las líneas sin verbo continúan el comando anterior.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from enum import StrEnum
from typing import Any


class Clase(StrEnum):
    """Qué pide una frase."""

    EJECUTAR = "ejecutar"
    USAR = "usar"
    PROBLEMA = "problema"
    MENSAJE = "mensaje"
    ESTADO = "estado"
    LEER = "leer"
    CANCELAR = "cancelar"


@dataclass(frozen=True, slots=True)
class Frase:
    """Una fila de la tabla que ve la persona: cómo se escribe y qué hace, en los dos idiomas."""

    es: str
    en: str
    hace: str
    does: str


GRAMATICA: tuple[Frase, ...] = (
    Frase(
        "ejecuta: COMANDO",
        "run: COMMAND",
        "lanza un agente que ejecuta el comando y cuenta su salida real",
        "launches an agent that runs the command and reports its real output",
    ),
    Frase(
        "ejecuta: UNO y ejecuta: OTRO",
        "run: ONE and run: ANOTHER",
        "un agente por comando, a la vez (también con uno por línea)",
        "one agent per command, in parallel (one per line works too)",
    ),
    Frase(
        "usa HERRAMIENTA {json}",
        "use TOOL {json}",
        "llama a esa herramienta con esos argumentos (si no es del Master, con un agente)",
        "calls that tool with those arguments (through an agent if the Master lacks it)",
    ),
    Frase(
        "problema: TEXTO",
        "problem: TEXT",
        "lanza un agente que reporta ese problema y espera tu directiva",
        "launches an agent that reports that problem and waits for your directive",
    ),
    Frase(
        "mensaje a AGENTE: TEXTO",
        "message to AGENT: TEXT",
        "manda una directiva a un agente; si lleva «ejecuta: …», la ejecuta",
        "sends an agent a directive; if it holds “run: …”, the agent runs it",
    ),
    Frase("estado", "status", "explica cómo va cada agente", "explains how each agent is doing"),
    Frase(
        "lee AGENTE",
        "read AGENT",
        "lee entero su último reporte (`lee AGENTE desde N` sigue desde el carácter N)",
        "reads its last report (`read AGENT from N` goes on from character N)",
    ),
    Frase(
        "cancela AGENTE",
        "cancel AGENT",
        "para un agente y lo que esté ejecutando",
        "stops an agent and whatever it is running",
    ),
    Frase("ayuda", "help", "enseña esta tabla", "shows this table"),
)
"""Frase → qué hace. La usan la ayuda de la demostración y los README."""


@dataclass(frozen=True, slots=True)
class Orden:
    """Una frase entendida. `texto` es la frase tal cual; `fallo`, por qué no vale (o vacío).

    `agente` y `contenido` son los huecos de la frase; `args`, los argumentos de `usa`.
    """

    clase: Clase
    texto: str
    agente: str = ""
    herramienta: str = ""
    contenido: str = ""
    args: dict[str, Any] | list[Any] | None = None
    fallo: str = ""


_ID = r"[^\W\d][\w-]*(?:[ \t]+\d+)?"
_VERBOS = rf"""
    (?P<ejecutar>(?:ejecut[aá]r?|run)[ \t]*:)
  | (?P<problema>(?:problema|problem)[ \t]*:)
  | (?P<usar>(?:us[aá]|use)[ \t]+(?P<herramienta>[\w-]+)[ \t]*(?=[({{]|$))
  | (?P<mensaje>(?:mensaje[ \t]+(?:a|para)|dile[ \t]+a|message[ \t]+to|tell)
      [ \t]+(?P<receptor>{_ID})[ \t]*:)
"""
_SOLAS = rf"""
    (?P<estado>¿?(?:estado|status|c[oó]mo[ \t]+van?(?:[ \t]+(?:todo|eso|los[ \t]+agentes))?
      |how(?:['’]s|[ \t]+is)[ \t]+it[ \t]+going)[ \t]*[?.!]*[ \t]*$)
  | (?P<cancelar>(?:cancel[aá]r?|cancel)[ \t]+(?P<cancelado>{_ID})[ \t]*[.!]?[ \t]*$)
  | (?P<leer>(?:lee|leer|read)[ \t]+(?P<leido>{_ID})
      (?:[ \t]+(?:desde|from)[ \t]+(?P<desde>\d+))?[ \t]*[.!]?[ \t]*$)
"""
_MODOS = re.IGNORECASE | re.MULTILINE | re.VERBOSE
_EN_LINEA = re.compile(
    rf"""^[ \t]*(?:(?:[-*•]|\d+[.)])[ \t]+)?(?:(?:por[ ]favor|please)[,: \t]+)?
    (?P<frase>{_VERBOS}|{_SOLAS})""",
    _MODOS,
)
_UNIDA = re.compile(
    rf"""(?<![ \t])(?:[ \t]*(?:;;|\|\||;|,)[ \t]*(?:(?:y|and)[ \t]+)?|[ \t]+(?:y|and)[ \t]+)
    (?P<frase>{_VERBOS})""",
    _MODOS,
)
_SIN_DOS_PUNTOS = re.compile(r"\s*(?:ejecut[aá]r?|run|problema|problem)\s+\S", re.IGNORECASE)
_INGLES = re.compile(
    r"\b(?:run|use|problem|message|tell|status|read|cancel|help|hello|hi|hey|how|what|who|why|the|is"
    r"|are|you|your|of|for|with|this|that|please|thanks|can|do|does|my|and|to)\b",
    re.IGNORECASE,
)
_ESPANOL = re.compile(
    r"\b(?:ejecut[aá]r?|us[aá]|problema|mensaje|dile|estado|lee|cancela|ayuda|hola|buenas|c[oó]mo"
    r"|qu[eé]|qui[eé]n|el|la|los|las|un|una|es|son|por|para|con|favor|gracias|puedes|mi|tu|de|y)\b"
    r"|[¿¡ñ]",
    re.IGNORECASE,
)


def leer_ordenes(texto: str) -> tuple[Orden, ...]:
    """Las frases entendidas de un texto, en orden; lo que no es frase se ignora."""
    ordenes: list[Orden] = []
    hallada = _EN_LINEA.search(texto)
    while hallada is not None:
        orden, fin = _leer(texto, hallada)
        ordenes.append(orden)
        hallada = _siguiente(texto, fin)
    return tuple(ordenes)


def faltan_dos_puntos(texto: str) -> bool:
    """Si parece un `ejecuta:` o un `problema:` al que le faltan los dos puntos."""
    return _SIN_DOS_PUNTOS.match(texto) is not None


def es_ingles(texto: str) -> bool:
    """Si la línea está en inglés: lo dice su primer verbo y, si no lo hay, sus palabras."""
    ordenes = leer_ordenes(texto)
    muestra = re.split(r"[\s:]", ordenes[0].texto, maxsplit=1)[0] if ordenes else texto
    return len(_INGLES.findall(muestra)) > len(_ESPANOL.findall(muestra))


def _siguiente(texto: str, desde: int) -> re.Match[str] | None:
    halladas = (patron.search(texto, desde) for patron in (_EN_LINEA, _UNIDA))
    return min((h for h in halladas if h), key=lambda h: h.start(), default=None)


def _leer(texto: str, hallada: re.Match[str]) -> tuple[Orden, int]:
    """La orden que empieza en un verbo hallado y dónde acaba."""
    huecos = hallada.groupdict()
    clase = next(c for c in Clase if huecos.get(c) is not None)
    inicio, fin_verbo = hallada.span("frase")
    match clase:
        case Clase.USAR:
            args, fallo, fin = _argumentos(texto, fin_verbo)
            frase = texto[inicio:fin].strip()
            return Orden(
                clase, frase, herramienta=huecos["herramienta"], args=args, fallo=fallo
            ), fin
        case Clase.EJECUTAR | Clase.PROBLEMA | Clase.MENSAJE:
            corte = _EN_LINEA.search(texto, fin_verbo)
            if clase is not Clase.MENSAJE:
                corte = _siguiente(texto, fin_verbo)
            fin = corte.start() if corte else len(texto)
            cuerpo = _sin_comillas(texto[fin_verbo:fin].strip())
            frase = texto[inicio:fin].strip()
            return Orden(
                clase,
                frase,
                agente=_id(huecos["receptor"]),
                contenido=cuerpo,
                fallo="" if cuerpo else "vacia",
            ), fin
        case _:
            agente = _id(huecos.get("cancelado") or huecos.get("leido"))
            contenido = huecos.get("desde") or ""
            return Orden(
                clase, hallada["frase"].strip(), agente=agente, contenido=contenido
            ), fin_verbo


def _id(escrito: str | None) -> str:
    """«ejecutor 1» también es `ejecutor-1`."""
    return re.sub(r"[ \t]+", "-", escrito or "")


def _sin_comillas(cuerpo: str) -> str:
    """Quita las comillas de código con que alguien envuelve el comando entero."""
    interior = cuerpo[1:-1]
    envuelto = cuerpo.startswith("`") and cuerpo.endswith("`") and interior and "`" not in interior
    return interior.strip() if envuelto else cuerpo


def _argumentos(texto: str, desde: int) -> tuple[dict[str, Any] | list[Any] | None, str, int]:
    """Los argumentos de `usa`: un objeto JSON, valores JSON entre paréntesis, o ninguno."""
    if texto[desde : desde + 1] == "(":
        return leer_parentesis(texto, desde)
    if texto[desde : desde + 1] != "{":
        return {}, "", desde
    try:
        objeto, fin = json.JSONDecoder().raw_decode(texto, desde)
    except (ValueError, RecursionError):
        return None, "json", _fin_de_linea(texto, desde)
    return objeto, "", fin


def leer_parentesis(texto: str, desde: int) -> tuple[list[Any] | None, str, int]:
    """Los valores JSON de `(a, b)`, un fallo si no lo son, y dónde acaba el paréntesis."""
    cierre = texto.find(")", desde)
    while cierre != -1:
        try:
            return json.loads(f"[{texto[desde + 1 : cierre]}]"), "", cierre + 1
        except (ValueError, RecursionError):
            cierre = texto.find(")", cierre + 1)
    return None, "json", _fin_de_linea(texto, desde)


def _fin_de_linea(texto: str, desde: int) -> int:
    fin = texto.find("\n", desde)
    return len(texto) if fin == -1 else fin
