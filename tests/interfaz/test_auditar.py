"""`auditar` y `exportar` como los usa una persona: por subproceso, con tuberías y terminales."""

from __future__ import annotations

import asyncio
import csv
import io
import json
import sqlite3
import sys
from asyncio.subprocess import PIPE
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from main import main
from servicios.ajustes import RAIZ
from servicios.consola.secretos.limpieza import limpiar
from servicios.interfaz.argumentos_auditar import PREGUNTAS as LAS_QUE_HAY
from tests.interfaz.test_headless import Salida, correr, entorno
from tests.registros.auditoria.sesion_hostil import SECRETO, grabar_hostil
from tests.registros.sesion_de_ejemplo import bitacora, grabar_sesion

PREGUNTAS = {
    "sesiones": (),
    "agentes": (),
    "linea": (),
    "comandos": (),
    "costes": (),
    "errores": (),
    "por-que": ("20",),
    "sql": ("SELECT tipo, count(*) AS n FROM logs GROUP BY tipo",),
    "tamano": (),
}


@pytest.fixture
async def datos(tmp_path: Path) -> Path:
    async with bitacora(tmp_path / "swarm.db") as gestor:
        await grabar_sesion(gestor)
    return tmp_path


async def en_bash(carpeta: Path, orden: str, **variables: str) -> tuple[int, str, str]:
    """`{main}` es el programa. Devuelve código, salida y salida de error."""
    proceso = await asyncio.create_subprocess_exec(
        *("bash", "-o", "pipefail", "-c", orden.format(main=f"{sys.executable} {RAIZ}/main.py")),
        env=entorno(carpeta, **variables),
        stdin=asyncio.subprocess.DEVNULL,
        stdout=PIPE,
        stderr=PIPE,
    )
    async with asyncio.timeout(60):
        salida, errores = await proceso.communicate()
    assert proceso.returncode is not None
    return proceso.returncode, salida.decode(), errores.decode()


@pytest.fixture
def aqui(capfd: pytest.CaptureFixture[str]) -> Callable[..., Salida]:
    """El programa en este mismo proceso, para lo que no depende de arrancarlo."""

    def correr_aqui(carpeta: Path, *argumentos: str) -> Salida:
        base = () if "--base" in argumentos else ("--base", str(carpeta / "swarm.db"))
        capfd.readouterr()
        codigo = main([*argumentos, *base])
        texto, errores = capfd.readouterr()
        return Salida(codigo, texto, errores)

    return correr_aqui


@pytest.mark.parametrize("pregunta", PREGUNTAS)
async def test_cada_pregunta_contesta_en_tabla_json_y_csv(
    datos: Path, pregunta: str, aqui: Callable[..., Salida]
) -> None:
    orden = ("auditar", pregunta, *PREGUNTAS[pregunta])
    tabla, texto_json, texto_csv = (aqui(datos, *orden, *f) for f in ((), ("--json",), ("--csv",)))

    assert {tabla.codigo, texto_json.codigo, texto_csv.codigo} == {0}
    objetos = json.loads(texto_json.texto)
    filas = list(csv.DictReader(io.StringIO(texto_csv.texto, newline="")))
    assert objetos
    assert len(tabla.texto.splitlines()) == len(objetos) + 1 == len(filas) + 1
    assert list(objetos[0]) == list(filas[0])
    for objeto, fila in zip(objetos, filas, strict=True):
        assert ["" if v is None else str(v) for v in objeto.values()] == list(fila.values())
    assert "\x1b" not in tabla.texto


async def test_verificar_dice_que_esta_entera_o_la_primera_fila_rota(datos: Path) -> None:
    entera = await correr(datos, "auditar", "verificar")
    with closing(sqlite3.connect(datos / "swarm.db")) as db:
        db.execute("DROP TRIGGER logs_no_cambia")
        db.execute("UPDATE logs SET mensaje = mensaje || '.' WHERE id IN (7, 9)")
        db.commit()
    rota = await correr(datos, "auditar", "verificar")
    en_json = await correr(datos, "auditar", "verificar", "--json")

    assert (entera.codigo, entera.errores) == (0, "")
    assert entera.texto.startswith("Entera: ")
    assert (rota.codigo, en_json.codigo) == (1, 1)
    assert "fila 7" in rota.texto
    assert rota.texto.count("\n") == 1
    (objeto,) = json.loads(en_json.texto)
    assert (objeto["entera"], objeto["fila_rota"], objeto["sesion_rota"]) == (False, 7, "s-1")


async def test_una_sesion_de_verdad_se_audita(tmp_path: Path) -> None:
    tarea = await correr(tmp_path, "-p", "ejecuta: echo $((6*7)) y ejecuta: false", MODEL="demo")
    assert tarea.codigo == 0

    comandos = json.loads((await correr(tmp_path, "auditar", "comandos", "--json")).texto)
    assert {(c["command"], c["return_code"]) for c in comandos} == {
        ("echo $((6*7))", 0),
        ("false", 1),
    }
    (fila,) = [c["fila"] for c in comandos if c["command"] == "false"]
    pasos = json.loads((await correr(tmp_path, "auditar", "por-que", str(fila), "--json")).texto)
    assert (pasos[0]["fila"], pasos[-1]["tipo"]) == (fila, "master_input")
    arbol = await correr(tmp_path, "auditar", "agentes")
    assert "ejecutor-1" in arbol.texto
    pagina = await correr(tmp_path, "exportar", "--formato", "html")
    assert pagina.codigo == 0
    assert "echo $((6*7))" in pagina.texto


