"""Los presupuestos, de punta a punta: se reserva, se avisa, se pausa y la persona decide.

Cada sesión se reproduce al cerrarse y ha de decidir lo mismo (`tests/apoyo.py`).
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from agentes.errores import ErrorConfiguracion
from agentes.presupuesto import leer_cambios
from agentes.respuestas import Uso
from servicios.interfaz.presupuesto import parados, seguir
from servicios.llm.adaptador import SALIDA_DESCONOCIDA
from tests.apoyo import CONSOLA, REPORTAR, consultar, conversar, delegar, enjambre, tipo
from tests.dobles.fallos import fallo
from tests.dobles.gemini import DobleGemini
from tests.dobles.guion import Guion, Paso
from tests.dobles.openai import DobleOpenAI
from tests.dobles.respuestas import Fin, llamar, texto

_RESERVAS = """
    SELECT agente_id, details ->> '$.entrada', details ->> '$.salida' FROM logs
    WHERE tipo = 'budget_reserve' ORDER BY id"""
_AVISOS = """
    SELECT agente_id, details ->> '$.parte', details ->> '$.texto' FROM logs
    WHERE tipo = 'budget_warning' ORDER BY id"""
_ESTADOS = "SELECT agent_id, status FROM agent_runs ORDER BY id"
_FALLOS = "SELECT details ->> '$.clase' FROM logs WHERE tipo = 'llm_call' ORDER BY id"


def con_gasto(entrada: int, salida: int = 10, **opciones: Any) -> dict[str, Any]:
    return {"uso": Uso(entrada, salida), **opciones}


def _ordena(veces: int, **opciones: Any) -> list[Paso]:
    """Tantas órdenes y después el reporte."""
    ordenes: list[Paso] = [
        llamar(CONSOLA, {"command": f"echo {n}"}, **opciones) for n in range(veces)
    ]
    return [*ordenes, llamar(REPORTAR, {"resultado": "hecho"}, **opciones)]


async def test_lo_que_queda_se_manda_como_tope_y_la_reserva_va_delante(tmp_path: Path) -> None:
    guion = Guion({"Master": [texto("hola", **con_gasto(100))]})
    async with DobleOpenAI(guion) as doble:
        ajuste = {"presupuesto": "tokens=9000"}
        async with enjambre(doble, tmp_path, proveedor="openai", **ajuste) as sistema:
            assert await conversar(sistema, "di hola") == "hola"
            assert [round(u) for _, _, u in sistema.contaduria.cuentas()] == [110]
        (peticion,) = doble.peticiones
    ((agente, entrada, salida),) = consultar(tmp_path, _RESERVAS)
    assert agente == "master"
    assert entrada + salida == 9000
    assert peticion.cuerpo["max_completion_tokens"] == salida < SALIDA_DESCONOCIDA


async def test_gemini_recibe_el_tope_en_su_idioma_y_con_sitio_de_sobra_es_el_de_siempre(
    tmp_path: Path,
) -> None:
    async with DobleGemini(Guion({"Master": [texto("hola")]})) as doble:
        topes = "tokens=900000"
        async with enjambre(doble, tmp_path, proveedor="gemini", presupuesto=topes) as sistema:
            await conversar(sistema, "di hola")
        (peticion,) = doble.peticiones
    assert peticion.cuerpo["generationConfig"]["maxOutputTokens"] == SALIDA_DESCONOCIDA


async def test_sin_presupuesto_no_se_aparta_nada_ni_se_acota(tmp_path: Path) -> None:
    async with DobleOpenAI(Guion({"Master": [texto("hola")]})) as doble:
        async with enjambre(doble, tmp_path, proveedor="openai") as sistema:
            await conversar(sistema, "di hola")
        (peticion,) = doble.peticiones
    assert not {"max_completion_tokens", "max_tokens"} & peticion.cuerpo.keys()
    assert consultar(tmp_path, _RESERVAS) == []


async def test_al_master_se_le_avisa_una_vez_y_no_se_le_para_hasta_que_no_cabe(
    tmp_path: Path,
) -> None:
    pasos = [texto("uno", **con_gasto(850_000)), texto("dos", **con_gasto(120_000)), texto("tres")]
    async with DobleOpenAI(Guion({"Master": pasos})) as doble:
        topes = "tokens=1000000"
        async with enjambre(doble, tmp_path, proveedor="openai", presupuesto=topes) as sistema:
            assert await conversar(sistema, "a", "b", "c") == "tres"
        veces = [p.todo_el_texto.count("Presupuesto al 80 %") for p in doble.peticiones]
    assert veces == [0, 1, 1]
    assert [(quien, parte) for quien, parte, _ in consultar(tmp_path, _AVISOS)] == [("master", 80)]


async def test_cero_es_cero(tmp_path: Path) -> None:
    async with DobleOpenAI(Guion({"Master": [texto("nunca")]})) as doble:
        topes = "tokens=0"
        async with enjambre(doble, tmp_path, proveedor="openai", presupuesto=topes) as sistema:
            await conversar(sistema, "hola")
            assert sistema.conversacion.ultimo_error is not None
            assert sistema.conversacion.ultimo_error.es_de_presupuesto
            assert "gastado 0 tokens de 0 tokens" in sistema.contaduria.negado
        assert doble.peticiones == []
    assert consultar(tmp_path, _FALLOS) == [("presupuesto",)]


async def test_al_acabarse_se_pausa_lo_dice_y_sigue_donde_estaba_al_dar_mas(tmp_path: Path) -> None:
    """El tope es del tipo: el Master no se entera hasta que algo lo despierta, y nada se repite."""
    corto = tipo("corto", presupuesto={"tokens": 4000})
    pasos = _ordena(3, **con_gasto(1500))
    guion = Guion(
        {"Master": [delegar("a", tipo="corto"), texto("espero"), texto("fin")], "corto-*": pasos}
    )
    async with DobleOpenAI(guion) as doble:
        async with enjambre(doble, tmp_path, corto, proveedor="openai") as sistema:
            assert await conversar(sistema, "uno") == "espero"
            assert parados(sistema) == ["corto-1"]
            with pytest.raises(ErrorConfiguracion, match="no hay tope de usd"):
                await sistema.contaduria.cambiar("corto-1", leer_cambios(["+2"]), solo=False)
            nuevo = await sistema.contaduria.cambiar(
                "corto-1", leer_cambios(["tokens=+20000"]), solo=False
            )
            assert str(nuevo) == "24000 tokens"
            assert await seguir(sistema) == ["corto-1"]
            await sistema.conversacion.esperar_calma()
            assert sistema.conversacion.ultimo_texto == "fin"
        doble.comprobar()
        suyas = [p for p in doble.peticiones if p.agente == "corto-1"]
    assert len(suyas) == 4
    assert "Hay más presupuesto" in suyas[-1].todo_el_texto
    avisos = consultar(tmp_path, _AVISOS)
    assert [parte for _, parte, _ in avisos] == [100]
    assert avisos[0][2].startswith("corto-1: gastado 3020 tokens de 4000 tokens, y la siguiente")
    assert consultar(tmp_path, _ESTADOS) == [("corto-1", "completed")]
    pausas = "SELECT details ->> '$.espera' FROM logs WHERE tipo='agent_loop' AND details ->> '$.estado'='paused'"
    assert consultar(tmp_path, pausas) == [("presupuesto",)]


async def test_al_80_avisa_una_vez_y_al_95_deja_un_ultimo_turno(tmp_path: Path) -> None:
    corto = tipo("corto", presupuesto={"tokens": 1_000_000})
    pasos: list[Paso] = [
        llamar(CONSOLA, {"command": "echo 1"}, **con_gasto(810_000)),
        llamar(CONSOLA, {"command": "echo 2"}, **con_gasto(20_000)),
        llamar(CONSOLA, {"command": "echo 3"}, **con_gasto(125_000)),
        llamar(CONSOLA, {"command": "echo 4"}, **con_gasto(1_000)),
    ]
    guion = Guion({"Master": [delegar("a", tipo="corto"), texto("espero")], "corto-*": pasos})
    async with DobleOpenAI(guion) as doble:
        async with enjambre(doble, tmp_path, corto, proveedor="openai") as sistema:
            await conversar(sistema, "uno")
            assert parados(sistema) == ["corto-1"]
        doble.comprobar()
        textos = [p.todo_el_texto for p in doble.peticiones if p.agente == "corto-1"]
    assert ["al 80 %" in t for t in textos] == [False, True, True, True]
    assert textos[-1].count("al 80 %") == 1
    assert ["último turno" in t for t in textos] == [False, False, False, True]
    assert [parte for _, parte, _ in consultar(tmp_path, _AVISOS)] == [80, 95, 100]
    notas = "SELECT clase, count(*) FROM notices WHERE agente_id='corto-1' GROUP BY clase"
    assert consultar(tmp_path, notas) == [("presupuesto", 2)]


async def test_una_respuesta_cortada_por_lo_que_quedaba_es_una_pausa_y_no_se_ejecuta(
    tmp_path: Path,
) -> None:
    corto = tipo("corto", presupuesto={"tokens": 6000})
    cortada = llamar(CONSOLA, {"command": "rm -rf /datos/x"}, **con_gasto(900), fin=Fin.LONGITUD)
    guion = Guion({"Master": [delegar("a", tipo="corto"), texto("espero")], "corto-*": [cortada]})
    async with DobleOpenAI(guion) as doble:
        async with enjambre(doble, tmp_path, corto, proveedor="openai") as sistema:
            await conversar(sistema, "uno")
            assert parados(sistema) == ["corto-1"]
        doble.comprobar()
    assert consultar(tmp_path, "SELECT count(*) FROM commands WHERE command IS NOT NULL") == [(0,)]
    gasto = "SELECT tokens_in FROM agent_runs"
    assert consultar(tmp_path, gasto) == [(900,)], "se pagó, aunque no valiera"


async def test_cada_intento_se_aparta_y_el_que_falla_sin_decir_su_uso_cuesta_la_entrada(
    tmp_path: Path,
) -> None:
    guion = Guion({"Master": [fallo("503"), fallo("503"), texto("al fin", **con_gasto(500))]})
    async with DobleOpenAI(guion) as doble:
        topes = "tokens=90000"
        async with enjambre(doble, tmp_path, proveedor="openai", presupuesto=topes) as sistema:
            assert await conversar(sistema, "hola") == "al fin"
            ((_, _, usado),) = sistema.contaduria.cuentas()
    reservas = consultar(tmp_path, _RESERVAS)
    assert len(reservas) == 3
    estimado = reservas[0][1]
    assert usado == 2 * estimado + 510
    assert consultar(tmp_path, "SELECT tokens_in FROM model_calls") == [(500,)]


async def test_en_paralelo_no_se_aparta_dos_veces_lo_mismo_y_quien_no_cabe_espera(
    tmp_path: Path,
) -> None:
    """Con sitio para una llamada cada vez, van de una en una y todas acaban."""
    guion = Guion(
        {
            "Master": [delegar("a", "b", "c"), *[texto("ya")] * 6],
            "ejecutor-*": llamar(REPORTAR, {"resultado": "ya"}, pausa_s=0.05, **con_gasto(900)),
        }
    )
    async with DobleOpenAI(guion) as doble:
        topes = "tokens=30000"
        async with enjambre(doble, tmp_path, proveedor="openai", presupuesto=topes) as sistema:
            await conversar(sistema, "tres")
            assert sistema.contaduria.negado == ""
    assert [e for _, e in consultar(tmp_path, _ESTADOS)] == ["completed"] * 3
