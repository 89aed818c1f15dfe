"""El motor local: cada agente es una tarea de este bucle de asyncio.

Da a cada agente sus dos puertos, que es todo lo que su bucle sabe del mundo: `anotar` (esperarlo
es esperar a que la fila esté guardada) y su buzón. El fallo de uno no toca a los demás. Quien no
tiene puesto espera en cola.
"""

from __future__ import annotations

import asyncio
import traceback
from collections.abc import Callable
from typing import Self

from agentes.errores import ErrorBitacora
from agentes.eventos import Apunte, EstadoAgente, FalloInterno
from servicios.motores.puestos import Puestos, Turno
from servicios.puertos import Anotar, Bucle


class MotorLocal:
    """Corre los agentes en este proceso. Se usa con `async with`: al salir no queda ninguno."""

    def __init__(self, anotar: Anotar, puestos: Puestos) -> None:
        self._anotar = anotar
        self._puestos = puestos
        self._grupo = asyncio.TaskGroup()

    async def __aenter__(self) -> Self:
        await self._grupo.__aenter__()
        return self

    async def __aexit__(self, *error: object) -> None:
        await self._grupo.__aexit__(None, None, None)

    def lanzar(
        self, bucle: Bucle, causa: Apunte, al_acabar: Callable[[], None]
    ) -> asyncio.Task[None]:
        """Pone un agente en marcha, o en cola; `al_acabar` se llama pase lo que pase."""
        agente = bucle.agente
        turno = self._sitio(bucle, causa)
        tarea = self._grupo.create_task(self._vigilar(bucle, turno), name=agente.nombre)

        def acabar(_: asyncio.Task[None]) -> None:
            al_acabar()
            self._puestos.dejar(agente.nombre)

        tarea.add_done_callback(acabar)
        return tarea

    def _sitio(self, bucle: Bucle, causa: Apunte) -> Turno | None:
        """El turno de uno nuevo. El que ya había empezado sigue y el que está en pausa no ocupa."""
        if bucle.agente.estado is EstadoAgente.STARTED:
            return self._puestos.pedir(bucle.agente, causa)
        if not bucle.paradas.esta_quieto:
            self._puestos.ocupar(bucle.agente.nombre)
        return None

    async def _vigilar(self, bucle: Bucle, turno: Turno | None) -> None:
        """La frontera de un agente."""
        agente_id = bucle.agente.nombre
        try:
            if turno is not None:
                await self._puestos.tener(turno)
            await bucle.run()
        except ErrorBitacora:
            raise
        except Exception as error:  # noqa: BLE001 - lo que le pase a uno se queda en él
            texto = f"fallo interno en {agente_id}: {type(error).__name__}: {error}"
            traza = traceback.format_exc()
            self._anotar(FalloInterno(agente_id=agente_id, error=texto, traza=traza), None)
            bucle.terminar(EstadoAgente.FAILED, texto)
