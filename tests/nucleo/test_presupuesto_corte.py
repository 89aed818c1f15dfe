"""Un presupuesto tras la muerte del programa: lo apartado sin respuesta cuenta, y nada se olvida."""

from __future__ import annotations

import asyncio
import os
import sqlite3
import sys
from asyncio.subprocess import DEVNULL, PIPE
from contextlib import closing
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from agentes.eventos import MASTER
from agentes.eventos_presupuesto import ReservaHecha
from agentes.presupuesto import leer_cambios
from agentes.respuestas import Uso
from servicios.ajustes import RAIZ, Ajustes
from servicios.interfaz.presupuesto import parados, seguir
from servicios.registros.lectura.conexion import conectar_lectura
from servicios.registros.reanudacion.gastos import leer_cuentas
from servicios.registros.reanudacion.reanudar import leer_sesion
from servicios.reproduccion import leer_grabacion, reproducir
from tests.apoyo import CONSOLA, REPORTAR, consultar, delegar, tipo, variables_de
from tests.consola.apoyo import hasta_que, sueno, vivos
from tests.dobles.fallos import fallo
from tests.dobles.guion import Guion, Paso
from tests.dobles.openai import DobleOpenAI
from tests.dobles.peticion import Peticion
from tests.dobles.respuestas import Respuesta, llamar, texto
from tests.tortura.cortes import cortar, grabar
from tests.tortura.fotos import abierto, copiar_disco, programa, sesion_de

if sys.platform != "linux":
    pytest.skip("la consola es solo de Linux", allow_module_level=True)

CORTO = tipo("corto", presupuesto={"tokens": 6000})
GASTO = Uso(1500, 10)
LIMITE_S = 60


def _master(peticion: Peticion) -> Respuesta:
    if not any(m.llamadas for m in peticion.mensajes):
        return delegar("a", tipo="corto")
    return texto("fin" if "terminó su tarea" in peticion.todo_el_texto else "espero")


def _corto() -> list[Paso]:
    """Tres órdenes y el reporte; el segundo turno tropieza antes una vez."""
    una, otra, tercera = (llamar(CONSOLA, {"command": f"echo {n}"}, uso=GASTO) for n in range(3))
    return [una, fallo("503"), otra, tercera, llamar(REPORTAR, {"resultado": "ya"}, uso=GASTO)]


async def _correr(datos: Path, doble: DobleOpenAI, *argumentos: str) -> asyncio.subprocess.Process:
    entorno = {**os.environ, **variables_de("openai", doble), "ENJAMBRE_DATOS": str(datos)}
    return await asyncio.create_subprocess_exec(
        *(sys.executable, str(RAIZ / "main.py"), *argumentos),
        env=entorno | {"ENJAMBRE_AISLAMIENTO": "landlock"},
        stdin=DEVNULL,
        stdout=PIPE,
        stderr=PIPE,
    )


async def _acaba(proceso: asyncio.subprocess.Process) -> tuple[int | None, str, str]:
    async with asyncio.timeout(60):
        salida, errores = await proceso.communicate()
    assert b"Traceback" not in salida + errores
    return proceso.returncode, salida.decode(), errores.decode()


async def test_kill_9_con_una_llamada_en_vuelo_su_reserva_se_da_por_gastada(
    tmp_path: Path,
) -> None:
    datos = tmp_path / "data"
    async with DobleOpenAI(Guion({"Master": lambda _: texto("ya", pausa_s=30.0)})) as doble:
        muerto = await _correr(datos, doble, "-p", "hola", "--presupuesto", "tokens=9000")
        await doble.esperar(1, limite_s=30)
        reservas = "SELECT details ->> '$.entrada' + details ->> '$.salida' FROM logs WHERE tipo='budget_reserve'"
        assert consultar(tmp_path, reservas) == [(9000,)], "guardada antes de salir"
        muerto.kill()
        await muerto.wait()

        codigo, salida, errores = await _acaba(await _correr(datos, doble, "--reanudar"))
        assert (codigo, salida) == (4, "\n")
        assert "la sesión: gastado 9000 tokens de 9000 tokens" in errores
        assert len(doble.peticiones) == 1, "no cabía: no salió otra"

        doble.guion.poner("Master", lambda _: texto("ya", uso=Uso(800, 5)))
        otra = await _correr(datos, doble, "--reanudar", "--presupuesto", "tokens=40000")
        assert (await _acaba(otra))[:2] == (0, "ya\n")
    [sesion] = consultar(tmp_path, "SELECT id FROM sessions")
    guardada = leer_sesion(datos / "swarm.db", sesion[0])
    assert [c.tokens for c in guardada.cuentas] == [9000 + 805]
    hecha = await reproducir(leer_grabacion(datos / "swarm.db", sesion[0]), Ajustes.leer(RAIZ))
    assert hecha.es_fiel, hecha.divergencia


