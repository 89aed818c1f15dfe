"""Lo que cada uno lleva gastado de sus presupuestos: un pliegue de las filas de la sesión.

Un intento de llamada lo cierra la fila con que acabó; el apartado que se quedó sin ella se da por
gastado entero. El tiempo de una rama es la unión de los ratos de todos los suyos.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from agentes.eventos import MASTER, SISTEMA, USUARIO, Espera
from agentes.eventos_llamada import INTERRUMPIDA
from agentes.presupuesto import CuentaGuardada, Presupuesto
from agentes.respuestas import SIN_PAGAR

_FILAS = """
    SELECT timestamp, agente_id, tipo, causa, id,
        CASE tipo
            WHEN 'llm_input' THEN json_object('modelo', details -> '$.modelo')
            WHEN 'llm_output' THEN json_object('modelo', details -> '$.modelo',
                'uso', details -> '$.uso', 'usd', details -> '$.usd', 'ms', details -> '$.ms',
                'gasto', details -> '$.gasto', 'intentos', details -> '$.intentos')
            WHEN 'agent_run_end' THEN '{}'
            WHEN 'tool_call_request' THEN json_object('tool', details -> '$.tool')
            WHEN 'tool_execution' THEN json_object('motivo', details -> '$.motivo',
                'permiso', details -> '$.permiso', 'tool', details -> '$.tool',
                'cierre', details -> '$.cierre', 'ms', details -> '$.ms')
            ELSE details
        END
    FROM logs WHERE session = ? AND tipo IN (
        'llm_input', 'llm_output', 'llm_call', 'budget_reserve', 'budget_set', 'budget_warning',
        'agent_run_start', 'tool_call_request', 'tool_execution', 'approval_request',
        'approval_decision', 'agent_loop', 'agent_run_end', 'system_exit', 'session_resume')
    ORDER BY id"""

_ORDENES = {"ejecutar_comando_consola", "iniciar_trabajo"}
_CON_TIEMPO = "ejecutar_comando_consola"
_NO_EMPEZO = {"denegado", SIN_PAGAR}

Rato = tuple[float, float]


@dataclass(slots=True)
class _Suyo:
    """Lo de uno según se lee."""

    superior: str = MASTER
    presupuesto: Presupuesto = field(default_factory=Presupuesto)
    tokens: int = 0
    usd: float = 0.0
    comandos: int = 0
    agentes: int = 0
    ratos: list[Rato] = field(default_factory=list)
    hitos: list[tuple[int, str, str, float]] = field(default_factory=list)
    sin_precio: list[tuple[str, int, int, int]] = field(default_factory=list)


@dataclass(slots=True)
class _Orden:
    """La que un agente tiene a medias: desde cuándo corre, lo que ya cuenta y dónde se cortó."""

    desde: float | None = None
    contado: float = 0.0
    corte: float = 0.0


@dataclass(frozen=True, slots=True)
class _Apartado:
    agente_id: str
    tokens: int
    usd: float
    desde: float


def leer_cuentas(db: sqlite3.Connection, sesion: str) -> tuple[CuentaGuardada, ...]:
    """La cuenta de cada uno, los superiores primero. Lanza `sqlite3.Error`."""
    pliegue = _Pliegue()
    for fila in db.execute(_FILAS, (sesion,)):
        pliegue.tomar(*fila)
    return pliegue.cerrar()


class _Pliegue:
    def __init__(self) -> None:
        self._de: dict[str, _Suyo] = {MASTER: _Suyo(superior="")}
        self._modelos: dict[int, str] = {}
        self._apartados: dict[tuple[int, int], _Apartado] = {}
        self._ordenes: dict[str, _Orden] = {}
        self._por_aprobar: set[str] = set()
        self._en_pausa: set[str] = set()
        self._ultima = 0.0

    def tomar(
        self, momento: str, agente_id: str, tipo: str, causa: int | None, id_: int, texto: str
    ) -> None:
        """Una fila, en orden."""
        ahora, datos = datetime.fromisoformat(momento).timestamp(), json.loads(texto)
        match tipo:
            case "session_resume":
                self._cortar()
                # La que sigue viva se adopta; la que no, se cierra enseguida.
                for suya in self._ordenes:
                    self._seguir_orden(suya, ahora)
            case "agent_run_start":
                self._nacer(agente_id, datos)
            case "budget_set":
                self._suyo(datos["de"]).presupuesto = Presupuesto.de(datos["topes"])
            case "budget_warning" if datos.get("cuenta"):
                hito = (datos["parte"], datos["cuenta"], datos["recurso"], datos["tope"])
                self._suyo(agente_id).hitos.append(hito)
            case "llm_input":
                self._modelos[id_] = str(datos["modelo"])
            case "budget_reserve":
                tokens = datos["entrada"] + datos["salida"]
                apartado = _Apartado(agente_id, tokens, datos["usd"], ahora)
                self._apartados[causa or 0, datos["intento"]] = apartado
            case "llm_output" | "llm_call":
                self._acabar_intento(agente_id, causa or 0, datos, ahora)
            case _ if agente_id not in {USUARIO, SISTEMA}:
                self._orden(agente_id, tipo, datos, ahora)
        self._ultima = max(self._ultima, ahora)

    def _nacer(self, agente_id: str, datos: dict[str, Any]) -> None:
        presupuesto = Presupuesto.de(datos.get("presupuesto", {}))
        self._de[agente_id] = _Suyo(datos["superior"], presupuesto)
        self._suyo(datos["superior"]).agentes += 1

    def _acabar_intento(
        self, agente_id: str, causa: int, datos: dict[str, Any], ahora: float
    ) -> None:
        if datos.get("clase") == INTERRUMPIDA:
            return
        intento = int(datos.get("intentos") or datos.get("intento") or 0)
        apartado = self._apartados.pop((causa, intento), None)
        uso = datos.get("gasto") or datos.get("uso")
        if not uso:
            return  # no llegó a salir, o ya constaba
        suyo = self._suyo(agente_id)
        suyo.tokens += uso["entrada"] + uso["salida"]
        usd = datos.get("usd", uso.get("usd"))
        if usd is None:
            modelo = datos.get("modelo") or self._modelos.get(causa, "")
            suelto = (modelo, uso["entrada"], uso["salida"], uso.get("cacheados", 0))
            suyo.sin_precio.append(suelto)
        else:
            suyo.usd += usd
        desde = apartado.desde if apartado else ahora - (datos.get("ms") or 0) / 1000
        suyo.ratos.append((desde, ahora))

    def _orden(self, agente_id: str, tipo: str, datos: dict[str, Any], ahora: float) -> None:
        """Una orden de consola: cuenta si empezó, sin lo que esperó a un permiso ni estuvo congelada."""
        suyo = self._suyo(agente_id)
        match tipo:
            case "tool_call_request" if datos["tool"] in _ORDENES:
                suyo.comandos += 1
                if datos["tool"] == _CON_TIEMPO:
                    self._ordenes[agente_id] = _Orden()
                    self._seguir_orden(agente_id, ahora)
            case "approval_request":
                self._parar_orden(agente_id, ahora)
                self._por_aprobar.add(agente_id)
            case "approval_decision":
                self._por_aprobar.discard(agente_id)
                self._seguir_orden(agente_id, ahora)
            case "agent_loop" if "motivo" not in datos:
                self._pausa(agente_id, ahora, mandada=Espera(datos["espera"]).es_mandada)
            case "agent_run_end":
                self._parar_orden(agente_id, ahora)
                self._ordenes.pop(agente_id, None)
            case "tool_execution" if datos["tool"] in _ORDENES:
                self._parar_orden(agente_id, ahora)
                self._saldar(agente_id, self._ordenes.pop(agente_id, None), datos)
                negada = datos.get("motivo") in _NO_EMPEZO or datos.get("permiso") == "denegar"
                suyo.comandos -= negada

    def _pausa(self, agente_id: str, ahora: float, *, mandada: bool) -> None:
        if mandada:
            self._parar_orden(agente_id, ahora)
            self._en_pausa.add(agente_id)
        elif agente_id in self._en_pausa:
            self._en_pausa.discard(agente_id)
            self._seguir_orden(agente_id, ahora)

    def _seguir_orden(self, agente_id: str, ahora: float) -> None:
        if agente_id in self._ordenes and agente_id not in self._por_aprobar | self._en_pausa:
            self._ordenes[agente_id].desde = ahora

    def _parar_orden(self, agente_id: str, ahora: float) -> None:
        orden = self._ordenes.get(agente_id)
        if orden is not None and orden.desde is not None:
            self._suyo(agente_id).ratos.append((orden.desde, ahora))
            orden.contado += ahora - orden.desde
            orden.desde = None

    def _saldar(self, agente_id: str, orden: _Orden | None, datos: dict[str, Any]) -> None:
        """La que acabó con el programa muerto corrió más de lo que dicen las filas."""
        if orden is not None and datos.get("cierre") == "recuperado":
            falta = datos["ms"] / 1000 - orden.contado
            if falta > 0:
                self._suyo(agente_id).ratos.append((orden.corte, orden.corte + falta))

    def _cortar(self) -> None:
        """El programa murió: lo que estaba en marcha lo estuvo, al menos, hasta la última fila."""
        for apartado in self._apartados.values():
            suyo = self._suyo(apartado.agente_id)
            suyo.tokens += apartado.tokens
            suyo.usd += apartado.usd
            suyo.ratos.append((apartado.desde, self._ultima))
        for agente_id, orden in self._ordenes.items():
            self._parar_orden(agente_id, self._ultima)
            orden.corte = self._ultima
        self._apartados.clear()
        self._por_aprobar.clear()

    def cerrar(self) -> tuple[CuentaGuardada, ...]:
        """Las cuentas, tal como quedaron."""
        self._cortar()
        return tuple(self._cuenta(agente_id, suyo) for agente_id, suyo in self._de.items())

    def _cuenta(self, agente_id: str, suyo: _Suyo) -> CuentaGuardada:
        rama = [
            r for otro in self._de if self._cuelga(otro, agente_id) for r in self._de[otro].ratos
        ]
        return CuentaGuardada(
            agente_id=agente_id,
            superior=suyo.superior,
            presupuesto=suyo.presupuesto,
            tokens=suyo.tokens,
            usd=suyo.usd,
            comandos=suyo.comandos,
            agentes=suyo.agentes,
            segundos=_union(suyo.ratos),
            segundos_rama=_union(rama),
            hitos=tuple(suyo.hitos),
            sin_precio=tuple(suyo.sin_precio),
            cortada=self._ordenes[agente_id].contado if agente_id in self._ordenes else 0.0,
        )

    def _cuelga(self, agente_id: str, de: str) -> bool:
        while agente_id and agente_id != de:
            agente_id = self._suyo(agente_id).superior
        return agente_id == de

    def _suyo(self, agente_id: str) -> _Suyo:
        return self._de.setdefault(agente_id, _Suyo())


def _union(ratos: Iterable[Rato]) -> float:
    """Los segundos en que hubo alguno en marcha."""
    total, hasta = 0.0, float("-inf")
    for desde, fin in sorted(ratos):
        total += max(0.0, fin - max(desde, hasta))
        hasta = max(hasta, fin)
    return total
