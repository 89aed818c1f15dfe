"""Todas las órdenes de `/ayuda`, una vez cada una, en un terminal de verdad; y lo que aguanta el prompt."""

from __future__ import annotations

import asyncio
import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from servicios.interfaz.terminal import COMANDOS
from servicios.interfaz.terminal.ordenes.comando import CONSOLA, DIRECTA, SALIR
from servicios.interfaz.terminal.ordenes.tabla import POR_NOMBRE
from tests.interfaz.apoyo_tmux import Terminal, escrito, programa

pytestmark = [
    pytest.mark.tmux,
    pytest.mark.solo,
    pytest.mark.skipif(shutil.which("tmux") is None, reason="no hay tmux"),
]

LIMITE_S = 10.0

EJEMPLOS: dict[str, tuple[str, str]] = {
    "/ayuda": ("", "qué hace"),
    "/agentes": ("", "en pausa"),
    "/tablero": ("", "ejecutor-2"),
    "/ver": ("ejecutor-1", "reporte"),
    "/textual": ("ejecutor-1", "(código 0)"),
    "/recap": ("", "ejecutor-1"),
    "/pausar": ("ejecutor-2", "ejecutor-2 en pausa"),
    "/paso": ("ejecutor-2", "ejecutor-2 dará un paso"),
    "/reanudar": ("rama ejecutor-2", "espera una directiva"),
    "/cancelar": ("ejecutor-2", "ejecutor-2 cancelado."),
    DIRECTA: ("@ejecutor-3 con cuidado", "en cola"),
    "/mensajes": ("", "con cuidado"),
    "/btw": ("@ejecutor-1 ¿qué hizo?", "al margen"),
    CONSOLA: ("!echo de la persona | tr a-z A-Z", "DE LA PERSONA"),
    "/permisos": ("1", "$ touch uno"),
    "/si": ("1", "permitida una vez · $ touch uno"),
    "/no": ("2 mejor no", "denegada · $ rm dos"),
    "/contexto": ("master", "total estimado"),
    "/compactar": ("@ejecutor-5 lo primero", "su historia ya es corta"),
    "/coste": ("", "dinero"),
    "/presupuesto": ("tokens=9000000 comandos=500", "Presupuesto de la sesión: 9000000 tokens"),
    "/modelo": ("demo", "De demo:demo a demo:demo"),
    "/estado": ("", "bitácora:"),
    "/sesiones": ("", "empezó (UTC)"),
    "/nombrar": ("la de prueba", "Esta sesión se llama «la de prueba»."),
    "/bifurcar": ("", "Bifurcada en"),
    "/por-que": ("ejecutor-1", "master_input"),
    "/exportar": ("json", "Sesión exportada a"),
    SALIR: ("", "CODIGO=0"),
}
"""Por cada orden, con qué argumentos se prueba (o la línea entera) y qué ha de verse."""

VIVAS = {"/tablero"}
"""Las que ocupan la pantalla entera."""


def test_cada_orden_tiene_su_ejemplo() -> None:
    faltan = [c.nombre for c in COMANDOS if c.nombre not in EJEMPLOS]
    assert faltan == [], f"pon en EJEMPLOS cómo se prueban: {', '.join(faltan)}"
    sobran = sorted(EJEMPLOS.keys() - {c.nombre for c in COMANDOS})
    assert sobran == [], f"ya no existen: {', '.join(sobran)}"


def test_los_alias_del_oficio_son_las_mismas_ordenes() -> None:
    esperados = {
        "/help": "/ayuda",
        "/agents": "/agentes",
        "/stop": "/cancelar",
        "/pause": "/pausar",
        "/step": "/paso",
        "/cost": "/coste",
        "/compact": "/compactar",
        "/context": "/contexto",
        "/model": "/modelo",
        "/resume": "/sesiones",
        "/exit": SALIR,
        "/quit": SALIR,
    }
    assert {alias: POR_NOMBRE[alias].nombre for alias in esperados} == esperados
    for comando in COMANDOS:
        callados = [alias for alias in comando.alias if alias not in comando.significado]
        assert callados == [], f"{comando.nombre} no dice que también es {callados}"


