"""Sin terminal no hay a quién preguntar: lo que se preguntaría se deniega, y el 3 lo dice."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from servicios.interfaz.codigos import Salida
from servicios.interfaz.lineas import RIESGO
from tests.apoyo import CONSOLA, PROBLEMA, PROVEEDORES, REPORTAR, delegar, doble_de, variables_de
from tests.dobles.guion import Guion
from tests.dobles.peticion import Peticion
from tests.dobles.respuestas import Error, Respuesta, llamar, texto
from tests.interfaz.test_headless import correr

LOCAL = ("--aislamiento", "local")


def decisiones(carpeta: Path) -> list[tuple[str, str, str]]:
    with closing(sqlite3.connect(carpeta / "swarm.db")) as db:
        return db.execute(
            "SELECT agente_id, log_level, json_extract(details, '$.quien') FROM logs"
            " WHERE tipo = 'approval_decision'"
        ).fetchall()


def niveles_de_apertura(carpeta: Path) -> list[str]:
    with closing(sqlite3.connect(carpeta / "swarm.db")) as db:
        filas = db.execute("SELECT log_level FROM logs WHERE tipo = 'system_init'").fetchall()
    return [nivel for (nivel,) in filas]


def guion(orden: str, *despues: Respuesta, leidos: list[str]) -> Guion:
    """Un agente pide una orden, se guarda lo que lee de ella y sigue."""
    primera, *resto = despues

    def tras_leer(peticion: Peticion) -> Respuesta:
        leidos.append(peticion.ultimo.texto)
        return primera

    return Guion(
        {
            "Master": [delegar("x"), texto("espera"), texto("fin")],
            "ejecutor-1": [llamar(CONSOLA, {"command": orden}), tras_leer, *resto],
        }
    )


AQUI = "Se denegaron órdenes de ejecutor-1: aquí no se pudo preguntar"
NUNCA = "Se denegaron órdenes prohibidas de ejecutor-1"


@pytest.mark.parametrize("proveedor", PROVEEDORES)
@pytest.mark.parametrize(
    ("argumentos", "orden", "quien", "codigo", "dice", "calla"),
    [
        (LOCAL, "touch prohibido", "sin_persona", 3, AQUI, NUNCA),
        ((), "sudo ls", "politica", 1, NUNCA, AQUI),
    ],
)
async def test_una_tarea_que_falla_por_una_orden_que_habia_que_preguntar_es_un_3(
    tmp_path: Path,
    proveedor: str,
    argumentos: tuple[str, ...],
    orden: str,
    quien: str,
    codigo: int,
    dice: str,
    calla: str,
) -> None:
    leidos: list[str] = []
    pasos = guion(orden, llamar(PROBLEMA, {"descripcion_problema": "no puedo"}), leidos=leidos)
    async with doble_de(proveedor, pasos) as doble:
        salida = await correr(tmp_path, "-p", "x", *argumentos, **variables_de(proveedor, doble))
        doble.comprobar()
    assert (salida.codigo, salida.texto) == (codigo, "fin\n")
    (leido,) = leidos
    for dicho in ("126", "denegad", orden, "ni lo rodees", "reportar_problema"):
        assert dicho in leido
    lineas = salida.errores.splitlines()
    assert [ll for ll in lineas if ll.startswith(dice)]
    assert calla not in salida.errores
    assert ("reglas" in salida.errores) == (codigo == 3)
    assert any(ll.startswith(f"ejecutor-1: denegada · $ {orden}") for ll in lineas)
    assert decisiones(tmp_path) == [("ejecutor-1", "WARNING", quien)]
    assert list(tmp_path.rglob("prohibido")) == []


async def test_si_la_tarea_sale_adelante_sin_la_orden_denegada_es_un_0(tmp_path: Path) -> None:
    leidos: list[str] = []
    pasos = guion("touch prohibido", llamar(REPORTAR, {"resultado": "sin tocar"}), leidos=leidos)
    async with doble_de("openai", pasos) as doble:
        variables = variables_de("openai", doble)
        salida = await correr(tmp_path, "-p", "x", *LOCAL, "--salida", "json", **variables)
    assert (salida.codigo, json.loads(salida.texto)["codigo"]) == (0, 0)
    assert len(decisiones(tmp_path)) == 1


async def test_un_fallo_sin_nada_denegado_sigue_siendo_un_1(tmp_path: Path) -> None:
    leidos: list[str] = []
    pasos = guion("ls", llamar(PROBLEMA, {"descripcion_problema": "no está"}), leidos=leidos)
    async with doble_de("openai", pasos) as doble:
        salida = await correr(tmp_path, "-p", "x", *LOCAL, **variables_de("openai", doble))
    assert salida.codigo == Salida.FALLO
    assert salida.errores.startswith(RIESGO)
    assert niveles_de_apertura(tmp_path) == ["WARNING"]
    assert decisiones(tmp_path) == []
    assert "denegaron" not in salida.errores


async def test_con_aislamiento_no_se_avisa_de_nada_al_abrir(tmp_path: Path) -> None:
    pasos = Guion({"Master": [texto("hola")]})
    async with doble_de("openai", pasos) as doble:
        salida = await correr(tmp_path, "-p", "x", **variables_de("openai", doble))
    assert (salida.codigo, salida.texto) == (0, "hola\n")
    assert RIESGO not in salida.errores
    assert niveles_de_apertura(tmp_path) == ["INFO"]


async def test_si_ademas_falla_el_master_sigue_siendo_un_3(tmp_path: Path) -> None:
    """Cuando caben los dos, denegado va delante de fallo."""
    leidos: list[str] = []
    pasos = guion(
        "touch prohibido", llamar(PROBLEMA, {"descripcion_problema": "no puedo"}), leidos=leidos
    )
    pasos.poner("Master", [delegar("x"), texto("espera"), Respuesta(error=Error(400, "no vale"))])
    async with doble_de("openai", pasos) as doble:
        salida = await correr(tmp_path, "-p", "x", *LOCAL, **variables_de("openai", doble))
    assert salida.codigo == Salida.DENEGADO
    assert AQUI in salida.errores
    assert "no vale" in salida.errores