@pytest.mark.parametrize(
    "orden",
    [
        "auditar linea | head -1",
        "auditar linea --json | head -1",
        "exportar --formato html | head -c 10",
        "exportar --formato json | true",
    ],
)
async def test_una_tuberia_cerrada_no_ensena_una_traza(datos: Path, orden: str) -> None:
    _, _, errores = await en_bash(datos, f"{{main}} {orden}")
    assert "Traceback" not in errores
    assert "BrokenPipe" not in errores


async def test_lo_que_falta_se_dice_fuera_de_la_salida(datos: Path) -> None:
    salida = await correr(datos, "auditar", "linea", "--limite", "2", "--json")
    assert len(json.loads(salida.texto)) == 2
    assert "Hay más" in salida.errores


@pytest.mark.parametrize(
    ("orden", "codigo", "dice"),
    [
        (("auditar", "linea", "--sesion", "nada"), 2, "no existe la sesión «nada»"),
        (("auditar", "linea", "--desde", "ayer"), 2, "no es una fila ni una fecha"),
        (("auditar", "por-que", "nadie-1"), 2, "no es una fila ni un agente"),
        (("auditar", "sql", "DELETE FROM logs"), 2, "solo se lee"),
        (("auditar", "sql", "ATTACH 'x' AS y"), 2, "solo se lee"),
        (("auditar", "linea", "--base", "/no/esta.db"), 2, "no hay bitácora"),
        (("exportar", "--a", "/"), 2, "es una carpeta"),
    ],
)
async def test_cada_fallo_es_una_linea(
    datos: Path, orden: tuple[str, ...], codigo: int, dice: str, aqui: Callable[..., Salida]
) -> None:
    salida = aqui(datos, *orden)
    assert (salida.codigo, salida.texto) == (codigo, "")
    assert dice in salida.errores
    assert salida.errores.count("\n") == 1


async def test_una_base_danada_o_ajena_es_una_linea_y_un_uno(datos: Path) -> None:
    ruta = datos / "swarm.db"
    with closing(sqlite3.connect(ruta)) as db:
        db.execute("PRAGMA user_version = 99")
    nueva = await correr(datos, "auditar", "sesiones")
    ruta.write_bytes(b"SQLite format 3\0" + b"\xa5" * 9000)
    danada = await correr(datos, "auditar", "linea")
    for salida, dice in ((nueva, "más nueva"), (danada, "swarm.db")):
        assert (salida.codigo, salida.texto) == (1, "")
        assert dice in salida.errores
        assert salida.errores.count("\n") == 1


@pytest.mark.parametrize("pregunta", ["linea", "comandos"])
@pytest.mark.parametrize("formato", [(), ("--json",), ("--csv",)])
async def test_lo_hostil_no_mueve_el_cursor_ni_sale_el_secreto(
    tmp_path: Path,
    pregunta: str,
    formato: tuple[str, ...],
    aqui: Callable[..., Salida],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    await grabar_hostil(tmp_path / "swarm.db")
    monkeypatch.setenv("API_TOKEN", SECRETO)
    salida = aqui(tmp_path, "auditar", pregunta, *formato)
    texto = salida.texto.replace("\r\n", "\n")
    assert limpiar(texto) == texto
    assert SECRETO not in texto
    assert "[secreto:API_TOKEN]" in texto
    assert "[bold red]" in texto


async def test_en_un_terminal_hay_colores_y_con_no_color_no(datos: Path) -> None:
    orden = "script -qec '{main} auditar agentes' /dev/null"
    _, con, _ = await en_bash(datos, orden, TERM="xterm-256color")
    _, sin, _ = await en_bash(datos, orden, TERM="xterm-256color", NO_COLOR="1")
    assert "\x1b[1m" in con
    assert "ayudante-1" in con
    assert "\x1b[3" not in sin
    assert "ayudante-1" in sin


@pytest.mark.parametrize("formato", ["csv", "html"])
async def test_exportar_a_un_archivo_es_lo_mismo_que_a_la_salida(datos: Path, formato: str) -> None:
    destino = datos / f"x.{formato}"
    orden = ("exportar", "s-1")
    a_la_salida = await correr(datos, *orden, "--formato", formato)
    a_archivo = await correr(datos, *orden, "--a", str(destino))
    otra_vez = await correr(datos, *orden, "--a", str(destino))

    assert (a_la_salida.codigo, a_archivo.codigo, a_archivo.texto) == (0, 0, "")
    assert destino.read_bytes().decode() == a_la_salida.texto
    assert otra_vez.codigo == 2
    assert "ya existe" in otra_vez.errores


async def test_no_hace_falta_poder_escribir_en_la_base(datos: Path) -> None:
    ruta = datos / "swarm.db"
    for resto in datos.glob("swarm.db-*"):
        resto.unlink()
    ruta.chmod(0o400)
    antes = ruta.stat().st_mtime_ns
    salida = await correr(datos, "auditar", "linea")
    assert salida.codigo == 0
    assert ruta.stat().st_mtime_ns == antes


def test_las_preguntas_probadas_son_las_que_hay() -> None:
    con_su_archivo = {"verificar", "evidencias"}
    assert {*PREGUNTAS, *con_su_archivo} == set(LAS_QUE_HAY)


async def test_podar_no_entiende_cualquier_cosa_como_fecha(datos: Path) -> None:
    for mala in ("ayer", "zzz", "7"):
        salida = await correr(datos, "podar", "--antes-de", mala)
        assert (salida.codigo, salida.texto) == (2, "")
        assert "fecha" in salida.errores
    quedan = json.loads((await correr(datos, "auditar", "sesiones", "--json")).texto)
    assert [s["session"] for s in quedan] == ["s-1"]
