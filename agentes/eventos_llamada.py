"""Los hechos de una llamada al modelo y de las herramientas que pide."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, ClassVar

from agentes.eventos import Apunte, Evento
from agentes.respuestas import Uso

# --- llamadas al modelo -----------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class LlamadaIniciada(Evento):
    """Sale una petición al modelo. `nuevos` trae solo los mensajes que no llevaba la anterior.

    `avisos`, `directivas` y `lineas` son los que entran en la historia con ella (en los detalles,
    solo cuántos: `entran`). `historia` es el
    hash corrido de la historia entera, `contexto` los tokens que se creía que cabían y `proposito`, vacío en un turno corriente, dice para qué
    se llama si no lo es (`compactar`), con el `foco` que pidió la persona.
    """

    tipo: ClassVar[str] = "llm_input"
    nivel: ClassVar[str] = "DEBUG"
    turno: int
    modelo: str
    nuevos: tuple[dict[str, Any], ...]
    avisos: tuple[Apunte, ...] = ()
    directivas: tuple[Apunte, ...] = ()
    lineas: tuple[Apunte, ...] = ()
    historia: str = ""
    contexto: int = 0
    proposito: str = ""
    foco: str = ""

    def detalles(self) -> dict[str, Any]:
        entran = len(self.avisos) + len(self.directivas) + len(self.lineas)
        datos = {**Evento.detalles(self), "entran": entran}
        if not self.foco:
            del datos["foco"]
        return datos

    @property
    def mensaje(self) -> str:
        return f"Llamada {self.turno} a {self.modelo}: {len(self.nuevos)} mensajes nuevos"


@dataclass(frozen=True, slots=True, kw_only=True)
class LlamadaTerminada(Evento):
    """Llegó una respuesta completa; `respuesta` es el mensaje entero, listo para rehacerlo.

    `usd` es lo que costó, si se sabe; `gasto`, lo que se da por gastado si el proveedor no lo dijo.
    """

    tipo: ClassVar[str] = "llm_output"
    si_hay: ClassVar[tuple[str, ...]] = ("gasto",)
    turno: int
    modelo: str
    respuesta: dict[str, Any]
    texto: str
    llamadas: tuple[dict[str, Any], ...]
    razon: str
    uso: Uso
    intentos: int
    ms: int
    proposito: str = ""
    usd: float | None = None
    gasto: dict[str, Any] = field(default_factory=dict)

    def detalles(self) -> dict[str, Any]:
        datos = Evento.detalles(self)
        if self.usd is None:
            del datos["usd"]
        return datos

    @property
    def mensaje(self) -> str:
        nombres = ", ".join(str(ll["nombre"]) for ll in self.llamadas)
        return self.texto[:200] or f"pide {nombres}"


@dataclass(frozen=True, slots=True, kw_only=True)
class LlamadaReintentada(Evento):
    """Un intento falló y habrá otro después de `espera_s` segundos; `gasto`, lo que costó."""

    tipo: ClassVar[str] = "llm_call"
    si_hay: ClassVar[tuple[str, ...]] = ("gasto",)
    nivel: ClassVar[str] = "WARNING"
    turno: int
    intento: int
    espera_s: float
    error: str
    clase: str
    descartado: str = ""
    gasto: dict[str, Any] = field(default_factory=dict)

    @property
    def mensaje(self) -> str:
        return f"Intento {self.intento} fallido ({self.error}); otro en {self.espera_s:.1f} s"


CANCELADA = "cancelada"
"""La clase de la que pararon mientras se esperaba su respuesta."""
PAUSADA = "pausada"
"""La clase de la que no llegó a salir porque pausaron a quien la hacía."""
INTERRUMPIDA = "interrumpida"
"""La clase de la que se cortó con el programa: sigue sin respuesta."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LlamadaFallida(Evento):
    """La llamada falló del todo o se dejó; `gasto`, lo que costó su último intento."""

    tipo: ClassVar[str] = "llm_call"
    si_hay: ClassVar[tuple[str, ...]] = ("gasto",)
    frase: ClassVar[str] = "error"
    turno: int
    intentos: int
    error: str
    clase: str
    ms: int
    descartado: str = ""
    gasto: dict[str, Any] = field(default_factory=dict)

    @property
    def nivel(self) -> str:  # type: ignore[override]
        return "INFO" if self.clase == PAUSADA else "ERROR"


RELEVO = "relevo"
"""La clase de la fila que dice que la misma petición pasa a otro modelo."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ModeloRelevado(Evento):
    """El modelo `de` no pudo contestar y la misma petición pasa a `a`, en otra llamada.

    `motivo` es la clase del error que lo apartó; la del hecho es siempre `relevo`.
    """

    tipo: ClassVar[str] = "llm_call"
    nivel: ClassVar[str] = "WARNING"
    turno: int
    de: str
    a: str
    error: str
    motivo: str
    clase: str = RELEVO

    @property
    def mensaje(self) -> str:
        return f"{self.de} no contesta ({self.error}): sigue {self.a}"


@dataclass(frozen=True, slots=True, kw_only=True)
class HistoriaCompactada(Evento):
    """La historia de un agente se cambió por otra más corta: `mensajes` es la nueva, entera.

    `antes` y `despues` son tokens estimados; lo que se quitó sigue en las filas anteriores. Lo que
    aún no constaba no está en `mensajes`: entra con la petición siguiente.
    """

    tipo: ClassVar[str] = "history_compaction"
    antes: int
    despues: int
    foco: str
    mensajes: tuple[dict[str, Any], ...]

    @property
    def mensaje(self) -> str:
        return f"Historia compactada: de {self.antes} a {self.despues} tokens"


# --- herramientas y acciones ------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class HerramientaPedida(Evento):
    """La intención, comprometida antes de ejecutar. `op` = sesión:agente:turno:llamada."""

    tipo: ClassVar[str] = "tool_call_request"
    op: str
    intento: int
    tool_call_id: str
    tool: str
    args: dict[str, Any]

    @property
    def mensaje(self) -> str:
        return f"{self.tool} {self.args.get('command', '')}".strip()


@dataclass(frozen=True, slots=True, kw_only=True)
class HerramientaTerminada(Evento):
    """El cierre de una intención. `resultado` es lo que lee el modelo.

    `pedido` es el apunte de su intención (no va a `details`: es la causa de la fila).
    `detalles_propios` se vuelca al primer nivel de `details` (`command, stdout, …`).
    """

    tipo: ClassVar[str] = "tool_execution"
    op: str
    intento: int
    tool: str
    ok: bool
    resultado: str
    ms: int
    detalles_propios: dict[str, Any]
    cierre: str = "resultado"

    @property
    def mensaje(self) -> str:
        return f"{self.tool}: {'bien' if self.ok else 'con error'}"

    def detalles(self) -> dict[str, Any]:
        base = {
            "op": self.op,
            "intento": self.intento,
            "tool": self.tool,
            "ok": self.ok,
            "cierre": self.cierre,
            "ms": self.ms,
            "resultado": self.resultado,
        }
        return {**base, **self.detalles_propios}
