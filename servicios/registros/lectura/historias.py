"""La historia de un agente, rehecha solo con sus filas: lo que su modelo vio y contestó.

llm_input.nuevos + llm_output.respuesta, en orden; history_compaction la cambia entera
una llamada rechazada se lleva lo que aún no tenía respuesta; lo que lleva propósito no entra
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from langchain_core.messages import AIMessage, BaseMessage, messages_from_dict

from agentes.errores import ErrorBitacora, ErrorModelo
from agentes.eventos_llamada import CANCELADA, INTERRUMPIDA
from agentes.respuestas import LlamadaHerramienta, Uso
from prompts.avisos import RECUERDO
from servicios.llm.historial import retirar_lo_nuevo, sin_lastre


@dataclass(frozen=True, slots=True)
class FilaHistoria:
    """Una fila de `logs` de un agente; `details` ya leído de su JSON."""

    id: int
    tipo: str
    details: Mapping[str, Any]
    causa: int | None


@dataclass(frozen=True, slots=True)
class FilaSalida:
    """Una respuesta del modelo. `mensaje` es el de la historia y `entrada`, la fila que contesta.

    `seguida` si detrás hay otra llamada: lo que pedía ya se había atendido.
    """

    id: int
    entrada: int | None
    turno: int
    mensaje: AIMessage
    texto: str
    llamadas: tuple[LlamadaHerramienta, ...]
    razon: str
    uso: Uso
    seguida: bool = False


@dataclass(slots=True)
class Historia:
    """Hasta dónde llegó la historia de un agente.

    `turno` es el de su última petición corriente, y `decisiones`, cuántas respuestas corrientes lleva.
    `entrada_abierta` es la última petición corriente sin respuesta ni fallo, y `corte_anotado`, si
    ya consta que se cortó con el programa. `por_ver` es la última cuyo contenido sigue en la historia
    y nadie ha contestado, también si falló. `recuerdos`, cuántas veces se le recordó que el texto
    suelto no lo lee nadie desde su última respuesta con llamadas. `hash` es el corrido que se anotó
    con la última petición corriente. `contados` son los mensajes que tienen fila: todos, salvo lo
    que quedó en el sitio de lo que un proveedor no admitió.
    """

    mensajes: list[BaseMessage] = field(default_factory=list)
    contados: int = 0
    turno: int = 0
    decisiones: int = 0
    salida: FilaSalida | None = None
    entrada_abierta: int | None = None
    corte_anotado: bool = False
    por_ver: int | None = None
    recuerdos: int = 0
    uso: Uso = field(default_factory=Uso)
    hash: str = ""


def plegar_historia(filas: Iterable[FilaHistoria]) -> Historia:
    """Rehace la historia con las filas de UN agente, en orden; las de otros tipos no cuentan.

    Lanza `ErrorBitacora` si una fila no trae los mensajes que debería.
    """
    pliegue = Pliegue()
    for fila in filas:
        pliegue.tomar(fila)
    return pliegue.cerrar()


class Pliegue:
    """El pliegue, fila a fila; `historia` es como iba justo después de la última."""

    def __init__(self) -> None:
        self.historia = Historia()
        self._propositos: set[int] = set()
        self._retirado: list[BaseMessage] | None = None

    def tomar(self, fila: FilaHistoria) -> None:
        """Añade una fila. Lanza `ErrorBitacora` si no trae lo que debería."""
        match fila.tipo:
            case "llm_input":
                self._entrar(fila)
            case "llm_output":
                self._salir(fila)
            case "llm_call" if "espera_s" not in fila.details:
                self._fallar(fila)
            case "history_compaction":
                self.historia.mensajes = mensajes_de(fila, fila.details.get("mensajes"))
                self._retirado = None
            case _:
                pass

    def cerrar(self) -> Historia:
        """La historia tal como quedó: con lo rechazado ya retirado."""
        historia = self.historia
        historia.contados = len(historia.mensajes)
        if self._retirado is not None:
            historia.mensajes, self._retirado = self._retirado, None
        return historia

    def _entrar(self, fila: FilaHistoria) -> None:
        historia = self.historia
        if fila.details.get("proposito"):
            self._propositos.add(fila.id)
            return
        historia.turno = max(historia.turno, int(fila.details.get("turno", 0)))
        self._retirado = None
        nuevos = mensajes_de(fila, fila.details.get("nuevos"))
        historia.mensajes += nuevos
        historia.recuerdos += sum(mensaje.content == RECUERDO for mensaje in nuevos)
        historia.hash = str(fila.details.get("historia", ""))
        historia.entrada_abierta, historia.corte_anotado = fila.id, False
        historia.por_ver = fila.id
        if historia.salida is not None:
            historia.salida = replace(historia.salida, seguida=True)

    def _salir(self, fila: FilaHistoria) -> None:
        historia, detalles = self.historia, fila.details
        uso = Uso(**detalles.get("uso", {}))
        historia.uso += uso
        if detalles.get("proposito"):
            return
        [mensaje] = mensajes_de(fila, [detalles.get("respuesta")])
        if not isinstance(mensaje, AIMessage):
            raise _rota(fila, "su respuesta no es de un modelo")
        vivo = sin_lastre(mensaje)
        historia.mensajes.append(vivo)
        historia.decisiones += 1
        llamadas = _llamadas(vivo, detalles.get("llamadas", ()))
        historia.recuerdos = 0 if llamadas else historia.recuerdos
        historia.entrada_abierta = historia.por_ver = None
        historia.salida = FilaSalida(
            id=fila.id,
            entrada=fila.causa,
            turno=int(detalles.get("turno", 0)),
            mensaje=vivo,
            texto=str(detalles.get("texto", "")),
            llamadas=llamadas,
            razon=str(detalles.get("razon", "")),
            uso=uso,
        )

    def _fallar(self, fila: FilaHistoria) -> None:
        """Una llamada que falló del todo: si repetirla volvería a fallar, lo nuevo se retira.

        La siguiente petición vuelve a traer lo que quedó; hasta entonces se guarda aparte.
        """
        if fila.causa in self._propositos:
            return
        historia = self.historia
        if fila.details.get("clase") in {INTERRUMPIDA, CANCELADA}:
            historia.corte_anotado = True  # sigue sin respuesta: quien la repita puede morir antes
            return
        historia.entrada_abierta = None
        if not ErrorModelo("", clase=str(fila.details.get("clase", ""))).envenena:
            return
        historia.por_ver = None
        retirado = list(historia.mensajes)
        quedan = retirar_lo_nuevo(retirado)
        self._retirado = retirado
        del historia.mensajes[quedan:]


def mensajes_de(fila: FilaHistoria, datos: Any) -> list[BaseMessage]:
    """Los mensajes que guarda una fila. Lanza `ErrorBitacora` si no lo son."""
    try:
        return messages_from_dict(list(datos))
    except (KeyError, TypeError, ValueError) as error:
        raise _rota(fila, f"no trae mensajes ({type(error).__name__}: {error})") from error


def _llamadas(
    mensaje: AIMessage, anotadas: Sequence[Mapping[str, Any]]
) -> tuple[LlamadaHerramienta, ...]:
    args = {llamada["id"]: llamada["args"] for llamada in mensaje.tool_calls}
    return tuple(
        LlamadaHerramienta(ll["id"], ll["nombre"], args.get(ll["id"], {}), ll.get("error"))
        for ll in anotadas
    )


def _rota(fila: FilaHistoria, queja: str) -> ErrorBitacora:
    return ErrorBitacora(f"fila {fila.id} ({fila.tipo}): {queja}; no se puede rehacer la historia")
