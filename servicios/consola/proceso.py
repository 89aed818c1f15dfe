"""Una orden en marcha: se lanza, se vigila y no deja a nadie vivo.

Quien la espera puede ser cancelado cuando quiera: la orden corre en su propia tarea y se la
para con `parar`, que es también como terminan el límite de salida y el cierre.
"""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any, Protocol

from servicios.consola.salida import Captura, Tuberia

GRACIA_S = 0.2
"""Lo que se espera el final de las tuberías cuando la orden ya terminó, en segundos."""

_LIMITE_ENTIERRO_S = 5.0


class MotivoFin(StrEnum):
    """Por qué terminó una orden."""

    OK = "ok"
    TIEMPO = "tiempo"
    LIMITE_SALIDA = "limite_salida"
    CANCELADO = "cancelado"
    TUBERIA_RETENIDA = "tuberia_retenida"


class Verdugo(Protocol):
    """Quien sabe matar una orden entera."""

    def matar(self, pid: int, marca: str) -> None:
        """Mata todo lo de una orden viva."""
        ...

    def barrer(self, pid: int, marca: str) -> None:
        """Mata lo que dejó una orden ya terminada."""
        ...


@dataclass(frozen=True, slots=True)
class Lanzamiento:
    """Qué se ejecuta, dónde y con qué entorno; `marca` es única."""

    argv: Sequence[str]
    carpeta: Path
    entorno: Mapping[str, str]
    marca: str
    duenio: int | None = None


@dataclass(frozen=True, slots=True)
class Limites:
    """Segundos de vida, bytes que se conservan por flujo y bytes que se admiten entre los dos."""

    segundos: float
    salida: int
    total: int


class Corrida:
    """Una ejecución, de un solo uso."""

    def __init__(self, que: Lanzamiento, limites: Limites, verdugo: Verdugo) -> None:
        self._que = que
        self._limites = limites
        self._verdugo = verdugo
        self._parada: asyncio.Future[MotivoFin] = asyncio.get_running_loop().create_future()
        self.salida = Captura(limites.salida)
        self.error = Captura(limites.salida)

    def parar(self, motivo: MotivoFin) -> None:
        """Pide que termine ya; la primera petición gana."""
        if not self._parada.done():
            self._parada.set_result(motivo)

    async def correr(self) -> tuple[MotivoFin, int]:
        """Ejecuta y devuelve el motivo y el código (negativo si murió por una señal).

        Al volver no queda vivo nada de la orden. Lanza `OSError` si no se pudo lanzar.
        """
        tuberias: list[Tuberia] = []
        try:
            tuberias.extend(Tuberia(c, self._medir) for c in (self.salida, self.error))
            if self._que.duenio is not None:
                for tuberia in tuberias:
                    tuberia.ceder(self._que.duenio)
            proceso = await self._lanzar(*tuberias)
            motivo = await self._hasta_el_final(proceso, tuberias)
            if motivo is MotivoFin.OK and not await _agotadas(tuberias):
                motivo = MotivoFin.TUBERIA_RETENIDA
        finally:
            for tuberia in tuberias:
                tuberia.cerrar()
        return motivo, -signal.SIGKILL if proceso.returncode is None else proceso.returncode

    async def _lanzar(self, salida: Tuberia, error: Tuberia) -> asyncio.subprocess.Process:
        try:
            return await asyncio.create_subprocess_exec(
                *self._que.argv,
                stdin=asyncio.subprocess.DEVNULL,
                stdout=salida.escritura,
                stderr=error.escritura,
                cwd=self._que.carpeta,
                env=self._que.entorno,
                start_new_session=True,
            )
        finally:
            salida.soltar_escritura()
            error.soltar_escritura()

    async def _hasta_el_final(
        self, proceso: asyncio.subprocess.Process, tuberias: Sequence[Tuberia]
    ) -> MotivoFin:
        final = asyncio.create_task(proceso.wait())
        pendientes: set[asyncio.Future[Any]] = {final, self._parada}
        try:
            await asyncio.wait(
                pendientes,
                timeout=self._limites.segundos,
                return_when=asyncio.FIRST_COMPLETED,
            )
            return self._motivo(terminado=final.done())
        finally:
            if final.done():
                self._verdugo.barrer(proceso.pid, self._que.marca)
            else:
                await self._matar(proceso.pid, final, tuberias)

    async def _matar(self, pid: int, final: asyncio.Task[int], tuberias: Sequence[Tuberia]) -> None:
        # Lo que se escriba desde aquí son quejas de los lanzadores al morir; si nadie las leyera,
        # una tubería llena les impediría terminar.
        for tuberia in tuberias:
            tuberia.callar()
        self._verdugo.matar(pid, self._que.marca)
        # Un proceso atascado en el núcleo no puede colgar a quien espera.
        await asyncio.wait({final}, timeout=_LIMITE_ENTIERRO_S)
        final.cancel()

    def _motivo(self, *, terminado: bool) -> MotivoFin:
        if self._parada.done():
            return self._parada.result()
        return MotivoFin.OK if terminado else MotivoFin.TIEMPO

    def _medir(self) -> None:
        if self.salida.total + self.error.total > self._limites.total:
            self.parar(MotivoFin.LIMITE_SALIDA)


async def _agotadas(tuberias: Sequence[Tuberia]) -> bool:
    """Espera un poco el final de las tuberías; si no llega, lee lo que hubiera."""
    try:
        async with asyncio.timeout(GRACIA_S):
            for tuberia in tuberias:
                await tuberia.agotada.wait()
    except TimeoutError:
        for tuberia in tuberias:
            tuberia.vaciar()
    return all(tuberia.agotada.is_set() for tuberia in tuberias)
