"""Las piezas del núcleo en una reproducción: las de `sistema.py`, pero contestan lo grabado."""

from __future__ import annotations

import sys
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from agentes.acciones import AccionPedida
from agentes.definicion import DefinicionAgente
from agentes.errores import ErrorModelo
from agentes.eventos import MASTER, Apunte, EstadoAgente
from agentes.eventos_llamada import RELEVO
from agentes.guardado import HistoriaGuardada
from agentes.mensajes import Aviso, ClaseAviso, Directiva, EntradaUsuario
from agentes.presupuesto import Presupuesto
from agentes.pruebas import Evidencia
from agentes.respuestas import Operacion, ResultadoHerramienta
from prompts.tool_definitions import ESQUEMAS, Esquema
from servicios.ajustes import Ajustes
from servicios.herramientas.registro import RegistroHerramientas
from servicios.llm.admision import Admision
from servicios.llm.colector import Validadores
from servicios.llm.flujo import ModeloLLM, Trozo
from servicios.llm.interlocutor import Interlocutor
from servicios.llm.via import Politica, Via
from servicios.montaje import Piezas, Topes
from servicios.motores.puestos import Puestos, Turno
from servicios.puertos import Superior
from servicios.registros.reproducir.anotador import AnotadorGrabado
from servicios.registros.reproducir.buzon import BuzonGrabado
from servicios.registros.reproducir.clases import AJENAS
from servicios.registros.reproducir.guion import ErrorDivergencia, Guion
from servicios.registros.reproducir.llamador import LlamadorGrabado
from servicios.registros.reproducir.presupuestos import PresupuestosGrabados
from servicios.registros.reproducir.puerta import PuertaGrabada
from servicios.reloj import RelojReal

if TYPE_CHECKING:
    from langchain_core.messages import BaseMessage

_SIN_EL = AJENAS | {"agent_run_end"}
"""Lo que le pasa a un agente sin que él haga nada."""


@dataclass(slots=True)
class _ModeloMudo:
    """El nombre de un modelo al que nadie llama: el de la siguiente llamada que se grabó.

    Lo copiado por una bifurcación pudo hacerlo otro modelo que el de la sesión.
    """

    agente_id: str
    guion: Guion
    de_oficio: str
    contexto: int = 0
    puerta: str = "grabado"

    @property
    def referencia(self) -> str:
        """Proveedor y modelo; si ya no queda ninguna llamada, el que le toca."""
        fila = self.guion.buscar(
            self.agente_id, lambda f: f.tipo == "llm_input" and not self.guion.se_copia(f)
        )
        return str(fila.details["modelo"]) if fila else self.de_oficio

    def al_dia(self) -> ModeloLLM:
        """El de la siguiente llamada, con lo que entonces se creía que cabía en él."""
        fila = self.guion.buscar(
            self.agente_id, lambda f: f.tipo == "llm_input" and not self.guion.se_copia(f)
        )
        self.contexto = int(fila.details.get("contexto", 0)) if fila else 0
        return self

    def emitir(
        self, mensajes: Sequence[BaseMessage], herramientas: Sequence[Esquema], salida: int = 0
    ) -> AsyncIterator[Trozo]:
        """Nunca se llama: contesta la grabación."""
        raise ErrorDivergencia(f"se quiso llamar a {self.referencia} en una reproducción")

    async def cerrar(self) -> None:
        """No hay nada que cerrar."""


@dataclass(frozen=True, slots=True)
class _SuperiorGrabado:
    """El superior de un agente, que sabe si entonces esperaba a sus hijos."""

    superior: Superior
    guion: Guion

    def report_agent_status(
        self, agent_id: str, status: EstadoAgente, result: str, causa: Apunte
    ) -> None:
        self.superior.report_agent_status(agent_id, status, result, causa)

    def report_agent_problem(self, agent_id: str, descripcion: str, causa: Apunte) -> None:
        self.superior.report_agent_problem(agent_id, descripcion, causa)

    def avisar(self, agent_id: str, clase: ClaseAviso, texto: str, causa: Apunte) -> None:
        self.superior.avisar(agent_id, clase, texto, causa)

    def se_detuvo(self, agent_id: str) -> None:
        self.superior.se_detuvo(agent_id)

    def tiene_hijos_en_marcha(self, agent_id: str) -> bool:
        fila = self.guion.esperada(agent_id)
        return fila is not None and fila.details.get("espera") == "hijo"

    async def ejecutar(self, pedida: AccionPedida) -> str:
        return await self.superior.ejecutar(pedida)


