"""Una bitácora grande y creíble, escrita deprisa, y cuánto tarda en contestar.

    python -m tests.registros.millon RUTA [--filas 1000000] [--medir]

La escribe el mismo código del producto, sin esperar al disco. Con `--medir` sale con 1 si una
pregunta tarda más de 2 s o verificar más de 3 veces lo que leer y hashear las filas.
"""

from __future__ import annotations

import argparse
import random
import sqlite3
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from hashlib import sha256
from itertools import islice
from pathlib import Path

import orjson

from agentes.eventos import MASTER, SISTEMA, USUARIO, Evento, LineaUsuario, SesionCerrada
from servicios.registros.custodia.verificar import verificar
from servicios.registros.escritura.apuntes import ApunteFila
from servicios.registros.escritura.escritura import Escritura
from servicios.registros.escritura.lotes import Pendiente
from servicios.registros.esquema.migraciones import preparar
from servicios.registros.esquema.vistas import VISTAS
from servicios.registros.textos import a_json
from tests.registros.agente_de_ejemplo import vida_de_agente
from tests.registros.sesion_de_ejemplo import apertura

TOPE_S = 2.0
TOPE_VERIFICAR = 3.0
_SESIONES = 20
_LOTE = 4000

Hecho = tuple[Evento, ApunteFila | None, ApunteFila]


def generar(ruta: Path, filas: int) -> None:
    """Veinte sesiones cerradas; la última tiene la mitad de las filas."""
    preparar(ruta, espera_s=10)
    azar = random.Random(filas)
    agentes = 0
    for numero in range(_SESIONES):
        cuantas = filas // 2 if numero == _SESIONES - 1 else filas // 2 // (_SESIONES - 1)
        escritura = Escritura.abrir(ruta, f"s-{numero:02}", 10)
        escritura._db.execute("PRAGMA synchronous = OFF")
        hechos = _sesion(azar, cuantas, agentes)
        while tanda := list(islice(hechos, _LOTE)):
            pendientes = [_pendiente(*hecho) for hecho in tanda]
            escritura.compositor.confirmar(escritura.comprometer(pendientes, ()).lote)
            agentes += sum(hecho[0].tipo == "agent_run_start" for hecho in tanda)
        escritura.cerrar()


def _sesion(azar: random.Random, filas: int, agentes: int) -> Iterator[Hecho]:
    abre = ApunteFila()
    yield apertura(), None, abre
    dadas = 2
    while dadas < filas:
        linea = ApunteFila()
        yield LineaUsuario(agente_id=USUARIO, texto="otra tarea"), None, linea
        dadas += 1
        for _ in range(5):
            agentes += 1
            superior = MASTER if agentes % 4 else f"obrero-{agentes - 1}"
            for hecho in vida_de_agente(f"obrero-{agentes}", superior, linea, azar):
                yield hecho
                dadas += 1
    yield SesionCerrada(agente_id=SISTEMA, motivo="salir", codigo=0), None, ApunteFila()


def _pendiente(evento: Evento, causa: ApunteFila | None, apunte: ApunteFila) -> Pendiente:
    ahora = time.time_ns() // 1_000_000
    hora = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(ahora // 1000))
    mensaje, detalles = evento.mensaje[:500], a_json(evento.detalles())
    return Pendiente(evento, causa, apunte, f"{hora}.{ahora % 1000:03}Z", mensaje, detalles, 0)


def preguntas() -> Iterator[tuple[str, tuple[str, ...]]]:
    """Lo que pregunta una auditoría: por sesión y de todo, lo último primero."""
    for vista in VISTAS:
        if vista == "v_causas":
            yield "SELECT * FROM v_causas WHERE fila = (SELECT max(id) / 2 FROM logs)", ()
            continue
        orden = {"v_sesiones": "start_time", "v_costes": "tokens_in", "v_arbol": "camino"}
        ultimas = f"ORDER BY {orden.get(vista, 'fila')} DESC LIMIT 200"
        yield f"SELECT * FROM {vista} {ultimas}", ()
        for sesion in ("s-03", "s-19"):
            yield f"SELECT * FROM {vista} WHERE session = ? {ultimas}", (sesion,)
    yield "SELECT * FROM v_linea WHERE session = ? ORDER BY fila LIMIT 200", ("s-10",)
    yield "SELECT * FROM v_linea WHERE agente_id = 'obrero-7' ORDER BY fila LIMIT 200", ()
    yield "SELECT tipo, count(*) FROM logs GROUP BY tipo", ()
    yield "SELECT agente_id, count(*) FROM logs GROUP BY 1 ORDER BY 2 DESC LIMIT 30", ()
    yield "SELECT status, end_time, result FROM agent_runs", ()


def medir(ruta: Path, contar: Callable[[str], None]) -> bool:
    """Cuenta lo que tarda cada cosa; dice si todo cumple."""
    bien = True
    with closing(sqlite3.connect(f"file:{ruta}?mode=ro", uri=True)) as db:
        for sql, valores in preguntas():
            inicio = time.perf_counter()
            filas = len(db.execute(sql, valores).fetchall())
            tardo = time.perf_counter() - inicio
            bien = bien and tardo < TOPE_S
            contar(f"{tardo:7.3f} s  {'' if tardo < TOPE_S else '✘ '}{sql} {valores} → {filas}")
        inicio = time.perf_counter()
        resumen = sha256()
        for fila in db.execute("SELECT * FROM logs NOT INDEXED ORDER BY id"):
            resumen.update(orjson.dumps(fila))
        suelo = time.perf_counter() - inicio
    inicio = time.perf_counter()
    veredicto = verificar(ruta)
    tardo = time.perf_counter() - inicio
    contar(
        f"{tardo:7.3f} s  verificar {veredicto.filas} filas: {tardo / suelo:.2f} × leer y hashear"
    )
    inicio = time.perf_counter()
    Escritura.abrir(ruta, "s-19", 10).cerrar()
    abrir = time.perf_counter() - inicio
    contar(f"{abrir:7.3f} s  abrir la sesión más larga para seguirla")
    return bien and veredicto.entera and tardo <= TOPE_VERIFICAR * suelo


def main() -> int:
    """Genera la base, si no está, y la mide si se pide."""
    analizador = argparse.ArgumentParser(description=__doc__)
    analizador.add_argument("ruta", type=Path)
    analizador.add_argument("--filas", type=int, default=1_000_000)
    analizador.add_argument("--medir", action="store_true")
    argumentos = analizador.parse_args()
    if not argumentos.ruta.exists():
        inicio = time.perf_counter()
        generar(argumentos.ruta, argumentos.filas)
        print(
            f"{time.perf_counter() - inicio:7.1f} s  escribir {argumentos.filas} filas", flush=True
        )
    if not argumentos.medir:
        return 0
    return 0 if medir(argumentos.ruta, lambda linea: print(linea, flush=True)) else 1


if __name__ == "__main__":
    sys.exit(main())
