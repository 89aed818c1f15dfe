"""`/contexto` y `/compactar`: lo que se ve sale de la bitácora y es lo que se mandó."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from agentes.eventos import MASTER
from prompts.tool_definitions import HERRAMIENTAS_MASTER
from servicios.interfaz.terminal.ordenes.comando import Escena
from servicios.interfaz.terminal.ordenes.reparto import obedecer
from servicios.interfaz.terminal.ordenes.tabla import TECLAS
from servicios.llm.medidas_contexto import medir_esquemas
from servicios.registros.lectura.radiografia import Parte, Radiografia, radiografiar
from servicios.sistema import Sistema
from tests.apoyo import CONSOLA, REPORTAR, consultar, conversar, delegar, doble_de, enjambre
from tests.dobles.base import Doble
from tests.dobles.fallos import fallo
from tests.dobles.guion import Guion
from tests.dobles.respuestas import llamar, texto
from tests.interfaz.apoyo_terminal import PapelDePrueba

LARGO = "con muchísimo detalle sobre cada cosa que ha ido apareciendo " * 12


@asynccontextmanager
async def escena(
    carpeta: Path, guion: Guion, proveedor: str = "openai"
) -> AsyncIterator[tuple[Sistema, Escena, PapelDePrueba, Doble]]:
    papel = PapelDePrueba()
    async with (
        doble_de(proveedor, guion) as doble,
        enjambre(doble, carpeta, proveedor=proveedor) as sistema,
    ):
        yield sistema, Escena(sistema, papel, lambda: None, TECLAS), papel, doble
        doble.comprobar()


def trabajo() -> Guion:
    return Guion(
        {
            "Master": [delegar("cuenta", dice="voy"), texto("en marcha"), texto("son 3")],
            "ejecutor-1": [
                llamar(CONSOLA, {"command": "echo uno dos tres"}),
                llamar(REPORTAR, {"resultado": "3"}),
            ],
        }
    )


async def vista(sistema: Sistema, agente_id: str, paso: int | None = None) -> Radiografia:
    filas = await sistema.consultas.filas_de_historia(sistema.sesion, agente_id)
    hecha = radiografiar(filas, paso)
    assert hecha is not None
    return hecha


@pytest.mark.parametrize("proveedor", ["openai", "gemini"])
async def test_se_ve_lo_que_se_mando_en_cada_paso_y_lo_que_cambio(
    tmp_path: Path, proveedor: str
) -> None:
    async with escena(tmp_path, trabajo(), proveedor) as (sistema, esc, papel, doble):
        assert await conversar(sistema, "cuenta las palabras") == "son 3"
        await obedecer("/contexto ejecutor-1 2", esc)
        segundo = await vista(sistema, "ejecutor-1", 2)
        mandado = doble.de("ejecutor-1")[1]
    textos = [m.mensaje.text for m in segundo.mensajes]
    assert textos[0] == mandado.sistema
    assert [t for t in textos[1:] if t] == [m.texto for m in mandado.mensajes if m.texto]
    assert [m.parte for m in segundo.nuevos] == [Parte.RESPUESTAS, Parte.RESULTADOS]
    assert segundo.quitados == ()
    assert segundo.reales > 0
    filas = {f[0]: f[1:] for f in papel.filas[1:]}
    assert filas["tarea"][0] == "1"
    assert filas["resultados"][0] == "1"
    assert filas["contado por el proveedor"][1] == str(segundo.reales)
    visto = papel.texto
    assert "echo uno dos tres" in visto
    assert "paso 2 de 2" in visto


async def test_sin_paso_es_el_ultimo_y_los_esquemas_cuentan(tmp_path: Path) -> None:
    async with escena(tmp_path, trabajo()) as (sistema, esc, papel, _):
        await conversar(sistema, "cuenta las palabras")
        await obedecer("/contexto master", esc)
        ultimo = await vista(sistema, MASTER)
    assert (ultimo.paso, ultimo.pasos) == (3, (1, 2, 3))
    assert [m.parte for m in ultimo.nuevos] == [Parte.RESPUESTAS, Parte.NOTIFICACIONES]
    filas = {f[0]: f[1:] for f in papel.filas[1:]}
    esquemas = medir_esquemas(HERRAMIENTAS_MASTER)
    assert filas["esquemas de herramientas"][1] == str(esquemas)
    assert filas["total estimado"][1] == str(ultimo.tokens + esquemas)


@pytest.mark.parametrize(
    ("orden", "dicho"),
    [
        ("/contexto nadie", "ningún paso de «nadie» en esta sesión: no tiene ninguno"),
        ("/contexto master 9", "No hay el paso 9 de «master» en esta sesión: tiene del 1 al 3"),
        ("/contexto master dos", "Se escribe así: /contexto ID [paso]"),
        ("/compactar @nadie", "No hay ningún agente vivo «nadie»"),
        ("/compactar", "No hay nada que resumir"),
    ],
)
async def test_lo_que_no_puede_ser_se_dice_en_una_linea(
    tmp_path: Path, orden: str, dicho: str
) -> None:
    async with escena(tmp_path, trabajo()) as (sistema, esc, papel, _):
        await conversar(sistema, "cuenta las palabras")
        antes = len(papel.lineas)
        await obedecer(orden, esc)
        nuevas = [linea.texto for linea in papel.lineas[antes:]]
    assert len(nuevas) == 1
    assert dicho in nuevas[0]


async def test_al_compactar_se_ve_que_se_quito_y_que_queda(tmp_path: Path) -> None:
    charla = [texto(f"respuesta {n} {LARGO}") for n in range(8)]
    guion = Guion({"Master": [*charla, texto("hablamos de los puertos"), texto("sigo")]})
    async with escena(tmp_path, guion) as (sistema, esc, papel, doble):
        await conversar(sistema, *(f"línea {n}" for n in range(8)))
        await obedecer("/compactar los puertos abiertos", esc)
        assert await conversar(sistema, "¿sigues?") == "sigo"
        await obedecer("/contexto master", esc)
        ultimo = await vista(sistema, MASTER)
        assert "los puertos abiertos" in doble.peticiones[-2].sistema
    assert [m.mensaje.text for m in ultimo.mensajes if m.parte is Parte.TAREA] == ["línea 0"]
    assert Parte.RESUMEN in {m.parte for m in ultimo.nuevos}
    assert "línea 1" in [m.mensaje.text for m in ultimo.quitados]
    escritas = [linea.texto for linea in papel.lineas]
    assert any(t.startswith("- persona") for t in escritas)
    assert any("hablamos de los puertos" in t for t in escritas)


async def test_si_el_modelo_no_resume_a_peticion_la_historia_queda_como_estaba(
    tmp_path: Path,
) -> None:
    charla = [texto(f"respuesta {n} {LARGO}") for n in range(8)]
    guion = Guion({"Master": [*charla, fallo("filtro"), texto("sigo")]})
    async with escena(tmp_path, guion) as (sistema, esc, _, doble):
        await conversar(sistema, *(f"línea {n}" for n in range(8)))
        with pytest.raises(Exception, match="bloque"):
            await obedecer("/compactar", esc)
        assert await conversar(sistema, "¿sigues?") == "sigo"
        assert "línea 3" in doble.peticiones[-1].todo_el_texto
    sql = "SELECT count(*) FROM logs WHERE tipo = 'history_compaction'"
    assert consultar(tmp_path, sql) == [(0,)]
