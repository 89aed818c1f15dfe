"""Qué órdenes se permiten, cuáles se preguntan y cuáles se deniegan, sin ejecutarlas."""

from servicios.consola.permisos.politica import Decision, decidir

__all__ = ["Decision", "decidir"]
