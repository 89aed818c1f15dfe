"""El flujo neutral: lo único que el resto del ala sabe de un proveedor.

cliente del proveedor → `ModeloLLM.emitir` → estos trozos → `colector` → `RespuestaModelo`
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from langchain_core.messages import AIMessage, BaseMessage

    from agentes.respuestas import Uso
    from prompts.tool_definitions import Esquema


class Razon(StrEnum):
    """Por qué dejó de escribir el modelo."""

    COMPLETA = "completa"
    LONGITUD = "longitud"
    BLOQUEO = "bloqueo"
    OTRA = "otra"


@dataclass(frozen=True, slots=True)
class TrozoTexto:
    """Texto visible."""

    texto: str


@dataclass(frozen=True, slots=True)
class InicioLlamada:
    """El proveedor nombra una llamada; `id` puede faltar o repetirse (servidores descuidados)."""

    indice: int
    id: str | None
    nombre: str


@dataclass(frozen=True, slots=True)
class TrozoArgumentos:
    """Un pedazo crudo del JSON de argumentos de la última llamada abierta con ese índice."""

    indice: int
    crudo: str


@dataclass(frozen=True, slots=True)
class Fin:
    """El proveedor dijo por qué terminó; `cruda` es su palabra. Sin este trozo, se cortó."""

    razon: Razon
    cruda: str


@dataclass(frozen=True, slots=True)
class UsoFlujo:
    """Tokens de la llamada (el último vale)."""

    uso: Uso


@dataclass(frozen=True, slots=True)
class MensajeUnido:
    """Al final: los trozos unidos una vez (texto, firmas de pensamiento, metadatos).

    Las llamadas no van en él: las pone el colector, leídas de sus argumentos crudos.
    """

    mensaje: AIMessage


Trozo = TrozoTexto | InicioLlamada | TrozoArgumentos | Fin | UsoFlujo | MensajeUnido


class ModeloLLM(Protocol):
    """Un modelo configurado. Varias llamadas a la vez son correctas.

    `referencia` es `proveedor:modelo`. `puerta` identifica con quién se comparte el límite de
    llamadas simultáneas (proveedor, modelo y clave; sin la clave en claro). `contexto` son los
    tokens de entrada que admite, o cero si no se sabe.
    """

    puerta: str
    contexto: int

    @property
    def referencia(self) -> str:
        """Proveedor y modelo."""
        ...

    def emitir(
        self, mensajes: Sequence[BaseMessage], herramientas: Sequence[Esquema], salida: int = 0
    ) -> AsyncIterator[Trozo]:
        """Envía la historia y entrega los trozos según llegan; `salida` es el tope de tokens, si lo hay.

        Lanza `ErrorModeloPasajero` (merece reintento) o `ErrorModelo` (no lo merece), con el
        texto en una línea que dice qué ajustar. Cancelar la tarea corta la conexión.
        """
        ...

    async def cerrar(self) -> None:
        """Cierra los clientes HTTP propios."""
        ...
