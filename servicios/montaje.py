"""Montar el núcleo sobre unas piezas: vivas (`sistema.py`) o grabadas (`reproduccion.py`).

piezas → Master + gestor + un bucle por agente + conversación, de abajo arriba
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from typing import Protocol

from langchain_core.messages import HumanMessage, SystemMessage

from agentes.definicion import DefinicionAgente, Encargo
from agentes.errores import ErrorEnjambre
from agentes.eventos import MASTER, Apunte, Espera
from agentes.eventos_llamada import INTERRUMPIDA, LlamadaFallida
from agentes.guardado import HistoriaGuardada, PorAcabar, SesionGuardada
from agentes.mensajes import Aviso, Directiva, EntradaUsuario
from prompts.instrucciones import instrucciones_agente, instrucciones_master
from prompts.tool_definitions import HERRAMIENTAS_MASTER
from servicios.ajustes import Ajustes
from servicios.bucle_logico_agente import BucleLogicoAgente
from servicios.buzon import Buzon, BuzonConVentana
from servicios.conversacion import Conversacion, PuertosConversacion, Ritmo, en_marcha
from servicios.gestor_enjambre import GestorEnjambre
from servicios.herramientas.evidencias.verificador import Comprobar, Verificador
from servicios.llm.interlocutor import Interlocutor
from servicios.llm.presupuestos.avisos import InterlocutorAvisado
from servicios.motores.local import MotorLocal
from servicios.motores.puestos import Puestos
from servicios.orquestador_master import OrquestadorMaster, turno_de
from servicios.puertos import (
    Anotar,
    Congelador,
    Herramientas,
    LimitesAgente,
    Presupuestos,
    Puerta,
    PuertosAgente,
    PuertosGestor,
    Superior,
)

NOMBRES_MASTER = tuple(esquema["name"] for esquema in HERRAMIENTAS_MASTER)
_CORTADA = "se cortó antes de que llegara la respuesta"


class NuevoInterlocutor(Protocol):
    """Quien da a cada uno con quién pensar."""

    def __call__(
        self,
        agente_id: str,
        modelos: tuple[str, ...],
        herramientas: tuple[str, ...],
        historia: HistoriaGuardada | None,
    ) -> Interlocutor:
        """Con su modelo y los de respaldo; con `historia`, sigue contando por donde iba."""
        ...


@dataclass(frozen=True, slots=True)
class Topes:
    """Lo que acota a todos: iteraciones, rondas, niveles y caracteres de resúmenes y reportes."""

    max_iteraciones: int
    max_rondas: int
    resumen: int
    reporte: int
    profundidad: int

    @classmethod
    def de(cls, ajustes: Ajustes) -> Topes:
        """Los que dicen los ajustes."""
        return cls(
            max_iteraciones=ajustes.max_iteraciones,
            max_rondas=ajustes.max_rondas,
            resumen=ajustes.tope_resumen,
            reporte=ajustes.tamano_reporte,
            profundidad=ajustes.profundidad,
        )


@dataclass(frozen=True, slots=True)
class Piezas:
    """Lo que hay debajo del núcleo.

    `nuevo_buzon` y `nueva_puerta` dan los de cada agente y `superior_de`, cómo ve a su superior;
    `modelos` son el del Master y los de respaldo y `modelos_de`, los de un tipo; `comprobar` mira si
    se cumple lo que afirma uno; `olvidar` recibe a cada agente que acaba; `puestos` son los que se
    reparten, `esperas` dice a quiénes hace esperar el sistema o la persona, y por qué, y
    `presupuestos`, lo que se puede gastar; `congelador` detiene lo que un agente tiene en marcha.
    """

    modelos: tuple[str, ...]
    topes: Topes
    tipos: Mapping[str, DefinicionAgente]
    anotar: Anotar
    interlocutor: NuevoInterlocutor
    modelos_de: Callable[[DefinicionAgente], tuple[str, ...]]
    herramientas: Herramientas
    comprobar: Comprobar
    nueva_puerta: Callable[[str, HistoriaGuardada | None], Puerta]
    superior_de: Callable[[Superior], Superior]
    nuevo_buzon: Callable[[str], Buzon[Directiva | Aviso]]
    buzon_master: BuzonConVentana[EntradaUsuario | Aviso]
    siguiente_numero: Callable[[str, Apunte | None], Awaitable[int]]
    leer_reporte: Callable[[str], Awaitable[str | None]]
    olvidar: Callable[[str], None]
    puestos: Puestos
    esperas: Callable[[], Mapping[str, Espera]]
    congelador: Congelador
    presupuestos: Presupuestos

    def crear(
        self,
        encargo: Encargo,
        superior: Superior,
        causa: Apunte,
        historia: HistoriaGuardada | None = None,
    ) -> BucleLogicoAgente:
        """Un agente con su bucle, sin arrancar; con `historia`, por donde se cortó."""
        definicion = encargo.definicion
        modelos = self.modelos_de(definicion)
        agente = encargo.nuevo_agente(modelos[0])
        if historia is not None and historia.mensajes:
            agente.historial.extend(historia.mensajes)
            agente.uso = historia.uso
        else:
            historia = None
            instrucciones = SystemMessage(instrucciones_agente(agente, definicion))
            agente.historial.extend([instrucciones, HumanMessage(agente.tarea)])
        herramientas = definicion.available_tools
        self.presupuestos.abrir(agente.nombre, agente.superior, definicion.presupuesto)
        puerta = self.nueva_puerta(agente.nombre, historia)
        devueltos = historia.devueltos if historia else 0
        puertos = PuertosAgente(
            anotar=self.anotar,
            interlocutor=self.interlocutor(agente.nombre, modelos, herramientas, historia),
            puerta=puerta,
            herramientas=self.herramientas,
            verificador=Verificador(agente.nombre, agente.exige, puerta, self.comprobar, devueltos),
            superior=self.superior_de(superior),
            puesto=self.puestos,
            congelador=self.congelador,
            presupuestos=self.presupuestos,
        )
        limites = LimitesAgente(
            max_iterations=definicion.max_iterations or self.topes.max_iteraciones,
            tope_resumen=self.topes.resumen,
            tope_aviso=self.topes.reporte,
        )
        buzon = self.nuevo_buzon(agente.nombre)
        return BucleLogicoAgente(agente, buzon, puertos, limites, causa, historia)

    def puertos_gestor(self, motor: MotorLocal) -> PuertosGestor:
        """De qué vive el gestor, con las tareas en ese motor."""
        return PuertosGestor(
            anotar=self.anotar,
            crear=self.crear,
            motor=motor,
            modelo_de=lambda definicion: self.modelos_de(definicion)[0],
            siguiente_numero=self.siguiente_numero,
            leer_reporte=self.leer_reporte,
            entregar_al_master=self.buzon_master.entregar,
            olvidar=self.olvidar,
            esperas=self.esperas,
            en_cola=self.puestos.en_cola,
            profundidad=self.topes.profundidad,
            negar_agente=self.presupuestos.negar_agente,
        )

    def conversacion(
        self, master: OrquestadorMaster, gestor: GestorEnjambre, guardada: SesionGuardada | None
    ) -> Conversacion:
        """La conversación, con lo que quedó por acabar si se reanuda."""
        historia = guardada.master if guardada else None
        ritmo = Ritmo(
            tope_resumen=self.topes.resumen,
            tope_aviso=self.topes.reporte,
            max_rondas=self.topes.max_rondas,
        )
        puertos = PuertosConversacion(self.anotar, gestor, self.nueva_puerta(MASTER, historia))
        return Conversacion(master, self.buzon_master, puertos, ritmo, _por_acabar(guardada))


@dataclass(frozen=True, slots=True)
class Nucleo:
    """Lo montado."""

    master: OrquestadorMaster
    gestor: GestorEnjambre
    conversacion: Conversacion


@asynccontextmanager
async def montar(
    piezas: Piezas,
    guardada: SesionGuardada | None,
    fallo: Awaitable[ErrorEnjambre],
) -> AsyncIterator[Nucleo]:
    """El núcleo en marcha mientras dure el bloque; si `fallo` llega, todo se para y se lanza.

    Con `guardada` sigue esa sesión: cada uno vuelve a donde estaba.
    """
    async with AsyncExitStack() as pila:
        motor = await pila.enter_async_context(MotorLocal(piezas.anotar, piezas.puestos))
        puertos = piezas.puertos_gestor(motor)
        gestor = GestorEnjambre(piezas.tipos, puertos, piezas.topes.resumen)
        await pila.enter_async_context(gestor)
        historia = guardada.master if guardada else None
        propio = piezas.interlocutor(MASTER, piezas.modelos, NOMBRES_MASTER, historia)
        master = OrquestadorMaster(
            InterlocutorAvisado(MASTER, propio, piezas.presupuestos, piezas.anotar),
            instrucciones_master(piezas.tipos.values()),
            historia,
        )
        if guardada is not None:
            _dar_por_cortadas(guardada, piezas.anotar)
            for entrada in guardada.pendientes_master:
                piezas.buzon_master.entregar(entrada)
            await _congelar_pausados(guardada, piezas.congelador)
            gestor.restaurar(guardada.agentes)
        conversacion = piezas.conversacion(master, gestor, guardada)
        await pila.enter_async_context(en_marcha(conversacion, fallo))
        yield Nucleo(master, gestor, conversacion)


async def _congelar_pausados(guardada: SesionGuardada, congelador: Congelador) -> None:
    """Antes de que nadie se haga con lo que dejaron en marcha."""
    for agente in guardada.agentes:
        if agente.pausa is not None:
            await congelador.congelar(agente.agente_id)


def _por_acabar(guardada: SesionGuardada | None) -> PorAcabar | None:
    if guardada is None:
        return None
    historia = guardada.master
    if historia is None or not historia.falta_algo:
        return PorAcabar(ultimo_texto=guardada.ultimo_texto, problemas=guardada.problemas)
    return PorAcabar(
        turno=turno_de(historia.respuesta) if historia.respuesta else None,
        dicho=historia.texto_dicho,
        pensar=historia.hay_que_pensar,
        ultimo_texto=guardada.ultimo_texto,
        problemas=guardada.problemas,
    )


def _dar_por_cortadas(guardada: SesionGuardada, anotar: Anotar) -> None:
    """Las llamadas que se quedaron sin respuesta: se pagaron, quizá, y se harán otra vez."""
    historias = [(MASTER, guardada.master), *((a.agente_id, a.historia) for a in guardada.agentes)]
    for agente_id, historia in historias:
        if historia and historia.cortada and not historia.corte_anotado:
            anotar(
                LlamadaFallida(
                    agente_id=agente_id,
                    turno=historia.turno,
                    intentos=1,
                    error=_CORTADA,
                    clase=INTERRUMPIDA,
                    ms=0,
                ),
                historia.cortada,
            )