class _NadaQueCongelar:
    """La consola de una reproducción: no ejecuta nada."""

    async def congelar(self, agente_id: str) -> int:
        del agente_id
        return 0

    async def descongelar(self, agente_id: str) -> None:
        del agente_id


class _PuestosGrabados(Puestos):
    """Puestos para todos, pero cada uno lo tiene cuando lo tuvo: lo siguiente es cosa suya."""

    def __init__(self, guion: Guion) -> None:
        super().__init__(sys.maxsize, lambda _, __: None)
        self._guion = guion

    async def tener(self, turno: Turno) -> None:
        """Vuelve cuando lo siguiente de ese agente es que sigue."""
        await self._guion.hasta(lambda: self._sigue(turno.agente.nombre))

    def _sigue(self, agente_id: str) -> bool:
        fila = self._guion.esperada(agente_id)
        return fila is not None and fila.tipo not in _SIN_EL


@dataclass(frozen=True, slots=True)
class _PlantelGrabado:
    """Los modelos de un agente: el de cada llamada es el que se grabó, y se releva como entonces."""

    modelo: _ModeloMudo
    anotador: AnotadorGrabado

    def elegir(self) -> ModeloLLM:
        return self.modelo.al_dia()

    def relevo(self, error: ErrorModelo) -> ModeloLLM | None:
        del error
        fila = self.modelo.guion.esperada(self.modelo.agente_id)
        releva = fila is not None and fila.tipo == "llm_call"
        if fila is None or not releva or fila.details["clase"] != RELEVO:
            return None
        return self.modelo.al_dia()

    def contesto(self) -> None:
        """Aquí nadie descansa."""

    def llamador(self, agente_id: str, modelo: ModeloLLM, via: Via) -> LlamadorGrabado:
        del modelo, via
        return LlamadorGrabado(agente_id, self.anotador, self.modelo.guion)


