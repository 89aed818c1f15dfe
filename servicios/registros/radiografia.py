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
from servicios.registros.historias import FilaHistoria, Pliegue


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
    numero: int
    fila: int
    modelo: str
    enviados: list[BaseMessage]
    reales: int = 0


def radiografiar(filas: Iterable[FilaHistoria], paso: int | None = None) -> Radiografia | None:
    """El paso que se pide de UN agente, o el último; `None` si no lo hay.

    Lanza `ErrorBitacora` si una fila no trae sus mensajes.
    """
    pasos = _pasos(filas)
    cual = next((i for i, p in enumerate(pasos) if p.numero == paso), None)
    if paso is None:
        cual = len(pasos) - 1 if pasos else None
    if cual is None:
        return None
    este = pasos[cual]
    antes = pasos[cual - 1].enviados if cual else []
    return Radiografia(
        paso=este.numero,
        pasos=tuple(p.numero for p in pasos),
        entrada=este.fila,
        modelo=este.modelo,
        mensajes=_vistos(este.enviados),
        nuevos=_vistos(este.enviados, sin=antes),
        quitados=_vistos(antes, sin=este.enviados),
        reales=este.reales,
    )


def _pasos(filas: Iterable[FilaHistoria]) -> list[_Paso]:
    pasos: list[_Paso] = []
    pliegue = Pliegue()
    for fila in filas:
        pliegue.tomar(fila)
        if fila.details.get("proposito"):
            continue
        if fila.tipo == "llm_input":
            numero, modelo = int(fila.details["turno"]), str(fila.details["modelo"])
            enviados = reparar(pliegue.historia.mensajes)
            pasos.append(_Paso(numero, fila.id, modelo, enviados))
        elif fila.tipo == "llm_output" and pasos and pliegue.historia.salida is not None:
            pasos[-1].reales = pliegue.historia.salida.uso.entrada
    return pasos


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
