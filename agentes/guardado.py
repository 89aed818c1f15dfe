"""Lo que la bitácora sabe de una sesión, listo para rehacerla: datos puros."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from agentes.acciones import ACCIONES
from agentes.clase_agente import Agente
from agentes.decisiones import RespuestaModelo, Turno
from agentes.definicion import DefinicionAgente, Encargo
from agentes.eventos import Apunte, Espera, EstadoAgente
from agentes.mensajes import Aviso, Directiva, EntradaUsuario
from agentes.presupuesto import CuentaGuardada, Presupuesto
from agentes.pruebas import Verificacion
from agentes.respuestas import ResultadoHerramienta, Uso

if TYPE_CHECKING:
    from langchain_core.messages import BaseMessage


_DENTRO = {*ACCIONES, "reportar_resultado_final", "reportar_problema"}
"""Las herramientas que no dejan nada en marcha fuera del enjambre."""


@dataclass(frozen=True, slots=True)
class OperacionGuardada:
    """El último intento de una operación. Sin `cierre` quedó abierta.

    `efecto` es el agente que lanzó o al que llegó, si llegó a hacerlo antes de cortarse.
    """

    op: str
    intento: int
    tool: str
    pedida: Apunte
    cierre: Apunte | None = None
    resultado: ResultadoHerramienta | None = None
    efecto: str = ""


@dataclass(frozen=True, slots=True)
class OrdenAbierta:
    """Una orden de consola de la persona que se quedó sin cierre."""

    operacion: OperacionGuardada
    orden: str


@dataclass(frozen=True, slots=True)
class Rescatado:
    """Lo que quedó de una operación abierta.

    `cierre` es `recuperado` (acabó), `interrumpido` (empezó y no acabó) o `indeterminado`; `ms`, lo
    que duró, cero si no se sabe.
    """

    resultado: ResultadoHerramienta
    cierre: str
    ms: int = 0


@dataclass(frozen=True, slots=True)
class Entregas:
    """Lo que ya entró en una historia con una llamada que no llegó a contestarse."""

    avisos: tuple[Apunte, ...] = ()
    directivas: tuple[Apunte, ...] = ()
    lineas: tuple[Apunte, ...] = ()


@dataclass(frozen=True, slots=True)
class HistoriaGuardada:
    """Una historia rehecha y por dónde iba. `contados` son sus mensajes que ya tienen fila.

    `respuesta` es la última del modelo, si aún hay que hacer lo que pide; `cortada`, la fila de la
    llamada que se quedó sin respuesta y `corte_anotado`, si ya consta; `sin_contestar`, si al
    Master le falló el proveedor y lo último que le dijeron sigue esperando; `textos_sueltos`,
    cuántas veces se le recordó antes de esa que el texto suelto no lo lee nadie; `causa`, lo último
    que hizo. `problema_contado`, `vuelta_contada` y `texto_dicho` dicen si el problema, la vuelta o
    el texto de esa respuesta ya constan, y `esperaba_hijo`, si tras ella se quedó esperando a alguno
    de los suyos; `devueltos`, cuántos reportes se le devolvieron por falta de pruebas antes de esa.
    """

    mensajes: list[BaseMessage]
    contados: int
    turno: int
    pasos: int
    causa: Apunte | None
    uso: Uso = field(default_factory=Uso)
    respuesta: RespuestaModelo | None = None
    cortada: Apunte | None = None
    corte_anotado: bool = False
    sin_contestar: bool = False
    textos_sueltos: int = 0
    esperaba_hijo: bool = False
    problema_contado: bool = False
    vuelta_contada: bool = False
    texto_dicho: bool = False
    reentrega: Entregas = field(default_factory=Entregas)
    devueltos: int = 0
    operaciones: dict[str, OperacionGuardada] = field(default_factory=dict)

    @property
    def llamadas_abiertas(self) -> frozenset[str]:
        """Las que empezaron algo fuera del enjambre y no lo cerraron: de eso hay que hacerse cargo."""
        abiertas = (o for o in self.operaciones.values() if o.cierre is None)
        fuera = (o.op for o in abiertas if o.tool not in _DENTRO)
        return frozenset(op.rpartition(":")[2] for op in fuera)

    @property
    def llamadas_sin_frontera(self) -> frozenset[str]:
        """Las que ninguna pausa detiene al volver: las abiertas y las que ya se respondieron."""
        cerradas = (o.op for o in self.operaciones.values() if o.cierre is not None)
        return self.llamadas_abiertas | {op.rpartition(":")[2] for op in cerradas}

    @property
    def hay_que_pensar(self) -> bool:
        """Si lo último que se le dijo se quedó sin respuesta."""
        return self.cortada is not None or self.sin_contestar

    @property
    def falta_algo(self) -> bool:
        """Si se cortó a medias: sin contestar, o sin decir o hacer todo lo que pedía."""
        respuesta = self.respuesta
        if self.hay_que_pensar or respuesta is None:
            return self.hay_que_pensar
        return bool(respuesta.llamadas) or not (self.texto_dicho or not respuesta.texto.strip())


@dataclass(frozen=True, slots=True)
class PausaGuardada:
    """La pausa que alguien (`de`) mandó con esa orden y que sigue en pie.

    `consta` es si su última fila de estado la dice: si no, se cortó mientras daba un paso.
    """

    de: str
    orden: Apunte
    consta: bool


@dataclass(frozen=True, slots=True)
class AgenteGuardado:
    """Un agente de la sesión; sin `historia`, ya había terminado.

    De uno vivo, `estado` y `espera` son los que tenía debajo de su `pausa`, si la tiene.

    `parado_por` y `parado_de` son la fila que lo mandó parar y quién, si no le dio tiempo a acabar.
    `pendientes` es lo que había en su buzón, en su orden.
    """

    agente_id: str
    agent_type: str
    rol: str
    objetivo: str
    tarea: str
    superior: str
    modelo: str
    estado: EstadoAgente
    uso: Uso
    nacimiento: Apunte
    historia: HistoriaGuardada | None = None
    pendientes: tuple[Directiva | Aviso, ...] = ()
    parado_por: Apunte | None = None
    parado_de: str = ""
    exige: tuple[str, ...] = ()
    presupuesto: Presupuesto = field(default_factory=Presupuesto)
    verificacion: Verificacion = Verificacion.SIN_PRUEBAS
    espera: Espera = Espera.NADA
    pausa: PausaGuardada | None = None

    @property
    def tiene_algo_abierto(self) -> bool:
        """Si hay una operación de su último turno sin cierre."""
        abiertas = self.historia.operaciones.values() if self.historia else ()
        return any(operacion.cierre is None for operacion in abiertas)

    def encargo(self, definicion: DefinicionAgente) -> Encargo:
        """Con qué se construye otra vez; sus pruebas y su presupuesto son los de cuando nació."""
        como_nacio = replace(definicion, evidencias=self.exige, presupuesto=self.presupuesto)
        return Encargo(self.agente_id, como_nacio, self.tarea, self.superior)

    def como_agente(self) -> Agente:
        """El agente tal como quedó, sin historia."""
        return Agente(
            nombre=self.agente_id,
            agent_type=self.agent_type,
            rol=self.rol,
            objetivo=self.objetivo,
            llm=self.modelo,
            tarea=self.tarea,
            superior=self.superior,
            estado=self.estado,
            uso=self.uso,
            exige=self.exige,
            verificacion=self.verificacion,
        )


@dataclass(frozen=True, slots=True)
class SesionGuardada:
    """Una sesión entera. `master` es `None` si aún no se le había llamado nunca.

    `sub` es la subcarpeta de los espacios de sus agentes, si nació de otra; `problemas`, los agentes
    cuyo problema leyó el Master sin haber dicho nada después, y `ordenes`, las de la persona que
    se quedaron abiertas; `cuentas`, lo que cada uno lleva gastado.
    """

    id: str
    modelo: str
    sub: str
    agentes: tuple[AgenteGuardado, ...]
    master: HistoriaGuardada | None
    pendientes_master: tuple[EntradaUsuario | Aviso, ...]
    ultimo_texto: str
    problemas: tuple[str, ...] = ()
    ordenes: tuple[OrdenAbierta, ...] = ()
    cuentas: tuple[CuentaGuardada, ...] = ()

    @property
    def vivos(self) -> frozenset[str]:
        """Los agentes que no habían terminado."""
        return frozenset(a.agente_id for a in self.agentes if a.historia is not None)

    @property
    def esta_vacia(self) -> bool:
        """Si nadie llegó a decir nada en ella."""
        return self.master is None and not self.pendientes_master

    @property
    def esta_quieta(self) -> bool:
        """Si nada de lo guardado puede seguir sin que alguien diga algo."""
        if any(p.despierta for p in self.pendientes_master):
            return False
        if self.master and self.master.falta_algo:
            return False
        return all(a.historia is None or _espera_a_alguien(a) for a in self.agentes)


@dataclass(frozen=True, slots=True)
class PorAcabar:
    """Por dónde iba la conversación al cortarse.

    `turno` es el último del Master, si no se hizo todo lo que pedía; `dicho`, si su texto ya
    consta; `pensar`, si se quedó sin contestar; `ultimo_texto`, lo último que dijo; `problemas`, los
    agentes cuyo problema leyó sin haber dicho nada después.
    """

    turno: Turno | None = None
    dicho: bool = False
    pensar: bool = False
    ultimo_texto: str = ""
    problemas: tuple[str, ...] = ()


def _espera_a_alguien(agente: AgenteGuardado) -> bool:
    if agente.pausa is not None:
        return True
    en_pausa = agente.estado is EstadoAgente.PAUSED
    return en_pausa and not any(isinstance(p, Directiva) for p in agente.pendientes)
