"""El gestor: dueño de los bucles.

quien decide → `ejecutar(accion)` → lanzar | mensaje | cancelar | leer → texto para quien decide
bucle → `report_agent_*` → aviso (fila) → buzón del superior (el Master u otro agente)
al cerrar: se cancelan todos, se espera a todos y nadie queda vivo
"""

from __future__ import annotations

import asyncio
import traceback
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Self

from agentes.acciones import (
    AccionPedida,
    Cancelar,
    ConsultarEstado,
    Delegar,
    EnviarMensaje,
    LeerReporte,
    Rechazada,
)
from agentes.clase_agente import Agente
from agentes.definicion import DefinicionAgente, Encargo
from agentes.errores import ErrorBitacora
from agentes.eventos import (
    MASTER,
    AgenteLanzado,
    Apunte,
    AvisoEncolado,
    CancelacionPedida,
    EstadoAgente,
    Evento,
    FalloInterno,
    MensajeEncolado,
    ProblemaReportado,
)
from agentes.mensajes import Aviso, ClaseAviso, Directiva
from prompts.avisos import texto_estado, trozo_de_reporte
from servicios.bucle_logico_agente import BucleLogicoAgente

Anotar = Callable[[Evento, Apunte | None], Apunte]

TOPE_FILA_AVISO = 4_000  # caracteres; el reporte entero está en la fila del agente


@dataclass(frozen=True, slots=True)
class PuertosGestor:
    """De qué vive el gestor.

    `crear` construye el agente y su bucle; `modelo_de` dice con qué modelo piensa un tipo;
    `leer_reporte` da el último reporte de un agente, `olvidar` recibe a cada uno que acaba y
    `por_aprobar` dice quiénes esperan a la persona.
    """

    anotar: Anotar
    crear: Callable[[Encargo, GestorEnjambre, Apunte], BucleLogicoAgente]
    modelo_de: Callable[[DefinicionAgente], str]
    siguiente_numero: Callable[[str], Awaitable[int]]
    leer_reporte: Callable[[str], Awaitable[str | None]]
    entregar_al_master: Callable[[Aviso], None]
    olvidar: Callable[[str], None]
    por_aprobar: Callable[[], frozenset[str]]


@dataclass(slots=True)
class _Vivo:
    bucle: BucleLogicoAgente
    tarea: asyncio.Task[None]
    avisar: bool = True
    motivo: str = "cancelado"
    parado_por: Apunte | None = None


