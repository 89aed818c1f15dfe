"""Una sesión de principio a fin, muriendo por el camino: lanzar, matar, mirar, reanudar, …"""

from __future__ import annotations

import asyncio
import json
import os
import signal
import time
from collections import Counter
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import Literal

from tests.tortura.cliente import Vida, Vivero
from tests.tortura.guion import ENCARGOS, FINAL, LINEA, Esperado
from tests.tortura.invariantes import Cuenta, comprobar_final
from tests.tortura.mirada import Mirada

Modo = Literal["solo", "todo"]
"""Qué muere: solo el programa, o también los supervisores y las órdenes."""

_ENTERA_S = 60.0
_VISTAZO_S = 0.005


@dataclass(frozen=True)
class Plan:
    """Cómo se mata. `antes` es la parte de las muertes que llegan sin esperar a que abra.

    `tras_s` es lo más que vive ya abierta. Una de cada `directas` vidas es un proceso entero.
    """

    aislamiento: str = "landlock"
    tras_s: float = 0.8
    antes: float = 0.15
    directas: int = 10
    max_muertes: int = 40


@dataclass
class Balance:
    """Lo que llevan todas las sesiones."""

    muertes: Counter[str] = field(default_factory=Counter)
    sesiones: int = 0
    cuenta: Cuenta = field(default_factory=Cuenta)

    def __str__(self) -> str:
        """Para una persona."""
        cuenta = self.cuenta
        cierres = ", ".join(f"{n} {c}" for c, n in sorted(cuenta.cierres.items()))
        return (
            f"{self.muertes.total()} muertes ({self.muertes['solo']} solo del programa,"
            f" {self.muertes['todo']} de todo junto) en {self.sesiones} sesiones;"
            f" {cuenta.ordenes} órdenes: {cierres}; {cuenta.reintentos} intentos reclamados;"
            f" {cuenta.filas} filas vistas comprometidas;"
            f" no se reproducen: {cuenta.infieles or 'ninguna'}"
        )


class Sesion:
    """Una sesión que se mata y se reanuda hasta que acaba."""

    def __init__(
        self,
        vivero: Vivero,
        variables: Mapping[str, str],
        datos: Path,
        modo: Modo,
        azar: Random,
        plan: Plan,
    ) -> None:
        """`variables` dicen con qué modelo habla."""
        self._vivero = vivero
        self._datos = datos
        self._modo = modo
        self._azar = azar
        self._plan = plan
        self._mirada = Mirada(datos)
        self._entorno = {
            **{k: os.environ[k] for k in ("PATH", "HOME", "LANG") if k in os.environ},
            **variables,
            "ENJAMBRE_DATOS": str(datos),
        }
        self.muertes = 0

    async def correr(self) -> Cuenta:
        """Hasta el final. Lanza `AssertionError` con lo que no se cumpla."""
        self._datos.mkdir(parents=True, exist_ok=True)
        while True:
            matar = self.muertes < self._plan.max_muertes
            vida = await self._lanzar()
            codigo = await (self._matar(vida) if matar else self._acabar(vida))
            if codigo >= 0:
                break
            self.muertes += 1
            if self._modo == "todo":
                await self._vivero.sin_nadie()
            self._mirada.comprobar()
        salida = (self._datos / "salida").read_text()
        assert codigo == 0, (codigo, salida, (self._datos / "errores").read_text())
        assert json.loads(salida)["texto"] == FINAL, salida
        await self._vivero.sin_nadie()
        esperado = Esperado.de(ENCARGOS)
        return await comprobar_final(self._datos, self._vivero.raiz, self._mirada, esperado)

    async def _lanzar(self) -> Vida:
        sesion = self._mirada.sesion()
        if sesion is None:
            pedido = ["-p", LINEA]
        elif not sesion[1]:
            pedido = ["--reanudar", sesion[0], "-p", LINEA]
        else:
            pedido = ["--reanudar"]
        return await self._vivero.lanzar(
            [*pedido, "--salida", "json", "--aislamiento", self._plan.aislamiento],
            self._entorno,
            modo=self._modo,
            carpeta=str(self._datos),
            directa=self._azar.randrange(self._plan.directas) == 0,
        )

    async def _matar(self, vida: Vida) -> int:
        """La mata en un punto al azar, si no acabó antes. Devuelve su código."""
        espera = self._azar.uniform(0, self._plan.tras_s)
        if self._azar.random() >= self._plan.antes:
            await self._hasta_que_abra(vida)
        await asyncio.wait({vida.fin}, timeout=espera)
        if not vida.fin.done():
            self._mirada.mirar()
            with suppress(ProcessLookupError):  # acabó mientras se miraba
                if self._modo == "todo":
                    await self._vivero.arrasar(vida)
                else:
                    os.kill(vida.pid, signal.SIGKILL)
        return await vida.fin

    async def _hasta_que_abra(self, vida: Vida) -> None:
        """Hasta que escribe algo en la bitácora."""
        nacida, wal = time.time() - 0.01, self._datos / "swarm.db-wal"
        while not vida.fin.done():
            with suppress(FileNotFoundError):  # aún no está, o acabó y ya no está
                datos = wal.stat()
                if datos.st_size and datos.st_mtime > nacida:
                    return
            await asyncio.sleep(_VISTAZO_S)

    async def _acabar(self, vida: Vida) -> int:
        async with asyncio.timeout(_ENTERA_S):
            return await vida.fin
