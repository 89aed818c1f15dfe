from __future__ import annotations

import asyncio
import io
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from prompt_toolkit.completion import CompleteEvent
from prompt_toolkit.document import Document
from rich.console import Console

from servicios.ajustes import RAIZ, Ajustes
from servicios.interfaz.terminal import COMANDOS
from servicios.interfaz.terminal.completado import Completado
from servicios.interfaz.terminal.fichas import contar_estados
from servicios.interfaz.terminal.ordenes.comando import Escena
from servicios.interfaz.terminal.ordenes.reparto import es_orden, obedecer, quien_hace
from servicios.interfaz.terminal.ordenes.tabla import TECLAS
from servicios.interfaz.terminal.papel import PapelRico
from servicios.interfaz.terminal.portada import presentar
from servicios.llm.preajustes import ReferenciaModelo
from servicios.sistema import Sistema, abrir_sistema
from tests.apoyo import consultar, conversar, preparar_raiz
from tests.documentacion.lectura import Manual
from tests.interfaz.apoyo_terminal import GestorFalso, PapelDePrueba, SistemaFalso


@asynccontextmanager
async def demo(carpeta: Path) -> AsyncIterator[tuple[Sistema, Escena, PapelDePrueba]]:
    """El sistema de verdad con el modelo de demostración."""
    ajustes = Ajustes.leer(preparar_raiz(carpeta, {"ENJAMBRE_DATOS": str(carpeta / "data")}))
    papel = PapelDePrueba()
    async with abrir_sistema(ajustes, ReferenciaModelo("demo", "demo"), "prueba") as sistema:
        yield sistema, escena_de(sistema, papel), papel


def escena_de(sistema: Sistema, papel: PapelDePrueba) -> Escena:
    return Escena(sistema, papel, lambda: None, TECLAS)


@pytest.mark.parametrize(
    "linea", ["/ayuda", " /ver x ", "salir", "SALIR", "/salir", "/nada de nada"]
)
def test_es_orden(linea: str) -> None:
    assert es_orden(linea)


@pytest.mark.parametrize(
    "linea", ["hola", "salir de aquí", "/etc/passwd, ¿qué es?", "/ayuda\notra línea", "1/2", ""]
)
def test_no_es_orden(linea: str) -> None:
    assert not es_orden(linea)


async def test_la_ayuda_ensena_todas_las_ordenes_y_teclas(tmp_path: Path) -> None:
    async with demo(tmp_path) as (_, escena, papel):
        await obedecer("/AYUDA", escena)
    primeras = [fila[0] for fila in papel.filas[1:]]
    assert primeras == [c.uso for c in COMANDOS] + [t for t, _ in TECLAS]


def test_cada_orden_tiene_quien_la_haga() -> None:
    nombres = [nombre for c in COMANDOS for nombre in (c.nombre, *c.alias)]
    assert len(nombres) == len(set(nombres))
    assert all(asyncio.iscoroutinefunction(quien_hace(c)) for c in COMANDOS)


def test_las_teclas_son_las_del_manual_con_sus_palabras() -> None:
    manuales = [Manual(n, (RAIZ / n).read_text("utf-8")) for n in ("README.md", "README.es.md")]
    for manual in manuales:
        assert manual.columna("teclas", 0) == [[tecla] for tecla, _ in TECLAS]
    assert [fila[1] for fila in manuales[1].tablas["teclas"]] == [hace for _, hace in TECLAS]


def _pintar(ancho: int, hacer: Callable[[PapelRico], None]) -> list[str]:
    salida = io.StringIO()
    consola = Console(file=salida, width=ancho, force_terminal=False, markup=False, emoji=False)
    hacer(PapelRico(consola, lambda _: None))
    return [linea.rstrip() for linea in salida.getvalue().splitlines()]


@pytest.mark.parametrize("ancho", [40, 59, 60, 80, 200])
async def test_la_ayuda_se_lee_entera_en_cualquier_ancho(tmp_path: Path, ancho: int) -> None:
    async with demo(tmp_path) as (_, escena, papel):
        await obedecer("/ayuda", escena)
    titulos, *filas = papel.filas
    lineas = _pintar(ancho, lambda rico: rico.tabla(titulos, filas, entera=True))
    leido = " ".join(" ".join(lineas).split())
    for fila in filas:
        assert " ".join(fila) in leido
    assert max(map(len, lineas)) <= ancho
    assert papel.enteras == [True]


@pytest.mark.parametrize(
    ("linea", "dice"),
    [
        ("/agentess", "¿querías decir /agentes?"),
        ("/cancel x", "¿querías decir /cancelar ID|rama ID|todos?"),
        ("/zzz", "No conozco /zzz"),
        ("/ver", "Se escribe así: /ver ID"),
        ("/ver uno dos", "Se escribe así: /ver ID"),
        ("/estado ya", "Se escribe así: /estado"),
        ("/ver nadie-1", "No existe el agente «nadie-1» en esta sesión. Los que hay: ninguno."),
        ("/cancelar nadie-1", "no existe el agente «nadie-1»"),
        ("/cancelar todos", "No hay agentes que cancelar."),
        ("/agentes", "ningún agente"),
        ("/tablero", "ningún agente"),
        ("/textual nadie-1", "No existe el agente «nadie-1» en esta sesión. Los que hay: ninguno."),
        ("/recap", "nada todavía"),
        ("/modelo", "MODEL=proveedor:modelo"),
    ],
)
async def test_cada_orden_contesta(tmp_path: Path, linea: str, dice: str) -> None:
    async with demo(tmp_path) as (_, escena, papel):
        await obedecer(linea, escena)
    assert dice in papel.texto