async def test_cortada_en_cualquier_fila_no_se_cuenta_de_menos(tmp_path: Path) -> None:
    """Lo que ya salió hacia el proveedor está contado, se llegara o no a anotar su respuesta."""
    original = tmp_path / "original"
    async with DobleOpenAI(Guion({"Master": _master, "corto-*": _corto()})) as doble:
        raiz = programa(tmp_path / "programa", doble, CORTO)
        hechos = await grabar(raiz, original, "haz")
    sesion = sesion_de(original)
    reservas = [i for i, h in enumerate(hechos) if isinstance(h.evento, ReservaHecha)]
    assert len(reservas) == 3
    for corte in range(reservas[0], len(hechos)):
        datos = tmp_path / f"corte-{corte}"
        await cortar(hechos[: corte + 1], sesion, datos)
        cuentas = {c.agente_id: c for c in leer_sesion(datos / "swarm.db", sesion).cuentas}
        salieron = [i for i in reservas if i <= corte]
        buenas = [
            i for i in salieron if i != reservas[1]
        ]  # esa fue la que falló: costó, si acaso, menos
        assert cuentas["corto-1"].tokens >= GASTO.total * len(buenas)
        assert cuentas["corto-1"].presupuesto.rama == {"tokens": 6000}


@pytest.mark.parametrize("que", ["budget_reserve", "budget_warning", "agent_loop"])
async def test_cortada_al_acabarse_sigue_en_pausa_y_con_mas_termina(
    tmp_path: Path, que: str
) -> None:
    original, datos = tmp_path / "original", tmp_path / "corte" / "data"
    async with DobleOpenAI(Guion({"Master": _master, "corto-*": _corto()})) as doble:
        raiz = programa(tmp_path / "programa", doble, CORTO)
        hechos = await grabar(raiz, original, "haz")
        ultima = max(i for i, h in enumerate(hechos) if h.evento.tipo == que)
        sesion = sesion_de(original)
        await cortar(hechos[: ultima + 1], sesion, datos)
        copiar_disco(original / "espacios", datos / "espacios")
        doble.guion.poner("corto-*", _sigue)
        async with abierto(raiz, datos, sesion) as sistema:
            await sistema.conversacion.esperar_calma()
            assert parados(sistema) == ["corto-1"]
            await sistema.contaduria.cambiar("corto-1", leer_cambios(["tokens=90000"]), solo=False)
            assert await seguir(sistema) == ["corto-1"]
            await sistema.conversacion.esperar_calma()
            assert sistema.conversacion.ultimo_texto == "fin"
        ajustes = Ajustes.leer(raiz)
    hecha = await reproducir(leer_grabacion(datos / "swarm.db", sesion), ajustes)
    assert hecha.es_fiel, hecha.divergencia


@pytest.mark.parametrize("topes", [{"comandos": 1}, {"tokens": 10_000}])
async def test_parado_tras_actuar_sigue_parado_por_presupuesto_al_reanudar(
    tmp_path: Path, topes: dict[str, int]
) -> None:
    """Su última respuesta ya está hecha: repasarla no hace olvidar por qué se paró."""
    datos = tmp_path / "data"
    parado = tipo("parado", presupuesto=topes)
    pasos: list[Paso] = [
        llamar(CONSOLA, {"command": f"echo {n}"}, uso=Uso(2_000, 3_000)) for n in range(2)
    ]
    guion = Guion({"Master": [delegar("a", tipo="parado"), texto("espero"), texto("fin")]})
    guion.poner("parado-*", [*pasos, llamar(REPORTAR, {"resultado": "ya"})])
    async with DobleOpenAI(guion) as doble:
        raiz = programa(tmp_path / "programa", doble, parado)
        async with abierto(raiz, datos) as sistema:
            await sistema.conversacion.decir("haz")
            await sistema.conversacion.esperar_calma()
            assert parados(sistema) == ["parado-1"]
            sesion = sistema.sesion
        async with abierto(raiz, datos, sesion) as sistema:
            await sistema.conversacion.esperar_calma()
            assert parados(sistema) == ["parado-1"]
            cambios = leer_cambios([f"{recurso}=90000" for recurso in topes])
            await sistema.contaduria.cambiar("parado-1", cambios, solo=False)
            assert await seguir(sistema) == ["parado-1"]
            await sistema.conversacion.esperar_calma()
            assert sistema.conversacion.ultimo_texto == "fin"
    hecha = await reproducir(leer_grabacion(datos / "swarm.db", sesion), Ajustes.leer(raiz))
    assert hecha.es_fiel, hecha.divergencia


def _sigue(peticion: Peticion) -> Respuesta:
    return llamar(REPORTAR, {"resultado": "ya"}, uso=GASTO) if peticion.resultados else _corto_uno()


