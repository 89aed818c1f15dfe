"""El reporte de un agente: se comprueba lo que afirma, y se entrega o se le devuelve una vez."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from functools import partial
from typing import Protocol

from agentes.eventos import Apunte
from agentes.pruebas import (
    COMPROBAR,
    ClaseEvidencia,
    Comprobada,
    Evidencia,
    Verificacion,
    faltan,
    verificacion_de,
)
from agentes.respuestas import LlamadaHerramienta, Operacion, ResultadoHerramienta
from prompts.evidencias import devolver, entregar, mal_escritas, nota
from servicios.herramientas.evidencias.lectura import MalEscritaError, leer_evidencias

Hacer = Callable[[Apunte, Operacion], Awaitable[ResultadoHerramienta]]
Comprobar = Callable[[Evidencia, str, Operacion], Awaitable[ResultadoHerramienta]]
"""De una afirmación, su agente y el uso a si se cumple."""


class Puerta(Protocol):
    """Por donde pasa todo efecto."""

    async def cruzar(
        self, llamada: LlamadaHerramienta, turno: int, causa: Apunte, hacer: Hacer
    ) -> tuple[ResultadoHerramienta, Apunte]:
        """El resultado de una llamada y la fila de su cierre."""
        ...


@dataclass(frozen=True, slots=True)
class Veredicto:
    """Qué se hace con un reporte: `respuesta` la lee el agente y `nota`, su superior."""

    entregado: bool
    verificacion: Verificacion
    respuesta: ResultadoHerramienta
    nota: str = ""


class Verificador:
    """El de un agente. `devueltos` son los reportes que ya se le devolvieron.

    Cada afirmación cruza la puerta con su propia operación (la de su reporte y un número), así que
    al reanudar no se repite la que ya se comprobó.
    """

    def __init__(
        self,
        agente_id: str,
        exige: tuple[str, ...],
        puerta: Puerta,
        comprobar: Comprobar,
        devueltos: int = 0,
    ) -> None:
        self._agente_id = agente_id
        self._exige = exige
        self._puerta = puerta
        self._comprobar = comprobar
        self._devueltos = devueltos

    async def revisar(self, llamada: LlamadaHerramienta, turno: int, causa: Apunte) -> Veredicto:
        """Comprueba las evidencias de un reporte; el segundo se entrega contenga lo que contenga."""
        try:
            evidencias = leer_evidencias(llamada.args.get("evidencias", []))
        except MalEscritaError as error:
            return self._mal_escritas(str(error))
        hechas: list[Comprobada] = []
        # Las HTTP, antes: las demás paran los trabajos.
        for numero, evidencia in sorted(enumerate(evidencias, 1), key=_sin_trabajos):
            una = LlamadaHerramienta(f"{llamada.id}#{numero}", COMPROBAR, evidencia.datos)
            hacer = partial(self._una, evidencia)
            resultado, _ = await self._puerta.cruzar(una, turno, causa, hacer)
            hechas.append(Comprobada(evidencia.clase, resultado.ok, resultado.para_modelo))
        return self._juzgar(hechas)

    async def _una(
        self, evidencia: Evidencia, _: Apunte, operacion: Operacion
    ) -> ResultadoHerramienta:
        return await self._comprobar(evidencia, self._agente_id, operacion)

    def _juzgar(self, hechas: list[Comprobada]) -> Veredicto:
        verificacion, sin = verificacion_de(self._exige, hechas), faltan(self._exige, hechas)
        pendiente = bool(sin) or verificacion is Verificacion.FALLIDA
        if pendiente and not self._devueltos:
            self._devueltos += 1
            texto = devolver(hechas, sin)
            respuesta = ResultadoHerramienta(False, texto, detalles={"devuelto": True})
            return Veredicto(False, verificacion, respuesta)
        return Veredicto(
            entregado=True,
            verificacion=verificacion,
            respuesta=ResultadoHerramienta(True, entregar(verificacion, hechas)),
            nota=nota(verificacion, hechas, sin),
        )

    def _mal_escritas(self, motivo: str) -> Veredicto:
        """Un error que vuelve al modelo; si ya se le devolvió un reporte, este es el último."""
        respuesta = ResultadoHerramienta(False, mal_escritas(motivo))
        if not self._devueltos:
            return Veredicto(False, Verificacion.FALLIDA, respuesta)
        final = replace(respuesta, ok=True, para_modelo=entregar(Verificacion.FALLIDA, ()))
        titular = nota(Verificacion.FALLIDA, (), faltan(self._exige, ()), motivo)
        return Veredicto(True, Verificacion.FALLIDA, final, titular)


def _sin_trabajos(numerada: tuple[int, Evidencia]) -> bool:
    return numerada[1].clase is not ClaseEvidencia.HTTP
