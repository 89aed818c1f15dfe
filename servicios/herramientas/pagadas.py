"""Las órdenes de los agentes, pagadas: cada una gasta una y, mientras corre, tiempo."""

from __future__ import annotations

from dataclasses import dataclass

from agentes.perfil_consola import PerfilConsola
from agentes.respuestas import SIN_PAGAR, Operacion
from servicios.consola.reanudacion import Hallazgo
from servicios.consola.resultado import ResultadoComando
from servicios.ejecutor_consola import EjecutorConsola
from servicios.herramientas.incluidas.consola import Consola, Permisos
from servicios.herramientas.permiso import Aparte, Dictamen
from servicios.llm.presupuestos.caja import Caja


@dataclass(frozen=True, slots=True)
class PermisoPagado:
    """Quien decide si una orden se ejecuta y, si sí, la cobra; si no hay con qué, la deniega."""

    permiso: Permisos
    caja: Caja

    async def pedir(
        self,
        orden: str,
        agente_id: str,
        uso: Operacion,
        perfil: PerfilConsola,
        aparte: Aparte | None = None,
    ) -> Dictamen:
        """Vuelve cuando se sabe."""
        dictamen = await self.permiso.pedir(orden, agente_id, uso, perfil, aparte)
        if dictamen.permitida and (sin := self.caja.negar_orden(agente_id)):
            return Dictamen(False, sin, sin, {**dictamen.detalles, "motivo": SIN_PAGAR})
        return dictamen


@dataclass(frozen=True, slots=True)
class ConsolaPagada:
    """Una consola cuyas órdenes gastan tiempo de quien las pide."""

    consola: Consola
    caja: Caja

    async def ejecutar_comando_seguro(
        self, command: str, agente_id: str, perfil: PerfilConsola, fila: int
    ) -> ResultadoComando:
        """Como la suya."""
        with self.caja.en_marcha(agente_id):
            return await self.consola.ejecutar_comando_seguro(command, agente_id, perfil, fila)

    async def recuperar(self, fila: int, agente_id: str) -> Hallazgo:
        """Como la suya; todo lo que corrió cuenta, también con el programa muerto."""
        antes = self.caja.segundos(agente_id)
        with self.caja.en_marcha(agente_id):
            hallazgo = await self.consola.recuperar(fila, agente_id)
        if hallazgo.resultado is not None:
            contados = self.caja.segundos(agente_id) - antes
            self.caja.saldar(agente_id, hallazgo.resultado.ms / 1000, contados)
        return hallazgo


@dataclass(frozen=True, slots=True)
class CongeladorPagado:
    """Quien detiene lo de un agente, con lo que deja de gastar tiempo."""

    consola: EjecutorConsola
    caja: Caja

    async def congelar(self, agente_id: str) -> int:
        """Como el suyo."""
        cuantas = await self.consola.congelar(agente_id)
        self.caja.congelar(agente_id)
        return cuantas

    async def descongelar(self, agente_id: str) -> None:
        """Como el suyo."""
        self.caja.descongelar(agente_id)
        await self.consola.descongelar(agente_id)
