"""Los presupuestos de una reproducción: se dice lo que se dijo, y cuando se dijo."""

from __future__ import annotations

from dataclasses import dataclass

from agentes.mensajes import ClaseAviso
from agentes.presupuesto import Presupuesto
from servicios.llm.presupuestos.tesoreria import AVISA, CIERRA, Hito, Revision
from servicios.registros.reproducir.guion import Guion

_CLASE = ClaseAviso.PRESUPUESTO.value


@dataclass(frozen=True, slots=True)
class PresupuestosGrabados:
    """Nada se gasta: cada decisión que dependió de lo gastado, o de la hora, es la grabada."""

    guion: Guion

    def abrir(self, agente_id: str, superior: str, presupuesto: Presupuesto) -> None:
        """Aquí nadie tiene cuenta."""

    async def revisar(self, agente_id: str) -> Revision:
        """Los avisos que siguen, y si a continuación se le paró."""
        await self.guion.al_dia(agente_id)
        hitos: list[Hito] = []
        for fila in self.guion.quedan(agente_id):
            datos = fila.details
            es_suyo = fila.tipo == "master_context_update" and datos["clase"] == _CLASE
            if es_suyo or self.guion.se_copia(fila):
                continue
            if fila.tipo != "budget_warning":
                break
            if datos["parte"] not in {AVISA, CIERRA}:
                return Revision(tuple(hitos), datos["texto"])
            campos = ("parte", "texto", "cuenta", "recurso", "tope")
            hitos.append(Hito(*(datos[campo] for campo in campos)))
        return Revision(tuple(hitos))

    def negar_agente(self, superior: str) -> str:
        """Lo que entonces se negó no llega aquí: su respuesta está en el cierre de su llamada."""
        del superior
        return ""
