"""Texto ajeno, limpio y a la medida de la pantalla."""

from __future__ import annotations

from servicios.consola.limpieza import limpiar


def corto(texto: str, tope: int = 200) -> str:
    """Limpio, en una línea y con `tope` caracteres como mucho."""
    linea = " ".join(limpiar(texto[: tope * 20]).split())
    return linea if len(linea) <= tope else f"{linea[: tope - 1]}…"


def cabeza(texto: str, lineas: int, caracteres: int = 4_000) -> list[str]:
    """Las primeras líneas, limpias; si sobra texto, la última dice cuánto."""
    visibles = limpiar(texto[:caracteres]).rstrip("\n").split("\n")
    cortas = visibles[:lineas]
    if len(texto) > caracteres or len(visibles) > lineas:
        cortas.append(f"[… {len(texto)} caracteres en total]")
    return cortas
