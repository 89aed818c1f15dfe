"""Una línea de la tabla: lo medido, contra qué, la razón y el objetivo."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Linea:
    """`razon` es la que se compara con `tope`; sin tope, la línea solo informa."""

    fila: int
    medida: str
    producto: str
    referencia: str = ""
    razon: float | None = None
    objetivo: str = ""
    cumple: bool | None = None


def comparar(
    fila: int,
    medida: str,
    valores: tuple[float, float],
    referencia: str,
    *,
    unidad: str,
    tope: float | None = None,
    mas_es_mejor: bool = False,
) -> Linea:
    """Producto contra referencia. `tope`: razón máxima (o mínima si más es mejor)."""
    producto, suelo = valores
    razon = producto / suelo
    signo = "≥" if mas_es_mejor else "≤"
    cumple = None
    if tope is not None:
        cumple = razon >= tope if mas_es_mejor else razon <= tope
    return Linea(
        fila=fila,
        medida=medida,
        producto=f"{cifra(producto)} {unidad}",
        referencia=f"{cifra(suelo)} {unidad} · {referencia}",
        razon=razon,
        objetivo="" if tope is None else f"{signo} {tope:g} ×",
        cumple=cumple,
    )


def limitar(fila: int, medida: str, valor: float, *, unidad: str, tope: float) -> Linea:
    """Un valor con un límite propio, sin suelo."""
    return Linea(
        fila=fila,
        medida=medida,
        producto=f"{cifra(valor)} {unidad}",
        objetivo=f"≤ {tope:g} {unidad}",
        cumple=valor <= tope,
    )


def cifra(valor: float) -> str:
    """Un número con tres cifras que digan algo."""
    if abs(valor) >= 100:
        return f"{valor:,.0f}".replace(",", " ")
    return f"{valor:.3g}" if abs(valor) >= 0.01 or not valor else f"{valor:.2g}"
