"""De cada hecho a las tablas que lo resumen, en la misma transacción que su fila.

`PROYECCIONES` dice, por clase de evento, qué sentencias produce. Un lote agrupa las iguales y
las ejecuta en el orden de `SENTENCIAS`: primero las altas, después los cambios y al final los
cierres, así que una fila nace, cambia y se cierra bien aunque todo caiga en el mismo lote.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

from agentes.eventos import (
    MASTER,
    USUARIO,
    AgenteLanzado,
    AgenteTerminado,
    AvisoEncolado,
    EstadoAgente,
    EstadoCambiado,
    Evento,
    LineaUsuario,
    MensajeEncolado,
    SesionAbierta,
    SesionCerrada,
)
from agentes.eventos_llamada import (
    HerramientaPedida,
    HerramientaTerminada,
    LlamadaFallida,
    LlamadaIniciada,
    LlamadaReintentada,
    LlamadaTerminada,
)
from agentes.eventos_sesion import SesionBifurcada, SesionNombrada, SesionReanudada
from servicios.registros.apuntes import fila_de
from servicios.registros.textos import entero, seguro

Sentencia = tuple[str, tuple[Any, ...]]

_ROL_VISIBLE = 60


class Fila(NamedTuple):
    """Lo que una proyección necesita de la fila que se está escribiendo."""

    id: int
    timestamp: str
    session: str
    causa: int | None


_SESION_ABIERTA = (
    "UPDATE sessions SET version = ?, modelo = ?, aislamiento = ?, cara = ? WHERE id = ?"
)
_SESION_REANUDADA = """UPDATE sessions SET end_time = NULL, codigo = NULL, motivo = NULL,
    version = ?, modelo = ?, aislamiento = ?, cara = ? WHERE id = ?"""
_SESION_NOMBRADA = "UPDATE sessions SET name = ? WHERE id = ?"
# Hasta que se abra, su modelo es el de su origen: con él se sigue y con él se repite.
_SESION_BIFURCADA = """UPDATE sessions SET origen = ?1, origen_fila = ?2,
    modelo = (SELECT o.modelo FROM sessions AS o WHERE o.id = ?1) WHERE id = ?3"""
_NOMBRE = "UPDATE agentes SET name = ? WHERE agente_id = ? AND name = agente_id"
_AGENTE = """INSERT INTO agent_runs (id, agent_id, agent_type, agent_rol, agent_objetivo,
    task_description, start_time, status, session, parent, model)
    VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"""
_MENSAJE = """INSERT INTO messages (id, session, de, para, estado)
    VALUES (?, ?, ?, ?, 'encolado')"""
_AVISO = """INSERT INTO notices (id, session, agente_id, destinatario, clase, estado)
    VALUES (?, ?, ?, ?, ?, 'encolado')"""
_LLAMADA = """INSERT INTO model_calls (id, session, agente_id, turno, proposito, modelo, estado)
    VALUES (?, ?, ?, ?, ?, ?, 'en curso')"""
_COMANDO = """INSERT INTO commands (id, session, agente_id, op, intento, tool, command)
    VALUES (?, ?, ?, ?, ?, ?, ?)"""
_MENSAJE_ENTREGADO = """UPDATE messages SET estado = 'entregado', entregado_en = ?
    WHERE id = ? AND estado <> 'visto'"""
_AVISO_ENTREGADO = """UPDATE notices SET estado = 'entregado', entregado_en = ?
    WHERE id = ? AND estado <> 'visto'"""
_LLAMADA_REINTENTADA = "UPDATE model_calls SET intentos = ?, error = ? WHERE id = ?"
_LLAMADA_TERMINADA = """UPDATE model_calls SET estado = 'terminada', razon = ?, tokens_in = ?,
    tokens_out = ?, tokens_cached = ?, intentos = ?, ms = ?, respuesta = ? WHERE id = ?"""
_LLAMADA_FALLIDA = """UPDATE model_calls SET estado = 'fallida', razon = ?, error = ?,
    intentos = ?, ms = ? WHERE id = ?"""
_MENSAJE_VISTO = """UPDATE messages SET estado = 'visto', visto_en = ?
    WHERE entregado_en = ? AND estado = 'entregado'"""
_AVISO_VISTO = """UPDATE notices SET estado = 'visto', visto_en = ?
    WHERE entregado_en = ? AND estado = 'entregado'"""
_COMANDO_CERRADO = """UPDATE commands SET return_code = ?, ok = ?, motivo = ?, ms = ?,
    cierre = ?, fila_cierre = ? WHERE id = ?"""
_TOKENS = """UPDATE agent_runs SET tokens_in = tokens_in + ?, tokens_out = tokens_out + ?
    WHERE session = ? AND agent_id = ?"""
_ESTADO = """UPDATE agent_runs SET status = ?
    WHERE session = ? AND agent_id = ? AND end_time IS NULL AND status <> ?"""
_AGENTE_TERMINADO = """UPDATE agent_runs SET status = ?, end_time = ?, result = ?, error = ?
    WHERE session = ? AND agent_id = ?"""
_SESION_CERRADA = "UPDATE sessions SET end_time = ?, codigo = ?, motivo = ? WHERE id = ?"

SENTENCIAS = (
    _SESION_ABIERTA,
    _SESION_REANUDADA,
    _SESION_NOMBRADA,
    _SESION_BIFURCADA,
    _NOMBRE,
    _AGENTE,
    _MENSAJE,
    _AVISO,
    _LLAMADA,
    _COMANDO,
    _MENSAJE_ENTREGADO,
    _AVISO_ENTREGADO,
    _LLAMADA_REINTENTADA,
    _LLAMADA_TERMINADA,
    _LLAMADA_FALLIDA,
    _MENSAJE_VISTO,
    _AVISO_VISTO,
    _COMANDO_CERRADO,
    _TOKENS,
    _ESTADO,
    _AGENTE_TERMINADO,
    _SESION_CERRADA,
)
"""El orden en que se ejecutan las sentencias de un lote."""


def _sesion_abierta(f: Fila, e: SesionAbierta) -> Iterator[Sentencia]:
    yield (
        _SESION_ABIERTA,
        (
            seguro(e.version),
            seguro(e.modelo),
            seguro(e.aislamiento),
            seguro(e.cara),
            f.session,
        ),
    )


def _sesion_reanudada(f: Fila, e: SesionReanudada) -> Iterator[Sentencia]:
    textos = (e.version, e.modelo, e.aislamiento, e.cara)
    yield _SESION_REANUDADA, (*map(seguro, textos), f.session)


def _sesion_nombrada(f: Fila, e: SesionNombrada) -> Iterator[Sentencia]:
    yield _SESION_NOMBRADA, (seguro(e.nombre) or f.session, f.session)


def _sesion_bifurcada(f: Fila, e: SesionBifurcada) -> Iterator[Sentencia]:
    yield _SESION_BIFURCADA, (seguro(e.origen), e.fila, f.session)


def _sesion_cerrada(f: Fila, e: SesionCerrada) -> Iterator[Sentencia]:
    yield _SESION_CERRADA, (f.timestamp, e.codigo, seguro(e.motivo), f.session)


def _agente_lanzado(f: Fila, e: AgenteLanzado) -> Iterator[Sentencia]:
    agente_id = seguro(e.agente_id)
    yield _NOMBRE, (f"{agente_id} · {' '.join(seguro(e.rol).split())[:_ROL_VISIBLE]}", agente_id)
    textos = (e.agente_id, e.agent_type, e.rol, e.objetivo, e.tarea)
    yield (
        _AGENTE,
        (
            f.id,
            *map(seguro, textos),
            f.timestamp,
            EstadoAgente.STARTED.value,
            f.session,
            seguro(e.superior),
            seguro(e.modelo),
        ),
    )


def _estado_cambiado(f: Fila, e: EstadoCambiado) -> Iterator[Sentencia]:
    yield _ESTADO, (e.estado.value, f.session, seguro(e.agente_id), e.estado.value)


def _agente_terminado(f: Fila, e: AgenteTerminado) -> Iterator[Sentencia]:
    yield (
        _AGENTE_TERMINADO,
        (
            e.estado.value,
            f.timestamp,
            seguro(e.resultado) or None,
            seguro(e.error) or None,
            f.session,
            seguro(e.agente_id),
        ),
    )


def _mensaje_encolado(f: Fila, e: MensajeEncolado) -> Iterator[Sentencia]:
    yield _MENSAJE, (f.id, f.session, seguro(e.de), seguro(e.agente_id))


def _linea_usuario(f: Fila, e: LineaUsuario) -> Iterator[Sentencia]:
    yield _MENSAJE, (f.id, f.session, USUARIO, MASTER)


def _aviso_encolado(f: Fila, e: AvisoEncolado) -> Iterator[Sentencia]:
    yield _AVISO, (f.id, f.session, seguro(e.agente_id), seguro(e.destinatario), seguro(e.clase))


def _llamada_iniciada(f: Fila, e: LlamadaIniciada) -> Iterator[Sentencia]:
    textos = (seguro(e.proposito), seguro(e.modelo))
    yield _LLAMADA, (f.id, f.session, seguro(e.agente_id), e.turno, *textos)
    if e.proposito:
        return
    for aviso in e.avisos:
        yield _AVISO_ENTREGADO, (f.id, fila_de(aviso))
    for mensaje in (*e.directivas, *e.lineas):
        yield _MENSAJE_ENTREGADO, (f.id, fila_de(mensaje))


def _llamada_terminada(f: Fila, e: LlamadaTerminada) -> Iterator[Sentencia]:
    entrada, salida, cacheados = (
        entero(n) or 0 for n in (e.uso.entrada, e.uso.salida, e.uso.cacheados)
    )
    yield (
        _LLAMADA_TERMINADA,
        (seguro(e.razon), entrada, salida, cacheados, e.intentos, e.ms, f.id, f.causa),
    )
    if not e.proposito:
        yield _MENSAJE_VISTO, (f.id, f.causa)
        yield _AVISO_VISTO, (f.id, f.causa)
    yield _TOKENS, (entrada, salida, f.session, seguro(e.agente_id))


def _llamada_reintentada(f: Fila, e: LlamadaReintentada) -> Iterator[Sentencia]:
    yield _LLAMADA_REINTENTADA, (e.intento + 1, seguro(e.error), f.causa)


def _llamada_fallida(f: Fila, e: LlamadaFallida) -> Iterator[Sentencia]:
    yield _LLAMADA_FALLIDA, (seguro(e.clase), seguro(e.error), e.intentos, e.ms, f.causa)


def _herramienta_pedida(f: Fila, e: HerramientaPedida) -> Iterator[Sentencia]:
    orden = e.args.get("command")
    yield (
        _COMANDO,
        (
            f.id,
            f.session,
            seguro(e.agente_id),
            seguro(e.op),
            e.intento,
            seguro(e.tool),
            seguro(orden) if isinstance(orden, str) else None,
        ),
    )


def _herramienta_terminada(f: Fila, e: HerramientaTerminada) -> Iterator[Sentencia]:
    motivo = e.detalles_propios.get("motivo")
    yield (
        _COMANDO_CERRADO,
        (
            entero(e.detalles_propios.get("return_code")),
            int(e.ok),
            seguro(motivo) or None if isinstance(motivo, str) else None,
            e.ms,
            seguro(e.cierre),
            f.id,
            f.causa,
        ),
    )


PROYECCIONES: dict[type[Evento], Callable[[Fila, Any], Iterator[Sentencia]]] = {
    SesionAbierta: _sesion_abierta,
    SesionCerrada: _sesion_cerrada,
    SesionReanudada: _sesion_reanudada,
    SesionNombrada: _sesion_nombrada,
    SesionBifurcada: _sesion_bifurcada,
    LineaUsuario: _linea_usuario,
    AgenteLanzado: _agente_lanzado,
    EstadoCambiado: _estado_cambiado,
    AgenteTerminado: _agente_terminado,
    MensajeEncolado: _mensaje_encolado,
    AvisoEncolado: _aviso_encolado,
    LlamadaIniciada: _llamada_iniciada,
    LlamadaTerminada: _llamada_terminada,
    LlamadaReintentada: _llamada_reintentada,
    LlamadaFallida: _llamada_fallida,
    HerramientaPedida: _herramienta_pedida,
    HerramientaTerminada: _herramienta_terminada,
}
"""Clase de evento → sentencias que produce. Los que no están solo dejan su fila en `logs`."""


def nombrados(evento: Evento) -> tuple[str, ...]:
    """Los otros ids que aparecen en los resúmenes de un hecho, además del suyo."""
    match evento:
        case AgenteLanzado():
            return (evento.superior,)
        case MensajeEncolado():
            return (evento.de,)
        case AvisoEncolado():
            return (evento.destinatario,)
        case _:
            return ()
