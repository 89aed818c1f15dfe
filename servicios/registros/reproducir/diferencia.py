"""En qué se dejan de parecer dos sesiones: el primer hecho distinto y qué tiene de distinto."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import zip_longest
from typing import Any

from servicios.registros.reproducir.canonico import VOLATILES, FilaGrabada

_TOPE = 200


@dataclass(frozen=True, slots=True)
class Diferencia:
    """Un hecho distinto: de quién, cuál, en qué fila de la primera y qué cambia."""

    agente_id: str
    fila: int | None
    tipo: str
    motivo: str

    def __str__(self) -> str:
        donde = f"fila {self.fila}" if self.fila else "después de la última fila"
        return f"primer hecho distinto: {self.agente_id}, {donde} ({self.tipo}): {self.motivo}"


def comparar(
    primera: Mapping[str, list[FilaGrabada]], segunda: Mapping[str, list[FilaGrabada]]
) -> list[Diferencia]:
    """El primer hecho distinto de cada agente, el más antiguo delante; vacía si son iguales."""
    diferencias = [
        diferencia
        for agente in sorted({*primera, *segunda})
        if (diferencia := _de_agente(agente, primera.get(agente, []), segunda.get(agente, [])))
    ]
    return sorted(diferencias, key=lambda d: d.fila or 1 << 62)


def _de_agente(agente: str, una: list[FilaGrabada], otra: list[FilaGrabada]) -> Diferencia | None:
    for a, b in zip_longest(una, otra):
        if a is None and b is not None:
            return Diferencia(agente, None, b.tipo, "sobra en la segunda")
        if a is not None and b is None:
            return Diferencia(agente, a.id, a.tipo, "falta en la segunda")
        if a is not None and b is not None and a.canonica != b.canonica:
            return Diferencia(agente, a.id, a.tipo, motivo_de(a, b.tipo, b.details))
    return None


def motivo_de(grabada: FilaGrabada, tipo: str, details: Mapping[str, Any]) -> str:
    """Qué cambia entre una fila grabada y otro hecho."""
    if grabada.tipo != tipo:
        return f"se esperaba {grabada.tipo} y fue {tipo}"
    cambios = list(_cambios("", grabada.details, dict(details)))
    return "; ".join(cambios[:3]) or "cambia algo que no se sabe enseñar"


def _cambios(ruta: str, a: Any, b: Any) -> Iterator[str]:
    if isinstance(a, dict) and isinstance(b, dict):
        for clave in sorted({*a, *b} - VOLATILES - {"op"}, key=str):
            yield from _cambios(f"{ruta}.{clave}".strip("."), a.get(clave), b.get(clave))
    elif isinstance(a, list) and isinstance(b, list) and len(a) == len(b):
        for numero, (x, y) in enumerate(zip(a, b, strict=True)):
            yield from _cambios(f"{ruta}[{numero}]", x, y)
    elif a != b:
        yield f"«{ruta}» era {_corto(a, b)} y es {_corto(b, a)}"


def _corto(valor: Any, otro: Any) -> str:
    """Un valor alrededor de lo primero que cambia."""
    texto, ajeno = str(valor), str(otro)
    pares = zip(texto, ajeno, strict=False)
    comun = next((i for i, (x, y) in enumerate(pares) if x != y), min(len(texto), len(ajeno)))
    desde = max(0, comun - 40)
    trozo = texto[desde : desde + _TOPE]
    return f"{'…' if desde else ''}{trozo!r}{'…' if desde + _TOPE < len(texto) else ''}"
