"""De un texto ajeno a la línea que se enseña, limpia."""

from __future__ import annotations

from collections.abc import Iterator

from servicios.consola.secretos.limpieza import limpiar


def primera_linea(texto: str) -> str:
    """La primera que no está en blanco."""
    return next(_con_algo(texto), "")


def ultima_linea(texto: str) -> str:
    """La última que no está en blanco; un retorno de carro también acaba una línea."""
    return next(_con_algo(texto, al_reves=True), "")


def _con_algo(texto: str, *, al_reves: bool = False) -> Iterator[str]:
    lineas = limpiar(texto).split("\n")
    return (limpia for ln in (reversed(lineas) if al_reves else lineas) if (limpia := ln.strip()))
