"""Lo que ha de cumplir cualquier sesión, haya pasado en ella lo que haya pasado."""

from __future__ import annotations

import sqlite3
from collections import Counter
from contextlib import closing
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

from agentes.definicion import DefinicionAgente
from servicios.ajustes import Ajustes
from servicios.registros.custodia.verificar import verificar
from servicios.reproduccion import leer_grabacion, reproducir
from tests.cruces.modelo import RASTRO, Modelo, Pedida
from tests.registros.apoyo_historias import comprobar_historias

Tramo = tuple[float, float]

TOLERANCIA_S = 0.25
"""Lo que tarda como mucho en llegar lo que ya había salido."""

_TOPE_FILAS = 20_000
_FINALES = {"completed", "failed", "max_iterations", "cancelled"}
_FALLOS = """SELECT agente_id, tipo, details FROM logs WHERE tipo = 'system_error'
    OR (tipo = 'master_error' AND details ->> '$.clase' IN ('interno', 'alarma', 'historia'))
    OR (tipo = 'agent_run_end' AND details ->> '$.estado' = 'failed'
        AND details ->> '$.error' NOT LIKE 'el modelo no respondió%')
    OR tipo = 'security_alarm' OR tipo = 'orphan_operation'"""
_MANDOS = """SELECT agente_id, timestamp, details ->> '$.mando' FROM logs
    WHERE tipo = 'agent_control' ORDER BY id"""
_FINES = "SELECT agente_id, timestamp, 'pausar' FROM logs WHERE tipo = 'agent_run_end' ORDER BY id"
_PEDIDAS = """SELECT agente_id, timestamp FROM logs
    WHERE tipo = 'tool_call_request' AND intento = 1 ORDER BY id"""
"""Las primeras: la que se vuelve a pedir tras un corte espera en la consola a que se siga."""

_AVISOS = """SELECT n.destinatario, n.estado, l.details ->> '$.texto' FROM notices AS n
    JOIN logs AS l ON l.id = n.id
    UNION ALL SELECT m.para, m.estado, l.details ->> '$.texto' FROM messages AS m
    JOIN logs AS l ON l.id = m.id"""
_RETIRADAS = """SELECT causa FROM logs WHERE tipo = 'llm_call' AND agente_id = 'master'
    AND details ->> '$.clase' IN ('peticion', 'bloqueo', 'contexto')"""
_SIN_VER = """SELECT id, estado, entregado_en FROM notices WHERE destinatario = 'master'
    AND estado <> 'visto' UNION ALL
    SELECT id, estado, entregado_en FROM messages WHERE para = 'master' AND estado <> 'visto'"""
_CIERRES = """SELECT p.op, count(c.id) FROM logs AS p LEFT JOIN logs AS c ON c.op = p.op
    AND c.intento = p.intento AND c.tipo = 'tool_execution'
    WHERE p.tipo = 'tool_call_request' AND p.intento =
        (SELECT max(q.intento) FROM logs AS q WHERE q.op = p.op AND q.tipo = p.tipo)
    GROUP BY p.op HAVING count(c.id) <> 1"""


@dataclass
class Vivido:
    """Una carpeta de datos y en qué tramos de tiempo se escribió; `acabada` si quedó en orden."""

    datos: Path
    vidas: list[Tramo] = field(default_factory=list)
    tipos: dict[str, DefinicionAgente] = field(default_factory=dict)
    acabada: bool = False
    abierta: float = 0.0

    def leer(self, sql: str) -> list[tuple[Any, ...]]:
        """Pregunta a su bitácora."""
        origen = f"file:{self.datos / 'swarm.db'}?mode=ro"
        with closing(sqlite3.connect(origen, uri=True)) as db:
            return db.execute(sql).fetchall()

    def marcas(self) -> Counter[str]:
        """Las órdenes de los agentes que llegaron a correr, y cuántas veces."""
        espacios = (self.datos / "espacios").glob("*")
        return Counter(marca for espacio in espacios for marca in _marcas_de(espacio))

    def ocurrio(self, t: float) -> bool:
        """Si ese instante es de su historia."""
        return any(desde <= t <= hasta for desde, hasta in self.vidas)


