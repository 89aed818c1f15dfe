"""Lo que además ha de cumplirse al final, aparte de las diez preguntas."""

from __future__ import annotations

import os
import re
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

from prompts.avisos import no_leidos
from tests.apoyo_programa import procesos_que_nombran
from tests.larga.averias import CAUSAS, MALFORMADAS
from tests.larga.cuentas import Cuentas
from tests.larga.encargos import A_LA_VEZ
from tests.larga.evidencias import Evidencias
from tests.larga.guion import FINAL, reporte
from tests.larga.plan import Plan
from tests.larga.ventana import CRUDO
from tests.registros.apoyo_historias import comprobar_historias

_TRAZAS = ("Traceback (most recent call last)", "Fallo interno", "Exception in")
_CITA = re.compile(r"«[^»]*»")
_ORDEN_S = 600
_EN_CAMINO_S = 1.0
"""Lo que puede tardar en llegar al doble una petición que salió antes de la pausa."""
_COMPLETADOS = "SELECT agent_id FROM v_agentes WHERE status = 'completed'"


@dataclass(frozen=True)
class Carrera:
    """Lo que dejó una carrera: su carpeta, su bitácora abierta y las cuentas de su registro."""

    plan: Plan
    carpeta: Path
    db: sqlite3.Connection
    cuentas: Cuentas

    @property
    def evidencias(self) -> Evidencias:
        """Lo que quedó en el disco."""
        return Evidencias(self.carpeta / "data", self.carpeta / "proyecto")

    def uno(self, sql: str) -> object:
        """El único valor que devuelve una consulta."""
        [(valor,)] = self.db.execute(sql).fetchall()
        return valor


Falta = Callable[[Carrera], str]
"""Mira una cosa y dice qué falta; vacío si nada."""


def _base(c: Carrera) -> str:
    mal = c.db.execute("PRAGMA foreign_key_check").fetchall()
    entera = c.uno("PRAGMA integrity_check")
    return "" if entera == "ok" and not mal else f"{entera} {mal}"


def _verificar(c: Carrera) -> str:
    return _orden(c, "auditar", "verificar")


def _reproducir(c: Carrera) -> str:
    return _orden(c, "reproducir", str(c.uno("SELECT session FROM v_sesiones")))


def _historias(c: Carrera) -> str:
    try:
        miradas = comprobar_historias(c.carpeta / "data" / "swarm.db")
    except AssertionError as fallo:
        return f"la historia plegada no es la que se mandó: {fallo}"
    return "" if miradas else "no se miró ninguna historia"


def _huerfanos(c: Carrera) -> str:
    vivos = sorted(procesos_que_nombran(str(c.carpeta)))
    sueltas = c.uno("SELECT count(*) FROM logs WHERE tipo = 'orphan_operation'")
    return "" if not vivos and not sueltas else f"vivos {vivos}, operaciones sueltas {sueltas}"


def _avisos(c: Carrera) -> str:
    """Cada reporte y cada problema, una vez y solo una en lo que leyó su superior.

    Sin lo que va entre comillas: es la persona, que los cita.
    """
    leido = {
        h["agente"]: _CITA.sub("", "\n".join(t for rol, t, _ in h["mensajes"] if rol == "user"))
        for h in c.cuentas.de("historia")
    }
    debidos = [(a, problema) for a, problema in c.cuentas.problemas]
    debidos += [(a, reporte(a)) for a, (e, _) in c.cuentas.finales.items() if e == "completed"]
    veces = {(a, que): leido[c.cuentas.superiores[a]].count(que) for a, que in debidos}
    mal = {cual: n for cual, n in veces.items() if n != 1}
    sin_ver = c.db.execute("SELECT * FROM v_avisos WHERE estado <> 'visto'").fetchall()
    return "" if not mal and not sin_ver else f"{mal} {sin_ver}"


def _mensajes(c: Carrera) -> str:
    """Visto todo, salvo lo que uno acabó sin leer, y entonces su superior lo supo."""
    sin_ver = "SELECT para, count(*) FROM v_mensajes WHERE estado <> 'visto' GROUP BY para"
    acabados = {a for (a,) in c.db.execute(_COMPLETADOS)}
    return "; ".join(
        f"{para}: {veces}"
        for para, veces in c.db.execute(sin_ver)
        if para == "master" or (para in acabados and no_leidos(veces) not in _contado(c, para))
    )


def _contado(c: Carrera, agente: str) -> str:
    """Todo lo que un agente contó a su superior."""
    textos = c.db.execute("SELECT texto FROM v_avisos WHERE agente_id = ?", (agente,))
    return "\n".join(texto for (texto,) in textos)


