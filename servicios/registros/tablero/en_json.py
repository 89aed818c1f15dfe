"""El tablero para otros programas: un objeto con versión.

    version     la de este formato: 1; crece si una clave cambia de significado o desaparece
    sesion      el id de la sesión, o null si no hay ninguna
    vivo        si algún proceso la tiene abierta
    ahora       cuándo se miró (UTC)
    master      el Master, con las claves de un agente; null si no hay sesión
    agentes     los agentes, en el orden del árbol

Las claves de un agente y lo que significan están en `CLAVES`.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from servicios.registros.tablero.visto import Tablero, Visto

VERSION = 1

CLAVES = {
    "id": "su id en la sesión",
    "tipo": "su tipo de agente",
    "superior": "el id de quien recibe sus avisos",
    "profundidad": "1 si lo lanzó el Master; uno más por cada superior",
    "estado": "el de `agent_runs.status`",
    "espera": "por qué espera; vacío si trabaja o ya terminó",
    "falta_s": "segundos que quedan de una espera con final, o null",
    "motivo": "de qué es: el problema, la orden por aprobar, el error, el resultado",
    "senal": "su última señal de vida (UTC): una fila suya o lo último que escribió su orden",
    "senal_s": "los segundos que hace de eso",
    "orden": "la herramienta u orden que tiene abierta",
    "ultima_linea": "la última línea que imprimió esa orden o, sin ella, la anterior",
    "tokens_in": "tokens de entrada",
    "tokens_out": "tokens de salida",
    "coste": "dólares, o null si no consta",
    "tiempo_s": "segundos desde que nació hasta que terminó, o hasta ahora",
    "verificacion": "cómo salieron sus pruebas, o null si no consta",
    "modelo": "el modelo con el que piensa",
    "tarea": "lo que se le encargó",
    "presupuesto": "sus topes, o un objeto vacío; los del Master son los de la sesión",
}
"""Clave de un agente → qué significa."""

_TOPE_LINEA = 500
"""Caracteres de una línea ajena (la salida, el motivo): es para mirarla, no para guardarla."""


def objeto(tablero: Tablero | None, redactar: Callable[[str], str] = str) -> dict[str, Any]:
    """El objeto entero; sin sesión, vacío. `redactar` quita los secretos de cada texto."""
    if tablero is None:
        ahora = _iso(datetime.now(UTC))
        return _cabecera(None, vivo=False, ahora=ahora) | {"master": None, "agentes": []}
    return _cabecera(tablero.sesion, vivo=tablero.vivo, ahora=_iso(tablero.ahora)) | {
        "master": _visto(tablero.master, redactar),
        "agentes": [_visto(agente, redactar) for agente in tablero.agentes],
    }


def _cabecera(sesion: str | None, *, vivo: bool, ahora: str | None) -> dict[str, Any]:
    return {"version": VERSION, "sesion": sesion, "vivo": vivo, "ahora": ahora}


def _visto(visto: Visto, redactar: Callable[[str], str]) -> dict[str, Any]:
    propias = {clave: getattr(visto, clave) for clave in CLAVES}
    textos = {c: redactar(getattr(visto, c)) for c in ("motivo", "orden", "ultima_linea", "tarea")}
    propias |= {clave: texto[:_TOPE_LINEA] for clave, texto in textos.items()}
    for clave in ("falta_s", "senal_s", "tiempo_s"):
        propias[clave] = None if propias[clave] is None else round(propias[clave], 1)
    propias["presupuesto"] = visto.presupuesto.datos()
    return propias | {"senal": _iso(visto.senal), "estado": visto.estado.value}


def _iso(hora: datetime | None) -> str | None:
    return None if hora is None else f"{hora:%Y-%m-%dT%H:%M:%S}.{hora.microsecond // 1000:03}Z"
