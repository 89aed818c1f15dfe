"""Lo que decide un modelo en un turno: la respuesta que dio y lo que con ella se pide."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from agentes.acciones import AccionPedida
from agentes.respuestas import LlamadaHerramienta, Uso

if TYPE_CHECKING:
    from langchain_core.messages import AIMessage, BaseMessage

    from agentes.eventos import Apunte


@dataclass(frozen=True, slots=True)
class RespuestaModelo:
    """Una respuesta completa: el mensaje entero para la historia y lo que pide hacer.

    `llamadas` va en el orden del modelo y trae también las inválidas (con `error`).
    `razon` es `completa`, `longitud` u `otra`; solo con `completa` hay llamadas ejecutables.
    `apunte` es la fila `llm_output`: la causa de todo lo que se haga con esta respuesta; `turno`,
    el número de su llamada.
    """

    mensaje: AIMessage
    texto: str
    llamadas: tuple[LlamadaHerramienta, ...]
    razon: str
    uso: Uso
    apunte: Apunte
    turno: int


class Interlocutor(Protocol):
    """Con quién piensa el Master."""

    async def pensar(
        self,
        historial: list[BaseMessage],
        causa: Apunte | None,
        avisos: tuple[Apunte, ...] = (),
        directivas: tuple[Apunte, ...] = (),
        lineas: tuple[Apunte, ...] = (),
    ) -> RespuestaModelo:
        """Una llamada al modelo, que antes puede acortar `historial` ahí mismo si ya no cabe.

        Lanza `ErrorModelo` si no hay respuesta que valga.
        """
        ...


class InterlocutorDeAgente(Protocol):
    """Con quién piensa un agente, que puede estar en pausa."""

    async def pensar(
        self,
        historial: list[BaseMessage],
        causa: Apunte | None,
        avisos: tuple[Apunte, ...],
        directivas: tuple[Apunte, ...],
        *,
        detenido: Callable[[], bool],
    ) -> RespuestaModelo:
        """Como el del Master; si está `detenido` cuando va a salir, lanza `ErrorModelo` (`pausada`)."""
        ...


@dataclass(frozen=True, slots=True)
class Turno:
    """Lo que decidió el Master: el texto para la persona y lo que pide hacer, las dos cosas.

    `cortado` si el proveedor lo dejó a medias por longitud; `turno`, el número de la llamada.
    """

    texto: str
    acciones: tuple[AccionPedida, ...]
    causa: Apunte
    turno: int
    cortado: bool = False