class GestorEnjambre:
    """Lanza, encuentra, escribe y cancela agentes. Se usa con `async with`."""

    def __init__(
        self, tipos: Mapping[str, DefinicionAgente], puertos: PuertosGestor, tope_lectura: int
    ) -> None:
        self._tipos = tipos
        self._puertos = puertos
        self._tope_lectura = tope_lectura
        self._agentes: dict[str, Agente] = {}
        self._vivos: dict[str, _Vivo] = {}
        self._grupo = asyncio.TaskGroup()
        self._cambio = asyncio.Event()

    async def __aenter__(self) -> Self:
        await self._grupo.__aenter__()
        return self

    async def __aexit__(self, *error: object) -> None:
        for vivo in self._vivos.values():
            vivo.avisar = False
            vivo.tarea.cancel()
        await self._grupo.__aexit__(None, None, None)

    def get_agent_status(self, agent_id: str) -> dict[str, str] | None:
        """Cómo va un agente de esta sesión, o `None` si no existe."""
        agente = self._agentes.get(agent_id)
        return agente.resumen(self._puertos.por_aprobar()) if agente else None

    def get_all_agents_status(self) -> list[dict[str, str]]:
        """Cómo van todos los de esta sesión, los vivos primero y en orden de lanzamiento."""
        orden = sorted(self._agentes.values(), key=lambda a: a.estado.es_final)
        return [agente.resumen(self._puertos.por_aprobar()) for agente in orden]

    def tiene_hijos_en_marcha(self, agent_id: str) -> bool:
        """Si alguno de los suyos puede avisarle sin que él haga nada."""
        suyos = (v.bucle for v in self._vivos.values() if v.bucle.agente.superior == agent_id)
        return not all(bucle.esta_quieto for bucle in suyos)

    def esta_en_reposo(self) -> bool:
        """Si nada puede cambiar sin un mensaje: todos terminados o en pausa sin directiva."""
        return all(v.bucle.esta_quieto for v in self._vivos.values())

    async def esperar_reposo(self) -> None:
        """Vuelve cuando `esta_en_reposo`."""
        while not self.esta_en_reposo():
            self._cambio.clear()
            await self._cambio.wait()

    async def ejecutar(self, pedida: AccionPedida) -> str:
        """Ejecuta una acción y devuelve lo que ha de leer quien la pidió. Nunca lanza por ella."""
        match pedida.accion:
            case Rechazada(motivo):
                return motivo
            case Delegar(agent_type, task_description):
                return await self._delegar(agent_type, task_description, pedida)
            case EnviarMensaje(agent_id, message_content):
                return self.send_message_to_agent(
                    agent_id, message_content, pedida.solicitante, pedida.causa
                )
            case Cancelar(agent_id):
                return await self.cancelar_agente(agent_id, pedida.solicitante, pedida.causa)
            case LeerReporte(agent_id, desde):
                return await self._leer(agent_id, desde)
            case ConsultarEstado():
                return texto_estado(self.get_all_agents_status())

    async def lanzar_agente(
        self, agent_type: str, task_description: str, superior: str, causa: Apunte | None
    ) -> str:
        """Registra y arranca un agente; devuelve su id. `KeyError` si el tipo no existe."""
        definicion = self._tipos[agent_type]
        numero = await self._puertos.siguiente_numero(agent_type)
        encargo = Encargo(f"{agent_type}-{numero}", definicion, task_description, superior)
        apunte = self._puertos.anotar(
            AgenteLanzado(
                agente_id=encargo.agente_id,
                agent_type=agent_type,
                rol=definicion.rol,
                objetivo=definicion.objetivo,
                tarea=task_description,
                superior=superior,
                modelo=self._puertos.modelo_de(definicion),
            ),
            causa,
        )
        bucle = self._puertos.crear(encargo, self, apunte)
        self._agentes[encargo.agente_id] = bucle.agente
        tarea = self._grupo.create_task(self._vigilar(bucle), name=encargo.agente_id)
        self._vivos[encargo.agente_id] = _Vivo(bucle, tarea)
        tarea.add_done_callback(lambda _: self._retirar(bucle))
        return encargo.agente_id

    def send_message_to_agent(
        self, agent_id: str, message_content: str, remitente: str, causa: Apunte | None
    ) -> str:
        """Deja una directiva en el buzón de un agente vivo; dice la verdad si no puede."""
        vivo = self._vivos.get(agent_id)
        if vivo is None or vivo.bucle.agente.estado.es_final:
            return self._por_que_no(agent_id)
        apunte = self._puertos.anotar(
            MensajeEncolado(agente_id=agent_id, de=remitente, texto=message_content), causa
        )
        estaba_en_pausa = vivo.bucle.agente.estado is EstadoAgente.PAUSED
        vivo.bucle.inject_message_and_resume(Directiva(remitente, message_content, apunte))
        if estaba_en_pausa:
            return f"Entregado: {agent_id} estaba en pausa y sigue con tu directiva."
        return f"Entregado: {agent_id} lo leerá antes de su siguiente paso."

    async def cancelar_agente(
        self, agent_id: str, solicitante: str, causa: Apunte | None = None
    ) -> str:
        """Cancela un agente y los suyos, y vuelve cuando no queda nada suyo en marcha."""
        vivo = self._vivos.get(agent_id)
        if vivo is None:
            return self._por_que_no(agent_id)
        if agent_id == solicitante:
            return "Error: un agente no puede cancelarse a sí mismo: reporta tu resultado."
        vivo.avisar = vivo.bucle.agente.superior != solicitante
        await asyncio.wait(self._parar(vivo, solicitante, causa))
        return f"{agent_id} cancelado."

    def _parar(self, vivo: _Vivo, de: str, causa: Apunte | None) -> set[asyncio.Task[None]]:
        """Manda parar a un agente y a los que cuelgan de él; devuelve sus tareas."""
        agente_id = vivo.bucle.agente.nombre
        vivo.parado_por = self._puertos.anotar(CancelacionPedida(agente_id=agente_id, de=de), causa)
        vivo.motivo = f"cancelado por {de}"
        vivo.tarea.cancel()
        return {vivo.tarea} | self._parar_hijos(agente_id, vivo.parado_por)

    def _parar_hijos(self, agent_id: str, causa: Apunte) -> set[asyncio.Task[None]]:
        tareas: set[asyncio.Task[None]] = set()
        for hijo in self._vivos.values():
            if hijo.bucle.agente.superior == agent_id and hijo.parado_por is None:
                hijo.avisar = False
                tareas |= self._parar(hijo, agent_id, causa)
        return tareas

    async def cancelar_todos(self, solicitante: str) -> list[str]:
        """Cancela todos los vivos; devuelve sus ids."""
        ids = [*self._vivos]
        await asyncio.gather(*(self.cancelar_agente(i, solicitante) for i in ids))
        return ids

    def report_agent_status(
        self, agent_id: str, status: EstadoAgente, result: str, causa: Apunte
    ) -> None:
        """Un agente terminó: se cancelan los suyos y se avisa a su superior."""
        self._parar_hijos(agent_id, causa)
        if self._vivos[agent_id].avisar:
            self._avisar(self._agentes[agent_id], ClaseAviso.de_estado(status), result, causa)

    def report_agent_problem(self, agent_id: str, descripcion: str, causa: Apunte) -> None:
        """Un agente queda en pausa: se avisa a su superior."""
        agente = self._agentes[agent_id]
        apunte = self._puertos.anotar(
            ProblemaReportado(agente_id=agent_id, descripcion=descripcion), causa
        )
        self._avisar(agente, ClaseAviso.PROBLEMA, descripcion, apunte)
        self._cambio.set()

    def _avisar(self, agente: Agente, clase: ClaseAviso, texto: str, causa: Apunte) -> None:
        superior = self._vivos.get(agente.superior)
        destino = agente.superior if superior else MASTER
        apunte = self._puertos.anotar(
            AvisoEncolado(
                agente_id=agente.nombre,
                destinatario=destino,
                clase=clase,
                texto=texto[:TOPE_FILA_AVISO],
            ),
            causa,
        )
        aviso = Aviso(agente.nombre, agente.rol, clase, texto, apunte)
        if superior:
            superior.bucle.inject_message_and_resume(aviso)
        else:
            self._puertos.entregar_al_master(aviso)

    async def _vigilar(self, bucle: BucleLogicoAgente) -> None:
        """La frontera de un agente: su fallo no toca a los demás."""
        agente_id = bucle.agente.nombre
        try:
            await bucle.run()
        except ErrorBitacora:
            raise
        except Exception as error:  # noqa: BLE001 - la única frontera amplia del núcleo
            texto = f"fallo interno en {agente_id}: {type(error).__name__}: {error}"
            traza = traceback.format_exc()
            self._puertos.anotar(FalloInterno(agente_id=agente_id, error=texto, traza=traza), None)
            bucle.terminar(EstadoAgente.FAILED, texto)

    def _retirar(self, bucle: BucleLogicoAgente) -> None:
        """Al acabar su tarea, también si la cancelaron antes de empezar."""
        vivo = self._vivos[bucle.agente.nombre]
        # Con la bitácora rota no se puede anotar: ya lo dice ella, una vez, a todo el sistema.
        with suppress(ErrorBitacora):
            bucle.terminar(EstadoAgente.CANCELLED, vivo.motivo, vivo.parado_por)
        del self._vivos[bucle.agente.nombre]
        bucle.agente.historial.clear()
        self._puertos.olvidar(bucle.agente.nombre)
        self._cambio.set()

    async def _delegar(self, agent_type: str, tarea: str, pedida: AccionPedida) -> str:
        if agent_type not in self._tipos:
            hay = ", ".join(sorted(self._tipos)) or "ninguno"
            return f"Error: no existe el tipo «{agent_type}». Los que hay: {hay}."
        agente_id = await self.lanzar_agente(agent_type, tarea, pedida.solicitante, pedida.causa)
        return f"Lanzado {agente_id}. Te avisará al terminar o si tiene un problema."

    async def _leer(self, agent_id: str, desde: int) -> str:
        texto = await self._puertos.leer_reporte(agent_id)
        if texto is None:
            nada = f"{agent_id} aún no ha reportado nada."
            return nada if agent_id in self._agentes else self._por_que_no(agent_id)
        return trozo_de_reporte(agent_id, texto, desde, self._tope_lectura)

    def _por_que_no(self, agent_id: str) -> str:
        agente = self._agentes.get(agent_id)
        if agente is None:
            vivos = ", ".join(self._vivos) or "ninguno"
            return f"Error: no existe el agente «{agent_id}». Vivos: {vivos}."
        return f"Error: {agent_id} ya terminó ({agente.estado}): no puede recibir nada."
