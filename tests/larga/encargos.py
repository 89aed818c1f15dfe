"""Quién trabaja en cada oleada y qué ha de hacer: sale de la semilla y viaja en la tarea misma.

Un turno es una cadena, una letra por llamada, o la lista de agentes que se delegan:

- `c` orden que acaba bien · `f` orden que acaba mal · `e` orden que no acaba nunca
- `p` problema que contesta el superior · `q` problema que contesta la persona
- `w` esperar a los suyos · `x` el proveedor bloquea la respuesta
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from random import Random
from zlib import crc32

from tests.apoyo import CONSOLA, DELEGAR, MENSAJE, PROBLEMA, REPORTAR, tipo
from tests.larga.plan import Plan

_SIN_PRISA = 500
TIPOS = (
    tipo("obrero", max_iterations=_SIN_PRISA),
    tipo("lejano", max_iterations=_SIN_PRISA, model="gemini:gemini-3-prueba"),
    tipo("prudente", max_iterations=_SIN_PRISA, aprobacion="estricta"),
    tipo("breve", max_iterations=3),
    tipo("eterno", max_iterations=_SIN_PRISA, limite_comando_s=3600),
    tipo(
        "jefe",
        max_iterations=_SIN_PRISA,
        available_tools=[CONSOLA, DELEGAR, MENSAJE, REPORTAR, PROBLEMA],
    ),
)
"""Los de la carrera: en cada uno acaba la sesión de una manera."""

A_LA_VEZ = 8
"""Agentes de una oleada, contando los de los jefes."""

COLA = "; echo {0} >> acabadas"
ETERNA = "; sleep 3600"


@dataclass(frozen=True, slots=True)
class Encargo:
    """Una tarea: para qué tipo de agente y sus turnos."""

    nombre: str
    tipo: str
    turnos: Sequence[str | list[Encargo]]

    @property
    def tarea(self) -> str:
        """El texto con que se delega."""
        return f"{self.nombre} {json.dumps(_plano(self))}"


def leer(tarea: str) -> Encargo:
    """El encargo que va en ese texto."""
    return _de_plano(json.loads(tarea.partition(" ")[2]))


def _plano(encargo: Encargo) -> dict[str, object]:
    turnos = [t if isinstance(t, str) else [_plano(e) for e in t] for t in encargo.turnos]
    return {"n": encargo.nombre, "t": encargo.tipo, "p": turnos}


def _de_plano(datos: dict[str, object]) -> Encargo:
    turnos = datos["p"]
    assert isinstance(turnos, list)
    leidos = [t if isinstance(t, str) else [_de_plano(e) for e in t] for t in turnos]
    return Encargo(str(datos["n"]), str(datos["t"]), leidos)


def oleada(numero: int, plan: Plan) -> list[Encargo]:
    """Lo que delega el Master en esa oleada: ocho agentes en dos niveles, y en una de dos, en tres."""
    azar = Random(f"{plan.semilla}:{numero}")
    nombres = (f"o{numero}.{n}" for n in range(A_LA_VEZ))

    def nuevo(cual: str, *propios: str | list[Encargo]) -> Encargo:
        return Encargo(next(nombres), cual, propios or [*_turnos(azar, plan)])

    rara = ("fallido", "eterno", "breve")[numero % 3]
    nietos = [nuevo("obrero")] if numero % 2 else []
    mando = nuevo("jefe", nietos, "c", "w", "c") if nietos else nuevo("lejano")
    sueltos = [] if nietos else [nuevo("obrero")]
    return [
        nuevo("jefe", [nuevo("obrero"), mando], "cc", "w", "c"),
        nuevo("jefe", [nuevo("lejano")], "c", "w", "f"),
        nuevo("prudente", "c", "c", "f", "c"),
        _raro(next(nombres), rara),
        *sueltos,
    ]


def _raro(nombre: str, clase: str) -> Encargo:
    """El que no acaba bien: se cancela, llega a su límite o el proveedor lo bloquea."""
    if clase == "eterno":
        return Encargo(nombre, "eterno", ["c", "e"])
    if clase == "breve":
        return Encargo(nombre, "breve", ["c"] * 5)
    return Encargo(nombre, "obrero", ["c", "q", "f", "x"])


def _turnos(azar: Random, plan: Plan) -> Iterator[str]:
    cuantos = azar.choice(plan.turnos)
    problema = azar.randrange(cuantos)
    for n in range(cuantos):
        yield "p" if n == problema else azar.choice(("c", "c", "c", "f", "cc", "cf"))


def orden(letra: str, nombre: str, orden_s: float) -> str:
    """Una orden que deja dicho en el disco que empezó y, si le toca, que acabó."""
    empieza = f"echo {nombre} >> empezadas"
    if letra == "e":
        return empieza + ETERNA
    espera = orden_s * (crc32(nombre.encode()) % 100) / 100
    return f"{empieza}; sleep {espera:.2f}{COLA.format(nombre)}; exit {codigo(letra, nombre)}"


def codigo(letra: str, nombre: str) -> int:
    """Con el que ha de acabar."""
    return 0 if letra == "c" else 3 + crc32(nombre.encode()) % 7
