"""Lo que una bifurcación se lleva de las carpetas y las consolas de los agentes."""

from __future__ import annotations

import asyncio
import json
import os
import resource
import signal
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from servicios.ajustes import RAIZ
from servicios.ejecutor_consola import copiar_espacios
from tests.apoyo import CONSOLA, MENSAJE, PROBLEMA, REPORTAR, delegar, doble_de
from tests.apoyo_programa import Programa
from tests.consola.apoyo import hasta_que, sueno, vivos
from tests.dobles.guion import Guion
from tests.dobles.peticion import Peticion
from tests.dobles.respuestas import Respuesta, llamada, llamar, respuesta, texto
from tests.interfaz.test_apertura import preguntar

if sys.platform != "linux":
    pytest.skip("la consola es solo de Linux", allow_module_level=True)

pytestmark = pytest.mark.lento

DEJA = "mkdir p && cd p && echo dentro > testigo && export COLOR=azul CASA=$PWD"
MIRA = 'pwd; cat testigo; echo "$COLOR $CASA"'


def agente(peticion: Peticion) -> Respuesta:
    """Deja algo en su consola y se para; con una directiva, mira lo que hay y lo cuenta."""
    pasos = [
        llamar(CONSOLA, {"command": DEJA}),
        llamar(PROBLEMA, {"descripcion_problema": "¿sigo?"}),
        llamar(CONSOLA, {"command": MIRA}),
        llamar(REPORTAR, {"resultado": "visto"}),
    ]
    return pasos[peticion.turnos_con_llamadas]


def master(peticion: Peticion) -> Respuesta:
    if not peticion.turnos_con_llamadas:
        return delegar("x")
    if peticion.ultimo.texto == "sigue":
        return respuesta(
            llamadas=[llamada(MENSAJE, {"agent_id": "ejecutor-1", "message_content": "sí"})]
        )
    return texto("hecho")


@pytest.fixture
async def programa(tmp_path: Path) -> AsyncIterator[Programa]:
    guion = Guion({"Master": master, "ejecutor-*": agente})
    async with doble_de("openai", guion) as doble:
        yield Programa(tmp_path / "data", doble)


def salida_de(programa: Programa, sesion: str) -> list[str]:
    """Lo que imprimió lo último que miró el agente en esa sesión."""
    [(crudo,)] = preguntar(
        programa.datos,
        "SELECT json_object('s', stdout) FROM v_comandos"
        f" WHERE session = '{sesion}' ORDER BY fila DESC LIMIT 1",
    )
    return str(json.loads(str(crudo))["s"]).splitlines()


def ultima(programa: Programa, sesion: str, tipo: str) -> str:
    [(fila,)] = preguntar(
        programa.datos,
        "SELECT max(id) FROM logs WHERE agente_id = 'ejecutor-1'"
        f" AND session = '{sesion}' AND tipo = '{tipo}'",
    )
    return str(fila)


async def test_el_agente_sigue_en_la_carpeta_y_con_las_variables_que_dejo(
    programa: Programa,
) -> None:
    """Y en las de su copia: lo que nombraba la carpeta de antes nombra la de ahora."""
    await programa.correr("-p", "empieza")
    [origen] = programa.sesiones()
    desde = ultima(programa, origen, "agent_problem")
    salida = await programa.correr("--bifurcar-en", desde, "-p", "sigue")
    assert salida.codigo == 0, salida.errores
    [rama] = [s for s in programa.sesiones() if s != origen]
    suya = programa.datos.resolve() / "espacios" / rama / "ejecutor-1" / "p"
    assert salida_de(programa, rama) == [str(suya), "dentro", f"azul {suya}"]
    # Y se le dijo, también lo que no es una copia.
    dicho = programa.doble.de("ejecutor-1")[-2].dicho
    assert f"es una bifurcación de {origen}" in dicho
    assert "un proyecto prestado no se copia" in dicho


