"""Los códigos de salida del programa, los mismos en todas las caras."""

from __future__ import annotations

from enum import IntEnum

from agentes.errores import ErrorConfiguracion, ErrorConsola, ErrorEnjambre, ErrorModelo


class Salida(IntEnum):
    """Códigos de salida."""

    BIEN = 0
    FALLO = 1
    CONFIGURACION = 2
    DENEGADO = 3
    PRESUPUESTO = 4
    INCIERTO = 5
    COLGADO = 129
    INTERRUMPIDO = 130
    TERMINADO = 143


def codigo_de(error: ErrorEnjambre) -> Salida:
    """Con qué código acaba el programa por ese error."""
    if isinstance(error, ErrorConfiguracion | ErrorConsola):
        return Salida.CONFIGURACION
    if isinstance(error, ErrorModelo) and error.es_configuracion:
        return Salida.CONFIGURACION
    if isinstance(error, ErrorModelo) and error.es_de_presupuesto:
        return Salida.PRESUPUESTO
    return Salida.FALLO
