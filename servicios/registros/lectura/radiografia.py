"""Lo que un agente vio de verdad en un paso: sus mensajes, cuánto ocupan y qué cambió.

Sale solo de sus filas, plegadas hasta la petición de ese paso y reparadas como se mandaron.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum

from langchain_core.messages import AIMessage, BaseMessage, SystemMessage, ToolMessage

from prompts.avisos import DIRECTIVA, MARCA, RESUMEN
from servicios.llm.historia_corrida import canonico
from servicios.llm.historial import reparar
from servicios.llm.medidas_contexto import medir
from servicios.registros.lectura.historias import FilaHistoria, Pliegue


class Parte(StrEnum):
    """De qué es un mensaje de una historia."""

    SISTEMA = "instrucciones"
    TAREA = "tarea"
    PERSONA = "persona"
    RESUMEN = "resumen"
    DIRECTIVAS = "directivas"
    NOTIFICACIONES = "notificaciones"
    RESPUESTAS = "respuestas"
    RESULTADOS = "resultados"


@dataclass(frozen=True, slots=True)
class MensajeVisto:
    """Un mensaje de la petición, con sus tokens estimados."""

    parte: Parte
    mensaje: BaseMessage
    tokens: int

    @property
    def texto(self) -> str:
        """Lo que dice y lo que pide."""
        pedidas = self.mensaje.tool_calls if isinstance(self.mensaje, AIMessage) else ()
        return " ".join([self.mensaje.text, *(f"→ {ll['name']} {ll['args']}" for ll in pedidas)])


@dataclass(frozen=True, slots=True)
class Radiografia:
    """Un paso. `entrada` es su fila, y `reales`, los tokens que contó el proveedor, si lo dijo.

    `pasos` son los que hay; `nuevos` y `quitados`, la diferencia con el anterior.
    """

    paso: int
    pasos: tuple[int, ...]
    entrada: int
    modelo: str
    mensajes: tuple[MensajeVisto, ...]
    nuevos: tuple[MensajeVisto, ...]
    quitados: tuple[MensajeVisto, ...]
    reales: int

    @property
    def tokens(self) -> int:
        """Los estimados de todos los mensajes."""
        return sum(m.tokens for m in self.mensajes)

    def por_parte(self) -> dict[Parte, tuple[int, int]]:
        """De cada parte que haya, cuántos mensajes y cuántos tokens."""
        cuenta: dict[Parte, tuple[int, int]] = {}
        for visto in sorted(self.mensajes, key=lambda v: list(Parte).index(v.parte)):
            mensajes, tokens = cuenta.get(visto.parte, (0, 0))
            cuenta[visto.parte] = (mensajes + 1, tokens + visto.tokens)
        return cuenta


@dataclass(slots=True)
class _Paso:
    """Una petición corriente: lo que se iba a mandar en ella y en la anterior, sin reparar."""

    numero: int
    fila: int
    modelo: str
    historia: list[BaseMessage]
    antes: list[BaseMessage]
    reales: int = 0


def radiografiar(filas: Iterable[FilaHistoria], paso: int | None = None) -> Radiografia | None:
    """El paso que se pide de UN agente, o el último; `None` si no lo hay.

    Lanza `ErrorBitacora` si una fila no trae sus mensajes.
    """
    este, pasos = _buscar(filas, paso)
    if este is None:
        return None
    enviados, antes = (reparar(h) if h else [] for h in (este.historia, este.antes))
    return Radiografia(
        paso=este.numero,
        pasos=tuple(pasos),
        entrada=este.fila,
        modelo=este.modelo,
        mensajes=_vistos(enviados),
        nuevos=_vistos(enviados, sin=antes),
        quitados=_vistos(antes, sin=enviados),
        reales=este.reales,
    )


def _buscar(filas: Iterable[FilaHistoria], paso: int | None) -> tuple[_Paso | None, list[int]]:
    """El paso que se pide y los números de todos los que hay."""
    pliegue, este, numeros = Pliegue(), None, []
    previa: list[BaseMessage] = []
    for fila in filas:
        pliegue.tomar(fila)
        if fila.details.get("proposito"):
            continue
        if fila.tipo == "llm_input":
            historia, numero = list(pliegue.historia.mensajes), int(fila.details["turno"])
            numeros.append(numero)
            if paso in {None, numero}:
                este = _Paso(numero, fila.id, str(fila.details["modelo"]), historia, previa)
            previa = historia
        elif fila.tipo == "llm_output" and este is not None and fila.causa == este.fila:
            este.reales = int(fila.details["uso"]["entrada"])
    return este, numeros


def _vistos(
    mensajes: Sequence[BaseMessage], sin: Sequence[BaseMessage] = ()
) -> tuple[MensajeVisto, ...]:
    """Los mensajes con su parte; de los que también están en `sin`, tantos menos."""
    fuera = Counter(map(canonico, sin))
    vistos = []
    hay_tarea = False
    for mensaje in mensajes:
        parte = _parte_de(mensaje, hay_tarea)
        hay_tarea = hay_tarea or parte is Parte.TAREA
        clave = canonico(mensaje)
        if fuera[clave] > 0:
            fuera[clave] -= 1
            continue
        vistos.append(MensajeVisto(parte, mensaje, medir(mensaje)))
    return tuple(vistos)


def _parte_de(mensaje: BaseMessage, hay_tarea: bool) -> Parte:
    match mensaje:
        case SystemMessage():
            return Parte.SISTEMA
        case AIMessage():
            return Parte.RESPUESTAS
        case ToolMessage():
            return Parte.RESULTADOS
    for principio, parte in (
        (RESUMEN, Parte.RESUMEN),
        (DIRECTIVA, Parte.DIRECTIVAS),
        (MARCA, Parte.NOTIFICACIONES),
    ):
        if mensaje.text.startswith(principio):
            return parte
    return Parte.PERSONA if hay_tarea else Parte.TAREA
