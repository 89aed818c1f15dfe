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

from langchain_core.messages import HumanMessage, SystemMessage

from agentes.definicion import DefinicionAgente, Encargo
from agentes.eventos import (
    MASTER,
    SISTEMA,
    Apunte,
    DefinicionRechazada,
    SesionAbierta,
    SesionCerrada,
)
from agentes.mensajes import Aviso, EntradaUsuario
from prompts.instrucciones import instrucciones_agente, instrucciones_master
from prompts.tool_definitions import ESQUEMAS, HERRAMIENTAS_MASTER
from servicios.ajustes import Ajustes
from servicios.bucle_logico_agente import BucleLogicoAgente, LimitesAgente, PuertosAgente
from servicios.buzon import BusEventos, Buzon
from servicios.cargar_llm import Modelos
from servicios.consola.aislamientos.aislamiento import Aislamiento
from servicios.consola.secretos.secretos import VARIABLE_CANARIO
from servicios.conversacion import Conversacion, PuertosConversacion, Ritmo, en_marcha
from servicios.gestor_enjambre import GestorEnjambre, PuertosGestor
from servicios.gestor_logs import GestorLogs
from servicios.herramientas.aprobaciones import Aprobaciones
from servicios.herramientas.guardia import Guardia, abrir_guardia
from servicios.herramientas.manos import Manos, PuertosManos, abrir_manos
from servicios.herramientas.puerta import Puerta
from servicios.herramientas.registro import RegistroHerramientas
from servicios.llm.admision import Admision
from servicios.llm.colector import Validadores
from servicios.llm.interlocutor import Interlocutor
from servicios.llm.llamada import Politica, Via
from servicios.llm.preajustes import ReferenciaModelo
from servicios.orquestador_master import OrquestadorMaster
from servicios.registros.consultas import Consultas
from servicios.reloj import Reloj, RelojReal

VERSION = "0.1.0"
_NOMBRES_MASTER = tuple(esquema["name"] for esquema in HERRAMIENTAS_MASTER)


@dataclass(slots=True)
class Cierre:
    """Cómo acabará la sesión; la cara lo rellena antes de salir."""

    motivo: str = "salida"
    codigo: int = 0


