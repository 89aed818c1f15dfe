"""El doble visto por un notario: contesta el guion, se estropea lo que toque y todo consta.

Una respuesta entera no vale hasta que se ve en una petición posterior (o no hay ninguna): si el
programa murió antes de guardarla, volverá a pedirla desde el mismo turno.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from random import Random
from typing import Any

from agentes.respuestas import Uso
from tests.dobles.guion import Guion
from tests.dobles.peticion import Mensaje, Peticion
from tests.dobles.respuestas import Respuesta
from tests.larga.averias import Averias, Dada
from tests.larga.guion import GuionLargo
from tests.larga.plan import Plan
from tests.larga.registro import Registro

MASTER = "master"


class Notario:
    """Un guion para los dobles que apunta cada petición, cómo se contesta y la última historia."""

    def __init__(self, plan: Plan, registro: Registro) -> None:
        self._registro = registro
        self._averias = Averias(plan)
        self._azar = Random(f"{plan.semilla}:uso")
        self._largo = GuionLargo(plan)
        self._ultimas: dict[str, Peticion] = {}

    def guion(self) -> Guion:
        """El de un doble; los de los dos comparten notario."""
        return Guion(
            {
                "Master": self._con(self._largo.master),
                **{
                    f"{tipo}-*": self._con(self._largo.agente)
                    for tipo in ("obrero", "lejano", "prudente", "breve", "eterno", "jefe")
                },
            }
        )

    def historia(self, agente: str) -> list[Mensaje]:
        """La última que mandó ese agente; vacía si no ha preguntado nunca."""
        ultima = self._ultimas.get(agente)
        return [] if ultima is None else ultima.mensajes

    def cerrar(self) -> None:
        """Apunta la última historia de cada uno: lo que de verdad le llegó."""
        for agente in self._ultimas:
            mensajes = [[m.rol, m.texto, m.llamadas] for m in self.historia(agente)]
            self._registro.anotar("historia", agente=agente, mensajes=mensajes)

    def _con(self, contestar: Callable[[Peticion], Respuesta]) -> Callable[[Peticion], Respuesta]:
        def contestada(peticion: Peticion) -> Respuesta:
            quien = MASTER if peticion.agente == "Master" else peticion.agente
            aparte = not peticion.herramientas
            turnos = peticion.turnos
            proveedor = "openai" if peticion.ruta.endswith("/chat/completions") else "gemini"
            dada = self._averias.estropear(
                lambda: contestar(peticion),
                (f"{quien} aparte" if aparte else quien, turnos),
                malformables=proveedor == "openai",
            )
            uso = Uso(self._azar.randrange(50, 5_000), self._azar.randrange(1, 500))
            if not aparte:
                self._ultimas[quien] = peticion
            self._apuntar(dada, quien, turnos, aparte=aparte, uso=uso, proveedor=proveedor)
            return replace(dada.respuesta, uso=uso)

        return contestada

    def _apuntar(self, dada: Dada, quien: str, turnos: int, **resto: Any) -> None:
        uso: Uso = resto.pop("uso")
        self._registro.anotar(
            "peticion",
            agente=quien,
            turnos=turnos,
            averia=dada.averia,
            uso=[uso.entrada, uso.salida],
            texto=dada.respuesta.texto,
            llamadas=[[ll.nombre, ll.args] for ll in dada.respuesta.llamadas],
            **resto,
        )
