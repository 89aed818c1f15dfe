"""Las diez preguntas: cada una se contesta con SQL y con el registro independiente.

El SQL solo usa lo documentado: las vistas, `logs` y las tablas de la referencia.
"""

from __future__ import annotations

import sqlite3
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from tests.larga.cuentas import CORTADA, DENEGADA, Cuentas
from tests.tortura.mirada import NOMBRE


@dataclass(frozen=True)
class Contestada:
    """Una pregunta con sus dos respuestas; `nota` aclara lo que no podía saberse."""

    pregunta: str
    de_sql: Any
    del_registro: Any
    nota: str = ""

    @property
    def coinciden(self) -> bool:
        """Si dicen lo mismo."""
        return bool(self.de_sql == self.del_registro)


Pregunta = Callable[[sqlite3.Connection, Cuentas], Contestada]


def contestar(db: sqlite3.Connection, cuentas: Cuentas) -> list[Contestada]:
    """Las diez, en orden."""
    return [pregunta(db, cuentas) for pregunta in PREGUNTAS]


def _lanzados(db: sqlite3.Connection, cuentas: Cuentas) -> Contestada:
    sql = "SELECT agent_id, lanzado_por FROM v_agentes"
    return Contestada("qué agentes se lanzaron y quién", dict(db.execute(sql)), cuentas.superiores)


def _tokens(db: sqlite3.Connection, cuentas: Cuentas) -> Contestada:
    sql = "SELECT agente_id, tokens_in, tokens_out FROM v_costes WHERE ambito = 'agente'"
    contados = {agente: (entra, sale) for agente, entra, sale in db.execute(sql) if entra or sale}
    nota = f"{cuentas.perdidas} respuestas murieron con el programa antes de guardarse"
    return Contestada(
        "tokens de entrada y de salida de cada agente", contados, cuentas.tokens(contados), nota
    )


def _ordenes(db: sqlite3.Connection, cuentas: Cuentas) -> Contestada:
    constan = {nombre: (quien, codigo) for nombre, quien, codigo in _comandos(db)}
    return Contestada("qué órdenes hubo, de quién y con qué código", constan, cuentas.ordenes)


def _fallidas(db: sqlite3.Connection, cuentas: Cuentas) -> Contestada:
    sql = "SELECT agent_id FROM v_agentes WHERE status <> 'completed'"
    mal = {nombre for nombre, _, codigo in _comandos(db) if codigo != 0}
    mal |= {agente for (agente,) in db.execute(sql)}
    esperado = {nombre for nombre, (_, codigo) in cuentas.ordenes.items() if codigo != 0}
    esperado |= {a for a, (estado, _) in cuentas.finales.items() if estado != "completed"}
    # Lo que leyó el modelo ha de decir lo mismo que la orden que pidió.
    esperado |= {
        nombre
        for nombre, codigo in cuentas.leidos.items()
        if codigo not in (cuentas.ordenes[nombre][1], 126, 124)
    }
    return Contestada("qué salió mal: órdenes y agentes", sorted(mal), sorted(esperado))


def _tecleado(db: sqlite3.Connection, cuentas: Cuentas) -> Contestada:
    lineas = "SELECT details ->> '$.texto' FROM logs WHERE tipo = 'master_input' ORDER BY id"
    directas = (
        "SELECT para, texto FROM v_mensajes WHERE de = 'usuario' AND para <> 'master' ORDER BY fila"
    )
    ordenes = "SELECT command FROM v_comandos WHERE agente_id = 'usuario' ORDER BY fila"
    apartes = (
        "SELECT details ->> '$.sobre', details ->> '$.texto' FROM logs"
        " WHERE tipo = 'aside_question' ORDER BY id"
    )
    mandos = """SELECT agente_id, details ->> '$.mando' FROM logs
        WHERE details ->> '$.mando' IS NOT NULL AND details ->> '$.de' = 'usuario' ORDER BY id"""
    consta = {
        "líneas": [texto for (texto,) in db.execute(lineas)],
        "directas": db.execute(directas).fetchall(),
        "órdenes": [_nombre(orden) for (orden,) in db.execute(ordenes)],
        "al margen": db.execute(apartes).fetchall(),
        "mandos": db.execute(mandos).fetchall(),
    }
    tecleado = {
        "líneas": [a["texto"] for a in cuentas.de("linea")],
        "directas": [(a["para"], a["texto"]) for a in cuentas.de("directa") if a["llego"]],
        "órdenes": [a["nombre"] for a in cuentas.de("orden")],
        "al margen": [(a["sobre"], a["texto"]) for a in cuentas.de("aparte")],
        "mandos": [(a["agente"], a["mando"]) for a in cuentas.de("mando")],
    }
    return Contestada("qué escribió la persona, en su orden", consta, tecleado)