@dataclass(frozen=True, slots=True)
class PiezasGrabadas:
    """De dónde salen las de un tramo."""

    sesion: str
    modelo: str
    tipos: Mapping[str, DefinicionAgente]
    ajustes: Ajustes
    guion: Guion
    anotador: AnotadorGrabado
    interlocutores: dict[str, Interlocutor] = field(default_factory=dict)
    nacidos: dict[str, str] = field(default_factory=dict)

    def piezas(self, reentrega: Mapping[str, int]) -> Piezas:
        """Las de este tramo; `reentrega`, lo que cada uno vuelve a decir sin leerlo otra vez."""
        master: BuzonGrabado[EntradaUsuario | Aviso] = self._buzon(MASTER, reentrega)
        return Piezas(
            modelos=(self.modelo,),
            topes=replace(Topes.de(self.ajustes), profundidad=sys.maxsize),
            tipos={nombre: self._como_entonces(tipo) for nombre, tipo in self.tipos.items()},
            anotar=self.anotador.anotar,
            interlocutor=self._interlocutor,
            modelos_de=lambda definicion: (self._modelo_de(definicion),),
            herramientas=RegistroHerramientas(),
            comprobar=self._sin_comprobar,
            nueva_puerta=self._puerta,
            superior_de=lambda superior: _SuperiorGrabado(superior, self.guion),
            nuevo_buzon=lambda agente_id: self._buzon_de_agente(agente_id, reentrega),
            buzon_master=master,
            siguiente_numero=self._numero,
            leer_reporte=self._sin_reporte,
            olvidar=lambda _: None,
            puestos=_PuestosGrabados(self.guion),
            esperas=dict,
            congelador=_NadaQueCongelar(),
            presupuestos=PresupuestosGrabados(self.guion),
        )

    def _buzon(
        self, agente_id: str, reentrega: Mapping[str, int]
    ) -> BuzonGrabado[EntradaUsuario | Aviso]:
        buzon: BuzonGrabado[EntradaUsuario | Aviso] = BuzonGrabado(
            agente_id, self.anotador, self.guion, RelojReal()
        )
        buzon.ya_leidas = reentrega.get(agente_id, 0)
        return buzon

    def _buzon_de_agente(
        self, agente_id: str, reentrega: Mapping[str, int]
    ) -> BuzonGrabado[Directiva | Aviso]:
        buzon: BuzonGrabado[Directiva | Aviso] = BuzonGrabado(
            agente_id, self.anotador, self.guion, RelojReal()
        )
        buzon.ya_leidas = reentrega.get(agente_id, 0)
        return buzon

    def _interlocutor(
        self,
        agente_id: str,
        modelos: tuple[str, ...],
        herramientas: tuple[str, ...],
        historia: HistoriaGuardada | None,
    ) -> Interlocutor:
        via = Via(
            anotar=self.anotador.anotar,
            publicar=lambda _: None,
            admision=Admision(1),
            reloj=RelojReal(),
            politica=Politica(),
        )
        mudo = _ModeloMudo(agente_id, self.guion, modelos[0])
        interlocutor = Interlocutor(
            agente_id,
            _PlantelGrabado(mudo, self.anotador),
            Validadores([ESQUEMAS[n] for n in herramientas if n in ESQUEMAS]),
            via,
            turno=historia.turno if historia else 0,
            contados=historia.contados if historia else 0,
        )
        self.interlocutores[agente_id] = interlocutor
        return interlocutor

    def _modelo_de(self, definicion: DefinicionAgente) -> str:
        """El que se grabó para el último de ese tipo en nacer o, si no, para el primero."""
        if definicion.agent_type in self.nacidos:
            return self.nacidos[definicion.agent_type]
        nacido = self._nacido(definicion)
        return str(nacido["modelo"]) if nacido else definicion.model or self.modelo

    def _como_entonces(self, definicion: DefinicionAgente) -> DefinicionAgente:
        """El tipo, con las pruebas que se le exigían entonces y el presupuesto que tenía."""
        nacido = self._nacido(definicion)
        if nacido is None:
            return definicion
        presupuesto = Presupuesto.de(nacido.get("presupuesto", {}))
        exigidas = tuple(nacido.get("exige", ()))
        return replace(definicion, evidencias=exigidas, presupuesto=presupuesto)

    def _nacido(self, definicion: DefinicionAgente) -> dict[str, Any] | None:
        """Con qué nació el primero de ese tipo en este tramo."""
        primeras = (suyas[0] for suyas in self.guion.filas.values() if suyas)
        nacidos = (fila.details for fila in primeras if fila.tipo == "agent_run_start")
        return next((n for n in nacidos if n["agent_type"] == definicion.agent_type), None)

    def _puerta(self, agente_id: str, historia: HistoriaGuardada | None) -> PuertaGrabada:
        memoria = historia.operaciones if historia else None
        return PuertaGrabada(self.sesion, agente_id, self.anotador, self.guion, memoria)

    async def _numero(self, agent_type: str, causa: Apunte | None) -> int:
        """El que se dio entonces a quien se lanzó por esa causa."""
        intencion = self.anotador.grabada(causa) if causa else None
        nacidos = self.guion.nacidos(intencion) if intencion else []
        if not nacidos:
            raise ErrorDivergencia(f"se lanzó un {agent_type} que entonces no se lanzó")
        self.nacidos[agent_type] = str(nacidos[0].details["modelo"])
        return int(nacidos[0].agente_id.rpartition("-")[2])

    async def _sin_comprobar(
        self, evidencia: Evidencia, agente_id: str, _: Operacion
    ) -> ResultadoHerramienta:
        """Lo que se comprobó entonces está en el cierre de cada comprobación."""
        raise ErrorDivergencia(f"{agente_id} quiso comprobar «{evidencia.que}» otra vez")

    async def _sin_reporte(self, _: str) -> None:
        """Lo que se leyó entonces está en el cierre de su llamada."""