async def test_ver_un_agente_terminado_y_otro_en_marcha(tmp_path: Path) -> None:
    async with demo(tmp_path) as (sistema, escena, papel):
        await conversar(sistema, "ejecuta: echo fuera; echo dentro >&2; exit 3")
        await obedecer("/ver ejecutor-1", escena)
        for esperado in (
            "ejecutor-1 ejecutor de consola · terminado",
            "tarea: ejecuta: echo fuera; echo dentro >&2; exit 3",
            "agent_run_start",
            "$ echo fuera; echo dentro >&2; exit 3 → código 3",
            "    fuera",
            "    dentro",
            "reporte",
        ):
            assert esperado in papel.texto
        await sistema.conversacion.decir("ejecuta: sleep 20")
        async with asyncio.timeout(10):
            while "en marcha" not in papel.texto:
                await obedecer("/ver ejecutor-2", escena)
        await obedecer("/agentes", escena)
        vistos = [ln.texto.split()[:2] for ln in papel.lineas if ln.texto.startswith("ejecutor-")]
        assert vistos == [["ejecutor-2", "herramienta"], ["ejecutor-1", "terminado"]]
        await obedecer("/estado", escena)
        assert "agentes: 1 trabajando, 1 terminado" in papel.texto
        assert f"sesión: {sistema.sesion}" in papel.texto
        await obedecer("/cancelar ejecutor-2", escena)
        assert "ejecutor-2 cancelado." in papel.texto
        await sistema.conversacion.esperar_calma()
        assert "ejecutor-2" in sistema.conversacion.ultimo_texto


async def test_la_portada_dice_que_es_demo_que_no_hay_aislamiento_y_que_no_cargo(
    tmp_path: Path,
) -> None:
    papel = PapelDePrueba()
    rechazo = "roto.json: falta «rol»"
    sistema = SistemaFalso(tmp_path, "demo:demo", "local", rechazos=(rechazo,))
    presentar(sistema, papel)  # type: ignore[arg-type]
    for dicho in ("demo:demo", "reglas fijas", "GOOGLE_API_KEY", "SIN AISLAMIENTO", rechazo):
        assert papel.texto.count(dicho) == 1


async def test_la_portada_con_aislamiento_y_modelo_no_asusta(tmp_path: Path) -> None:
    papel = PapelDePrueba()
    presentar(SistemaFalso(tmp_path), papel)  # type: ignore[arg-type]
    assert "SIN AISLAMIENTO" not in papel.texto
    assert "Demostración" not in papel.texto


def test_contar_estados() -> None:
    gestor = GestorFalso()
    assert contar_estados(gestor.estados) == "ninguno"
    for numero, estado in enumerate(("started", "running", "paused", "failed", "completed")):
        gestor.poner(f"a-{numero}", estado)
    assert contar_estados(gestor.estados) == "2 trabajando, 1 en pausa, 1 terminado, 1 fallido"


@pytest.mark.parametrize(
    ("escrito", "ofrece"),
    [
        ("/", [c.nombre for c in COMANDOS if c.nombre.startswith("/")]),
        ("/a", ["/ayuda", "/agentes"]),
        ("/he", ["/help"]),
        ("/stop ", ["ejecutor-1", "revisor-1", "todos"]),
        ("/ver ", ["ejecutor-1", "revisor-1"]),
        ("/ver ej", ["ejecutor-1"]),
        ("/cancelar ", ["ejecutor-1", "revisor-1", "todos"]),
        ("/estado ", []),
        ("dile a rev", ["revisor-1"]),
        ("dile a ", []),
        ("", []),
        ("y/ay", []),
    ],
)
def test_completado(escrito: str, ofrece: list[str]) -> None:
    completado = Completado(lambda: ["ejecutor-1", "revisor-1"])
    ofrecidas = completado.get_completions(Document(escrito), CompleteEvent())
    assert [c.text for c in ofrecidas] == ofrece


async def test_el_coste_dice_lo_de_cada_uno_y_el_total_sin_llamar_a_nadie(tmp_path: Path) -> None:
    async with demo(tmp_path) as (sistema, escena, papel):
        await obedecer("/coste", escena)
        assert "Todavía no se ha llamado a ningún modelo." in papel.texto
        await conversar(sistema, "ejecuta: true y ejecuta: true")
        sql = "SELECT count(*), sum(tokens_in), sum(tokens_out) FROM v_llamadas"
        gastado = tuple(str(n) for n in consultar(tmp_path, sql)[0])
        await obedecer("/cost", escena)
        assert consultar(tmp_path, sql) == [tuple(map(int, gastado))]
    titulos, *filas = papel.filas
    assert titulos == ("agente", "de", "llamadas", "entrada", "en caché", "salida", "dinero")
    por_quien = {(fila[0], fila[1]): fila for fila in filas}
    assert {a for a, de in por_quien if not de} == {"ejecutor-1", "ejecutor-2", "master"}
    total = por_quien["sesión", "todos"]
    assert (total[2], total[3], total[5]) == gastado
    assert ("ejecutor-1", "con los suyos") not in por_quien, "no tiene a nadie: sería repetirlo"
