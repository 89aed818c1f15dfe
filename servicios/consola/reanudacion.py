"""Qué fue de una operación que se quedó sin cierre, y hacerse con ella si sigue viva."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from enum import StrEnum

from agentes.errores import ErrorConsola
from servicios.consola.operaciones.disco import Rastro, reclamar_para_nadie
from servicios.consola.operaciones.identidad import Identidad
from servicios.consola.resultado import ResultadoComando, resultado_de
from servicios.consola.supervision.corrida import Corrida, PorSenal, informe_a_medias

_ESPERA_S = 1.0
_CADA_S = 0.05


class Suerte(StrEnum):
    """Qué fue de ella."""

    NUNCA = "nunca"
    """No empezó, y desde ahora nadie puede empezarla: quien preguntó se quedó con el intento."""

    VIVA = "viva"
    TERMINADA = "terminada"
    INTERRUMPIDA = "interrumpida"
    """Empezó y no acabó: su supervisor murió sin contarlo."""

    INDETERMINADA = "indeterminada"
    """Alguien se quedó con el intento y no dejó dicho quién."""


@dataclass(frozen=True, slots=True)
class Hallazgo:
    """Lo que se encontró. `resultado`, si terminó o, con lo que llegó a escribir, si no.

    `adoptada` dice que seguía viva y se esperó a que acabara.
    """

    suerte: Suerte
    resultado: ResultadoComando | None = None
    adoptada: bool = False


async def mirar(rastro: Rastro) -> tuple[Suerte, Corrida | None]:
    """Qué fue de una operación y, si sigue viva, su corrida. Lanza `ErrorConsola`.

    De la que no exista se queda con el intento.
    """
    if not rastro.existe() and _reclamar(rastro):
        return Suerte.NUNCA, None
    if rastro.reclamada():
        return Suerte.NUNCA, None
    supervisor = await _supervisor(rastro)
    if supervisor is None:
        return Suerte.INDETERMINADA, None
    agarrado = supervisor.agarrar()
    if agarrado is not None and rastro.informe() is None:
        return Suerte.VIVA, Corrida(rastro, PorSenal(agarrado))
    if agarrado is not None:
        PorSenal(agarrado).soltar()
    acabada = rastro.informe() is not None
    return (Suerte.TERMINADA if acabada else Suerte.INTERRUMPIDA), None


def hallado(rastro: Rastro, suerte: Suerte) -> Hallazgo:
    """Lo que dejó la que ya no vive. Lanza `ErrorConsola` si no se pudo lanzar."""
    if suerte in {Suerte.NUNCA, Suerte.INDETERMINADA}:
        return Hallazgo(suerte)
    informe = rastro.informe() or informe_a_medias(rastro)
    return Hallazgo(suerte, resultado_de(informe))


async def _supervisor(rastro: Rastro) -> Identidad | None:
    """Quién la lleva; donde la carpeta no nace entera, puede tardar un momento en saberse."""
    for _ in range(round(_ESPERA_S / _CADA_S)):
        if (supervisor := rastro.supervisor()) is not None:
            return supervisor
        await asyncio.sleep(_CADA_S)
    return None


def _reclamar(rastro: Rastro) -> bool:
    try:
        return reclamar_para_nadie(rastro.carpeta.parent, rastro.carpeta.name)
    except OSError as error:
        raise ErrorConsola(
            f"consola: no se puede escribir en «{rastro.carpeta.parent}» ({error.strerror})"
        ) from error
