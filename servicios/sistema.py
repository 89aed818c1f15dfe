"""`abrir_sistema()`: el único archivo que conoce las clases concretas.

Monta de abajo arriba y cierra al revés: conversación, agentes, consola, modelos y, la última,
la bitácora.
"""

from __future__ import annotations

import asyncio
import os
import secrets
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial
from weakref import WeakValueDictionary

from agentes.definicion import DefinicionAgente
from agentes.eventos import (
    SISTEMA,
    Apunte,
    DefinicionRechazada,
    Evento,
    SesionAbierta,
    SesionCerrada,
)
from agentes.eventos_sesion import SesionReanudada
from agentes.guardado import HistoriaGuardada, SesionGuardada
from prompts.tool_definitions import ESQUEMAS
from servicios.ajustes import Ajustes
from servicios.buzon import BusEventos, Buzon, BuzonConVentana
from servicios.cargar_llm import Modelos
from servicios.consola.aislamientos.aislamiento import Aislamiento
from servicios.consola.secretos.secretos import VARIABLE_CANARIO
from servicios.conversacion import Conversacion, es_urgente
from servicios.gestor_enjambre import GestorEnjambre
from servicios.gestor_logs import GestorLogs
from servicios.herramientas.aprobaciones import Aprobaciones
from servicios.herramientas.guardia import Guardia, abrir_guardia
from servicios.herramientas.manos import Manos, PuertosManos, abrir_manos
from servicios.herramientas.puerta import Puerta, PuertosPuerta
from servicios.herramientas.registro import RegistroHerramientas
from servicios.llm.admision import Admision
from servicios.llm.colector import Validadores
from servicios.llm.interlocutor import Interlocutor
from servicios.llm.llamada import Politica, Via
from servicios.llm.preajustes import ReferenciaModelo
from servicios.montaje import Piezas, Topes, montar
from servicios.orquestador_master import OrquestadorMaster
from servicios.registros.cerrojo import tomar_sesion
from servicios.registros.consultas import Consultas
from servicios.registros.reanudar import leer_sesion
from servicios.reloj import Reloj, RelojReal

VERSION = "0.1.0"


@dataclass(slots=True)
class Cierre:
    """Cómo acabará la sesión; la cara lo rellena antes de salir."""

    motivo: str = "salida"
    codigo: int = 0


@dataclass(frozen=True, slots=True)
class Sistema:
    """Lo que ve una cara. `rechazos` son las líneas de los tipos de agente que no valen.

    `anotar` guarda un hecho de la propia cara y `redactar` quita los secretos de un texto;
    `guardada` es la sesión tal como estaba, si se reanuda. `interlocutores` son los del Master y los de los agentes vivos, por su id.
    """

    ajustes: Ajustes
    sesion: str
    modelo: str
    aislamiento: Aislamiento
    aprobaciones: Aprobaciones
    tipos: dict[str, DefinicionAgente]
    registro: RegistroHerramientas
    rechazos: tuple[str, ...]
    bus: BusEventos
    conversacion: Conversacion
    master: OrquestadorMaster
    gestor: GestorEnjambre
    consultas: Consultas
    anotar: Callable[[Evento], Apunte]
    redactar: Callable[[str], str]
    interlocutores: Mapping[str, Interlocutor]
    cierre: Cierre
    guardada: SesionGuardada | None


