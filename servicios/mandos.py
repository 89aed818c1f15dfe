"""Mandar sobre los agentes vivos: pausar, dejar dar un paso, reanudar y cancelar.

mando → fila en la secuencia del agente → sus paradas → su consola
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Mapping

from agentes.eventos import Apunte
from agentes.eventos_mando import CancelacionPedida, Mando, MandoDado
from prompts.mandos import mandado, reparo_de_mando
from servicios.puertos import Anotar, Vivo


class Mandos:
    """Lo que se manda a un agente por su id; cada respuesta es lo que ha de leer quien manda.

    `vivos` son los del gestor, `por_que_no` dice por qué no se puede con uno que no está y
    `al_cambiar` se llama cuando alguno pudo quedarse quieto.
    """

    def __init__(
        self,
        vivos: Mapping[str, Vivo],
        anotar: Anotar,
        por_que_no: Callable[[str], str],
        al_cambiar: Callable[[], None],
    ) -> None:
        self._vivos = vivos
        self._anotar = anotar
        self._por_que_no = por_que_no
        self._al_cambiar = al_cambiar

    def rama(self, agent_id: str) -> list[str]:
        """Un agente y todos los que cuelgan de él, los vivos; vacía si él no lo está."""
        ids = [agent_id] if agent_id in self._vivos else []
        for de in ids:
            ids += [i for i, v in self._vivos.items() if v.bucle.agente.superior == de]
        return ids

    def vivos(self) -> list[str]:
        """Todos los que no han terminado."""
        return [*self._vivos]

    def alcanzable(self, agent_id: str) -> Vivo | None:
        """El que puede recibir algo: ni ha terminado ni se está cancelando."""
        vivo = self._vivos.get(agent_id)
        if vivo is None or vivo.parado_por is not None or vivo.bucle.agente.estado.es_final:
            return None
        return vivo

    def sueltos(self) -> list[str]:
        """Los vivos a los que nadie tiene en pausa, o que dan un paso."""
        paradas = {i: v.bucle.paradas for i, v in self._vivos.items()}
        return [i for i, p in paradas.items() if p.da_un_paso or not p.mandada]

    def pausados(self) -> list[str]:
        """Los que alguien mandó pausar."""
        return [i for i, v in self._vivos.items() if v.bucle.paradas.mandada]

    def los_que_se_quedan(self) -> set[str]:
        """Los que, si la sesión se cierra, seguirán como están en la próxima vida.

        Los que están en pausa y quien espera a uno al que se mandó pausar.
        """
        paradas = {i: v.bucle.paradas for i, v in self._vivos.items()}
        quedan = {i for i, p in paradas.items() if p.se_queda}
        por_mirar = [i for i, p in paradas.items() if p.mandada]
        for agente_id in por_mirar:
            superior = self._vivos[agente_id].bucle.agente.superior
            if superior in paradas and paradas[superior].espera_a_los_suyos:
                quedan.add(superior)
                por_mirar.append(superior)
        return quedan

    # --- pausar, dar un paso, reanudar --------------------------------------------------

    async def dar(
        self, mando: Mando, agent_id: str, solicitante: str, causa: Apunte | None = None
    ) -> str:
        """Da una de esas órdenes y vuelve cuando su consola está como él y la orden, guardada."""
        vivo = self.alcanzable(agent_id)
        if vivo is None:
            return self._por_que_no(agent_id)
        if agent_id == solicitante:
            return "Error: un agente no puede mandar sobre sí mismo: reporta a tu superior."
        paradas = vivo.bucle.paradas
        reparo = reparo_de_mando(mando, agent_id, paradas.mandada, da_un_paso=paradas.da_un_paso)
        if reparo:
            return reparo
        orden = self._anotar(MandoDado(agente_id=agent_id, mando=mando, de=solicitante), causa)
        match mando:
            case Mando.PAUSAR:
                paradas.pausar(solicitante, orden)
            case Mando.PASO:
                paradas.dar_paso(orden)
            case Mando.REANUDAR:
                paradas.reanudar(orden)
        self._al_cambiar()
        await paradas.acordar()
        await orden
        return mandado(mando, agent_id, espera_directiva=paradas.espera_directiva)

    async def dar_a(self, mando: Mando, ids: Iterable[str], solicitante: str) -> list[str]:
        """Da la misma orden a varios a la vez; las respuestas, en su orden."""
        return await asyncio.gather(*(self.dar(mando, i, solicitante) for i in ids))

    # --- cancelar -----------------------------------------------------------------------

    async def cancelar(self, agent_id: str, solicitante: str, causa: Apunte | None = None) -> str:
        """Cancela un agente y los suyos, y vuelve cuando no queda nada suyo en marcha."""
        vivo = self._vivos.get(agent_id)
        if vivo is None or vivo.bucle.agente.estado.es_final:
            return self._por_que_no(agent_id)
        if agent_id == solicitante:
            return "Error: un agente no puede cancelarse a sí mismo: reporta tu resultado."
        vivo.avisar = vivo.bucle.agente.superior != solicitante
        await asyncio.wait(self._parar(vivo, solicitante, causa))
        return f"{agent_id} cancelado."

    async def cancelar_a(self, ids: Iterable[str], solicitante: str) -> list[str]:
        """Cancela a varios a la vez; las respuestas, en su orden."""
        return await asyncio.gather(*(self.cancelar(i, solicitante) for i in ids))

    def parar_hijos(self, agent_id: str, causa: Apunte) -> set[asyncio.Task[None]]:
        """Manda parar a los que cuelgan de un agente; devuelve sus tareas."""
        tareas: set[asyncio.Task[None]] = set()
        for hijo in self._vivos.values():
            agente = hijo.bucle.agente
            if (
                agente.superior == agent_id
                and hijo.parado_por is None
                and not agente.estado.es_final
            ):
                hijo.avisar = False
                tareas |= self._parar(hijo, agent_id, causa)
        return tareas

    def _parar(self, vivo: Vivo, de: str, causa: Apunte | None) -> set[asyncio.Task[None]]:
        """Manda parar a un agente y a los que cuelgan de él; devuelve sus tareas."""
        agente_id = vivo.bucle.agente.nombre
        if vivo.parado_por is None:
            pedida = CancelacionPedida(agente_id=agente_id, de=de)
            vivo.motivo = f"cancelado por {de}"
            vivo.parado_por = self._anotar(pedida, causa)
            vivo.tarea.cancel()
        return {vivo.tarea} | self.parar_hijos(agente_id, vivo.parado_por)
