"""El aislamiento `local`: ninguno. Solo por su nombre, y avisando."""

from __future__ import annotations

from dataclasses import dataclass

from agentes.errores import ErrorConsola
from agentes.perfil_consola import Red
from servicios.consola.pedido import Encierro
from servicios.consola.plaza import Plaza


@dataclass(frozen=True, slots=True)
class Local:
    """Ver `Aislamiento`. La orden ve, lee y escribe lo mismo que el usuario con que corre."""

    duenio: int | None
    nombre: str = "local"
    descripcion: str = "local, SIN AISLAMIENTO: las órdenes pueden lo mismo que su usuario"
    encierra: bool = False
    red_de_cada_uno: bool = False

    async def encerrar(self, plaza: Plaza) -> Encierro:
        """Ver `Aislamiento`: solo rechaza una red por lista, que no sabría cumplir."""
        if plaza.red is Red.LISTA:
            raise ErrorConsola(
                "consola: «local» no puede acotar la red a una lista; usa `--aislamiento bwrap`"
            )
        return Encierro(usuario=self.duenio)

    async def olvidar(self, agente_id: str) -> None:
        """Nada que soltar."""

    async def cerrar(self) -> None:
        """Nada que soltar."""