def _disco(c: Carrera) -> str:
    """Cada orden corrió una vez y hasta el final; la denegada, ninguna; la cortada, no acabó."""
    empezadas, acabadas = c.evidencias.empezadas(), c.evidencias.acabadas()
    mal = []
    for nombre, (_, final) in c.cuentas.ordenes.items():
        corrio = (empezadas.pop(nombre, 0), acabadas.pop(nombre, 0))
        debido = {"denegada": (0, 0), "cortada": (1, 0)}.get(str(final), (1, 1))
        if corrio != debido:
            mal.append(f"{nombre}: {corrio} y no {debido}")
    mal += [f"{nombre}: nadie la pidió" for nombre in (empezadas | acabadas)]
    return "; ".join(mal)


def _acabados(c: Carrera) -> str:
    sql = "SELECT agent_id, status FROM v_agentes WHERE status IN ('started', 'running', 'paused')"
    return "; ".join(f"{agente} {estado}" for agente, estado in c.db.execute(sql))


def _despedida(c: Carrera) -> str:
    [salida] = c.cuentas.de("salida")
    ultimo = c.uno(
        "SELECT details ->> '$.texto' FROM logs WHERE tipo = 'master_response_text' ORDER BY id DESC LIMIT 1"
    )
    bien = salida["codigo"] == 0 and FINAL in str(ultimo) and FINAL in _terminal(c)
    return "" if bien else f"salió con {salida['codigo']}; lo último: {ultimo}"


def _trazas(c: Carrera) -> str:
    salido = _terminal(c)
    fallos = c.uno("SELECT count(*) FROM logs WHERE tipo IN ('system_error', 'master_error')")
    vistas = [traza for traza in _TRAZAS if traza in salido]
    return "" if not vistas and not fallos else f"{vistas}, {fallos} fallos internos"


def _doble(c: Carrera) -> str:
    mal = [a for a in c.cuentas.de("doble") if a["rechazos"] or a["imprevistos"]]
    return "; ".join(str(a) for a in mal)


def _pausas(c: Carrera) -> str:
    """Quien está en pausa no llama a nadie, tampoco para repetir lo que ya había pedido."""
    agentes = sorted({a["agente"] for a in c.cuentas.de("mando")})
    return "; ".join(f"{a}: {veces} veces" for a in agentes if (veces := _llamo_en_pausa(c, a)))


def _llamo_en_pausa(c: Carrera, agente: str) -> int:
    pares = pairwise(a for a in c.cuentas.de("mando") if a["agente"] == agente)
    quieto = [(a["t"] + _EN_CAMINO_S, b["tecleado"]) for a, b in pares if a["mando"] == "pausar"]
    pedidas = [p for p in c.cuentas.de("peticion") if p["agente"] == agente and not p["aparte"]]
    return sum(desde < p["t"] < hasta for p in pedidas for desde, hasta in quieto)


def _tamano(c: Carrera) -> str:
    """Que la carrera fue lo que decía ser."""
    averias = {p["averia"] for p in c.cuentas.de("peticion")}
    quietas = {*CAUSAS, *MALFORMADAS} - averias
    corridas = c.evidencias.empezadas().total()
    faltan = []
    if quietas and c.plan.completa:
        faltan.append(f"averías que no salieron: {sorted(quietas)}")
    if corridas < c.plan.ordenes:
        faltan.append(f"{corridas} órdenes de {c.plan.ordenes}")
    if len(c.cuentas.muertes) != c.plan.muertes:
        faltan.append(f"{len(c.cuentas.muertes)} muertes")
    if c.cuentas.a_la_vez < A_LA_VEZ and c.plan.completa:
        faltan.append(f"{c.cuentas.a_la_vez} agentes a la vez, de {A_LA_VEZ}")
    return "; ".join(faltan)


COMPROBACIONES: dict[str, Falta] = {
    "la base está entera": _base,
    "auditar verificar": _verificar,
    "reproducir la sesión da lo mismo": _reproducir,
    "las historias plegadas son las que se mandaron": _historias,
    "no queda ningún huérfano": _huerfanos,
    "ningún aviso se perdió ni se repitió": _avisos,
    "todos los mensajes se leyeron": _mensajes,
    "cada orden corrió una vez, según el disco": _disco,
    "todos los agentes acabaron": _acabados,
    "la última respuesta del Master se vio y salió con 0": _despedida,
    "ninguna traza en el terminal ni fallo interno": _trazas,
    "nadie en pausa llamó al modelo": _pausas,
    "los dobles no rechazaron nada": _doble,
    "la carrera fue tan larga y tan fea como se pidió": _tamano,
}


def _terminal(c: Carrera) -> str:
    return (c.carpeta / CRUDO).read_text(encoding="utf-8", errors="replace")


def _orden(c: Carrera, *argumentos: str) -> str:
    hecha = subprocess.run(
        [sys.executable, str(c.carpeta / "programa" / "main.py"), *argumentos],
        cwd=c.carpeta / "programa",
        env={n: v for n, v in os.environ.items() if not n.startswith("ENJAMBRE_")},
        capture_output=True,
        text=True,
        timeout=_ORDEN_S,
        check=False,
    )
    return "" if hecha.returncode == 0 else f"{hecha.returncode}: {hecha.stdout} {hecha.stderr}"
