"""Entregar un resultado con pruebas: lo que lee el agente, lo que lee el Master y lo que consta."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from tests.apoyo import CONSOLA, REPORTAR, consultar, conversar, delegar, enjambre, tipo
from tests.dobles.base import Doble
from tests.dobles.guion import Guion
from tests.dobles.openai import DobleOpenAI
from tests.dobles.respuestas import Respuesta, llamada, llamar, respuesta, texto
from tests.herramientas.evidencias.apoyo import reportar
from tests.herramientas.evidencias.casos import archivo, en_texto, orden

if sys.platform != "linux":
    pytest.skip("la consola es solo de Linux", allow_module_level=True)

EXIGENTE = tipo("exigente", evidencias=["archivo", "orden"])
FALSA = archivo("f", "otra cosa")
CREAR = llamar(CONSOLA, {"command": "printf x > f"})
FINALES = "SELECT status, result, verificacion FROM agent_runs"


def guion_de(*pasos: Respuesta, quien: str = "ejecutor") -> Guion:
    return Guion(
        {"Master": [delegar("haz", tipo=quien), texto("espera"), texto("fin")], f"{quien}-1": pasos}
    )


async def correr(doble: Doble, carpeta: Path, *tipos: dict[str, Any], **variables: str) -> None:
    async with enjambre(doble, carpeta, *tipos, proveedor="openai", **variables) as sistema:
        assert await conversar(sistema, "empieza") == "fin"
    doble.comprobar()


def leido(doble: Doble, quien: str) -> str:
    """Lo último que leyó un agente."""
    return doble.de(quien)[-1].ultimo.texto


async def test_sin_pruebas_ni_quien_las_pida_todo_es_como_siempre(tmp_path: Path) -> None:
    async with DobleOpenAI(guion_de(llamar(REPORTAR, {"resultado": "5"}))) as doble:
        await correr(doble, tmp_path)
        aviso = leido(doble, "Master")
    assert aviso.endswith("terminó su tarea: 5")
    assert consultar(tmp_path, FINALES) == [("completed", "5", "sin_pruebas")]
    assert consultar(tmp_path, "SELECT count(*) FROM v_evidencias") == [(0,)]


async def test_lo_probado_consta_y_el_master_lo_lee_delante(tmp_path: Path) -> None:
    largo = "r" * 9_000
    async with DobleOpenAI(guion_de(CREAR, reportar([archivo("f", "x")], largo))) as doble:
        await correr(doble, tmp_path)
        aviso = leido(doble, "Master")
    assert "terminó su tarea (verificado: ✔ archivo f): rrr" in aviso
    assert consultar(tmp_path, FINALES) == [("completed", largo, "verificada")]
    filas = consultar(
        tmp_path,
        "SELECT v.cumple, v.resultado, v.op, r.tipo, json_extract(v.afirmacion, '$.ruta')"
        " FROM v_evidencias AS v JOIN logs AS r ON r.id = v.respuesta",
    )
    [(cumple, resultado, op, causa, ruta)] = filas
    assert (cumple, resultado, causa, ruta) == (1, "✔ archivo f", "llm_output", "f")
    assert op.endswith("#1")


async def test_lo_que_no_se_cumple_vuelve_una_vez_y_el_segundo_reporte_es_el_ultimo(
    tmp_path: Path,
) -> None:
    pasos = (CREAR, reportar([FALSA, en_texto("f", texto="x")], "uno"), reportar([FALSA], "dos"))
    async with DobleOpenAI(guion_de(*pasos)) as doble:
        await correr(doble, tmp_path)
        devuelto, aviso = leido(doble, "ejecutor-1"), leido(doble, "Master")
    assert devuelto.startswith("No se entrega todavía")
    assert "✘ archivo f: su sha256 es otro\n✔ texto f\n" in devuelto
    assert "(SIN VERIFICAR: ✘ archivo f: su sha256 es otro): dos" in aviso
    assert consultar(tmp_path, FINALES) == [("completed", "dos", "fallida")]


async def test_quien_se_corrige_queda_verificado(tmp_path: Path) -> None:
    bien = archivo("f", "x")
    async with DobleOpenAI(guion_de(reportar([bien]), CREAR, reportar([bien]))) as doble:
        await correr(doble, tmp_path)
    assert consultar(tmp_path, FINALES) == [("completed", "hecho", "verificada")]
    assert consultar(tmp_path, "SELECT cumple FROM v_evidencias ORDER BY fila") == [(0,), (1,)]


@pytest.mark.parametrize(
    ("evidencias", "verificacion"), [([], "sin_pruebas"), ([archivo("f", "x")], "sin_pruebas")]
)
async def test_lo_que_exige_el_tipo_se_pide_y_despues_consta_que_falta(
    tmp_path: Path, evidencias: Sequence[dict[str, Any]], verificacion: str
) -> None:
    guion = guion_de(CREAR, reportar(evidencias), reportar(evidencias), quien="exigente")
    async with DobleOpenAI(guion) as doble:
        await correr(doble, tmp_path, EXIGENTE)
        devuelto, aviso = leido(doble, "exigente-1"), leido(doble, "Master")
        sistema = doble.de("exigente-1")[0].sistema
    assert "Se te exigen de clase: archivo, orden." in sistema
    assert "Faltan evidencias de clase: " in devuelto
    assert "faltan las exigidas: " in aviso
    assert aviso.index("SIN VERIFICAR") < aviso.index(": hecho")
    assert consultar(tmp_path, FINALES) == [("completed", "hecho", verificacion)]


async def test_a_todos_se_les_puede_exigir_alguna(tmp_path: Path) -> None:
    guion = guion_de(CREAR, reportar([]), reportar([archivo("f", "x")]))
    async with DobleOpenAI(guion) as doble:
        await correr(doble, tmp_path, ENJAMBRE_EXIGIR_EVIDENCIAS="true")
    assert consultar(tmp_path, FINALES) == [("completed", "hecho", "verificada")]
    nacido = "SELECT json_extract(details, '$.exige[0]') FROM logs WHERE tipo = 'agent_run_start'"
    assert consultar(tmp_path, nacido) == [("cualquiera",)]


async def test_una_mal_escrita_es_un_error_que_vuelve_y_no_gasta_la_vez(tmp_path: Path) -> None:
    mala = {"clase": "archivo", "ruta": "f", "sha256": "corto"}
    pasos = (CREAR, reportar([mala]), reportar([FALSA]), reportar([archivo("f", "x")]))
    async with DobleOpenAI(guion_de(*pasos)) as doble:
        await correr(doble, tmp_path)
        error = doble.de("ejecutor-1")[2].ultimo.texto
    assert "evidencias mal escritas" in error
    assert "evidencia 1: «sha256»: son 64 cifras hexadecimales" in error
    assert consultar(tmp_path, FINALES) == [("completed", "hecho", "verificada")]


async def test_lo_que_va_detras_de_un_reporte_no_se_hace_aunque_se_devuelva(tmp_path: Path) -> None:
    dos = respuesta(
        llamadas=[
            llamada(REPORTAR, {"resultado": "uno", "evidencias": [FALSA]}),
            llamada(REPORTAR, {"resultado": "dos"}),
        ]
    )
    async with DobleOpenAI(guion_de(dos, llamar(REPORTAR, {"resultado": "tres"}))) as doble:
        await correr(doble, tmp_path)
        assert "iba detrás de tu reporte" in leido(doble, "ejecutor-1")
    assert consultar(tmp_path, FINALES) == [("completed", "tres", "sin_pruebas")]


async def test_comprobar_pide_permiso_como_cualquier_orden(tmp_path: Path) -> None:
    regla = {"decision": "denegar", "orden": ["python3"]}
    receloso = tipo("receloso", aprobacion="nunca_preguntar", reglas=[regla])
    afirma = [orden("python3 p.py"), orden("make prueba"), orden("ls")]
    guion = guion_de(reportar(afirma), reportar(afirma), quien="receloso")
    async with DobleOpenAI(guion) as doble:
        await correr(doble, tmp_path, receloso)
    vistas = consultar(tmp_path, "SELECT resultado FROM v_evidencias ORDER BY fila LIMIT 3")
    assert vistas[0][0].startswith("✘ orden python3 p.py: no se permitió: ")
    assert vistas[1][0].startswith("✘ orden make prueba: no se permitió: ")
    assert vistas[2] == ("✔ orden ls",)
    decididas = consultar(tmp_path, "SELECT decision FROM v_aprobaciones")
    assert decididas == [("denegar",)] * 4


async def test_una_comprobacion_no_deja_huella(tmp_path: Path) -> None:
    """Ni en su carpeta, ni en la consola: la orden siguiente sigue donde estaba."""
    preparar = llamar(CONSOLA, {"command": "mkdir sub && cd sub && export A=1"})
    programa = "open('sub/y', 'w')"
    escribe = llamar(CONSOLA, {"command": f'echo "{programa}" > ../p.py'})
    afirma = [orden("python3 p.py"), orden("test -d sub")]
    mirar = llamar(CONSOLA, {"command": "echo $A ${PWD##*/} $(ls)"})
    pasos = (preparar, escribe, reportar(afirma), mirar, reportar([orden("test -d sub")]))
    async with DobleOpenAI(guion_de(*pasos)) as doble:
        await correr(doble, tmp_path)
    cumplen = consultar(tmp_path, "SELECT cumple FROM v_evidencias ORDER BY fila")
    assert cumplen == [(0,), (1,), (1,)]
    [(stdout,)] = consultar(tmp_path, "SELECT stdout FROM v_comandos ORDER BY fila DESC LIMIT 1")
    assert stdout == "1 sub\n"


async def test_el_estado_de_cada_agente_dice_lo_que_probo(tmp_path: Path) -> None:
    guion = guion_de(CREAR, reportar([archivo("f", "x")]))
    async with (
        DobleOpenAI(guion) as doble,
        enjambre(doble, tmp_path, proveedor="openai") as sistema,
    ):
        await conversar(sistema, "empieza")
        [estado] = sistema.gestor.get_all_agents_status()
        [fila] = await sistema.consultas.agentes(sistema.sesion)
        [prueba] = await sistema.consultas.evidencias_de(sistema.sesion, "ejecutor-1", 5)
    assert (estado["verificacion"], fila.verificacion) == ("verificada", "verificada")
    assert (prueba.cumple, prueba.resultado) == (True, "✔ archivo f")
    json.dumps(estado)
