"""Cuánto dura la carrera, cuánto trabajo hay y cada cuánto se estropea algo."""

from __future__ import annotations

from dataclasses import dataclass, replace


@dataclass(frozen=True, slots=True)
class Plan:
    """Todo lo que se decide antes de empezar; los tiempos, en segundos.

    La carrera acaba cuando se cumplen a la vez `dura_s`, `ordenes` y `muertes` y la persona ya lo
    ha hecho todo una vez. `turnos` son los de cada agente con plan propio; `piensa_s`, lo que tarda
    el modelo como mucho; `cadencia_s`, lo que espera la persona entre una cosa y otra; `averia` es
    la parte de las peticiones que se estropean. Si es `completa`, ha de haber de todo: cada clase de
    avería, también los silencios, y `A_LA_VEZ` agentes a la vez.
    """

    semilla: int
    dura_s: float
    ordenes: int
    muertes: int
    turnos: range
    orden_s: float
    piensa_s: float
    cadencia_s: float
    averia: float
    completa: bool
    oleada_s: float = 900.0


def largo(minutos: float, semilla: int) -> Plan:
    """La de `make prueba-larga`."""
    return Plan(
        semilla=semilla,
        dura_s=minutos * 60,
        ordenes=300 if minutos >= 30 else int(10 * minutos),
        muertes=2,
        turnos=range(6, 12),
        orden_s=4.0,
        piensa_s=min(4.0, minutos / 8),
        cadencia_s=min(5.0, minutos / 4),
        averia=0.15,
        completa=minutos >= 10,
    )


def corto(semilla: int) -> Plan:
    """La de la suite: poco más de un minuto y una muerte."""
    return replace(
        largo(1, semilla),
        ordenes=40,
        muertes=1,
        turnos=range(3, 6),
        orden_s=0.4,
        piensa_s=0.05,
        cadencia_s=0.2,
    )