@dataclass(frozen=True, slots=True)
class Sistema:
    """Lo que ve una cara. `rechazos` son las líneas de los tipos de agente que no valen.

    `interlocutores` son los del Master y los de los agentes vivos, por su id.
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
    interlocutores: Mapping[str, Interlocutor]
    cierre: Cierre


@dataclass(frozen=True, slots=True)
class _Piezas:
    """Lo ya montado que necesita cada agente nuevo."""

    ajustes: Ajustes
    bus: BusEventos
    bitacora: GestorLogs
    consultas: Consultas
    via: Via
    modelos: Modelos
    modelo_base: str
    guardia: Guardia
    manos: Manos
    cierre: Cierre
    juegos: dict[tuple[str, ...], Validadores] = field(default_factory=dict)
    interlocutores: WeakValueDictionary[str, Interlocutor] = field(
        default_factory=WeakValueDictionary
    )

    def anotar_apertura(self, cara: str) -> None:
        """La primera fila de la sesión y una por cada tipo de agente que no vale."""
        self.bitacora.anotar(
            SesionAbierta(
                agente_id=SISTEMA,
                version=VERSION,
                modelo=self.modelo_base,
                aislamiento=self.manos.consola.aislamiento.nombre,
                cara=cara,
            )
        )
        for rechazo in self.manos.rechazos:
            self.bitacora.anotar(DefinicionRechazada(agente_id=SISTEMA, error=rechazo))

    def interlocutor(
        self, agente_id: str, modelo: str, herramientas: tuple[str, ...]
    ) -> Interlocutor:
        nuevo = Interlocutor(
            agente_id, self.modelos.cargar(modelo), self._juego(herramientas), self.via
        )
        self.interlocutores[agente_id] = nuevo
        return nuevo

    def _juego(self, nombres: tuple[str, ...]) -> Validadores:
        """El juego de esas herramientas, uno para todos los agentes que las tengan."""
        if nombres not in self.juegos:
            esquemas = [ESQUEMAS.get(n) or self.manos.registro.esquemas([n])[0] for n in nombres]
            self.juegos[nombres] = Validadores(esquemas)
        return self.juegos[nombres]

    def puerta(self, agente_id: str) -> Puerta:
        return Puerta(self.bitacora.sesion, agente_id, self.bitacora.anotar, self.guardia)

    def modelo_de(self, definicion: DefinicionAgente) -> str:
        return self.modelos.cargar(definicion.model or self.modelo_base).referencia

    def crear(self, encargo: Encargo, gestor: GestorEnjambre, causa: Apunte) -> BucleLogicoAgente:
        """Un agente con su bucle, sin arrancar."""
        definicion = encargo.definicion
        modelo = self.modelo_de(definicion)
        agente = encargo.nuevo_agente(modelo)
        instrucciones = SystemMessage(instrucciones_agente(agente, definicion))
        agente.historial.extend([instrucciones, HumanMessage(agente.tarea)])
        puertos = PuertosAgente(
            anotar=self.bitacora.anotar,
            interlocutor=self.interlocutor(agente.nombre, modelo, definicion.available_tools),
            puerta=self.puerta(agente.nombre),
            herramientas=self.manos.registro,
            reportes=gestor,
            ejecutar=gestor.ejecutar,
        )
        limites = LimitesAgente(
            max_iterations=definicion.max_iterations or self.ajustes.max_iteraciones,
            tope_resumen=self.ajustes.tope_resumen,
            tope_aviso=self.ajustes.tamano_reporte,
        )
        return BucleLogicoAgente(agente, Buzon(), puertos, limites, causa)


@asynccontextmanager
async def abrir_sistema(
    ajustes: Ajustes, referencia: ReferenciaModelo, cara: str, reloj: Reloj | None = None
) -> AsyncIterator[Sistema]:
    """Abre una sesión entera y la cierra al salir del bloque.

    Lanza `ErrorConfiguracion`, `ErrorBitacora` o `ErrorConsola`, en una línea que dice el remedio.
    """
    ajustes.crear_datos()
    async with AsyncExitStack() as pila:
        apertura = (ajustes, referencia, cara, reloj or RelojReal())
        piezas = await _abrir_piezas(pila, *apertura)
        piezas.anotar_apertura(cara)
        buzon: Buzon[EntradaUsuario | Aviso] = Buzon()
        gestor = await pila.enter_async_context(_crear_gestor(piezas, buzon.entregar))
        master = OrquestadorMaster(
            piezas.interlocutor(MASTER, piezas.modelo_base, _NOMBRES_MASTER),
            instrucciones_master(piezas.manos.tipos.values()),
        )
        conversacion = _crear_conversacion(piezas, master, gestor, buzon)
        await pila.enter_async_context(en_marcha(conversacion, piezas.bitacora.fallo))
        yield Sistema(
            ajustes=ajustes,
            sesion=piezas.bitacora.sesion,
            modelo=piezas.modelo_base,
            aislamiento=piezas.manos.consola.aislamiento,
            aprobaciones=piezas.manos.aprobaciones,
            tipos=piezas.manos.tipos,
            registro=piezas.manos.registro,
            rechazos=piezas.manos.rechazos,
            bus=piezas.bus,
            conversacion=conversacion,
            master=master,
            gestor=gestor,
            consultas=piezas.consultas,
            interlocutores=piezas.interlocutores,
            cierre=piezas.cierre,
        )


async def _abrir_piezas(
    pila: AsyncExitStack, ajustes: Ajustes, referencia: ReferenciaModelo, cara: str, reloj: Reloj
) -> _Piezas:
    """Modelos, bitácora y consola abiertos; el modelo primero, que es lo que más se configura."""
    sesion = f"{datetime.now(UTC):%Y%m%d-%H%M%S}-{secrets.token_hex(2)}"
    ruta, bus, cierre = ajustes.datos / "swarm.db", BusEventos(), Cierre()
    modelos = Modelos(ajustes)
    pila.push_async_callback(modelos.cerrar)
    base = await asyncio.to_thread(modelos.cargar, str(referencia))
    guardia = await asyncio.to_thread(abrir_guardia, ajustes, sesion)
    pila.callback(os.environ.pop, VARIABLE_CANARIO, None)
    repasar = guardia.secretos.repasar
    bitacora = await pila.enter_async_context(
        GestorLogs.abrir(ruta, sesion=sesion, publicar=bus.publicar, redactar=repasar)
    )
    pila.push(partial(_anotar_cierre, bitacora, cierre))
    consultas = await Consultas.abrir(ruta)
    pila.push_async_callback(consultas.cerrar)
    puertos = PuertosManos(bitacora.anotar, reloj, guardia, cara == "terminal", modelos.cargar)
    via = Via(
        anotar=bitacora.anotar,
        publicar=bus.publicar,
        admision=Admision(ajustes.llamadas_simultaneas),
        reloj=reloj,
        politica=Politica(ajustes.reintentos, ajustes.limite_llamada_s, ajustes.silencio_s),
        redactar=guardia.secretos.redactar,
        retener=guardia.secretos.retener,
    )
    return _Piezas(
        ajustes=ajustes,
        bus=bus,
        bitacora=bitacora,
        consultas=consultas,
        via=via,
        modelos=modelos,
        modelo_base=base.referencia,
        guardia=guardia,
        manos=await pila.enter_async_context(abrir_manos(ajustes, puertos)),
        cierre=cierre,
    )


def _anotar_cierre(bitacora: GestorLogs, cierre: Cierre, fallo: object, *_: object) -> None:
    """La última fila; si se sale por un error que nadie apuntó, lo dice."""
    if fallo is not None and not cierre.codigo:
        cierre.codigo, cierre.motivo = 1, "fallo interno"
    bitacora.anotar(SesionCerrada(agente_id=SISTEMA, motivo=cierre.motivo, codigo=cierre.codigo))


def _crear_gestor(piezas: _Piezas, entregar: Callable[[Aviso], None]) -> GestorEnjambre:
    sesion = piezas.bitacora.sesion
    puertos = PuertosGestor(
        anotar=piezas.bitacora.anotar,
        crear=piezas.crear,
        modelo_de=piezas.modelo_de,
        siguiente_numero=piezas.bitacora.siguiente_numero,
        leer_reporte=partial(piezas.consultas.ultimo_reporte, sesion),
        entregar_al_master=entregar,
        olvidar=piezas.manos.consola.olvidar,
        por_aprobar=piezas.manos.aprobaciones.esperan,
    )
    return GestorEnjambre(piezas.manos.tipos, puertos, piezas.ajustes.tope_resumen)


def _crear_conversacion(
    piezas: _Piezas,
    master: OrquestadorMaster,
    gestor: GestorEnjambre,
    buzon: Buzon[EntradaUsuario | Aviso],
) -> Conversacion:
    puerta, reloj, ajustes = piezas.puerta(MASTER), piezas.via.reloj, piezas.ajustes
    ritmo = Ritmo(
        tope_resumen=ajustes.tope_resumen,
        tope_aviso=ajustes.tamano_reporte,
        max_rondas=ajustes.max_rondas,
    )
    puertos = PuertosConversacion(piezas.bitacora.anotar, gestor, puerta, reloj)
    return Conversacion(master, buzon, puertos, ritmo)
