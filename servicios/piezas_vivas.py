"""Las piezas del núcleo en una sesión de verdad: modelos, bitácora, consola y red.

El único archivo que conoce las clases concretas de debajo del núcleo.
"""

from __future__ import annotations

import asyncio
import os
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from functools import partial
from weakref import WeakValueDictionary

from agentes.eventos import MASTER, SISTEMA, USUARIO, Apunte, Espera, SesionAbierta, SesionCerrada
from agentes.eventos_sesion import (
    DefinicionRechazada,
    ModeloCambiado,
    OperacionHuerfana,
    SesionReanudada,
)
from agentes.guardado import HistoriaGuardada, SesionGuardada
from prompts.tool_definitions import ESQUEMAS
from servicios.ajustes import Ajustes
from servicios.buzon import BusEventos, Buzon, BuzonConVentana
from servicios.cargar_llm import Modelos
from servicios.consola.secretos.secretos import VARIABLE_CANARIO
from servicios.conversacion import es_urgente
from servicios.ejecutor_consola import operaciones_en_disco
from servicios.gestor_logs import GestorLogs
from servicios.herramientas.guardia import Guardia, abrir_guardia
from servicios.herramientas.manos import Manos, PuertosManos, abrir_manos, recoger_restos
from servicios.herramientas.orden_persona import OrdenesPersona
from servicios.herramientas.pagadas import CongeladorPagado
from servicios.herramientas.puerta import Puerta, PuertosPuerta
from servicios.herramientas.registro import RegistroHerramientas
from servicios.llm.admision import Admision
from servicios.llm.aparte import Aparte
from servicios.llm.colector import Validadores
from servicios.llm.interlocutor import Interlocutor
from servicios.llm.preajustes import ReferenciaModelo
from servicios.llm.presupuestos.caja import Caja
from servicios.llm.presupuestos.contaduria import Contaduria
from servicios.llm.presupuestos.precios import Precios
from servicios.llm.relevo import Descansos, Equipo
from servicios.llm.via import Politica, Via
from servicios.montaje import Piezas, Topes
from servicios.motores.puestos import Puestos
from servicios.registros.lectura.consultas import Consultas
from servicios.registros.reanudacion.reanudar import leer_sesion
from servicios.registros.reanudacion.restos import clasificar
from servicios.reloj import Reloj

VERSION = "0.1.0"


@dataclass(slots=True)
class Cierre:
    """Cómo acabará la sesión; la cara lo rellena antes de salir.

    `abierta` es si llegó a empezar: la que no, no deja ninguna fila.
    """

    motivo: str = "salida"
    codigo: int = 0
    abierta: bool = False