async def test_la_bifurcacion_de_una_bifurcacion_lleva_lo_que_solo_tiene_el_primer_origen(
    programa: Programa,
) -> None:
    """En la primera rama ese agente ya había acabado y no se copió; en la segunda vuelve a vivir."""
    await programa.correr("-p", "empieza")
    await programa.correr("--reanudar", "-p", "sigue")
    [origen] = programa.sesiones()
    [(final,)] = preguntar(programa.datos, "SELECT max(id) FROM logs")
    await programa.correr("--bifurcar-en", str(final))
    [hija] = [s for s in programa.sesiones() if s != origen]
    assert not (programa.datos / "espacios" / hija / "ejecutor-1").exists()
    desde = ultima(programa, hija, "agent_problem")
    salida = await programa.correr("--bifurcar-en", desde, "-p", "sigue")
    assert salida.codigo == 0, salida.errores
    [nieta] = [s for s in programa.sesiones() if s not in {origen, hija}]
    suya = programa.datos.resolve() / "espacios" / nieta / "ejecutor-1" / "p"
    assert salida_de(programa, nieta) == [str(suya), "dentro", f"azul {suya}"]


async def test_se_copia_una_carpeta_en_la_que_otro_crea_y_borra(tmp_path: Path) -> None:
    """Lo que desaparece mientras se copia no impide bifurcar una sesión que está trabajando."""
    espacio = tmp_path / "espacios" / "a-1"
    espacio.mkdir(parents=True)
    (espacio / "fijo").write_text("aquí sigue")
    bucle = "while :; do for i in $(seq 300); do : > x$i; done; rm -f x*; done"
    otro = await asyncio.create_subprocess_exec("bash", "-c", bucle, cwd=espacio)
    try:
        for n in range(30):
            copia = f"rama-{n}"
            await asyncio.to_thread(copiar_espacios, tmp_path, ["a-1"], [("s", "")], copia)
            assert (tmp_path / "espacios" / copia / "a-1" / "fijo").read_text() == "aquí sigue"
    finally:
        otro.kill()
        await otro.wait()


async def test_lo_que_no_cabe_no_se_queda_a_medias_ocupando_sitio(programa: Programa) -> None:
    """Si no hay sitio para copiar los espacios, ni hay otra sesión ni queda lo que se copió."""
    await programa.correr("-p", "empieza")
    espacio = programa.datos / "espacios" / "ejecutor-1"
    (espacio / "gordo").write_bytes(b"x" * 4_000_000)
    [origen] = programa.sesiones()
    desde = ultima(programa, origen, "agent_problem")
    antes = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (2_000_000, antes[1]))
    try:
        salida = await programa.correr("--bifurcar-en", desde)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, antes)
    assert salida.codigo != 0
    [linea] = salida.errores.splitlines()
    assert f"no se puede copiar «{espacio}»" in linea
    assert programa.sesiones() == [origen]
    assert [c.name for c in (programa.datos / "espacios").iterdir()] == ["ejecutor-1"]
    assert list((programa.datos / "archivo").iterdir()) == []


async def test_si_el_programa_muere_copiando_no_queda_nadie_copiando(tmp_path: Path) -> None:
    n = sueno()
    (tmp_path / "espacios" / "a-1").mkdir(parents=True)
    lento = tmp_path / "bin" / "cp"
    lento.parent.mkdir()
    lento.write_text(f"#!/bin/sh\nexec sleep {n}\n")
    lento.chmod(0o755)
    codigo = (
        "import sys; from pathlib import Path; from servicios.ejecutor_consola import copiar_espacios;"
        "copiar_espacios(Path(sys.argv[1]), ['a-1'], [('s', '')], 'rama')"
    )
    programa = await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", codigo, str(tmp_path)),
        cwd=RAIZ,
        env={**os.environ, "PATH": f"{lento.parent}:{os.environ['PATH']}"},
    )
    try:
        assert await hasta_que(lambda: bool(vivos(n)), 20)
        programa.kill()
        await programa.wait()
        assert await hasta_que(lambda: not vivos(n), 10)
    finally:
        for pid in vivos(n):
            os.kill(pid, signal.SIGKILL)
