"""Lo que la persona pidió y puede tardar: corre aparte, mientras se sigue escribiendo."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

from agentes.errores import ErrorEnjambre
from servicios.interfaz.lineas import Linea, Tono
from servicios.interfaz.terminal.papel import Papel


class Encargos:
    """Las tareas en marcha. Se usa con `async with`: al salir se paran todas."""

    def __init__(self, papel: Papel) -> None:
        self._papel = papel
        self._tareas: dict[asyncio.Task[None], None] = {}

    async def __aenter__(self) -> Encargos:
        return self

    async def __aexit__(self, *error: object) -> None:
        tareas = [*self._tareas]
        for tarea in tareas:
            tarea.cancel()
        await asyncio.gather(*tareas, return_exceptions=True)

    def lanzar(self, trabajo: Callable[[], Awaitable[None]]) -> None:
        """Lo pone en marcha; si falla, lo dice en una línea."""
        tarea = asyncio.create_task(self._hacer(trabajo), name="encargo")
        self._tareas[tarea] = None
        tarea.add_done_callback(lambda hecha: self._tareas.pop(hecha, None))

    def parar(self) -> bool:
        """Para el último; falso si no hay ninguno."""
        return bool(self._tareas) and next(reversed(self._tareas)).cancel()

    async def _hacer(self, trabajo: Callable[[], Awaitable[None]]) -> None:
        try:
            await trabajo()
        except ErrorEnjambre as error:
            self._papel.linea(Linea(str(error), tono=Tono.MAL, entera=True))
