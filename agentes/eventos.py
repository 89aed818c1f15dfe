"""Los hechos: todo lo que ocurre es uno de estos eventos inmutables y una fila de `logs`.

Cada clase dice su `tipo` (el de la semilla, si lo nombró), su nivel, su texto y sus `details`.
"""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, ClassVar, NamedTuple, Protocol

from agentes.pruebas import Verificacion

MASTER = "master"
"""Id del Master en la bitácora y como superior."""
SISTEMA = "sistema"
"""Id del sistema en la bitácora."""
USUARIO = "usuario"
"""Id de la persona como remitente de mensajes."""


class Apunte(Protocol):
    """El recibo de un hecho: esperarlo es esperar a que la fila esté comprometida.

    Sirve de causa de otros hechos sin esperarlo. Lanza `ErrorBitacora` si no se pudo guardar.
    """

    def __await__(self) -> Generator[Any, None, int]:
        """Espera el compromiso y devuelve el id de la fila."""
        ...

    @property
    def id(self) -> int:
        """Id de la fila; solo tiene valor después de comprometida."""
        ...


class EstadoAgente(StrEnum):
    """Estado de un agente; los valores son los de la semilla."""

    STARTED = "started"
    RUNNING = "running"
    PAUSED = "paused"
    COMPLETED = "completed"
    FAILED = "failed"
    MAX_ITERATIONS = "max_iterations"
    CANCELLED = "cancelled"

    @property
    def es_final(self) -> bool:
        """Si ya no va a cambiar."""
        return self not in {EstadoAgente.STARTED, EstadoAgente.RUNNING, EstadoAgente.PAUSED}

    @property
    def salio_bien(self) -> bool:
        """Si terminó su tarea."""
        return self is EstadoAgente.COMPLETED


class Espera(StrEnum):
    """Por qué espera un agente que está vivo."""

    NADA = ""
    MODELO = "modelo"
    HERRAMIENTA = "herramienta"
    APROBACION = "aprobacion"
    HIJO = "hijo"
    SUPERIOR = "superior"
    EN_BUCLE = "en_bucle"
    TASA = "tasa"
    COLA = "cola"
    PRESUPUESTO = "presupuesto"


@dataclass(frozen=True, slots=True, kw_only=True)
class Evento:
    """Base de los hechos: quién y, por clase, tipo y nivel; lo de `si_hay` se calla si es vacío."""

    tipo: ClassVar[str] = ""
    nivel: ClassVar[str] = "INFO"
    frase: ClassVar[str] = ""
    si_hay: ClassVar[tuple[str, ...]] = ()

    agente_id: str

    @property
    def mensaje(self) -> str:
        """La frase corta de la fila: el campo que dice `frase` o, sin él, el tipo."""
        return str(getattr(self, self.frase)) if self.frase else self.tipo

    def detalles(self) -> dict[str, Any]:
        """Los campos que van a la columna `details` (JSON); los apuntes no entran."""
        fuera = {"tipo", "nivel", "frase", "si_hay", "agente_id", "avisos", "directivas", "lineas"}
        fuera |= {campo for campo in self.si_hay if not getattr(self, campo)}
        return {c: getattr(self, c) for c in self.__dataclass_fields__ if c not in fuera}


class HechoAnotado(NamedTuple):
    """Un evento ya comprometido, tal como sale por el bus. `timestamp` es ISO-8601 UTC."""

    id: int
    timestamp: str
    causa: int | None
    evento: Evento


@dataclass(frozen=True, slots=True)
class TextoParcial:
    """Un trozo de texto que un modelo está escribiendo. No es un hecho: puede perderse."""

    agente_id: str
    texto: str


@dataclass(frozen=True, slots=True)
class TextoDescartado:
    """El texto parcial mostrado hasta ahora no vale: la llamada se repite o se paró."""

    agente_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SesionAbierta(Evento):
    """Empieza una sesión."""

    tipo: ClassVar[str] = "system_init"
    version: str
    modelo: str
    aislamiento: str
    cara: str

    @property
    def nivel(self) -> str:  # type: ignore[override]
        return "WARNING" if self.aislamiento == "local" else "INFO"

    @property
    def mensaje(self) -> str:
        return f"Sesión abierta con {self.modelo}"


@dataclass(frozen=True, slots=True, kw_only=True)
class SesionCerrada(Evento):
    """Termina una sesión con un código de salida."""

    tipo: ClassVar[str] = "system_exit"
    motivo: str
    codigo: int

    @property
    def mensaje(self) -> str:
        return f"Sesión cerrada: {self.motivo}"


