"""El gestor: dueño de los bucles.

quien decide → `ejecutar(accion)` → lanzar | mensaje | mando | leer → texto para quien decide
quien manda → `mandos` → pausar | paso | reanudar | cancelar
bucle → `report_agent_*` → aviso (fila) → buzón del superior (el Master u otro agente)
al cerrar: se cancelan todos, se espera a todos y nadie queda vivo
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping
from contextlib import suppress
from typing import Self

from agentes.acciones import (
    AccionPedida,
    Cancelar,
    ConsultarEstado,
    Delegar,
    EnviarMensaje,
    LeerReporte,
    Pausar,
    Reanudar,
    Rechazada,
)
from agentes.clase_agente import Agente
from agentes.definicion import DefinicionAgente, Encargo
from agentes.errores import ErrorBitacora
from agentes.eventos import (
    MASTER,
    USUARIO,
    AgenteTerminado,
    Apunte,
    AvisoEncolado,
    Espera,
    EstadoAgente,
    MensajeEncolado,
    ProblemaReportado,
)
from agentes.eventos_mando import Mando
from agentes.guardado import AgenteGuardado
from agentes.mensajes import Aviso, ClaseAviso, Directiva
from prompts import avisos
from prompts.mandos import entregado, mandado
from servicios.mandos import Mandos
from servicios.puertos import Bucle, PuertosGestor, Vivo

TOPE_FILA_AVISO = 4_000  # caracteres; el reporte entero está en la fila del agente


class GestorEnjambre:
    """Lanza, encuentra, escribe y cancela agentes. Se usa con `async with`."""

    def __init__(
        self, tipos: Mapping[str, DefinicionAgente], puertos: PuertosGestor, tope_lectura: int
    ) -> None:
        self._tipos = tipos
        self._puertos = puertos
        self._tope_lectura = tope_lectura
        self._agentes: dict[str, Agente] = {}
        self._vivos: dict[str, Vivo] = {}
        self._cambio = asyncio.Event()
        self.mandos = Mandos(self._vivos, puertos.anotar, self._por_que_no, self._cambio.set)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *error: object) -> None:
        """Para a todos. Quien está en pausa sigue en pausa para cuando se reanude la sesión."""
        vivos, quedan = [*self._vivos.values()], self.mandos.los_que_se_quedan()
        for vivo in vivos:
            vivo.avisar, vivo.se_queda = False, vivo.bucle.agente.nombre in quedan
            vivo.tarea.cancel()
        await asyncio.gather(*(v.tarea for v in vivos), return_exceptions=True)

    def get_agent_status(self, agent_id: str) -> dict[str, str] | None:
        """Cómo va un agente de esta sesión, o `None` si no existe."""
        agente = self._agentes.get(agent_id)
        return agente.resumen(self._puertos.esperas()) if agente else None

    def get_all_agents_status(self) -> list[dict[str, str]]:
        """Cómo van todos los de esta sesión, los vivos primero y en orden de lanzamiento."""
        orden = sorted(self._agentes.values(), key=lambda a: a.estado.es_final)
        return [agente.resumen(self._puertos.esperas()) for agente in orden]

    def sin_fondos(self) -> list[str]:
        """Los que esperan más presupuesto, también si además se les mandó pausar."""
        bucles = [v.bucle for v in self._vivos.values() if v.bucle.paradas.espera_directiva]
        return [b.agente.nombre for b in bucles if b.agente.espera is Espera.PRESUPUESTO]

    def tiene_hijos_en_marcha(self, agent_id: str) -> bool:
        """Si alguno de los suyos puede avisarle sin que él haga nada."""
        suyos = (
            v.bucle.paradas for v in self._vivos.values() if v.bucle.agente.superior == agent_id
        )
        return not all(
            p.espera_directiva or (p.mandada == agent_id and not p.da_un_paso) for p in suyos
        )

    def esta_en_reposo(self) -> bool:
        """Si nada puede cambiar sin un mensaje: todos terminados, en pausa o a la espera de otro."""
        paradas = (v.bucle.paradas for v in self._vivos.values())
        return all(p.esta_quieto or p.espera_a_los_suyos for p in paradas)

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
            case EnviarMensaje(agent_id, _) if pedida.efecto:
                return f"Entregado: {agent_id} lo leerá antes de su siguiente paso."
            case EnviarMensaje(agent_id, message_content):
                return self.send_message_to_agent(
                    agent_id, message_content, pedida.solicitante, pedida.causa
                )
            case (Cancelar() | Pausar() | Reanudar()) as accion:
                return await self._mandar(accion, pedida)
            case LeerReporte(agent_id, desde):
                return await self._leer(agent_id, desde)
            case ConsultarEstado():
                return avisos.texto_estado(self.get_all_agents_status())

    async def _mandar(self, accion: Cancelar | Pausar | Reanudar, pedida: AccionPedida) -> str:
        """Lo que no se había hecho ya antes de un corte."""
        quien, de = accion.agent_id, pedida.solicitante
        if isinstance(accion, Cancelar):
            if pedida.efecto and quien not in self._vivos:
                return f"{quien} cancelado."
            return await self.mandos.cancelar(quien, de, pedida.causa)
        mando = Mando.PAUSAR if isinstance(accion, Pausar) else Mando.REANUDAR
        if pedida.efecto:
            return mandado(mando, quien)
        return await self.mandos.dar(mando, quien, de, pedida.causa)

    async def lanzar_agente(
        self, agent_type: str, task_description: str, superior: str, causa: Apunte | None
    ) -> str:
        """Registra y arranca un agente; devuelve su id. `KeyError` si el tipo no existe."""
        definicion = self._tipos[agent_type]
        numero = await self._puertos.siguiente_numero(agent_type, causa)
        encargo = Encargo(f"{agent_type}-{numero}", definicion, task_description, superior)
        nace = encargo.nacimiento(self._puertos.modelo_de(definicion))
        apunte = self._puertos.anotar(nace, causa)
        self._poner_en_marcha(self._puertos.crear(encargo, self, apunte), apunte)
        return encargo.agente_id

    def restaurar(self, guardados: Iterable[AgenteGuardado]) -> None:
        """Vuelve a tener los agentes de una sesión; los que no habían terminado siguen."""
        for guardado in guardados:
            if guardado.historia is None:
                self._agentes[guardado.agente_id] = guardado.como_agente()
            elif guardado.agent_type not in self._tipos:
                self._dar_por_perdido(guardado)
            else:
                encargo = guardado.encargo(self._tipos[guardado.agent_type])
                bucle = self._puertos.crear(encargo, self, guardado.nacimiento, guardado.historia)
                bucle.agente.estado, bucle.agente.espera = guardado.estado, guardado.espera
                if guardado.pausa is not None:
                    bucle.paradas.retomar(guardado.pausa)
                for mensaje in guardado.pendientes:
                    bucle.inject_message_and_resume(mensaje)
                self._poner_en_marcha(bucle, guardado.nacimiento)
                if guardado.parado_por is not None:
                    self._acabar_de_parar(guardado)

    def _acabar_de_parar(self, guardado: AgenteGuardado) -> None:
        """Ya se le había mandado parar; si tiene algo abierto, antes se hace con ello y lo mata."""
        vivo = self._vivos[guardado.agente_id]
        vivo.avisar = guardado.superior != guardado.parado_de
        vivo.motivo, vivo.parado_por = f"cancelado por {guardado.parado_de}", guardado.parado_por
        if guardado.tiene_algo_abierto:
            asyncio.get_running_loop().call_soon(vivo.tarea.cancel)
        else:
            vivo.tarea.cancel()

    def _dar_por_perdido(self, guardado: AgenteGuardado) -> None:
        """Su tipo ya no existe: no se puede rehacer, y se dice."""
        agente, nace = guardado.como_agente(), guardado.nacimiento
        agente.estado = EstadoAgente.FAILED
        self._agentes[agente.nombre] = agente
        texto = f"no se pudo reanudar: ya no existe el tipo «{guardado.agent_type}»"
        final = AgenteTerminado(agente_id=agente.nombre, estado=agente.estado, error=texto)
        self.avisar(agente.nombre, ClaseAviso.FALLO, texto, self._puertos.anotar(final, nace))

    def _poner_en_marcha(self, bucle: Bucle, causa: Apunte) -> None:
        self._agentes[bucle.agente.nombre] = bucle.agente
        tarea = self._puertos.motor.lanzar(bucle, causa, lambda: self._retirar(bucle))
        self._vivos[bucle.agente.nombre] = Vivo(bucle, tarea)

    def send_message_to_agent(
        self, agent_id: str, message_content: str, remitente: str, causa: Apunte | None
    ) -> str:
        """Deja una directiva en el buzón de un agente vivo; dice la verdad si no puede."""
        vivo = self.mandos.alcanzable(agent_id)
        if vivo is None:
            return self._por_que_no(agent_id)
        mensaje = MensajeEncolado(agente_id=agent_id, de=remitente, texto=message_content)
        apunte = self._puertos.anotar(mensaje, causa)
        agente = vivo.bucle.agente
        vivo.bucle.inject_message_and_resume(Directiva(remitente, message_content, apunte))
        if remitente == USUARIO:
            self.avisar(
                agent_id, ClaseAviso.LINEA_DIRECTA, avisos.en_una_linea(message_content), apunte
            )
        return entregado(agent_id, agente.estado, vivo.bucle.paradas.mandada)

    async def cancelar_agente(
        self, agent_id: str, solicitante: str, causa: Apunte | None = None
    ) -> str:
        """Cancela un agente y los suyos, y vuelve cuando no queda nada suyo en marcha."""
        return await self.mandos.cancelar(agent_id, solicitante, causa)

    def report_agent_status(
        self, agent_id: str, status: EstadoAgente, result: str, causa: Apunte
    ) -> None:
        """Un agente terminó: se cancelan los suyos y se avisa a su superior."""
        self.mandos.parar_hijos(agent_id, causa)
        if self._vivos[agent_id].avisar:
            self.avisar(agent_id, ClaseAviso.de_estado(status), result, causa)

    def se_detuvo(self, agent_id: str) -> None:
        """Un agente se paró donde le mandaron: quizá ya no se mueva nadie."""
        del agent_id
        self._cambio.set()

    def report_agent_problem(self, agent_id: str, descripcion: str, causa: Apunte) -> None:
        """Un agente queda en pausa: se avisa a su superior."""
        problema = ProblemaReportado(agente_id=agent_id, descripcion=descripcion)
        apunte = self._puertos.anotar(problema, causa)
        self.avisar(agent_id, ClaseAviso.PROBLEMA, descripcion, apunte)

    def avisar(self, agent_id: str, clase: ClaseAviso, texto: str, causa: Apunte) -> None:
        """Deja un aviso de un agente a su superior; de la línea directa se entera el Master."""
        agente = self._agentes[agent_id]
        superior = None if clase is ClaseAviso.LINEA_DIRECTA else self._vivos.get(agente.superior)
        para, fila, nota = (
            agente.superior if superior else MASTER,
            texto[:TOPE_FILA_AVISO],
            agente.nota,
        )
        encolado = AvisoEncolado(
            agente_id=agent_id, destinatario=para, clase=clase, texto=fila, nota=nota
        )
        apunte = self._puertos.anotar(encolado, causa)
        aviso = Aviso(agente.nombre, agente.rol, clase, texto, apunte, nota)
        if superior:
            superior.bucle.inject_message_and_resume(aviso)
        else:
            self._puertos.entregar_al_master(aviso)
        self._cambio.set()

    def _retirar(self, bucle: Bucle) -> None:
        """Al acabar su tarea, también si la cancelaron antes de empezar."""
        vivo = self._vivos[bucle.agente.nombre]
        # Con la bitácora rota no se puede anotar: ya lo dice ella, una vez, a todo el sistema.
        with suppress(ErrorBitacora):
            if not vivo.se_queda:
                bucle.terminar(EstadoAgente.CANCELLED, vivo.motivo, vivo.parado_por)
        del self._vivos[bucle.agente.nombre]
        bucle.agente.historial.clear()
        self._puertos.olvidar(bucle.agente.nombre)
        self._cambio.set()

    async def _delegar(self, agent_type: str, tarea: str, pedida: AccionPedida) -> str:
        de = pedida.solicitante
        if agent_type not in self._tipos:
            return avisos.sin_tipo(agent_type, self._tipos)
        if self._nivel(de) >= self._puertos.profundidad and not pedida.efecto:
            return avisos.demasiado_hondo(de, self._nivel(de))
        if not pedida.efecto and (sin := self._puertos.negar_agente(de)):
            return sin
        nuevo = pedida.efecto or await self.lanzar_agente(agent_type, tarea, de, pedida.causa)
        return avisos.lanzado(nuevo, self._puertos.en_cola(nuevo))

    def _nivel(self, agente_id: str) -> int:
        """A cuántos está del Master."""
        agente = self._agentes.get(agente_id)
        return 1 + self._nivel(agente.superior) if agente else 0

    async def _leer(self, agent_id: str, desde: int) -> str:
        texto = await self._puertos.leer_reporte(agent_id)
        if texto is None:
            nada = f"{agent_id} aún no ha reportado nada."
            return nada if agent_id in self._agentes else self._por_que_no(agent_id)
        return avisos.trozo_de_reporte(agent_id, texto, desde, self._tope_lectura)

    def _por_que_no(self, agent_id: str) -> str:
        agente = self._agentes.get(agent_id)
        return avisos.por_que_no(agent_id, agente.estado if agente else None, self._vivos)
