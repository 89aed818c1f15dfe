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
from agentes.eventos_sesion import (
    ModeloCambiado,
    SesionBifurcada,
    SesionNombrada,
    SesionReanudada,
)
from agentes.pruebas import Verificacion
from servicios.registros.escritura.apuntes import fila_de
from servicios.registros.escritura.sentencias import (
    AGENTE,
    AGENTE_TERMINADO,
    AVISO,
    AVISO_ENTREGADO,
    AVISO_VISTO,
    COMANDO,
    COMANDO_CERRADO,
    ESTADO,
    LLAMADA,
    LLAMADA_FALLIDA,
    LLAMADA_GASTO,
    LLAMADA_REINTENTADA,
    LLAMADA_TERMINADA,
    MENSAJE,
    MENSAJE_ENTREGADO,
    MENSAJE_VISTO,
    NOMBRE,
    SESION_ABIERTA,
    SESION_BIFURCADA,
    SESION_CERRADA,
    SESION_MODELO,
    SESION_NOMBRADA,
    SESION_REABIERTA,
    SESION_REANUDADA,
    TOKENS,
)
from servicios.registros.textos import entero, seguro

Sentencia = tuple[str, tuple[Any, ...]]

_ROL_VISIBLE = 60


class Fila(NamedTuple):
    """Lo que una proyección necesita de la fila que se está escribiendo."""

    id: int
    timestamp: str
    session: str
    causa: int | None


def _sesion_abierta(f: Fila, e: SesionAbierta) -> Iterator[Sentencia]:
    yield (
        SESION_ABIERTA,
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
    yield SESION_REANUDADA, (*map(seguro, textos), f.session)
    yield SESION_REABIERTA, (f.session, f.id)


def _sesion_nombrada(f: Fila, e: SesionNombrada) -> Iterator[Sentencia]:
    yield SESION_NOMBRADA, (seguro(e.nombre) or f.session, f.session)


def _modelo_cambiado(f: Fila, e: ModeloCambiado) -> Iterator[Sentencia]:
    yield SESION_MODELO, (seguro(e.modelo), f.session)


def _sesion_bifurcada(f: Fila, e: SesionBifurcada) -> Iterator[Sentencia]:
    yield SESION_BIFURCADA, (seguro(e.origen), e.fila, f.session)


def _sesion_cerrada(f: Fila, e: SesionCerrada) -> Iterator[Sentencia]:
    yield SESION_CERRADA, (f.timestamp, e.codigo, seguro(e.motivo), f.session)


def _agente_lanzado(f: Fila, e: AgenteLanzado) -> Iterator[Sentencia]:
    agente_id = seguro(e.agente_id)
    yield NOMBRE, (f"{agente_id} · {' '.join(seguro(e.rol).split())[:_ROL_VISIBLE]}", agente_id)
    textos = (e.agente_id, e.agent_type, e.rol, e.objetivo, e.tarea)
    yield (
        AGENTE,
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
    yield ESTADO, (e.estado.value, f.session, seguro(e.agente_id), e.estado.value)


def _agente_terminado(f: Fila, e: AgenteTerminado) -> Iterator[Sentencia]:
    yield (
        AGENTE_TERMINADO,
        (
            e.estado.value,
            f.timestamp,
            seguro(e.resultado) or None,
            seguro(e.error) or None,
            (e.verificacion or Verificacion.SIN_PRUEBAS).value,
            f.session,
            seguro(e.agente_id),
        ),
    )


def _mensaje_encolado(f: Fila, e: MensajeEncolado) -> Iterator[Sentencia]:
    yield MENSAJE, (f.id, f.session, seguro(e.de), seguro(e.agente_id))


def _linea_usuario(f: Fila, e: LineaUsuario) -> Iterator[Sentencia]:
    yield MENSAJE, (f.id, f.session, USUARIO, MASTER)


def _aviso_encolado(f: Fila, e: AvisoEncolado) -> Iterator[Sentencia]:
    yield AVISO, (f.id, f.session, seguro(e.agente_id), seguro(e.destinatario), seguro(e.clase))


def _llamada_iniciada(f: Fila, e: LlamadaIniciada) -> Iterator[Sentencia]:
    textos = (seguro(e.proposito), seguro(e.modelo))
    yield LLAMADA, (f.id, f.session, seguro(e.agente_id), e.turno, *textos)
    if e.proposito:
        return
    for aviso in e.avisos:
        yield AVISO_ENTREGADO, (f.id, fila_de(aviso))
    for mensaje in (*e.directivas, *e.lineas):
        yield MENSAJE_ENTREGADO, (f.id, fila_de(mensaje))


def _llamada_terminada(f: Fila, e: LlamadaTerminada) -> Iterator[Sentencia]:
    yield LLAMADA_TERMINADA, (seguro(e.razon), e.intentos, e.ms, f.id, f.causa)
    uso = (e.uso.entrada, e.uso.salida, e.uso.cacheados)
    yield from _gasto(f, e.agente_id, uso, None if e.gasto else e.usd)
    if not e.proposito:
        yield MENSAJE_VISTO, (f.id, f.causa)
        yield AVISO_VISTO, (f.id, f.causa)


def _gasto(
    f: Fila, agente_id: str, uso: tuple[Any, Any, Any], usd: float | None
) -> Iterator[Sentencia]:
    """Lo que el proveedor dice que costó un intento; `usd` es `None` si no se sabe."""
    entrada, salida, cacheados = (entero(n) or 0 for n in uso)
    yield LLAMADA_GASTO, (entrada, salida, cacheados, usd, f.causa)
    yield TOKENS, (entrada, salida, usd, f.session, seguro(agente_id))


def _gasto_fallido(f: Fila, e: LlamadaReintentada | LlamadaFallida) -> Iterator[Sentencia]:
    """El de un intento que no valió, si el proveedor lo dijo: lo estimado no entra en las tablas."""
    if e.gasto and not e.gasto.get("estimado"):
        uso = (e.gasto["entrada"], e.gasto["salida"], e.gasto.get("cacheados", 0))
        yield from _gasto(f, e.agente_id, uso, e.gasto.get("usd"))


def _llamada_reintentada(f: Fila, e: LlamadaReintentada) -> Iterator[Sentencia]:
    yield LLAMADA_REINTENTADA, (e.intento + 1, seguro(e.error), f.causa)
    yield from _gasto_fallido(f, e)


def _llamada_fallida(f: Fila, e: LlamadaFallida) -> Iterator[Sentencia]:
    yield LLAMADA_FALLIDA, (seguro(e.clase), seguro(e.error), e.intentos, e.ms, f.causa)
    yield from _gasto_fallido(f, e)


def _herramienta_pedida(f: Fila, e: HerramientaPedida) -> Iterator[Sentencia]:
    orden = e.args.get("command")
    yield (
        COMANDO,
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
        COMANDO_CERRADO,
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
    ModeloCambiado: _modelo_cambiado,
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
