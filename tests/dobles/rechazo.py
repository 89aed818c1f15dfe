"""Una petición que el proveedor no acepta."""

from __future__ import annotations


class Rechazo(Exception):
    """Lleva el estado HTTP, el texto y lo que pide el formato de error de cada proveedor."""

    def __init__(
        self, mensaje: str, estado: int = 400, codigo: str | None = None, donde: str | None = None
    ) -> None:
        super().__init__(mensaje)
        self.mensaje = mensaje
        self.estado = estado
        self.codigo = codigo
        self.donde = donde


def exigir(condicion: object, mensaje: str, donde: str | None = None) -> None:
    """Rechaza con un 400 si no se cumple."""
    if not condicion:
        raise Rechazo(mensaje, donde=donde)