@dataclass(frozen=True, slots=True, kw_only=True)
class FalloInterno(Evento):
    """Un fallo nuestro que no tira el enjambre; `traza` queda solo en la bitácora."""

    tipo: ClassVar[str] = "system_error"
    frase: ClassVar[str] = "error"
    nivel: ClassVar[str] = "ERROR"
    error: str
    traza: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class LineaUsuario(Evento):
    """La persona escribió una línea."""

    tipo: ClassVar[str] = "master_input"
    frase: ClassVar[str] = "texto"
    texto: str


@dataclass(frozen=True, slots=True, kw_only=True)
class TextoMaster(Evento):
    """El Master respondió texto; `cortado` si el proveedor lo dejó a medias por longitud."""

    tipo: ClassVar[str] = "master_response_text"
    frase: ClassVar[str] = "texto"
    texto: str
    cortado: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class FalloMaster(Evento):
    """El Master no pudo responder; `clase` es la de `ErrorModelo`."""

    tipo: ClassVar[str] = "master_error"
    frase: ClassVar[str] = "error"
    nivel: ClassVar[str] = "ERROR"
    error: str
    clase: str


@dataclass(frozen=True, slots=True, kw_only=True)
class AgenteLanzado(Evento):
    """Nace un agente (su fila de `agent_runs`). `exige` y `presupuesto`, lo que dice su tipo."""

    tipo: ClassVar[str] = "agent_run_start"
    si_hay: ClassVar[tuple[str, ...]] = ("exige", "presupuesto")
    agent_type: str
    rol: str
    objetivo: str
    tarea: str
    superior: str
    modelo: str
    exige: tuple[str, ...] = ()
    presupuesto: dict[str, Any] = field(default_factory=dict)

    @property
    def mensaje(self) -> str:
        return f"{self.agente_id} ({self.rol}): {self.tarea[:200]}"


@dataclass(frozen=True, slots=True, kw_only=True)
class EstadoCambiado(Evento):
    """Un agente vivo cambia de estado o de motivo de espera."""

    tipo: ClassVar[str] = "agent_loop"
    nivel: ClassVar[str] = "DEBUG"
    estado: EstadoAgente
    espera: Espera = Espera.NADA

    @property
    def mensaje(self) -> str:
        return f"{self.estado}{f' (espera {self.espera})' if self.espera else ''}"


@dataclass(frozen=True, slots=True, kw_only=True)
class ProblemaReportado(Evento):
    """Un agente pide ayuda y queda en pausa."""

    tipo: ClassVar[str] = "agent_problem"
    frase: ClassVar[str] = "descripcion"
    nivel: ClassVar[str] = "WARNING"
    descripcion: str


@dataclass(frozen=True, slots=True, kw_only=True)
class AgenteTerminado(Evento):
    """Fin de un agente: su estado final, su resultado o el motivo, y si lo probó (`None`: sin pruebas)."""

    tipo: ClassVar[str] = "agent_run_end"
    si_hay: ClassVar[tuple[str, ...]] = ("verificacion",)
    estado: EstadoAgente
    resultado: str = ""
    error: str = ""
    verificacion: Verificacion | None = None

    @property
    def mensaje(self) -> str:
        return f"{self.estado}: {(self.error or self.resultado)[:200]}"


@dataclass(frozen=True, slots=True, kw_only=True)
class CancelacionPedida(Evento):
    """Alguien (`de`) manda parar a un agente."""

    tipo: ClassVar[str] = "swarm_management"
    frase: ClassVar[str] = "de"
    de: str


@dataclass(frozen=True, slots=True, kw_only=True)
class MensajeEncolado(Evento):
    """Una directiva queda en el buzón de un agente (`agente_id` es quien la recibe)."""

    tipo: ClassVar[str] = "agent_intervention"
    de: str
    texto: str

    @property
    def mensaje(self) -> str:
        return f"de {self.de}: {self.texto[:200]}"


@dataclass(frozen=True, slots=True, kw_only=True)
class AvisoEncolado(Evento):
    """Un aviso sale hacia un superior (`agente_id` es quien avisa); `nota`, lo que probó."""

    tipo: ClassVar[str] = "master_context_update"
    si_hay: ClassVar[tuple[str, ...]] = ("nota",)
    destinatario: str
    clase: str
    texto: str
    nota: str = ""

    @property
    def mensaje(self) -> str:
        return f"{self.clase} para {self.destinatario}: {self.texto[:200]}"