async def comprobar(vivido: Vivido, raiz: Path, modelo: Modelo) -> None:
    """Lanza `AssertionError` con lo primero que no se cumple."""
    ruta = vivido.datos / "swarm.db"
    _base(vivido)
    veredicto = verificar(ruta)
    assert veredicto.entera, f"cadena rota: {veredicto.rotura}"
    comprobar_historias(ruta)
    suyas = [p for p in modelo.pedidas if vivido.ocurrio(p.t)]
    _ordenes_una_vez(vivido)
    _avisos(vivido, suyas)
    _pausas(vivido, suyas)
    if vivido.acabada:
        _acabados(vivido)
    [(sesion,)] = vivido.leer("SELECT id FROM sessions")
    ajustes = Ajustes.leer(raiz).con(datos=vivido.datos)
    hecha = await reproducir(leer_grabacion(ruta, sesion), ajustes, vivido.tipos)
    assert not hecha.divergencia, f"reproducida, se aparta: {hecha.divergencia}"
    assert hecha.es_fiel, f"reproducida, da otro hash: {hecha.grabado} {hecha.obtenido}"


def _base(vivido: Vivido) -> None:
    assert vivido.leer("PRAGMA integrity_check") == [("ok",)]
    assert not vivido.leer("PRAGMA foreign_key_check")
    fallos = vivido.leer(_FALLOS)
    assert not fallos, f"fallos internos: {fallos}"
    [(filas,)] = vivido.leer("SELECT count(*) FROM logs")
    assert filas < _TOPE_FILAS, f"{filas} filas: algo da vueltas"


def _ordenes_una_vez(vivido: Vivido) -> None:
    marcas = vivido.marcas() + Counter(_marcas_de(vivido.datos.parent / "proyecto"))
    dobles = {marca: veces for marca, veces in marcas.items() if veces > 1}
    assert not dobles, f"órdenes que corrieron más de una vez: {dobles}"


def _marcas_de(carpeta: Path) -> list[str]:
    archivo = carpeta / "marcas"
    return archivo.read_text(encoding="utf-8").split() if archivo.exists() else []


def _avisos(vivido: Vivido, suyas: list[Pedida]) -> None:
    """Nada se lee dos veces, y lo que consta como visto está en alguna petición."""
    leido: dict[str, set[str]] = {}
    for pedida in suyas:
        if not pedida.con_herramientas:
            continue
        veces = Counter(RASTRO.findall(pedida.peticion.dicho))
        leido.setdefault(pedida.agente, set()).update(veces)
        de_mas = {rastro: n for rastro, n in veces.items() if n > 1}
        assert not de_mas, f"{pedida.agente} lo lee más de una vez: {de_mas}"
    for quien, estado, dicho in vivido.leer(_AVISOS):
        for rastro in RASTRO.findall(dicho or ""):
            if estado == "visto":
                assert rastro in leido.get(quien, ()), f"{quien} no leyó {rastro}, y consta visto"


def _pausas(vivido: Vivido, suyas: list[Pedida]) -> None:
    """Quien está en pausa, o acabó, ni llama al modelo ni empieza nada."""
    tramos: dict[str, list[Tramo]] = {}
    for agente, cuando, mando in [*vivido.leer(_MANDOS), *vivido.leer(_FINES)]:
        suyos, t = tramos.setdefault(agente, []), _hora(cuando)
        abierto = bool(suyos) and suyos[-1][1] == float("inf")
        if mando == "pausar" and not abierto:
            suyos.append((t, float("inf")))
        elif mando != "pausar" and abierto:
            suyos[-1] = (suyos[-1][0], t)
    hechos = [(p.agente, p.t, "llamó") for p in suyas if p.con_herramientas]
    hechos += [(a, _hora(t), "empezó algo") for a, t in vivido.leer(_PEDIDAS)]
    for agente, t, que in hechos:
        for desde, hasta in tramos.get(agente, ()):
            dentro = desde + TOLERANCIA_S < t < hasta
            assert not dentro, f"{agente} {que} {t - desde:.3f} s después de pausarlo o acabar"


def _acabados(vivido: Vivido) -> None:
    """Todos acabaron, toda operación se cerró y al Master no le queda nada por leer."""
    estados = vivido.leer("SELECT agent_id, status FROM agent_runs")
    assert {e for _, e in estados} <= _FINALES, estados
    abiertas = vivido.leer(_CIERRES)
    assert not abiertas, f"operaciones sin un cierre: {abiertas}"
    # Lo que el proveedor rechaza se retira de la historia, y se dice.
    retiradas = {fila for (fila,) in vivido.leer(_RETIRADAS)}
    sin_ver = [fila for fila in vivido.leer(_SIN_VER) if fila[2] not in retiradas]
    assert not sin_ver, f"el Master no los vio: {sin_ver}"


def _hora(texto: str) -> float:
    return datetime.fromisoformat(texto).timestamp()