@dataclass(frozen=True, slots=True)
class _Base:
    """Lo abierto debajo del núcleo, de donde salen sus piezas."""

    ajustes: Ajustes
    bus: BusEventos
    bitacora: GestorLogs
    consultas: Consultas
    guardada: SesionGuardada | None
    modelos: Modelos
    modelo: str
    via: Via
    guardia: Guardia
    manos: Manos
    juegos: dict[tuple[str, ...], Validadores] = field(default_factory=dict)
    interlocutores: WeakValueDictionary[str, Interlocutor] = field(
        default_factory=WeakValueDictionary
    )

    def anotar_apertura(self, cara: str) -> None:
        """La primera fila de la sesión y una por cada tipo de agente que no vale."""
        datos = {
            "agente_id": SISTEMA,
            "version": VERSION,
            "modelo": self.modelo,
            "aislamiento": self.manos.consola.aislamiento.nombre,
            "cara": cara,
        }
        if self.guardada is None:
            self.bitacora.anotar(SesionAbierta(**datos))
        else:
            self.bitacora.anotar(SesionReanudada(**datos, epoca=self.bitacora.epoca))
        for rechazo in self.manos.rechazos:
            self.bitacora.anotar(DefinicionRechazada(agente_id=SISTEMA, error=rechazo))

    def piezas(self) -> Piezas:
        """Las del núcleo, vivas."""
        manos, bitacora = self.manos, self.bitacora
        puertos = PuertosPuerta(bitacora.anotar, self.guardia, manos.registro.rescatar, _no_soltar)
        return Piezas(
            modelo=self.modelo,
            topes=Topes.de(self.ajustes),
            tipos=manos.tipos,
            anotar=bitacora.anotar,
            interlocutor=self._interlocutor,
            modelo_de=self._modelo_de,
            herramientas=manos.registro,
            nueva_puerta=lambda agente_id, historia: Puerta(
                bitacora.sesion, agente_id, puertos, historia.operaciones if historia else None
            ),
            superior_de=lambda superior: superior,
            nuevo_buzon=lambda _: Buzon(),
            buzon_master=BuzonConVentana(self.via.reloj, es_urgente),
            siguiente_numero=lambda agent_type, _: bitacora.siguiente_numero(agent_type),
            leer_reporte=partial(self.consultas.ultimo_reporte, bitacora.sesion),
            olvidar=manos.consola.olvidar,
            por_aprobar=manos.aprobaciones.esperan,
        )

    def _interlocutor(
        self,
        agente_id: str,
        modelo: str,
        herramientas: tuple[str, ...],
        historia: HistoriaGuardada | None,
    ) -> Interlocutor:
        nuevo = Interlocutor(
            agente_id,
            self.modelos.cargar(modelo),
            self._juego(herramientas),
            self.via,
            turno=historia.turno if historia else 0,
            contados=len(historia.mensajes) if historia else 0,
        )
        self.interlocutores[agente_id] = nuevo
        return nuevo

    def _juego(self, nombres: tuple[str, ...]) -> Validadores:
        """El juego de esas herramientas, uno para todos los agentes que las tengan."""
        if nombres not in self.juegos:
            registro = self.manos.registro
            esquemas = [ESQUEMAS.get(n) or registro.esquemas([n])[0] for n in nombres]
            self.juegos[nombres] = Validadores(esquemas)
        return self.juegos[nombres]

    def _modelo_de(self, definicion: DefinicionAgente) -> str:
        return self.modelos.cargar(definicion.model or self.modelo).referencia


@asynccontextmanager
async def abrir_sistema(
    ajustes: Ajustes,
    referencia: ReferenciaModelo,
    cara: str,
    reloj: Reloj | None = None,
    reanudar: str | None = None,
) -> AsyncIterator[Sistema]:
    """Abre una sesión entera y la cierra al salir del bloque; `reanudar` es la que se sigue.

    Lanza `ErrorConfiguracion`, `ErrorBitacora` o `ErrorConsola`, en una línea que dice el remedio.
    """
    ajustes.crear_datos()
    async with AsyncExitStack() as pila:
        cierre = Cierre()
        sesion = reanudar or _nueva_sesion()
        pila.enter_context(tomar_sesion(ajustes.datos, sesion))
        base = await _abrir_base(
            pila, ajustes, referencia, reloj or RelojReal(), _Deseo(sesion, reanudar, cara, cierre)
        )
        base.anotar_apertura(cara)
        bitacora, manos = base.bitacora, base.manos
        nucleo = await pila.enter_async_context(
            montar(base.piezas(), base.guardada, bitacora.fallo)
        )
        yield Sistema(
            ajustes=ajustes,
            sesion=sesion,
            modelo=base.modelo,
            aislamiento=manos.consola.aislamiento,
            aprobaciones=manos.aprobaciones,
            tipos=manos.tipos,
            registro=manos.registro,
            rechazos=manos.rechazos,
            bus=base.bus,
            conversacion=nucleo.conversacion,
            master=nucleo.master,
            gestor=nucleo.gestor,
            consultas=base.consultas,
            interlocutores=base.interlocutores,
            anotar=bitacora.anotar,
            redactar=base.guardia.secretos.redactar,
            cierre=cierre,
            guardada=base.guardada,
        )


