"""Qué contesta el modelo en la tortura: solo depende de la historia que recibe.

Tras una muerte la misma petición llega otra vez, así que aquí no se gasta ningún paso: cada
contestación se deduce de los turnos ya dados. El Master reparte cinco encargos, contesta a quien
tiene un problema y acaba cuando los cinco han acabado; dos de ellos reparten a su vez.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from zlib import crc32

from tests.apoyo import CANCELAR, CONSOLA, DELEGAR, MENSAJE, PROBLEMA, REPORTAR, tipo
from tests.dobles.guion import Guion
from tests.dobles.peticion import Peticion
from tests.dobles.respuestas import Llamada, Respuesta, llamada, respuesta, texto

LINEA = "empieza"
FINAL = "todo hecho"
INICIAR, LEER = "iniciar_trabajo", "leer_trabajo"
OBRERO = tipo(
    "obrero",
    available_tools=[CONSOLA, INICIAR, LEER, DELEGAR, REPORTAR, PROBLEMA],
    max_iterations=500,
)

PLANES: dict[str, Sequence[str]] = {
    "normal": ("c", "c", "c", "c", "c", "c"),
    "problema": ("c", "c", "c", "p", "c", "c", "c"),
    "parejas": ("cc", "cc", "cc"),
    "jefe": ("c", "d", "1", "c", "c", "c"),
    "reparto": ("cdd", "2", "c", "cc", "c"),
    "trabajo": ("t", "c", "l", "c", "l"),
    "hoja": ("c", "c", "c"),
    "breve": ("c", "p", "cc"),
    "padre": ("dd", "2", "c"),
    "eterno": ("z",),
}
"""Los turnos de cada plan, una letra por llamada: orden, problema, delegación, orden sin final, trabajo
en segundo plano o leerlo; y un número es esperar a tantos agentes. Después de todos, el reporte final; menos el eterno, que vuelve
a empezar hasta que el Master lo cancela porque han acabado los demás."""

ENCARGOS = ("normal", "problema", "parejas", "jefe", "reparto", "trabajo", "eterno")

_TERMINADO = re.compile(r"hecho\[([\w-]+)\]")
_EN_PAUSA = re.compile(r"([\w-]+) \([^)]*\) está en pausa por un problema")
_INICIADO = re.compile(r"Trabajo (t\d+) en marcha")
_LANZADO = re.compile(r"Lanzado ([\w-]+)\.")
_CORTAS_MS, _LARGAS_MS = 10, 250


@dataclass(frozen=True)
class Esperado:
    """Lo que ha de haber al acabar: agentes, cancelados y órdenes, sin contar las eternas."""

    agentes: int
    cancelados: int
    ordenes: int

    @classmethod
    def de(cls, encargos: Sequence[str]) -> Esperado:
        """Lo que hacen esos encargos y los agentes que lancen."""
        letras = "".join(letra for encargo in encargos for letra in "".join(PLANES[encargo]))
        hojas = letras.count("d")
        de_hoja = "".join(PLANES["hoja"]).count("c")
        ordenes = letras.count("c") + hojas * de_hoja
        return cls(len(encargos) + hojas, encargos.count("eterno"), ordenes)


def guion(encargos: Sequence[str] = ENCARGOS) -> Guion:
    """El de esos encargos; vale para cualquier número de sesiones a la vez."""
    return Guion({"Master": partial(_master, encargos), "obrero-*": _obrero})


def reporte(agente_id: str) -> str:
    """Con lo que acaba ese agente; no hay otro igual."""
    return f"hecho[{agente_id}]"


def problema(agente_id: str) -> str:
    """Lo que cuenta ese agente si su plan tiene un problema."""
    return f"problema[{agente_id}]"


def directiva(agente_id: str) -> str:
    """Lo que le contesta el Master."""
    return f"directiva[{agente_id}]"


def orden(nombre: str) -> str:
    """Una orden que deja dicho que empezó y que acabó."""
    ms = _CORTAS_MS + crc32(nombre.encode()) % (_LARGAS_MS - _CORTAS_MS)
    return f"echo {nombre} >> empezadas; sleep {ms / 1000:.3f}; echo {nombre} >> acabadas"


def eterna(nombre: str) -> str:
    """Una que solo acaba si la matan (o a su límite de tiempo)."""
    return f"echo {nombre} >> empezadas; sleep 100"


def _master(encargos: Sequence[str], peticion: Peticion) -> Respuesta:
    if not peticion.turnos_con_llamadas:
        tareas = [{"agent_type": "obrero", "task_description": f"plan {p}"} for p in encargos]
        return respuesta("reparto", [llamada(DELEGAR, tarea) for tarea in tareas])
    dicho = peticion.dicho
    escritos = {args["agent_id"] for nombre, args in peticion.pedidas if nombre == MENSAJE}
    if en_pausa := [a for a in _EN_PAUSA.findall(dicho) if a not in escritos]:
        return respuesta(
            llamadas=[
                llamada(MENSAJE, {"agent_id": a, "message_content": directiva(a)}) for a in en_pausa
            ]
        )
    acabados = len(set(_TERMINADO.findall(dicho)))
    if acabados < len(encargos) - encargos.count("eterno"):
        return texto(f"van {acabados}")
    return _parar_eternos(encargos, peticion) or texto(FINAL)


def _parar_eternos(encargos: Sequence[str], peticion: Peticion) -> Respuesta | None:
    lanzados = _LANZADO.findall("\n".join(peticion.resultados))
    parados = {args["agent_id"] for nombre, args in peticion.pedidas if nombre == CANCELAR}
    for encargo, agente_id in zip(encargos, lanzados, strict=True):
        if encargo == "eterno" and agente_id not in parados:
            return respuesta(llamadas=[llamada(CANCELAR, {"agent_id": agente_id})])
    return None


def _obrero(peticion: Peticion) -> Respuesta:
    encargo = peticion.mensajes[0].texto.split()[1]
    plan = PLANES[encargo] if encargo != "eterno" else ("z",) * (peticion.turnos_con_llamadas + 1)
    hechos = peticion.turnos_con_llamadas
    acabados = len(set(_TERMINADO.findall(peticion.dicho)))
    for turno in plan:
        if turno.isdigit():
            if hechos == 0 and acabados < int(turno):
                return texto("espero a los míos")
        elif hechos == 0:
            numero = peticion.turnos_con_llamadas
            return respuesta(
                llamadas=[
                    _llamada(letra, f"{peticion.agente}.{numero}.{k}", peticion)
                    for k, letra in enumerate(turno)
                ]
            )
        else:
            hechos -= 1
    return respuesta(llamadas=[llamada(REPORTAR, {"resultado": reporte(peticion.agente)})])


def _llamada(letra: str, nombre: str, peticion: Peticion) -> Llamada:
    if letra == "c":
        return llamada(CONSOLA, {"command": orden(nombre)})
    if letra == "t":
        return llamada(INICIAR, {"command": f"echo {nombre} >> empezadas; sleep 0.4"})
    if letra == "l":
        iniciados = _INICIADO.findall("\n".join(peticion.resultados)) or ["t1"]
        return llamada(LEER, {"trabajo_id": iniciados[-1]})
    if letra == "z":
        return llamada(CONSOLA, {"command": eterna(nombre)})
    if letra == "d":
        return llamada(DELEGAR, {"agent_type": "obrero", "task_description": "plan hoja"})
    return llamada(PROBLEMA, {"descripcion_problema": problema(nombre.partition(".")[0])})
