"""Acortar una historia sin romperla: qué se queda y qué se resume.

[sistema, tarea, directivas abiertas, última petición] + resumen del resto + últimas rondas enteras

Una ronda empieza en un mensaje del modelo y acaba antes del siguiente: nunca se parte. Lo que
aún no tiene respuesta va siempre en la última.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Self

from langchain_core.messages import (
    AIMessage,
    BaseMessage,
    HumanMessage,
    SystemMessage,
    ToolMessage,
)

from prompts.avisos import DIRECTIVA, MARCA, RESUMEN, resumen_de_historia
from servicios.llm.medidas_contexto import medir

_RESUMEN_MINIMO = 100
_RESULTADO_MINIMO = 100


@dataclass(frozen=True, slots=True)
class Topes:
    """Lo que puede ocupar cada parte, en tokens estimados."""

    cola: int
    directivas: int
    resumen: int
    peticion: int

    @classmethod
    def para(cls, parte: Callable[[float], int], tamano: int) -> Self:
        """Los de una historia de ese tamaño; `parte` da una fracción del contexto."""
        return cls(
            cola=min(parte(0.3), tamano // 3),
            directivas=parte(0.1),
            resumen=min(parte(0.1), max(_RESUMEN_MINIMO, tamano // 6)),
            peticion=parte(0.6),
        )


@dataclass(frozen=True, slots=True)
class Partes:
    """Una historia partida en dos: `viejos` y `cola`.

    `sistema` es el mensaje de sistema, si lo hay. `conservados` son los de `viejos` que se quedan.
    """

    sistema: list[BaseMessage]
    viejos: list[BaseMessage]
    conservados: list[BaseMessage]
    cola: list[BaseMessage]

    @property
    def resumibles(self) -> list[BaseMessage]:
        """Los que el resumen sustituye."""
        quedan = set(map(id, self.conservados))
        return [m for m in self.viejos if id(m) not in quedan]

    def con_resumen(self, texto: str) -> list[BaseMessage]:
        """La historia nueva."""
        resumen = HumanMessage(resumen_de_historia(texto))
        return [*self.sistema, *self.conservados, resumen, *self.cola]


def partir(historia: Sequence[BaseMessage], topes: Topes) -> Partes | None:
    """Qué se queda y qué se resume; `None` si no hay nada que ganar.

    Merece la pena si lo que se quita ocupa el doble que el resumen que lo sustituye.
    """
    principio = int(bool(historia) and isinstance(historia[0], SystemMessage))
    corte = _corte(historia, topes.cola)
    viejos = list(historia[principio:corte])
    cola = list(historia[corte:])
    conservados = _conservados(historia, viejos, cola, topes.directivas)
    partes = Partes(list(historia[:principio]), viejos, conservados, cola)
    nuevos = [m for m in partes.resumibles if not es_resumen(m)]
    gana = sum(map(medir, partes.resumibles)) >= 2 * topes.resumen
    return partes if nuevos and gana else None


def _corte(historia: Sequence[BaseMessage], tope: int) -> int:
    """Dónde empieza la cola: la última ronda y las anteriores que quepan; cero si no hay ninguna."""
    corte = medida = 0
    for indice in range(len(historia) - 1, -1, -1):
        medida += medir(historia[indice])
        if not isinstance(historia[indice], AIMessage):
            continue
        if corte and medida > tope:
            break
        corte = indice
    return corte


def recortar_resultados(cola: Sequence[BaseMessage], tope: int) -> list[BaseMessage] | None:
    """El último recurso: los resultados que aún no tienen respuesta, cada uno con su parte de `tope`.

    `None` si ya ocupaban menos.
    """
    resultados = [m for m in cola if isinstance(m, ToolMessage)]
    parte = max(_RESULTADO_MINIMO, tope // max(1, len(resultados)))
    largos = {id(m) for m in resultados if medir(m) > parte}
    if not largos:
        return None
    return [_recortado(m, parte) if id(m) in largos else m for m in cola]


def _recortado(mensaje: BaseMessage, tope: int) -> BaseMessage:
    sitio = int(len(mensaje.text) * tope / medir(mensaje))
    texto = f"[No cabía: recortado; en la bitácora está entero] {recortar(mensaje.text, sitio)}"
    return mensaje.model_copy(update={"content": texto})


def recortar(texto: str, tope: int) -> str:
    """Un texto de no más de `tope` caracteres, más la nota: su principio y su final."""
    if len(texto) <= tope:
        return texto
    cabeza, pie = tope * 2 // 3, tope // 3
    return f"{texto[:cabeza]} [… {len(texto) - cabeza - pie} caracteres …] {texto[-pie:]}"


def es_resumen(mensaje: BaseMessage) -> bool:
    """Si está en lugar de otros que se quitaron."""
    return isinstance(mensaje, HumanMessage) and mensaje.text.startswith(RESUMEN)


def es_de_persona(mensaje: BaseMessage) -> bool:
    """Si es la tarea de un agente o una línea de la persona."""
    return isinstance(mensaje, HumanMessage) and not mensaje.text.startswith(MARCA)


def _conservados(
    historia: Sequence[BaseMessage],
    viejos: Sequence[BaseMessage],
    cola: Sequence[BaseMessage],
    tope: int,
) -> list[BaseMessage]:
    """De los viejos: la tarea, las directivas abiertas y la última petición, en su orden."""
    de_persona = [m for m in viejos if es_de_persona(m)]
    quedan = de_persona[:1]
    if not any(es_de_persona(m) for m in cola):
        quedan += de_persona[-1:]
    quedan += _abiertas(historia, viejos, tope)
    identidades = set(map(id, quedan))
    return [m for m in viejos if id(m) in identidades]


def _abiertas(
    historia: Sequence[BaseMessage], viejos: Sequence[BaseMessage], tope: int
) -> list[BaseMessage]:
    """Las directivas que llegaron después del último problema reportado, las más nuevas primero.

    Una anterior ya se atendió: el agente volvió a preguntar.
    """
    cerrada = max((i for i, m in enumerate(historia) if _reporta_problema(m)), default=-1)
    recientes = set(map(id, historia[cerrada + 1 :]))
    abiertas = []
    for mensaje in reversed(viejos):
        if id(mensaje) in recientes and mensaje.text.startswith(DIRECTIVA):
            tope -= medir(mensaje)
            if tope < 0:
                break
            abiertas.append(mensaje)
    return abiertas


def _reporta_problema(mensaje: BaseMessage) -> bool:
    return isinstance(mensaje, AIMessage) and any(
        llamada["name"] == "reportar_problema" for llamada in mensaje.tool_calls
    )
