"""El veredicto de una carrera: las diez preguntas, lo demás que ha de cumplirse y las cifras."""

from __future__ import annotations

import sqlite3
from collections import Counter
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

from tests.larga.comprobaciones import COMPROBACIONES, Carrera
from tests.larga.cuentas import Cuentas
from tests.larga.plan import Plan
from tests.larga.preguntas import Contestada, contestar
from tests.larga.registro import leer

_BIEN, _MAL = "PASS", "FAIL"
_LARGO = 600


def juzgar(plan: Plan, carpeta: Path) -> tuple[bool, str]:
    """Si todo se cumple, y el informe entero."""
    ruta = carpeta / "data" / "swarm.db"
    with closing(sqlite3.connect(f"file:{ruta}?mode=ro", uri=True)) as db:
        carrera = Carrera(plan, carpeta, db, Cuentas(leer(carpeta / "registro.jsonl")))
        preguntas = contestar(db, carrera.cuentas)
        faltas = {nombre: mirar(carrera) for nombre, mirar in COMPROBACIONES.items()}
        lineas = [*_de_preguntas(preguntas), *_de_faltas(faltas), *_cifras(carrera)]
    bien = all(p.coinciden for p in preguntas) and not any(faltas.values())
    return bien, "\n".join(lineas)


def _de_preguntas(preguntas: list[Contestada]) -> Iterator[str]:
    for numero, p in enumerate(preguntas, 1):
        nota = f" ({p.nota})" if p.nota else ""
        yield f"{_BIEN if p.coinciden else _MAL} {numero:2}. {p.pregunta}{nota}"
        sql, registro = (p.de_sql, p.del_registro) if p.coinciden else _lo_distinto(p)
        yield f"         sql: {_corto(sql)}"
        yield f"    registro: {_corto(registro)}"


def _de_faltas(faltas: dict[str, str]) -> Iterator[str]:
    for nombre, falta in faltas.items():
        yield f"{_MAL if falta else _BIEN}     {nombre}{': ' + falta if falta else ''}"


def _cifras(c: Carrera) -> Iterator[str]:
    cuentas, peticiones = c.cuentas, c.cuentas.de("peticion")
    seguros, dudosos = cuentas.reintentos
    finales = Counter(estado for estado, _ in cuentas.finales.values())
    averias = Counter(p["averia"] for p in peticiones if p["averia"])
    escrito = Counter(a["clase"] for c_ in _ESCRITO for a in cuentas.de(c_))
    cifras = {
        "semilla": c.plan.semilla,
        "minutos": round((cuentas.de("salida")[0]["t"] - peticiones[0]["t"]) / 60, 1),
        "agentes": f"{len(cuentas.superiores)} ({_contado(finales)})",
        "a la vez": cuentas.a_la_vez,
        "niveles": c.uno("SELECT max(profundidad) FROM v_arbol"),
        "órdenes ejecutadas": c.evidencias.empezadas().total(),
        "peticiones al doble": len(peticiones),
        "averías": f"{averias.total()} ({_contado(averias)})",
        "reintentos": f"{seguros.total()} y {dudosos.total()} cortados por una muerte",
        "muertes": f"{len(cuentas.muertes)} ({_en_marcha(cuentas)} órdenes a medias)",
        "respuestas perdidas": cuentas.perdidas,
        "la persona": f"{escrito.total()} ({_contado(escrito)})",
        "problemas": len(cuentas.problemas),
        "filas": c.uno("SELECT count(*) FROM logs"),
    }
    yield ""
    yield from (f"{nombre:>22}  {valor}" for nombre, valor in cifras.items())


_ESCRITO = ("linea", "directa", "orden", "aparte", "consulta", "aprobacion", "cancelacion", "mando")


def _en_marcha(cuentas: Cuentas) -> int:
    return sum(len(a["en_marcha"]) for a in cuentas.de("muerte"))


def _contado(cuantos: Counter[str]) -> str:
    return ", ".join(f"{clase} {n}" for clase, n in cuantos.most_common())


def _lo_distinto(p: Contestada) -> tuple[Any, Any]:
    """De dos diccionarios o listas largas, solo lo que no coincide."""
    sql, registro = p.de_sql, p.del_registro
    if isinstance(sql, dict) and isinstance(registro, dict):
        claves = [k for k in {**sql, **registro} if sql.get(k) != registro.get(k)]
        return {k: sql.get(k) for k in claves}, {k: registro.get(k) for k in claves}
    if isinstance(sql, list) and isinstance(registro, list):
        return [x for x in sql if x not in registro], [x for x in registro if x not in sql]
    return sql, registro


def _corto(valor: Any) -> str:
    texto = str(valor)
    return texto if len(texto) <= _LARGO else f"{texto[:_LARGO]}… ({len(texto)} letras)"
