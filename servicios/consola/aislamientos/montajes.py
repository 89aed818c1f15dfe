"""En qué orden se monta una plaza para que lo concedido se vea y lo prohibido no."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from servicios.consola.plaza import Plaza


class Modo(StrEnum):
    """Cómo se ve una ruta."""

    LEER = "leer"
    ESCRIBIR = "escribir"
    TAPAR = "tapar"


@dataclass(frozen=True, slots=True)
class Montaje:
    """Una ruta y cómo se ve, con todo lo que cuelga de ella hasta el siguiente montaje."""

    ruta: Path
    modo: Modo


def planear(plaza: Plaza, ademas: Iterable[Path] = ()) -> list[Montaje]:
    """Los montajes de una plaza, de fuera adentro: manda el más profundo.

    `ademas` son rutas que también se leen, y solo se leen aunque cuelguen de una escribible.
    Las carpetas que llevan a una protegida u oculta se montan sobre sí mismas: así no se puede
    apartar la carpeta entera y poner otra en su lugar.
    """
    concedidas = dict.fromkeys(plaza.leer, Modo.LEER)
    concedidas |= dict.fromkeys(plaza.escribir, Modo.ESCRIBIR)
    concedidas |= dict.fromkeys(ademas, Modo.LEER)
    tapadas = [ruta for ruta in plaza.ocultas if _cubre(concedidas, ruta)]
    plan = {**concedidas, **dict.fromkeys(tapadas, Modo.TAPAR)}
    for ruta in plaza.protegidas:
        madre = _cubre(plan, ruta)
        if ruta not in tapadas and madre is not None and plan[madre] is Modo.ESCRIBIR:
            plan[ruta] = Modo.LEER
    for ruta in tapadas:
        madre = _cubre({r: m for r, m in plan.items() if r != ruta}, ruta)
        if madre is not None and plan[madre] is Modo.TAPAR:
            del plan[ruta]
    for ruta, modo in tuple(plan.items()):
        if modo is not Modo.ESCRIBIR:
            _anclar(plan, ruta)
    return [Montaje(ruta, plan[ruta]) for ruta in sorted(plan, key=_hondura)]


def _cubre(plan: dict[Path, Modo], ruta: Path) -> Path | None:
    """La ruta del plan más cercana que contiene a `ruta`, o ella misma."""
    return next((madre for madre in (ruta, *ruta.parents) if madre in plan), None)


def _anclar(plan: dict[Path, Modo], ruta: Path) -> None:
    madre = _cubre(plan, ruta.parent)
    if madre is None or plan[madre] is not Modo.ESCRIBIR:
        return
    for intermedia in ruta.parents:
        if intermedia == madre:
            return
        plan[intermedia] = Modo.ESCRIBIR


def _hondura(ruta: Path) -> tuple[int, Path]:
    return len(ruta.parts), ruta
