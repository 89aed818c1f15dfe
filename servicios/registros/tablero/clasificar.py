"""El clasificador: de lo leído a qué hace cada uno y por qué espera. Una función pura.

    filas + cerrojo de la sesión + carpetas de sus órdenes + la hora → Tablero

Una causa nueva de espera no se añade aquí: quien la produce escribe su fila `agent_loop` con
`espera`, y sale tal cual. Solo la que se deduzca de otro tipo de fila va en `_segun_el_paso` (y su
tipo, en `leer.PASOS`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from agentes.eventos import MASTER, Espera, EstadoAgente
from agentes.presupuesto import Presupuesto
from servicios.registros.ramas import Nudo, colgar
from servicios.registros.tablero.leido import AgenteLeido, Huella, Leido, OrdenMirada
from servicios.registros.tablero.linea import primera_linea, ultima_linea
from servicios.registros.tablero.visto import (
    ATASCADO,
    EN_BUCLE,
    SIN_REANUDAR,
    USUARIO,
    Tablero,
    Visto,
)

PACIENCIA_S = 120.0
"""Segundos sin señales de vida, ni orden viva, para dar a un agente por atascado."""

MARGEN_MODELO_S = 30.0
"""Segundos de más que se dan a una llamada al modelo sobre su propio límite."""

_SIN_FILA = {Espera.NADA, Espera.HERRAMIENTA, Espera.MODELO}
"""Las esperas de las que algo ha de salir sin que nadie haga nada: pueden atascarse."""


_POR_PROBLEMA = {Espera.SUPERIOR, Espera.PRESUPUESTO, *EN_BUCLE}
"""Las pausas que empezaron con un problema, o sin presupuesto: es su motivo."""


@dataclass(frozen=True, slots=True)
class Mirada:
    """Desde dónde se mira.

    `abierta` es si algún proceso tiene la sesión, y `limite_llamada_s`, lo que puede durar una
    llamada al modelo.
    """

    abierta: bool
    ahora: datetime
    limite_llamada_s: float


@dataclass(frozen=True, slots=True)
class _Causa:
    """Por qué espera; `falta_s` si la espera tiene final y `motivo`, de qué es."""

    espera: str
    motivo: str = ""
    falta_s: float | None = None


def clasificar(leido: Leido, ordenes: Mapping[int, OrdenMirada], mirada: Mirada) -> Tablero:
    """El tablero de una sesión. `ordenes` son las abiertas que se hallaron en el disco, por fila."""
    # Los que siguen, delante: quien ya terminó no tiene a nadie suyo vivo.
    en_orden = sorted(leido.agentes, key=lambda a: a.estado.es_final)
    nudos = colgar(en_orden, lambda a: a.id, lambda a: a.superior)
    agentes = tuple(_agente(nudo, leido, ordenes, mirada) for nudo in nudos)
    return Tablero(
        sesion=leido.sesion,
        nombre=leido.nombre,
        vivo=mirada.abierta,
        ahora=mirada.ahora,
        master=_master(leido, agentes, mirada),
        agentes=agentes,
    )


def _agente(
    nudo: Nudo[AgenteLeido], leido: Leido, ordenes: Mapping[int, OrdenMirada], mirada: Mirada
) -> Visto:
    agente = nudo.fila
    huella = leido.huellas.get(agente.id, Huella())
    orden = ordenes.get(huella.orden.fila) if huella.orden else None
    senal = _senal(agente, huella, orden)
    hasta = agente.fin or (mirada.ahora if mirada.abierta else senal) or agente.inicio
    causa = _causa(agente, huella, mirada)
    if not agente.estado.es_final and _no_avanza(causa, orden, senal, leido, mirada):
        causa = _Causa(ATASCADO, causa.espera)
    return Visto(
        id=agente.id,
        tipo=agente.tipo,
        rol=agente.rol,
        superior=agente.superior,
        profundidad=nudo.nivel + 1,
        rama=nudo.rama,
        estado=agente.estado,
        espera=causa.espera,
        falta_s=causa.falta_s,
        motivo=causa.motivo,
        senal=senal,
        senal_s=_segundos(senal, mirada.ahora),
        orden=huella.orden.texto if huella.orden else "",
        salida=orden.salida if orden else "",
        ultima_linea=ultima_linea((orden.salida if orden else "") or huella.salida),
        tokens_in=agente.tokens_in,
        tokens_out=agente.tokens_out,
        coste=agente.coste,
        tiempo_s=_segundos(agente.inicio, hasta) or 0.0,
        verificacion=agente.verificacion,
        modelo=agente.modelo,
        tarea=agente.tarea,
        presupuesto=leido.presupuestos.get(agente.id, Presupuesto()),
    )


def _senal(agente: AgenteLeido, huella: Huella, orden: OrdenMirada | None) -> datetime | None:
    """Su última fila o, si es posterior, lo último que escribió su orden."""
    horas = [huella.senal, agente.fin, orden.escrito if orden else None]
    return max((hora for hora in horas if hora is not None), default=None)


# --- por qué espera ---------------------------------------------------------------------


def _causa(agente: AgenteLeido, huella: Huella, mirada: Mirada) -> _Causa:
    if agente.estado.es_final:
        return _Causa(Espera.NADA, primera_linea(agente.desenlace))
    if not mirada.abierta:
        return _Causa(SIN_REANUDAR, primera_linea(huella.problema))
    if agente.estado is EstadoAgente.PAUSED and huella.espera:
        por_problema = huella.espera in _POR_PROBLEMA
        return _Causa(huella.espera, primera_linea(huella.problema) if por_problema else "")
    return _segun_el_paso(huella, mirada.ahora)


def _segun_el_paso(huella: Huella, ahora: datetime) -> _Causa:
    """Lo que está haciendo según la última fila que lo cambia."""
    datos = huella.detalles
    match huella.paso:
        case "llm_input":
            return _Causa(Espera.MODELO)
        case "llm_call" if "espera_s" in datos:
            return _reintento(huella, ahora)
        case "tool_call_request" | "approval_decision":
            return _Causa(Espera.HERRAMIENTA)
        case "approval_request":
            return _Causa(Espera.APROBACION, f"$ {primera_linea(str(datos.get('orden', '')))}")
        case _:
            return _la_que_dice(huella, ahora)


def _la_que_dice(huella: Huella, ahora: datetime) -> _Causa:
    """La espera de una fila `agent_loop`, con su motivo, su puesto y lo que le queda, si los dice."""
    datos = huella.detalles
    espera, motivo = str(datos.get("espera", "")), primera_linea(str(datos.get("motivo", "")))
    if not espera:
        return _Causa(Espera.NADA)
    if puesto := datos.get("puesto"):
        motivo = f"puesto {puesto}: {motivo}"
    falta = _falta(huella, ahora) if datos.get("espera_s") else None
    return _Causa(espera, motivo, None if falta is None else max(0.0, falta))


def _falta(huella: Huella, ahora: datetime) -> float:
    """Los segundos que quedan de los que dijo que esperaría; negativos si ya pasaron."""
    hasta = (huella.desde or ahora) + timedelta(seconds=float(huella.detalles["espera_s"]))
    return (hasta - ahora).total_seconds()


def _reintento(huella: Huella, ahora: datetime) -> _Causa:
    """Una llamada que falló y se repetirá: por tasa si lo dijo el proveedor; si no, es su modelo."""
    datos: Mapping[str, Any] = huella.detalles
    falta = _falta(huella, ahora)
    if falta <= 0:
        return _Causa(Espera.MODELO)
    por_tasa = datos.get("clase") == Espera.TASA
    error = primera_linea(str(datos.get("error", "")))
    return _Causa(Espera.TASA if por_tasa else Espera.MODELO, error, falta)


def _no_avanza(
    causa: _Causa,
    orden: OrdenMirada | None,
    senal: datetime | None,
    leido: Leido,
    mirada: Mirada,
) -> bool:
    """Si tendría que haber dado señales de vida. Con una orden viva, nunca.

    Al modelo se le da lo que dura una llamada, y mientras otros avancen puede estar esperando su
    turno.
    """
    if causa.espera not in _SIN_FILA or causa.falta_s is not None or (orden and orden.viva):
        return False
    silencio = _segundos(senal, mirada.ahora) or 0.0
    if causa.espera != Espera.MODELO:
        return silencio > PACIENCIA_S
    de_todos = _segundos(leido.senal, mirada.ahora) or 0.0
    return min(silencio, de_todos) > mirada.limite_llamada_s + MARGEN_MODELO_S


# --- el Master --------------------------------------------------------------------------


def _master(leido: Leido, agentes: Sequence[Visto], mirada: Mirada) -> Visto:
    """El Master, como uno más: sus tokens no se resumen en ninguna tabla y aquí no se cuentan."""
    huella = leido.huellas.get(MASTER, Huella())
    causa = _causa_del_master(huella, agentes, mirada)
    if _no_avanza(causa, None, huella.senal, leido, mirada):
        causa = _Causa(ATASCADO, causa.espera)
    hasta = mirada.ahora if mirada.abierta else (leido.senal or leido.inicio)
    return Visto(
        id=MASTER,
        tipo=MASTER,
        rol="Master",
        superior="",
        profundidad=0,
        rama="",
        estado=EstadoAgente.RUNNING if mirada.abierta else EstadoAgente.PAUSED,
        espera=causa.espera,
        falta_s=causa.falta_s,
        motivo=causa.motivo,
        senal=huella.senal,
        senal_s=_segundos(huella.senal, mirada.ahora),
        orden=huella.orden.texto if huella.orden else "",
        salida="",
        ultima_linea="",
        tokens_in=0,
        tokens_out=0,
        coste=None,
        tiempo_s=_segundos(leido.inicio, hasta) or 0.0,
        verificacion=None,
        modelo=leido.modelo,
        tarea="",
        presupuesto=leido.presupuestos.get(MASTER, Presupuesto()),
    )


def _causa_del_master(huella: Huella, agentes: Sequence[Visto], mirada: Mirada) -> _Causa:
    """Cuando no piensa ni actúa espera a los suyos o, si ninguno va a avisarle, a la persona."""
    if not mirada.abierta:
        return _Causa(SIN_REANUDAR)
    piensa_o_actua = huella.paso in {"llm_input", "tool_call_request"} or (
        huella.paso in {"llm_output", "tool_execution"} and huella.detalles.get("llamadas") != 0
    )
    if piensa_o_actua or "espera_s" in huella.detalles:
        return _segun_el_paso(huella, mirada.ahora)
    en_marcha = {EstadoAgente.STARTED, EstadoAgente.RUNNING}
    suyos = any(a.superior == MASTER and a.estado in en_marcha for a in agentes)
    return _Causa(Espera.HIJO if suyos else USUARIO)


def _segundos(desde: datetime | None, hasta: datetime) -> float | None:
    """Los que van de una hora a otra, nunca menos de cero."""
    return None if desde is None else max(0.0, (hasta - desde).total_seconds())
