"""De hechos pendientes a un lote de filas: ids, causas, orden por agente, hash y proyecciones."""

from __future__ import annotations

from collections import ChainMap
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from agentes.eventos import Apunte, Evento, HechoAnotado, LineaUsuario, SesionAbierta
from agentes.eventos_sesion import SesionBifurcada, SesionReanudada
from servicios.registros.cadena import eslabon
from servicios.registros.escritura.apuntes import ApunteFila, fila_de
from servicios.registros.escritura.proyecciones import PROYECCIONES, Fila, nombrados
from servicios.registros.escritura.sentencias import SENTENCIAS
from servicios.registros.textos import peso, seguro

_IDENTIDAD = """INSERT INTO agentes (agente_id, name, clase) VALUES (?1, ?1, 'agente')
    ON CONFLICT DO NOTHING"""
_FILA = """INSERT INTO logs (id, timestamp, agente_id, tipo, log_level, mensaje, details,
    session, causa, epoca, seq, op, intento, hash)
    VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"""

_Valores = list[tuple[Any, ...]]


@dataclass(slots=True)
class Pendiente:
    """Un hecho en la cola, con sus textos ya hechos: lo que se guarda es lo del momento.

    `vuelta` es la del bucle en que se anotó: las de una misma vuelta van en el mismo lote.
    """

    evento: Evento
    causa: Apunte | None
    apunte: ApunteFila
    timestamp: str
    mensaje: str
    details: str
    vuelta: int


@dataclass(slots=True)
class Lote:
    """Lo que entra en un compromiso: sentencias, hechos que anunciar después y dónde acaba."""

    ultima_fila: int
    hash: str
    previos: Mapping[str, int]
    """Hasta dónde llegaba cada agente antes de este lote."""
    apertura: ApunteFila | None
    """La causa de lo que no trae otra."""
    bytes: int = 0
    """Lo que ocupan sus textos."""
    hechos: list[HechoAnotado] = field(default_factory=list)
    pendientes: list[Pendiente] = field(default_factory=list)
    seqs: dict[str, int] = field(default_factory=dict)
    nuevos: set[str] = field(default_factory=set)
    filas: _Valores = field(default_factory=list)
    resumen: dict[str, _Valores] = field(default_factory=dict)

    def sentencias(self) -> Iterable[tuple[str, _Valores]]:
        """Lo que hay que ejecutar, en orden."""
        if self.nuevos:
            yield _IDENTIDAD, [(agente,) for agente in sorted(self.nuevos)]
        yield _FILA, self.filas
        yield from ((sql, self.resumen[sql]) for sql in SENTENCIAS if sql in self.resumen)

    def absorber(self, otro: Lote) -> None:
        """Suma un lote que ya está ejecutado: este acaba donde acaba el otro."""
        self.ultima_fila, self.hash, self.apertura = otro.ultima_fila, otro.hash, otro.apertura
        self.bytes += otro.bytes
        self.hechos += otro.hechos
        self.pendientes += otro.pendientes
        self.seqs.update(otro.seqs)
        self.nuevos |= otro.nuevos


@dataclass(frozen=True, slots=True)
class Punto:
    """Dónde sigue una sesión: su época, su último hash, cada agente y la fila que la abrió."""

    epoca: int
    hash: str
    seqs: dict[str, int]
    apertura: ApunteFila | None = None


class Compositor:
    """Compone los lotes de una sesión y recuerda hasta dónde llegó cada agente.

    Un lote que no llega a confirmarse no deja rastro: los mismos hechos se componen otra vez.
    """

    def __init__(self, sesion: str, punto: Punto) -> None:
        self.sesion = sesion
        self.epoca = punto.epoca
        self._hash = punto.hash
        self._seqs = punto.seqs
        self._apertura = punto.apertura
        self._conocidos: set[str] = set()

    def componer(
        self, pendientes: Sequence[Pendiente], ultima_fila: int, tras: Lote | None = None
    ) -> Lote:
        """Reparte ids desde `ultima_fila + 1`, en el orden de la cola.

        `tras` es un lote de la misma transacción que va delante.
        """
        if tras is None:
            lote = Lote(ultima_fila, self._hash, self._seqs, self._apertura)
        else:
            previos = ChainMap(tras.seqs, self._seqs)
            lote = Lote(tras.ultima_fila, tras.hash, previos, tras.apertura)
        for pendiente in pendientes:
            self._sumar(lote, pendiente)
        return lote

    def confirmar(self, lote: Lote) -> None:
        """El lote está en el disco: sus apuntes despiertan a quien los espera."""
        self._seqs.update(lote.seqs)
        self._hash, self._apertura = lote.hash, lote.apertura
        self._conocidos |= lote.nuevos
        for pendiente in lote.pendientes:
            pendiente.apunte.confirmar()

    def _sumar(self, lote: Lote, pendiente: Pendiente) -> None:
        evento, timestamp = pendiente.evento, pendiente.timestamp
        mensaje, details = pendiente.mensaje, pendiente.details
        lote.ultima_fila = pendiente.apunte.fila = numero = lote.ultima_fila + 1
        agente_id = seguro(evento.agente_id)
        for nombre in (agente_id, *map(seguro, nombrados(evento))):
            if nombre not in self._conocidos:
                lote.nuevos.add(nombre)
        seq = (lote.seqs.get(agente_id) or lote.previos.get(agente_id, 0)) + 1
        lote.seqs[agente_id] = seq
        causa = fila_de(_causa(lote, pendiente))
        op = getattr(evento, "op", None)
        columnas = (
            *(numero, timestamp, agente_id, evento.tipo, evento.nivel, mensaje, details),
            *(self.sesion, causa, self.epoca, seq),
            *(None if op is None else seguro(op), getattr(evento, "intento", None)),
        )
        lote.hash = eslabon(lote.hash, columnas)
        lote.filas.append((*columnas, lote.hash))
        lote.bytes += peso(mensaje) + peso(details)
        lote.pendientes.append(pendiente)
        lote.hechos.append(HechoAnotado(numero, timestamp, causa, evento))
        proyectar = PROYECCIONES.get(type(evento))
        if proyectar is not None:
            fila = Fila(numero, timestamp, self.sesion, causa)
            for sql, valores in proyectar(fila, evento):
                lote.resumen.setdefault(sql, []).append(valores)


def _causa(lote: Lote, pendiente: Pendiente) -> Apunte | None:
    """La que trae el hecho o, si no trae o no se guardó, la apertura de la sesión."""
    match pendiente.evento:
        case SesionAbierta() | SesionReanudada() | SesionBifurcada():
            anterior, lote.apertura = lote.apertura, pendiente.apunte
            return anterior if pendiente.causa is None else pendiente.causa
        case LineaUsuario():
            return pendiente.causa
        case _ if fila_de(pendiente.causa) is None:
            return lote.apertura
        case _:
            return pendiente.causa
