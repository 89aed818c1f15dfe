"""`/presupuesto` en la conversación: cómo va, dar más y que siga lo que se paró."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from agentes.errores import ErrorConfiguracion
from agentes.eventos import HechoAnotado
from agentes.respuestas import Uso
from servicios.interfaz.lineas import linea_de
from servicios.interfaz.tablero import renglones
from servicios.interfaz.terminal.ordenes.comando import Escena
from servicios.interfaz.terminal.ordenes.reparto import obedecer
from servicios.interfaz.terminal.ordenes.tabla import TECLAS
from servicios.registros.tablero.en_json import objeto
from servicios.registros.tablero.foto import Camara
from servicios.registros.tablero.ordenes import Tapadera
from servicios.sistema import Sistema
from tests.apoyo import REPORTAR, conversar, delegar, enjambre, tipo
from tests.dobles.guion import Guion
from tests.dobles.openai import DobleOpenAI
from tests.dobles.respuestas import llamar, texto
from tests.interfaz.apoyo_terminal import PapelDePrueba

CORTO = tipo("corto", presupuesto={"tokens": 10})


@asynccontextmanager
async def escena(
    carpeta: Path, guion: Guion, presupuesto: str = ""
) -> AsyncIterator[tuple[Sistema, Escena, PapelDePrueba]]:
    papel = PapelDePrueba()
    async with (
        DobleOpenAI(guion) as doble,
        enjambre(doble, carpeta, CORTO, proveedor="openai", presupuesto=presupuesto) as sistema,
    ):
        yield sistema, Escena(sistema, papel, lambda: None, TECLAS), papel


def _del_agente() -> Guion:
    return Guion(
        {
            "Master": [delegar("a", tipo="corto"), texto("espero"), texto("fin")],
            "corto-*": [llamar(REPORTAR, {"resultado": "ya"}, uso=Uso(900, 10))],
        }
    )


async def test_sin_ninguno_dice_como_ponerlo(tmp_path: Path) -> None:
    async with escena(tmp_path, Guion()) as (_, orden, papel):
        await obedecer("/presupuesto", orden)
    assert "No hay ningún presupuesto. Ponlo con /presupuesto tokens=200000" in papel.texto


async def test_se_pone_se_ve_y_se_amplia(tmp_path: Path) -> None:
    guion = Guion({"Master": [texto("hola", uso=Uso(400, 100))]})
    async with escena(tmp_path, guion) as (sistema, orden, papel):
        await obedecer("/presupuesto tokens=1000, comandos=2", orden)
        assert "Presupuesto de la sesión: 1000 tokens, 2 comandos." in papel.texto
        await obedecer("/presupuesto tokens=+49000", orden)
        assert "Presupuesto de la sesión: 50000 tokens, 2 comandos." in papel.texto
        await conversar(sistema, "hola")
        await obedecer("/presupuesto", orden)
        await obedecer("/coste", orden)
    fila = ("la sesión", "500 tokens", "50000 tokens", "1%")
    assert papel.filas.count(fila) == 2, "también en /coste"


@pytest.mark.parametrize(
    ("linea", "dice"),
    [
        ("+2", "no hay tope de usd al que sumar"),
        ("euros=1", "«euros» no es un recurso"),
        ("usd=1", "no se sabe el precio de openai:gpt-prueba"),
        ("tokens=uno", "«uno» no es un número"),
    ],
)
async def test_lo_que_no_vale_se_dice_y_no_cambia_nada(
    tmp_path: Path, linea: str, dice: str
) -> None:
    async with escena(tmp_path, Guion()) as (sistema, orden, _):
        with pytest.raises(ErrorConfiguracion, match=dice):
            await obedecer(f"/presupuesto {linea}", orden)
        assert sistema.contaduria.cuentas() == []


async def test_a_quien_no_existe_se_le_nombra(tmp_path: Path) -> None:
    async with escena(tmp_path, Guion()) as (_, orden, papel):
        await obedecer("/presupuesto nadie-1 tokens=5", orden)
    assert "No hay ningún agente «nadie-1»" in papel.texto


async def test_el_que_se_paro_se_ve_en_el_tablero_y_sigue_al_darle_mas(tmp_path: Path) -> None:
    async with escena(tmp_path, _del_agente()) as (sistema, orden, papel):
        with sistema.bus.suscribir() as oidos:
            assert await conversar(sistema, "va") == "espero"
            hechos = [h.evento for h in oidos.pendientes() if isinstance(h, HechoAnotado)]
        dichas = [linea.texto for h in hechos if (linea := linea_de(h))]
        (agotado,) = (d for d in dichas if d.startswith("presupuesto agotado, queda en pausa · "))
        assert "· corto-1: gastado 0 tokens de 10 tokens" in agotado
        assert agotado.endswith(
            "/presupuesto [ID] tokens=+5000 (o usd, segundos, comandos, agentes)"
        )
        tablero = Camara(sistema.ajustes.datos, Tapadera(str, lambda _: 0), 300.0).foto(
            sistema.sesion
        )
        visto = tablero.de("corto-1")
        assert visto is not None
        assert (visto.espera, visto.espera_a_la_persona) == ("presupuesto", True)
        assert visto.motivo.startswith("corto-1: gastado 0 tokens de 10 tokens")
        assert any("tope 10 tokens" in linea.texto for linea in renglones(tablero, 100))
        en_json = json.loads(json.dumps(objeto(tablero)))
        assert en_json["agentes"][0]["presupuesto"] == {"tokens": 10}
        assert en_json["master"]["presupuesto"] == {}
        await obedecer("/presupuesto @corto-1 tokens=+40000", orden)
        assert "Presupuesto de corto-1: 40010 tokens. Siguen: corto-1." in papel.texto
        await sistema.conversacion.esperar_calma()
        assert sistema.conversacion.ultimo_texto == "fin"


async def test_el_master_tambien_sigue_con_lo_que_se_le_habia_dicho(tmp_path: Path) -> None:
    guion = Guion({"Master": [texto("aquí estoy", uso=Uso(500, 5))]})
    async with escena(tmp_path, guion, "tokens=100") as (sistema, orden, papel):
        assert await conversar(sistema, "hola") == ""
        await obedecer("/presupuesto tokens=60000", orden)
        assert "Siguen: master." in papel.texto
        await sistema.conversacion.esperar_calma()
        assert sistema.conversacion.ultimo_texto == "aquí estoy"


async def test_los_topes_de_el_solo_no_cuentan_lo_de_los_suyos(tmp_path: Path) -> None:
    async with escena(tmp_path, _del_agente()) as (sistema, orden, papel):
        await conversar(sistema, "va")
        await obedecer("/presupuesto corto-1 solo comandos=3", orden)
        assert "Presupuesto de corto-1: 10 tokens, 3 comandos (solo él)." in papel.texto