def _corto_uno() -> Respuesta:
    return llamar(CONSOLA, {"command": "echo 0"}, uso=GASTO)


async def test_los_topes_de_la_sesion_siguen_al_reanudar_y_los_nuevos_se_suman(
    tmp_path: Path,
) -> None:
    datos = tmp_path / "data"
    guion = Guion({"Master": lambda _: texto("ya", uso=Uso(700, 5))})
    async with DobleOpenAI(guion) as doble:
        primera = await _correr(datos, doble, "-p", "a", "--presupuesto", "tokens=50000,agentes=3")
        assert (await _acaba(primera))[0] == 0
        segunda = await _correr(
            datos, doble, *("--reanudar", "-p", "b", "--presupuesto", "agentes=9")
        )
        assert (await _acaba(segunda))[0] == 0
    with closing(sqlite3.connect(datos / "swarm.db")) as db:
        [(sesion,)] = db.execute("SELECT id FROM sessions")
    (cuenta,) = leer_sesion(datos / "swarm.db", sesion).cuentas
    esperado: dict[str, Any] = {"tokens": 50_000, "agentes": 9}
    assert (cuenta.agente_id, cuenta.presupuesto.rama, cuenta.tokens) == (MASTER, esperado, 1410)


@pytest.mark.lento
async def test_lo_que_corre_una_orden_ya_adoptada_tambien_cuenta(tmp_path: Path) -> None:
    datos, espacio = tmp_path / "data", tmp_path / "data/espacios/ejecutor-1"
    orden = llamar(CONSOLA, {"command": "touch empezo; until [ -e sigue ]; do sleep 0.1; done"})
    pasos: list[Paso] = [orden, llamar(REPORTAR, {"resultado": "ya"})]
    guion = Guion({"Master": [delegar("a"), texto("va"), texto("fin")], "ejecutor-*": pasos})
    volvio = "SELECT 1 FROM logs WHERE tipo = 'session_resume'"
    async with DobleOpenAI(guion) as doble:
        primera = await _correr(datos, doble, "-p", "x")
        assert await hasta_que((espacio / "empezo").exists, LIMITE_S)
        primera.kill()
        await primera.communicate()
        segunda = await _correr(datos, doble, "--reanudar")
        assert await hasta_que(lambda: bool(consultar(tmp_path, volvio)), LIMITE_S)
        await asyncio.sleep(1.2)
        (espacio / "sigue").touch()
        await segunda.communicate()
        assert segunda.returncode == 0
        doble.comprobar()
    with closing(conectar_lectura(datos / "swarm.db")) as db:
        hora = "SELECT max(timestamp) FROM logs WHERE tipo = ? AND agente_id <> 'master'"
        [volvio], [acabo] = (
            db.execute(
                f"{hora} AND coalesce(details ->> '$.tool', ?) = ?", (tipo_, CONSOLA, CONSOLA)
            ).fetchone()
            for tipo_ in ("session_resume", "tool_execution")
        )
        [gastado] = [
            c.segundos for c in leer_cuentas(db, sesion_de(datos)) if c.agente_id == "ejecutor-1"
        ]
    adoptada = (datetime.fromisoformat(acabo) - datetime.fromisoformat(volvio)).total_seconds()
    assert adoptada > 1.0
    assert gastado >= adoptada


@pytest.mark.lento
async def test_lo_que_corrio_con_el_programa_muerto_tambien_cuenta(tmp_path: Path) -> None:
    datos, n = tmp_path / "data", sueno()
    orden = llamar(CONSOLA, {"command": f"timeout 6 sleep {n} || echo ya"})
    pasos: list[Paso] = [orden, llamar(REPORTAR, {"resultado": "ya"})]
    guion = Guion({"Master": [delegar("a"), texto("va"), texto("fin")], "ejecutor-*": pasos})
    async with DobleOpenAI(guion) as doble:
        primera = await _correr(datos, doble, "-p", "x", "--presupuesto", "segundos=5")
        assert await hasta_que(lambda: bool(vivos(n)), LIMITE_S)
        primera.kill()
        await primera.communicate()
        assert await hasta_que(lambda: not vivos(n), LIMITE_S)
        segunda = await _correr(datos, doble, "--reanudar")
        _, errores = await segunda.communicate()
        assert segunda.returncode == 4, errores
    with closing(conectar_lectura(datos / "swarm.db")) as db:
        (cuenta,) = (c for c in leer_cuentas(db, sesion_de(datos)) if c.agente_id == "ejecutor-1")
        suya = "SELECT cierre, ms FROM commands WHERE tool = ?"
        [(cierre, ms)] = db.execute(suya, (CONSOLA,)).fetchall()
    assert cierre == "recuperado"
    assert 5_900 < ms < 9_000
    assert ms / 1000 <= cuenta.segundos < ms / 1000 + 4
