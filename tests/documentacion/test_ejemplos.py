"""Los ejemplos de los README funcionan: órdenes, sesión, tipo de agente y consultas."""

from __future__ import annotations

import asyncio
import io
import json
import os
import re
import sqlite3
import sys
from asyncio.subprocess import PIPE
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing
from pathlib import Path
from typing import Any

import pytest

from main import ORDENES
from servicios.ajustes import RAIZ, Ajustes
from servicios.consola.aislamientos.bwrap import Bwrap
from servicios.interfaz.argumentos import crear_analizador
from servicios.interfaz.codigos import Salida
from servicios.interfaz.terminal.lineal import PapelLlano
from servicios.interfaz.terminal.narracion import Narrador
from servicios.interfaz.terminal.ordenes.reparto import es_orden
from servicios.interfaz.terminal.ordenes.tabla import COMANDOS
from servicios.interfaz.terminal.portada import presentar, saludar
from servicios.llm.demo.gramatica import leer_ordenes
from servicios.llm.preajustes import resolver_modelo
from servicios.sistema import Sistema, abrir_sistema
from tests.apoyo import consultar, conversar, preparar_raiz
from tests.documentacion.comprobaciones_ordenes import subordenes
from tests.documentacion.lectura import Manual, codigos, diferencias
from tests.registros.sesion_de_ejemplo import bitacora, grabar_sesion

PYTHON = ".venv/bin/python"
NOMBRES = ("README.md", "README.es.md")
MANUALES = {nombre: Manual(nombre, (RAIZ / nombre).read_text("utf-8")) for nombre in NOMBRES}
MANUAL = MANUALES["README.md"]
"""Los bloques `sh`, `sql` y `json` son los mismos en los dos: basta probarlos en uno."""


def con_programa(programa: str) -> list[str]:
    """Las líneas de los bloques `sh` que lo llaman."""
    return [
        linea for cuerpo in MANUAL.en("sh") for linea in cuerpo.split("\n") if programa in linea
    ]


TAREAS = [linea for linea in con_programa("main.py") if "MODEL=demo" in linea]


async def correr(orden: str, carpeta: Path) -> tuple[int, str, str]:
    """Una línea del manual, con este Python. Devuelve código, salida y salida de error."""
    proceso = await asyncio.create_subprocess_exec(
        "bash",
        "-c",
        orden.replace(PYTHON, sys.executable),
        cwd=RAIZ,
        env={**os.environ, "ENJAMBRE_DATOS": str(carpeta)},
        stdin=asyncio.subprocess.DEVNULL,
        stdout=PIPE,
        stderr=PIPE,
    )
    salida, errores = await proceso.communicate()
    return proceso.returncode or 0, salida.decode(), errores.decode()


@pytest.mark.parametrize("orden", TAREAS)
async def test_las_tareas_del_manual_acaban_bien(orden: str, tmp_path: Path) -> None:
    codigo, salida, errores = await correr(orden, tmp_path)

    assert codigo == Salida.BIEN, errores
    dichas = re.findall(r"echo (\w+)", orden)
    assert [palabra for palabra in dichas if palabra not in salida] == []


def test_hay_tareas_de_todas_las_maneras() -> None:
    assert any("| MODEL=demo" in tarea for tarea in TAREAS)
    assert any(" -p " in tarea for tarea in TAREAS)
    assert any(" --salida " in tarea for tarea in TAREAS)


@pytest.mark.parametrize("formato", ["json", "jsonl"])
async def test_los_objetos_tienen_las_claves_que_dice_el_manual(
    formato: str, tmp_path: Path
) -> None:
    (dichas,) = [codigos(f[2]) for f in MANUAL.tablas["formatos"] if codigos(f[0]) == [formato]]

    orden = f"MODEL=demo {PYTHON} main.py -p 'run: true' --salida {formato}"
    _, salida, _ = await correr(orden, tmp_path)

    objetos = [json.loads(linea) for linea in salida.splitlines()]
    assert objetos
    for objeto in objetos:
        assert diferencias(formato, dichas, list(objeto)) == []


@pytest.mark.parametrize("programa", ["main.py", "-m tests.rendimiento"])
async def test_las_opciones_del_manual_existen(programa: str, tmp_path: Path) -> None:
    sin_comillas = [re.sub(r"'[^']*'", "", linea) for linea in con_programa(programa)]
    usadas = {
        opcion
        for linea in sin_comillas
        for opcion in re.findall(r"(?<=\s)--?[a-z-]+", linea.split(programa)[1])
    }
    suyas = {orden for orden, _, _ in subordenes(crear_analizador(ORDENES))}
    ordenes = ["", *sorted(suyas)] if programa == "main.py" else [""]

    ayudas = [(await correr(f"{PYTHON} {programa} {o} --help", tmp_path))[1] for o in ordenes]

    assert usadas
    assert sorted(usadas - set(re.findall(r"--?[a-z-]+", "".join(ayudas)))) == []


# --- la sesión de la portada ------------------------------------------------------------


@asynccontextmanager
async def demostracion(carpeta: Path, *tipos: dict[str, Any]) -> AsyncIterator[Sistema]:
    raiz = preparar_raiz(carpeta, {"MODEL": "demo"}, *tipos)
    ajustes = Ajustes.leer(raiz)
    referencia = resolver_modelo(ajustes.model, ajustes)
    assert referencia is not None
    async with abrir_sistema(ajustes, referencia, "prueba") as sistema:
        yield sistema


