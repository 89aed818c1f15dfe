"""`python main.py --reanudar` como proceso: lo que dice, lo que hace y con qué código sale."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.apoyo import CONSOLA, REPORTAR, delegar, doble_de
from tests.apoyo_programa import Programa
from tests.consola.apoyo import hasta_que, sueno, vivos
from tests.dobles.fallos import fallo
from tests.dobles.guion import Guion
from tests.dobles.respuestas import llamar, texto
from tests.tortura.fotos import abierto
from tests.tortura.fotos import programa as programa_en

if sys.platform != "linux":
    pytest.skip("la consola es solo de Linux", allow_module_level=True)

pytestmark = pytest.mark.lento


@pytest.fixture
async def programa(tmp_path: Path) -> AsyncIterator[Programa]:
    async with doble_de("openai", Guion()) as doble:
        yield Programa(tmp_path / "data", doble)


async def test_una_sesion_quieta_repite_su_texto_sin_llamar_a_nadie(programa: Programa) -> None:
    programa.doble.guion.poner("Master", [texto("son 5")])
    assert (await programa.correr("-p", "cuenta")).texto == "son 5\n"
    otra = await programa.correr("--reanudar")
    assert (otra.codigo, otra.texto) == (0, "son 5\n")
    [sesion] = programa.sesiones()
    en_json = await programa.correr("--reanudar", sesion, "--salida", "json")
    assert (en_json.codigo, json.loads(en_json.texto)["texto"]) == (0, "son 5")
    programa.doble.comprobar()
    assert len(programa.doble.peticiones) == 1


async def test_sin_ninguna_sesion_es_una_linea_y_un_2(programa: Programa) -> None:
    salida = await programa.correr("--reanudar", "--salida", "json")
    assert (salida.codigo, salida.texto) == (2, "")
    assert salida.errores.count("\n") == 1
    assert "no hay ninguna sesión" in salida.errores


async def test_si_en_la_sesion_nadie_dijo_nada_es_una_linea_y_un_2(programa: Programa) -> None:
    """Como la de un programa que murió antes de guardar su primera línea."""
    raiz = programa_en(programa.datos.parent / "programa", programa.doble)
    async with abierto(raiz, programa.datos):
        pass
    salida = await programa.correr("--reanudar", "--salida", "json")
    assert (salida.codigo, salida.texto) == (2, "")
    assert salida.errores.count("\n") == 1
    assert "no llegó a guardarse ninguna línea" in salida.errores
    programa.doble.guion.poner("Master", [texto("hola")])
    dicha = await programa.correr("--reanudar", "-p", "saluda")
    assert (dicha.codigo, dicha.texto) == (0, "hola\n")


async def test_con_mas_que_decir_sigue_la_misma_conversacion(programa: Programa) -> None:
    programa.doble.guion.poner("Master", [texto("son 5"), texto("ahora 6")])
    await programa.correr("-p", "cuenta")
    salida = await programa.correr("--reanudar", "-p", "otra vez")
    assert (salida.codigo, salida.texto) == (0, "ahora 6\n")
    programa.doble.comprobar()
    ultima = programa.doble.peticiones[-1].mensajes
    assert [m.texto for m in ultima] == ["cuenta", "son 5", "otra vez"]
    assert len(programa.sesiones()) == 1


async def test_una_sesion_con_duenio_se_niega_y_dice_quien_la_tiene(programa: Programa) -> None:
    """Y otro proceso tiene la suya mientras tanto."""
    n = sueno()
    guion = programa.doble.guion
    guion.poner("Master", lambda p: delegar("x") if p.ultimo.texto == "larga" else texto("ya"))
    guion.poner(
        "ejecutor-*",
        lambda p: (
            llamar(REPORTAR, {"resultado": "ok"})
            if p.resultados
            else llamar(CONSOLA, {"command": f"sleep {n}"})
        ),
    )
    duenio = await programa.lanzar("-p", "larga")
    try:
        assert await hasta_que(lambda: bool(vivos(n)), 20)
        [sesion] = programa.sesiones()
        negada, otra = await asyncio.gather(
            programa.correr("--reanudar", sesion), programa.correr("-p", "corta")
        )
        assert (negada.codigo, negada.texto) == (2, "")
        assert f"la tiene abierta el proceso {duenio.pid} " in negada.errores
        assert (otra.codigo, otra.texto) == (0, "ya\n")
        assert len(programa.sesiones()) == 2
    finally:
        duenio.send_signal(signal.SIGKILL)
        await duenio.wait()
        for pid in vivos(n):
            os.kill(pid, signal.SIGKILL)
    # Su dueño murió: el núcleo soltó el cerrojo y la orden ya no vive.
    seguida = await programa.correr("--reanudar", sesion)
    assert (seguida.codigo, seguida.texto) == (0, "ya\n")


async def test_reanudada_a_la_vez_por_dos_solo_sigue_uno(programa: Programa) -> None:
    programa.doble.guion.poner("Master", lambda _: texto("hola", pausa_s=2.0))
    muerto = await programa.lanzar("-p", "saluda")
    await programa.doble.esperar(1, limite_s=20)
    muerto.kill()
    await muerto.wait()
    una, otra = await asyncio.gather(programa.correr("--reanudar"), programa.correr("--reanudar"))
    assert sorted([una.codigo, otra.codigo]) == [0, 2]
    assert sorted([una.texto, otra.texto]) == ["", "hola\n"]
    assert len(programa.doble.peticiones) == 2


async def test_si_fallo_el_proveedor_al_reanudar_se_le_vuelve_a_preguntar(
    programa: Programa,
) -> None:
    programa.doble.guion.poner("Master", lambda _: fallo("401"))
    assert (await programa.correr("-p", "cuenta")).codigo == 2
    programa.doble.guion.poner("Master", [texto("son 5")])
    salida = await programa.correr("--reanudar")
    assert (salida.codigo, salida.texto) == (0, "son 5\n")
    [sesion] = programa.sesiones()
    assert [m.texto for m in programa.doble.peticiones[-1].mensajes] == ["cuenta"]
    repetida = await programa.correr("reproducir", sesion)
    assert repetida.codigo == 0, repetida.errores