async def test_todas_las_ordenes_se_hacen_y_lo_escrito_aguanta(tmp_path: Path) -> None:
    """Una sola sesión: sin aislamiento, para que haya qué aprobar; la demostración no pide nada a nadie."""
    async with programa(tmp_path, tmp_path, ENJAMBRE_AISLAMIENTO="local") as t:
        await t.se_ve("tokens")
        await _preparar(t)
        for comando in [c for c in COMANDOS if c.nombre != SALIR]:
            args, dice = EJEMPLOS[comando.nombre]
            entera = comando.nombre in {DIRECTA, CONSOLA}
            linea = args if entera else f"{comando.nombre} {args}".strip()
            await (_mirar if comando.nombre in VIVAS else _mandar)(t, linea, dice)
        await _pegar_mil_lineas_y_cambiar_de_tamano(t, tmp_path / "pegado")
        await t.enviar(SALIR)
        await t.se_ve(EJEMPLOS[SALIR][1])
    with closing(sqlite3.connect(tmp_path / "swarm.db")) as db:
        [(pegado,)] = db.execute(
            "SELECT details->>'$.texto' FROM logs WHERE tipo='master_input' ORDER BY id DESC LIMIT 1"
        )
        nombres = db.execute("SELECT name FROM sessions WHERE origen IS NULL").fetchall()
    assert pegado == _MIL_LINEAS
    assert nombres == [("la de prueba",)]


async def _preparar(t: Terminal) -> None:
    """Un agente acabado, otro en pausa, dos peticiones por aprobar y uno más en pausa.

    La segunda petición se abre con una línea a medio escribir, que ha de seguir ahí.
    """
    await t.enviar("ejecuta: echo hola")
    await t.se_ve("ejecutor-1 terminó")
    await t.enviar("problema: ¿cuál de las dos?")
    await t.se_ve("ejecutor-2 problema")
    await t.enviar("ejecuta: touch uno")
    await t.se_ve("Petición 1: ejecutor-3 pide permiso")
    await t.enviar("ejecuta: rm dos")
    escritas = ""
    async with asyncio.timeout(LIMITE_S):
        while "Petición 2: ejecutor-4" not in await t.pantalla():
            if len(escritas) < 60:
                escritas += "sigo "
                await t.teclear("sigo ")
    await t.teclear("y acabo")
    await t.hasta(lambda p: _plano(escrito(p) or "") == _plano(f"{escritas}y acabo"))
    await t.pulsar("C-c")
    await t.hasta(lambda p: escrito(p) == "")
    await t.enviar("problema: otro que espera")
    await t.se_ve("ejecutor-5 problema")


async def _mirar(t: Terminal, linea: str, dice: str) -> None:
    """Una orden que ocupa la pantalla hasta que se pulsa q."""
    await t.enviar(linea)
    await t.hasta(lambda p: dice in p and "vuelven" in p)
    await t.pulsar("q")
    await t.hasta(lambda p: escrito(p) == "")


async def _mandar(t: Terminal, linea: str, dice: str) -> None:
    """Manda una orden y espera a que, debajo de ella, se vea eso."""
    antes = (await t.todo()).count(f"› {linea}\n")
    await t.enviar(linea)
    dicho = ""
    try:
        async with asyncio.timeout(LIMITE_S):
            while _plano(dice) not in _plano(dicho):
                todo = await t.todo()
                dicho = (
                    todo.rpartition(f"› {linea}\n")[2] if todo.count(f"› {linea}\n") > antes else ""
                )
                await asyncio.sleep(0.03)
    except TimeoutError:
        raise AssertionError(f"tras «{linea}» no se vio «{dice}»:\n{await t.todo()}") from None


def _plano(texto: str) -> str:
    """Sin los saltos que pone el ancho de la ventana."""
    return "".join(texto.split())


_MIL_LINEAS = "\n".join(f"línea {n:04} de un pegado largo" for n in range(1000))


async def _pegar_mil_lineas_y_cambiar_de_tamano(t: Terminal, archivo: Path) -> None:
    archivo.write_text(_MIL_LINEAS, encoding="utf-8")
    await t.tmux("load-buffer", str(archivo))
    await t.tmux("paste-buffer", "-p")
    await t.se_ve("línea 0999")
    for ancho, alto in (("60", "16"), ("120", "45")):
        await t.tmux("resize-window", "-x", ancho, "-y", alto)
        await t.se_ve("línea 0999")
    await t.teclear("!")
    await t.se_ve("línea 0999 de un pegado largo!")
    await t.pulsar("BSpace", "Enter")
    await t.hasta(lambda p: escrito(p) == "")
