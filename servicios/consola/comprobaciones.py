"""Órdenes que solo miran: comprueban lo que un agente afirma, en su sitio y sin dejar huella."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, replace
from pathlib import Path

from agentes.perfil_consola import PerfilConsola
from servicios.consola.marcha import Marcha
from servicios.consola.pedido import MotivoFin
from servicios.consola.plaza import Plaza
from servicios.consola.preparacion import RepartoDePlazas, Taller
from servicios.consola.resultado import CODIGO_MATADA, ResultadoComando, resultado_de
from servicios.consola.supervision.corrida import Corrida

_CERRADAS = ResultadoComando(
    "", "cancelado: la consola está cerrada", CODIGO_MATADA, MotivoFin.CANCELADO
)


@dataclass(frozen=True, slots=True)
class _SinEscribir:
    """El mismo reparto de plazas, pero en lo que se trabaja no se escribe."""

    plazas: RepartoDePlazas

    def plaza(self, agente_id: str, perfil: PerfilConsola, enchufe: Path | None = None) -> Plaza:
        return self.plazas.plaza(agente_id, perfil, enchufe).sin_escribir()


class Comprobaciones:
    """Las de todos los agentes; cuentan entre las demás órdenes en `marcha`."""

    def __init__(self, taller: Taller, marcha: Marcha) -> None:
        self._tal_cual = taller
        self._sin_escribir = replace(taller, plazas=_SinEscribir(taller.plazas))
        self._marcha = marcha
        self._en_marcha: set[Corrida] = set()
        self._cerradas = False

    async def mirar(
        self, command: str, agente_id: str, perfil: PerfilConsola, segundos: float
    ) -> ResultadoComando:
        """Ejecuta `command` en la carpeta del agente, como mucho `segundos`, sin poder escribir.

        Empieza donde sus trabajos, y lo que deje (carpeta, variables) no lo hereda nadie. Lanza
        `ErrorConsola`.
        """
        return await self._hacer(self._sin_escribir, command, agente_id, perfil, segundos)

    async def mirar_tal_cual(
        self, command: str, agente_id: str, perfil: PerfilConsola, segundos: float
    ) -> ResultadoComando:
        """Como `mirar`, en el mismo sitio que las demás órdenes: junto a sus trabajos en marcha."""
        return await self._hacer(self._tal_cual, command, agente_id, perfil, segundos)

    async def _hacer(
        self, taller: Taller, command: str, agente_id: str, perfil: PerfilConsola, segundos: float
    ) -> ResultadoComando:
        async with self._marcha.sitio(agente_id):
            if self._cerradas:
                return _CERRADAS
            preparada = taller.preparar(command, agente_id, perfil, segundos=segundos)
            corrida = await self._marcha.lanzar(agente_id, preparada)
            self._en_marcha.add(corrida)
            try:
                return resultado_de(await corrida.fin())
            finally:
                corrida.parar(MotivoFin.CANCELADO)
                await asyncio.shield(corrida.fin())
                self._en_marcha.discard(corrida)

    async def cerrar(self) -> None:
        """Mata las que queden y no acepta más."""
        self._cerradas = True
        for corrida in self._en_marcha:
            corrida.parar(MotivoFin.CANCELADO)
        await asyncio.gather(*(corrida.fin() for corrida in self._en_marcha))
