"""Lo que un agente afirma al entregar su resultado y lo que se comprobó de ello: datos puros."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

COMPROBAR = "comprobar_evidencia"
"""Con este nombre consta cada comprobación en la bitácora; ningún modelo la llama."""

CUALQUIERA = "cualquiera"
"""En lo exigido: al menos una afirmación, de la clase que sea."""


class ClaseEvidencia(StrEnum):
    """Qué se afirma y cómo se comprueba."""

    ARCHIVO = "archivo"
    ORDEN = "orden"
    TEXTO = "texto"
    SQL = "sql"
    HTTP = "http"


class Verificacion(StrEnum):
    """Cómo acabó una ejecución según las pruebas que dio; su estado final es otra cosa."""

    SIN_PRUEBAS = "sin_pruebas"
    """No dio ninguna, o no las que se le exigían."""

    VERIFICADA = "verificada"
    """Todo lo que afirmó se cumplía, y estaba todo lo exigido."""

    FALLIDA = "fallida"
    """Algo de lo que afirmó no se cumplía."""


@dataclass(frozen=True, slots=True)
class Evidencia:
    """Una afirmación bien escrita. `datos` son sus campos, tal como los dio el modelo."""

    clase: ClaseEvidencia
    datos: dict[str, Any]

    @property
    def que(self) -> str:
        """De qué habla, en una línea."""
        datos = self.datos
        match self.clase:
            case ClaseEvidencia.ORDEN:
                detalle = str(datos["orden"])
            case ClaseEvidencia.SQL:
                detalle = f"{datos['base']}: {datos['consulta']}"
            case ClaseEvidencia.HTTP:
                detalle = f"{datos['trabajo']}, puerto {datos['puerto']}, {datos['ruta']}"
            case _:
                detalle = str(datos["ruta"])
        return f"{self.clase} {' '.join(detalle.split())}"


@dataclass(frozen=True, slots=True)
class Comprobada:
    """Una afirmación y si se cumplía. `linea` es «✔ …» o «✘ … : por qué no»."""

    clase: ClaseEvidencia
    cumple: bool
    linea: str


def faltan(exigidas: Collection[str], hechas: Iterable[Comprobada]) -> tuple[str, ...]:
    """Las clases exigidas que no están; `cualquiera` está si hay alguna."""
    clases = {hecha.clase.value for hecha in hechas}
    if CUALQUIERA in exigidas and clases:
        clases.add(CUALQUIERA)
    return tuple(clase for clase in exigidas if clase not in clases)


def verificacion_de(exigidas: Collection[str], hechas: Collection[Comprobada]) -> Verificacion:
    """Lo que vale un reporte con esas comprobaciones."""
    if not all(hecha.cumple for hecha in hechas):
        return Verificacion.FALLIDA
    if not hechas or faltan(exigidas, hechas):
        return Verificacion.SIN_PRUEBAS
    return Verificacion.VERIFICADA
