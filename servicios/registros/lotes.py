"""De hechos pendientes a un lote de filas: ids, causas, orden por agente y proyecciones."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from agentes.eventos import Apunte, Evento, HechoAnotado, LineaUsuario, SesionAbierta
from servicios.registros.apuntes import ApunteFila, fila_de
from servicios.registros.proyecciones import PROYECCIONES, SENTENCIAS, Fila, clase_de
from servicios.registros.textos import seguro

EPOCA = 1

_SESION = "INSERT INTO sessions (id, start_time) VALUES (?, ?) ON CONFLICT DO NOTHING"
_IDENTIDAD = """INSERT INTO agentes (session, agente_id, clase) VALUES (?, ?, ?)
    ON CONFLICT DO NOTHING"""
_FILA = """INSERT INTO logs (id, timestamp, agente_id, tipo, log_level, mensaje, details,
    session, causa, epoca, seq, op, intento) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"""


@dataclass(frozen=True, slots=True)
class Pendiente:
    """Un hecho en la cola, con sus textos ya hechos: lo que se guarda es lo del momento."""

    evento: Evento
    causa: Apunte | None
    apunte: ApunteFila
    timestamp: str
    mensaje: str
    details: str


@dataclass(slots=True)
class Lote:
    """Lo que entra en un compromiso: sentencias en orden y hechos que anunciar después."""

    sentencias: list[tuple[str, list[tuple[Any, ...]]]]
    hechos: list[HechoAnotado]
    pendientes: Sequence[Pendiente]
    seqs: dict[str, int] = field(default_factory=dict)


class Compositor:
    """Compone los lotes de una sesión y recuerda hasta dónde llegó cada agente.

    Un lote que no llega a confirmarse no deja rastro: los mismos hechos se componen otra vez.
    """

    def __init__(self, sesion: str, seqs: dict[str, int]) -> None:
        self.sesion = sesion
        self._seqs = seqs
        self._apertura: ApunteFila | None = None

    def componer(self, pendientes: Sequence[Pendiente], ultimo_id: int) -> Lote:
        """Reparte ids desde `ultimo_id + 1`, en el orden de la cola."""
        lote = Lote([], [], pendientes)
        if not pendientes:
            return lote
        filas: list[tuple[Any, ...]] = []
        resumen: dict[str, list[tuple[Any, ...]]] = {}
        for numero, pendiente in enumerate(pendientes, ultimo_id + 1):
            filas.append(self._componer_fila(lote, pendiente, numero, resumen))
        nuevos = [a for a in lote.seqs if a not in self._seqs]
        if nuevos:
            sesion = (self.sesion, pendientes[0].timestamp)
            lote.sentencias.append((_SESION, [sesion]))
            identidades = [(self.sesion, a, clase_de(a)) for a in nuevos]
            lote.sentencias.append((_IDENTIDAD, identidades))
        lote.sentencias.append((_FILA, filas))
        lote.sentencias += [(sql, resumen[sql]) for sql in SENTENCIAS if sql in resumen]
        return lote

    def confirmar(self, lote: Lote) -> None:
        """El lote está en el disco: sus apuntes despiertan a quien los espera."""
        self._seqs.update(lote.seqs)
        for pendiente in lote.pendientes:
            pendiente.apunte.confirmar()

    def _componer_fila(
        self,
        lote: Lote,
        pendiente: Pendiente,
        numero: int,
        resumen: dict[str, list[tuple[Any, ...]]],
    ) -> tuple[Any, ...]:
        evento = pendiente.evento
        pendiente.apunte.fila = numero
        agente_id = seguro(evento.agente_id)
        seq = lote.seqs.get(agente_id) or self._seqs.get(agente_id, 0)
        lote.seqs[agente_id] = seq + 1
        causa = fila_de(self._causa(pendiente))
        lote.hechos.append(HechoAnotado(numero, pendiente.timestamp, causa, evento))
        proyectar = PROYECCIONES.get(type(evento))
        if proyectar is not None:
            for sql, valores in proyectar(
                Fila(numero, pendiente.timestamp, self.sesion, causa), evento
            ):
                resumen.setdefault(sql, []).append(valores)
        op = getattr(evento, "op", None)
        return (
            numero,
            pendiente.timestamp,
            agente_id,
            evento.tipo,
            evento.nivel,
            pendiente.mensaje,
            pendiente.details,
            self.sesion,
            causa,
            EPOCA,
            seq + 1,
            None if op is None else seguro(op),
            getattr(evento, "intento", None),
        )

    def _causa(self, pendiente: Pendiente) -> Apunte | None:
        """La que trae el hecho o, si no trae o no se guardó, la apertura de la sesión."""
        match pendiente.evento:
            case SesionAbierta():
                self._apertura = pendiente.apunte
                return pendiente.causa
            case LineaUsuario():
                return pendiente.causa
            case _ if fila_de(pendiente.causa) is None:
                return self._apertura
            case _:
                return pendiente.causa