async def en_pantalla(carpeta: Path, lineas: list[str]) -> str:
    """Lo que enseña la terminal llana cuando se escriben esas líneas."""
    pantalla = io.StringIO()
    papel = PapelLlano(pantalla)
    saludar(papel)
    async with demostracion(carpeta) as sistema:
        presentar(sistema, papel)
        with sistema.bus.suscribir() as suscripcion:
            narrador = asyncio.create_task(Narrador(papel).seguir(suscripcion))
            await conversar(sistema, *lineas)
            narrador.cancel()
            await asyncio.gather(narrador, return_exceptions=True)
            for cosa in suscripcion.pendientes():
                Narrador(papel).contar(cosa)
    papel.callar()
    return pantalla.getvalue()


def lisa(texto: str) -> str:
    """Sin adornos, sin tiempos y en una línea: lo que no depende de cómo se pinte."""
    sin_marcas = re.sub(r"\*\*|`|^ ?[-•] ", "", texto, flags=re.MULTILINE)
    return " ".join(re.sub(r"\(\d+\.\d s\)", "(t)", sin_marcas).split())


def lo_que_no_sale(sesion: str, pantalla: str) -> list[str]:
    """Las líneas de una sesión copiada que la pantalla no enseña."""
    vista = lisa(pantalla)
    contadas = [linea for linea in sesion.split("\n") if not linea.startswith("› ")]
    return [linea for linea in contadas if lisa(linea) not in vista]


@pytest.mark.parametrize("manual", MANUALES.values(), ids=NOMBRES)
async def test_la_sesion_de_la_portada_es_de_verdad(
    manual: Manual, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LC_ALL", "C.UTF-8")  # `cat` se queja en el idioma de quien prueba
    sesion = manual.bloque("sesion")
    escritas = [linea[2:] for linea in sesion.split("\n") if linea.startswith("› ")]

    pantalla = await en_pantalla(tmp_path, escritas)
    # El manual enseña la línea de bwrap; donde no lo haya, esta máquina dice otra.
    pantalla += f"\nAislamiento: {Bwrap.descripcion}"

    assert len(escritas) > 2
    assert lo_que_no_sale(sesion, pantalla) == []


def test_una_sesion_inventada_se_nota() -> None:
    pantalla = "ejecutor-1 $ nproc → código 0 (0.3 s)\n\n**ejecutor-1** terminó:\n```\n$ nproc\n```"

    assert lo_que_no_sale("› x\nejecutor-1 $ nproc → código 0 (0.1 s)\n $ nproc", pantalla) == []
    assert lo_que_no_sale("ejecutor-1 $ nproc → código 1 (0.1 s)", pantalla)
    assert lo_que_no_sale(" 4", pantalla)


@pytest.mark.parametrize("manual", MANUALES.values(), ids=NOMBRES)
def test_lo_que_se_escribe_en_los_ejemplos_se_entiende(manual: Manual) -> None:
    sesion = manual.bloque("sesion").split("\n")
    escritas = [linea[2:] for linea in sesion if linea.startswith("› ")]
    nombres = {c.nombre for c in COMANDOS}

    for linea in [*escritas, manual.bloque("ejemplo: linea")]:
        assert linea.split()[0] in nombres if es_orden(linea) else leer_ordenes(linea)


# --- el tipo de agente ------------------------------------------------------------------


@pytest.mark.parametrize("manual", MANUALES.values(), ids=NOMBRES)
async def test_el_tipo_de_ejemplo_se_carga_y_trabaja(manual: Manual, tmp_path: Path) -> None:
    tipo = json.loads(manual.bloque("ejemplo: tipo"))

    async with demostracion(tmp_path, tipo) as sistema:
        assert sistema.rechazos == ()
        assert tipo["agent_type"] in sistema.tipos
        texto = await conversar(sistema, manual.bloque("ejemplo: linea"))

    agentes = consultar(tmp_path, "SELECT agent_type, status FROM v_agentes")
    assert agentes == [(tipo["agent_type"], "completed")]
    assert "/etc" in texto


# --- las consultas ----------------------------------------------------------------------


@pytest.fixture
async def base(tmp_path: Path) -> Path:
    """Una sesión pequeña ya guardada."""
    ruta = tmp_path / "swarm.db"
    async with bitacora(ruta) as gestor:
        await grabar_sesion(gestor)
    return ruta


@pytest.mark.parametrize("consulta", MANUAL.en("sql"))
async def test_las_consultas_del_manual_contestan(consulta: str, base: Path) -> None:
    with closing(sqlite3.connect(f"file:{base}?mode=ro", uri=True)) as db:
        assert db.execute(consulta).fetchall()


async def test_la_cadena_de_causas_llega_a_la_linea_de_la_persona(base: Path) -> None:
    with closing(sqlite3.connect(base)) as db:
        filas = db.execute(MANUAL.bloque("consulta: causas")).fetchall()

    assert filas[0][2] == "tool_call_request"
    assert filas[-1][2:] == ("master_input", "mira el disco")