def _aprobaciones(db: sqlite3.Connection, cuentas: Cuentas) -> Contestada:
    sql = "SELECT orden, decision, motivo, quien FROM v_aprobaciones ORDER BY fila"
    filas = [(_nombre(orden), d, m, quien) for orden, d, m, quien in db.execute(sql)]
    consta = sorted((n, d, m if d == "denegar" else "") for n, d, m, quien in filas if quien)
    ajenas = {quien for *_, quien in filas} - {"usuario", None}
    decidido = sorted((a["orden"], a["decision"], a["motivo"]) for a in cuentas.de("aprobacion"))
    repetidas = sum(quien is None for *_, quien in filas)
    nota = f"{repetidas} preguntas se llevó una muerte y se hicieron otra vez; deciden otros: {ajenas or '—'}"
    return Contestada("qué se pidió aprobar y qué contestó la persona", consta, decidido, nota)


def _problemas(db: sqlite3.Connection, cuentas: Cuentas) -> Contestada:
    sql = "SELECT agente_id, details ->> '$.descripcion' FROM logs WHERE tipo = 'agent_problem'"
    return Contestada(
        "qué problemas se contaron y quién", sorted(db.execute(sql)), cuentas.problemas
    )


def _reintentos(db: sqlite3.Connection, cuentas: Cuentas) -> Contestada:
    sql = """SELECT agente_id, details ->> '$.clase' FROM logs
        WHERE tipo = 'llm_call' AND details ->> '$.espera_s' IS NOT NULL"""
    constan = Counter(db.execute(sql).fetchall())
    seguros, dudosos = cuentas.reintentos
    sabidos = seguros + ((constan - seguros) & dudosos)
    nota = (
        f"{dudosos.total()} averías cortadas por una muerte: constan {(constan - seguros).total()}"
    )
    return Contestada("cuántos reintentos, de quién y por qué", dict(constan), dict(sabidos), nota)


def _reanudaciones(db: sqlite3.Connection, cuentas: Cuentas) -> Contestada:
    sql = """SELECT c.command, count(r.id) FROM logs AS r JOIN v_comandos AS c
        ON c.fila < r.id AND c.fila_cierre > r.id WHERE r.tipo = 'session_resume'
        AND c.cierre = 'recuperado' GROUP BY c.fila"""
    recuperadas = {_nombre(orden) for orden, _ in db.execute(sql)}
    [(veces, epoca)] = db.execute(
        "SELECT (SELECT count(*) FROM logs WHERE tipo = 'session_resume'), epoca FROM v_sesiones"
    )
    cortadas = {nombre for a in cuentas.de("muerte") for nombre in a["en_marcha"]}
    acababan = {nombre for nombre in cortadas if cuentas.ordenes[nombre][1] != CORTADA}
    muertes = len(cuentas.muertes)
    nota = f"{len(recuperadas)} recuperadas; {len(acababan)} estaban a medias al morir el programa"
    return Contestada(
        "cuántas veces se reanudó y qué órdenes se recuperaron",
        (veces, epoca, sorted(recuperadas & acababan)),
        (muertes, muertes + 1, sorted(acababan)),
        nota,
    )


def _finales(db: sqlite3.Connection, cuentas: Cuentas) -> Contestada:
    sql = "SELECT agent_id, status, coalesce(resultado, '') FROM v_agentes"
    consta = {a: (s, r if s == "completed" else "") for a, s, r in db.execute(sql)}
    return Contestada("cómo acabó cada agente y con qué", consta, cuentas.finales)


def _comandos(db: sqlite3.Connection) -> list[tuple[str, str, int | str]]:
    """Nombre, agente y final de cada orden de consola: su código o por qué no lo tiene."""
    sql = "SELECT command, agente_id, return_code, motivo, cierre FROM v_comandos WHERE cierre IS NOT NULL"
    leidas = []
    for orden, agente, codigo, motivo, cierre in db.execute(sql):
        final: int | str = DENEGADA if motivo == "denegado" else codigo
        if cierre == "interrumpido" or motivo not in {"ok", "denegado"}:
            final = CORTADA
        leidas.append((_nombre(orden), agente, final))
    return leidas


def _nombre(orden: str) -> str:
    leida = NOMBRE.match(orden)
    assert leida is not None, orden
    return leida[1]


PREGUNTAS: tuple[Pregunta, ...] = (
    *(_lanzados, _tokens, _ordenes, _fallidas, _tecleado),
    *(_aprobaciones, _problemas, _reintentos, _reanudaciones, _finales),
)
"""En el orden en que se imprimen."""