@dataclass(frozen=True, slots=True)
class _Deseo:
    """Qué sesión se abre, si se reanuda, para qué cara y cómo acabará."""

    sesion: str
    reanudar: str | None
    cara: str
    cierre: Cierre


async def _abrir_base(
    pila: AsyncExitStack,
    ajustes: Ajustes,
    referencia: ReferenciaModelo,
    reloj: Reloj,
    deseo: _Deseo,
) -> _Base:
    """Modelos, bitácora y consola abiertos; el modelo primero, que es lo que más se configura."""
    ruta, bus = ajustes.datos / "swarm.db", BusEventos()
    modelos = Modelos(ajustes)
    pila.push_async_callback(modelos.cerrar)
    base = await asyncio.to_thread(modelos.cargar, str(referencia))
    guardia = await asyncio.to_thread(abrir_guardia, ajustes, deseo.sesion)
    pila.callback(os.environ.pop, VARIABLE_CANARIO, None)
    repasar = guardia.secretos.repasar
    bitacora = await pila.enter_async_context(
        GestorLogs.abrir(ruta, sesion=deseo.sesion, publicar=bus.publicar, redactar=repasar)
    )
    guardada = await asyncio.to_thread(leer_sesion, ruta, deseo.sesion) if deseo.reanudar else None
    pila.push(partial(_anotar_cierre, bitacora, deseo.cierre))
    consultas = await Consultas.abrir(ruta)
    pila.push_async_callback(consultas.cerrar)
    hay_persona = deseo.cara == "terminal"
    puertos = PuertosManos(bitacora.anotar, reloj, guardia, hay_persona, modelos.cargar)
    via = Via(
        anotar=bitacora.anotar,
        publicar=bus.publicar,
        admision=Admision(ajustes.llamadas_simultaneas),
        reloj=reloj,
        politica=Politica(ajustes.reintentos, ajustes.limite_llamada_s, ajustes.silencio_s),
        contexto=ajustes.contexto,
        redactar=guardia.secretos.redactar,
        retener=guardia.secretos.retener,
    )
    return _Base(
        ajustes=ajustes,
        bus=bus,
        bitacora=bitacora,
        consultas=consultas,
        guardada=guardada,
        modelos=modelos,
        modelo=base.referencia,
        via=via,
        guardia=guardia,
        manos=await pila.enter_async_context(abrir_manos(ajustes, puertos)),
    )


def _nueva_sesion() -> str:
    return f"{datetime.now(UTC):%Y%m%d-%H%M%S}-{secrets.token_hex(2)}"


def _no_soltar(_: int) -> None:
    """Todavía no queda nada en el disco por soltar."""


def _anotar_cierre(bitacora: GestorLogs, cierre: Cierre, fallo: object, *_: object) -> None:
    """La última fila; si se sale por un error que nadie apuntó, lo dice."""
    if fallo is not None and not cierre.codigo:
        cierre.codigo, cierre.motivo = 1, "fallo interno"
    bitacora.anotar(SesionCerrada(agente_id=SISTEMA, motivo=cierre.motivo, codigo=cierre.codigo))
