"""Las pruebas desde fuera: el código de salida, y volver a comprobarlas con la bitácora."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest

from servicios.ajustes import Ajustes
from servicios.interfaz.auditar.evidencias import otra_vez
from servicios.interfaz.terminal.ordenes.comando import Escena
from servicios.interfaz.terminal.ordenes.reparto import obedecer
from servicios.registros.auditoria.base import abrir_base
from servicios.registros.auditoria.filtros import Filtro
from servicios.registros.auditoria.preguntas import evidencias
from tests.apoyo import CONSOLA, delegar, enjambre, variables_de
from tests.dobles.fallos import fallo
from tests.dobles.guion import Guion
from tests.dobles.openai import DobleOpenAI
from tests.dobles.peticion import Peticion
from tests.dobles.respuestas import Respuesta, llamar, texto
from tests.herramientas.evidencias.apoyo import TIPOS, guion_de, reportar
from tests.herramientas.evidencias.casos import archivo, orden, verdades
from tests.interfaz.apoyo_terminal import PapelDePrueba
from tests.interfaz.test_headless import Salida, correr

CREAR = llamar(CONSOLA, {"command": "printf x > f"})
BIEN, MAL = archivo("f", "x"), archivo("f", "otra cosa")


def guion(*agentes: list[Respuesta]) -> Guion:
    pasos = {f"ejecutor-{n}": suyos for n, suyos in enumerate(agentes, 1)}
    return Guion({"Master": lambda p: _master(p, len(agentes)), **pasos})


def _master(peticion: Peticion, cuantos: int) -> Respuesta:
    primera = len(peticion.mensajes) == 1
    return delegar(*(f"tarea {n}" for n in range(cuantos))) if primera else texto("fin")


async def tarea(carpeta: Path, doble: DobleOpenAI, *argumentos: str) -> Salida:
    return await correr(carpeta, "-p", "haz", *argumentos, **variables_de("openai", doble))


@pytest.mark.parametrize(
    ("exigir", "afirma", "codigo"),
    [(True, [MAL], 5), (True, [BIEN], 0), (False, [MAL], 0)],
)
async def test_el_codigo_5_solo_si_se_exigia_y_no_se_probo(
    tmp_path: Path, exigir: bool, afirma: list[dict[str, Any]], codigo: int
) -> None:
    async with DobleOpenAI(guion([CREAR, *[reportar(afirma)] * 2])) as doble:
        opciones = ("--exigir-evidencias",) if exigir else ()
        salida = await tarea(tmp_path, doble, "--salida", "json", *opciones)
    objeto = json.loads(salida.texto)
    assert (salida.codigo, objeto["codigo"]) == (codigo, codigo)
    nombrado = "Acabaron sin probar su resultado: ejecutor-1" in salida.errores
    assert nombrado == (codigo == 5)
    esperada = "fallida" if afirma == [MAL] else "verificada"
    assert objeto["agentes"][0]["verificacion"] == esperada
    assert ("ejecutor-1: ✘ archivo f: su sha256 es otro" in salida.errores) == (afirma == [MAL])


async def test_un_fallo_manda_sobre_lo_no_verificado(tmp_path: Path) -> None:
    async with DobleOpenAI(guion([reportar([]), reportar([])], [fallo("401")])) as doble:
        salida = await tarea(tmp_path, doble, "--exigir-evidencias")
    assert salida.codigo == 1


async def test_exigir_evidencias_es_de_la_conversacion(tmp_path: Path) -> None:
    salida = await correr(tmp_path, "--exigir-evidencias", "auditar", "sesiones")
    assert salida.codigo == 2
    assert "auditar no va con --exigir-evidencias" in salida.errores


async def test_la_ficha_y_la_lista_de_agentes_dicen_lo_que_probo_cada_uno(tmp_path: Path) -> None:
    pasos = [CREAR, *[reportar([BIEN, MAL])] * 2]
    papel = PapelDePrueba()
    async with (
        DobleOpenAI(guion(pasos, [CREAR, reportar([BIEN])])) as doble,
        enjambre(doble, tmp_path, proveedor="openai") as sistema,
    ):
        await sistema.conversacion.decir("empieza")
        await sistema.conversacion.esperar_calma()
        escena = Escena(sistema, papel, lambda: None, ())
        await obedecer("/agentes", escena)
        await obedecer("/ver ejecutor-1", escena)
    dicho = " ".join(papel.texto.split())
    assert "ejecutor-1 terminado ✘" in dicho
    assert "ejecutor-2 terminado ✔" in dicho
    assert "verificación: fallida" in dicho
    assert dicho.count("✘ archivo f: su sha256 es otro") >= 2


async def test_cada_afirmacion_se_comprueba_otra_vez_desde_la_bitacora(tmp_path: Path) -> None:
    datos = tmp_path
    afirma = [BIEN, orden("test -s f"), MAL]
    async with DobleOpenAI(guion([CREAR, *[reportar(afirma)] * 2])) as doble:
        assert (await tarea(datos, doble)).codigo == 0
    lista = await correr(datos, "auditar", "evidencias")
    assert lista.codigo == 0
    assert lista.texto.count("✔") == 4
    assert lista.texto.count("✘") == 2
    sigue = await correr(datos, "auditar", "evidencias", "--comprobar", "--json")
    assert sigue.codigo == 0
    assert [(e["cumple"], e["cumple_ahora"]) for e in json.loads(sigue.texto)] == [
        *((1, True), (1, True), (0, False)) * 2
    ]
    (datos / "espacios/ejecutor-1/f").write_text("cambiado")
    ya_no = await correr(datos, "auditar", "evidencias", "--comprobar")
    assert ya_no.codigo == 1
    assert "✘ archivo f: su sha256 es otro" in ya_no.texto
    assert "✔ orden test -s f" in ya_no.texto


async def test_tambien_las_de_http_poniendo_en_marcha_su_trabajo(tmp_path: Path) -> None:
    [de_todo] = [caso for caso in verdades() if caso.nombre == "de todo"]
    guion_suyo, _ = guion_de([de_todo])
    async with (
        DobleOpenAI(guion_suyo) as doble,
        enjambre(doble, tmp_path, *TIPOS, proveedor="openai") as sistema,
    ):
        await sistema.conversacion.decir("empieza")
        await sistema.conversacion.esperar_calma()
    ruta = tmp_path / "data/swarm.db"
    with abrir_base(ruta) as base:
        hoja = evidencias(base, sistema.sesion, Filtro())
    nueva, siguen = await asyncio.to_thread(otra_vez, Ajustes.leer(tmp_path), ruta, hoja)
    assert siguen
    assert [hecha["ahora"][0] for hecha in nueva.objetos()] == ["✔"] * 5