@dataclass(frozen=True, slots=True)
class PiezasVivas:
    """Lo abierto debajo del núcleo, de donde salen sus piezas."""

    ajustes: Ajustes
    bus: BusEventos
    bitacora: GestorLogs
    consultas: Consultas
    guardada: SesionGuardada | None
    modelos: Modelos
    via: Via
    guardia: Guardia
    manos: Manos
    descansos: Descansos
    equipos: dict[str, Equipo] = field(default_factory=dict)
    juegos: dict[tuple[str, ...], Validadores] = field(default_factory=dict)
    interlocutores: WeakValueDictionary[str, Interlocutor] = field(
        default_factory=WeakValueDictionary
    )

    def anotar_apertura(self, cara: str) -> Apunte:
        """La primera fila de la sesión, que devuelve, y una por cada tipo de agente que no vale."""
        datos = {
            "agente_id": SISTEMA,
            "version": VERSION,
            "modelo": self.modelos.general,
            "aislamiento": self.manos.consola.aislamiento.nombre,
            "cara": cara,
        }
        if self.guardada is None:
            apertura: Apunte = self.bitacora.anotar(SesionAbierta(**datos))
        else:
            apertura = self.bitacora.anotar(SesionReanudada(**datos, epoca=self.bitacora.epoca))
        for rechazo in self.manos.rechazos:
            self.bitacora.anotar(DefinicionRechazada(agente_id=SISTEMA, error=rechazo))
        return apertura

    async def recoger_restos(self) -> None:
        """Lo que otras vidas dejaron en el disco."""
        datos, sesion = self.ajustes.datos, self.bitacora.sesion
        en_disco = await asyncio.to_thread(operaciones_en_disco, datos)
        restos = await asyncio.to_thread(clasificar, datos / "swarm.db", sesion, en_disco)
        for fila in restos.huerfanas:
            self.bitacora.anotar(OperacionHuerfana(agente_id=SISTEMA, fila=fila))
        await recoger_restos(self.manos, restos)

    def ordenes_persona(self) -> OrdenesPersona:
        """Lo que la persona ejecuta por su cuenta."""
        manos, guardada = self.manos, self.guardada
        return OrdenesPersona(
            self.bitacora.sesion,
            manos.de_la_persona,
            self._puertos_puerta(manos.de_la_persona),
            manos.sitio,
            guardada.ordenes if guardada else (),
        )

    def aparte(self) -> Aparte:
        """Las preguntas al margen: las contesta el modelo de la sesión, por el Master."""
        return Aparte(MASTER, self.modelos.cargar(self.modelos.generales[0]), self.via)

    def _puertos_puerta(self, registro: RegistroHerramientas) -> PuertosPuerta:
        soltar = self.manos.consola.soltar_operacion
        return PuertosPuerta(self.bitacora.anotar, self.guardia, registro.rescatar, soltar)

    def piezas(self) -> Piezas:
        """Las del núcleo, vivas."""
        manos, bitacora = self.manos, self.bitacora
        puestos = Puestos(self.ajustes.agentes_simultaneos, bitacora.anotar)
        puertos = self._puertos_puerta(manos.registro)
        return Piezas(
            modelos=self.modelos.generales,
            topes=Topes.de(self.ajustes),
            tipos=manos.tipos,
            anotar=bitacora.anotar,
            interlocutor=self._interlocutor,
            modelos_de=self.modelos.de,
            herramientas=manos.registro,
            comprobar=manos.comprobador.comprobar,
            nueva_puerta=lambda agente_id, historia: Puerta(
                bitacora.sesion, agente_id, puertos, historia.operaciones if historia else None
            ),
            superior_de=lambda superior: superior,
            nuevo_buzon=lambda _: Buzon(),
            buzon_master=BuzonConVentana(
                self.via.reloj, es_urgente, despierta=lambda entrada: entrada.despierta
            ),
            siguiente_numero=lambda agent_type, _: bitacora.siguiente_numero(agent_type),
            leer_reporte=partial(self.consultas.ultimo_reporte, bitacora.sesion),
            olvidar=manos.consola.olvidar,
            puestos=puestos,
            esperas=lambda: self._esperas(puestos),
            congelador=CongeladorPagado(manos.consola, self.via.caja),
            presupuestos=self.via.caja,
        )

    @property
    def contaduria(self) -> Contaduria:
        """Quien pone los presupuestos."""
        return Contaduria(self.via.caja, lambda: self.modelos.todas(self.manos.tipos.values()))

    def _esperas(self, puestos: Puestos) -> dict[str, Espera]:
        """Por qué espera cada uno a quien hace esperar el sistema o la persona."""
        return {
            **dict.fromkeys(self.via.admision.esperan(), Espera.TASA),
            **dict.fromkeys(puestos.esperan(), Espera.COLA),
            **dict.fromkeys(self.manos.aprobaciones.esperan(), Espera.APROBACION),
        }

    def _interlocutor(
        self,
        agente_id: str,
        modelos: tuple[str, ...],
        herramientas: tuple[str, ...],
        historia: HistoriaGuardada | None,
    ) -> Interlocutor:
        equipo = Equipo([self.modelos.cargar(m) for m in modelos], self.descansos)
        if agente_id == MASTER:
            self.equipos[MASTER] = equipo
        nuevo = Interlocutor(
            agente_id,
            equipo,
            self._juego(herramientas),
            self.via,
            turno=historia.turno if historia else 0,
            contados=historia.contados if historia else 0,
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

    async def cambiar_modelo(self, texto: str) -> str:
        """Cambia el general: el del Master desde su próxima llamada y el de quien nazca después.

        Vuelve cuando está guardado, con su referencia. Lanza `ErrorConfiguracion` si no vale.
        """
        pedido = (await asyncio.to_thread(self.modelos.cargar, texto)).referencia
        self.contaduria.comprobar((), [pedido])
        self.modelos.general = nuevo = self.modelos.cargar(texto).referencia
        cambio = self.bitacora.anotar(ModeloCambiado(agente_id=USUARIO, modelo=nuevo))
        generales = [self.modelos.cargar(m) for m in self.modelos.generales]
        self.equipos[MASTER].cambiar(generales)
        await cambio
        return nuevo


@dataclass(frozen=True, slots=True)
class Deseo:
    """Qué sesión se abre, si se reanuda, para qué cara y cómo acabará."""

    sesion: str
    reanudar: str | None
    cara: str
    cierre: Cierre


async def abrir_piezas_vivas(
    pila: AsyncExitStack,
    ajustes: Ajustes,
    referencia: ReferenciaModelo,
    reloj: Reloj,
    deseo: Deseo,
) -> PiezasVivas:
    """Modelos, bitácora y consola abiertos; el modelo primero, que es lo que más se configura."""
    ruta, bus = ajustes.datos / "swarm.db", BusEventos()
    modelos = Modelos(ajustes)
    pila.push_async_callback(modelos.cerrar)
    await asyncio.to_thread(modelos.abrir, str(referencia))
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
    quien = (deseo.cara == "terminal", deseo.sesion, guardada.sub if guardada else "")
    precios = await asyncio.to_thread(Precios.leer, ajustes.datos)
    caja = Caja(precios=precios, reloj=reloj, anotar=bitacora.anotar)
    puertos = PuertosManos(bitacora.anotar, reloj, guardia, *quien, modelos.cargar, caja)
    return PiezasVivas(
        ajustes=ajustes,
        bus=bus,
        bitacora=bitacora,
        consultas=consultas,
        guardada=guardada,
        modelos=modelos,
        via=_via(ajustes, caja, bus, bitacora, guardia),
        guardia=guardia,
        manos=await pila.enter_async_context(abrir_manos(ajustes, puertos)),
        descansos=Descansos(reloj),
    )


def _via(
    ajustes: Ajustes, caja: Caja, bus: BusEventos, bitacora: GestorLogs, guardia: Guardia
) -> Via:
    """La de todas las llamadas a los modelos."""
    return Via(
        anotar=bitacora.anotar,
        publicar=bus.publicar,
        admision=Admision(
            ajustes.llamadas_simultaneas,
            por_minuto=ajustes.llamadas_por_minuto,
            reloj=caja.reloj,
            anotar=bitacora.anotar,
        ),
        reloj=caja.reloj,
        politica=Politica(ajustes.reintentos, ajustes.limite_llamada_s, ajustes.silencio_s),
        redactar=guardia.secretos.redactar,
        retener=guardia.secretos.retener,
        caja=caja,
    )


def _anotar_cierre(bitacora: GestorLogs, cierre: Cierre, fallo: object, *_: object) -> None:
    """La última fila; si se sale por un error que nadie apuntó, lo dice."""
    if not cierre.abierta:
        return
    if fallo is not None and not cierre.codigo:
        cierre.codigo, cierre.motivo = 1, "fallo interno"
    bitacora.anotar(SesionCerrada(agente_id=SISTEMA, motivo=cierre.motivo, codigo=cierre.codigo))
