"""Una conversación de 200 turnos cabe siempre en el contexto que se le da, y no olvida lo que importa."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from langchain_core.messages import HumanMessage

from agentes.eventos import MASTER
from servicios.llm.compactacion import es_resumen
from tests.apoyo import CONSOLA, REPORTAR, consultar, conversar, delegar, enjambre, tipo
from tests.dobles.base import Doble
from tests.dobles.fallos import fallo
from tests.dobles.peticion import Peticion
from tests.dobles.respuestas import Respuesta, llamada, llamar, respuesta, texto
from tests.registros.apoyo_historias import historia_de

CONTEXTO = 8_000
PRIMERA = "Me llamo Berta y todo lo que hagas ha de caber en /srv/berta: es lo primero."
RESUMEN = "Berta quiere que todo quepa en /srv/berta; van muchas preguntas contestadas."
RELLENO = "con bastante detalle sobre lo que se ha visto hasta ahora en cada carpeta " * 4


def tokens(peticion: Peticion) -> int:
    """Lo que cobra el doble: un token por cada cuatro bytes del cuerpo."""
    return len(json.dumps(peticion.cuerpo, ensure_ascii=False).encode()) // 4


def es_de_resumen(peticion: Peticion) -> bool:
    return not peticion.herramientas


def tipos_de_fila(carpeta: Path, agente_id: str = MASTER) -> list[str]:
    filas = consultar(carpeta, "SELECT tipo FROM logs WHERE agente_id=? ORDER BY id", agente_id)
    return [tipo for (tipo,) in filas]


def compactaciones(carpeta: Path, agente_id: str = MASTER) -> list[dict[str, Any]]:
    sql = "SELECT details FROM logs WHERE agente_id=? AND tipo='history_compaction' ORDER BY id"
    return [json.loads(d) for (d,) in consultar(carpeta, sql, agente_id)]


def contestar(peticion: Peticion) -> Respuesta:
    if es_de_resumen(peticion):
        return texto(RESUMEN)
    if peticion.ultimo.rol == "tool":
        return texto(f"Según el estado: {RELLENO}")
    if peticion.ultimo.texto.endswith("5"):
        return respuesta(texto="miro", llamadas=[llamada("estado_enjambre")])
    return texto(f"Contesto a «{peticion.ultimo.texto[-40:]}» {RELLENO}")


@pytest.mark.lento
async def test_200_turnos_caben_y_sobreviven_la_primera_instruccion_y_la_tarea_abierta(
    proveedor: str, doble: Doble, tmp_path: Path
) -> None:
    doble.guion.poner("Master", contestar)
    variables = {"ENJAMBRE_CONTEXTO": str(CONTEXTO)}
    async with enjambre(doble, tmp_path, proveedor=proveedor, **variables) as sistema:
        await conversar(sistema, PRIMERA)
        for n in range(2, 200):
            await conversar(sistema, f"pregunta {n}")
        abierta = "la tarea abierta: ordena /srv/berta y dime al acabar"
        await conversar(sistema, abierta)
        assert sistema.conversacion.ultimo_error is None
        gastado = sistema.master.uso
    doble.comprobar()
    assert len(doble.peticiones) > 200
    assert max(map(tokens, doble.peticiones)) <= CONTEXTO
    corrientes = [p for p in doble.peticiones if not es_de_resumen(p)]
    assert all(PRIMERA in p.todo_el_texto for p in corrientes)
    assert abierta in corrientes[-1].todo_el_texto
    hechas = compactaciones(tmp_path)
    assert len(hechas) >= 3
    assert all(h["despues"] < h["antes"] * 0.7 for h in hechas)
    sql = "SELECT DISTINCT json_extract(details, '$.contexto') FROM logs WHERE tipo = 'llm_input'"
    assert consultar(tmp_path, sql) == [(CONTEXTO,)]
    assert RESUMEN in corrientes[-1].todo_el_texto
    assert sum(map(es_de_resumen, doble.peticiones)) == len(hechas)
    sql = "SELECT sum(tokens_in), sum(tokens_out) FROM model_calls"
    assert consultar(tmp_path, sql) == [(gastado.entrada, gastado.salida)]


@pytest.mark.lento
async def test_un_agente_con_muchas_ordenes_se_compacta_y_acaba_su_tarea(
    proveedor: str, doble: Doble, tmp_path: Path
) -> None:
    tarea = "cuenta las carpetas una a una y no te dejes ninguna"
    hechas = iter(range(1, 41))

    def trabajar(peticion: Peticion) -> Respuesta:
        if es_de_resumen(peticion):
            return texto("van contadas unas cuantas")
        n = next(hechas, None)
        if n is None:
            return llamar(REPORTAR, {"resultado": "contadas"})
        return llamar(CONSOLA, {"command": f"echo {n} {'x' * 300}"})

    largo = tipo("largo", max_iterations=60)
    doble.guion.poner("Master", [delegar(tarea, tipo="largo"), texto("va"), texto("fin")])
    doble.guion.poner("largo-1", trabajar)
    variables = {"ENJAMBRE_CONTEXTO": "5000"}
    async with enjambre(doble, tmp_path, largo, proveedor=proveedor, **variables) as sistema:
        assert await conversar(sistema, "cuenta") == "fin"
    doble.comprobar()
    suyas = doble.de("largo-1")
    assert max(map(tokens, suyas)) <= 5_000
    assert all(tarea in p.todo_el_texto for p in suyas)
    assert len(compactaciones(tmp_path, "largo-1")) >= 2
    assert consultar(tmp_path, "SELECT status, result FROM agent_runs") == [
        ("completed", "contadas")
    ]
    sql = "SELECT count(*), count(DISTINCT command) FROM commands WHERE tool = ?"
    assert consultar(tmp_path, sql, CONSOLA) == [(40, 40)]


async def test_si_el_modelo_no_resume_se_dice_y_se_sigue(
    proveedor: str, doble: Doble, tmp_path: Path
) -> None:
    def romper(peticion: Peticion) -> Respuesta:
        return fallo("filtro") if es_de_resumen(peticion) else contestar(peticion)

    doble.guion.poner("Master", romper)
    variables = {"ENJAMBRE_CONTEXTO": str(CONTEXTO)}
    async with enjambre(doble, tmp_path, proveedor=proveedor, **variables) as sistema:
        await conversar(sistema, PRIMERA, *(f"pregunta {n}" for n in range(60)))
        assert sistema.conversacion.ultimo_error is None
    doble.comprobar()
    assert max(map(tokens, doble.peticiones)) <= CONTEXTO
    ultima = doble.peticiones[-1].todo_el_texto
    assert PRIMERA in ultima
    assert "no se pudo escribir un resumen" in ultima
    assert "bitácora" in ultima
    pedidos = sum(map(es_de_resumen, doble.peticiones))
    assert pedidos == len(compactaciones(tmp_path)) < 10


async def test_si_el_proveedor_dice_que_no_cabe_se_compacta_y_se_reintenta_una_vez(
    proveedor: str, doble: Doble, tmp_path: Path
) -> None:
    lineas = [f"pregunta {n} {RELLENO}" for n in range(12)]
    ok = [contestar for _ in lineas]
    doble.guion.poner("Master", [*ok, fallo("contexto"), contestar, contestar])
    async with enjambre(doble, tmp_path, proveedor=proveedor) as sistema:
        await conversar(sistema, PRIMERA, *lineas[1:], "última pregunta")
        assert sistema.conversacion.ultimo_error is None
    doble.comprobar()
    rechazada, resumen, reintento = doble.peticiones[-3:]
    assert es_de_resumen(resumen)
    assert reintento.ultimo.texto == "última pregunta"
    assert tokens(reintento) < tokens(rechazada)
    assert tipos_de_fila(tmp_path)[-1] == "master_response_text"


async def test_si_tampoco_cabe_compactada_se_cuenta_y_se_retira(
    proveedor: str, doble: Doble, tmp_path: Path
) -> None:
    ok = [contestar for _ in range(12)]
    no_cabe = fallo("contexto")
    doble.guion.poner("Master", [*ok, no_cabe, contestar, no_cabe, texto("sigo aquí")])
    async with enjambre(doble, tmp_path, proveedor=proveedor) as sistema:
        await conversar(sistema, PRIMERA, *(f"{n} {RELLENO}" for n in range(11)), "enorme")
        assert sistema.conversacion.ultimo_error is not None
        assert sistema.conversacion.ultimo_error.clase == "contexto"
        assert await conversar(sistema, "¿sigues?") == "sigo aquí"
    doble.comprobar()
    assert "enorme" not in doble.peticiones[-1].todo_el_texto
    assert PRIMERA in doble.peticiones[-1].todo_el_texto


async def test_a_peticion_con_foco_y_la_bitacora_lo_rehace(
    proveedor: str, doble: Doble, tmp_path: Path
) -> None:
    doble.guion.poner("Master", contestar)
    async with enjambre(doble, tmp_path, proveedor=proveedor) as sistema:
        await conversar(sistema, PRIMERA, *(f"pregunta {n}" for n in range(10)))
        hecho = await sistema.interlocutores[MASTER].compactar("los puertos")
        assert hecho is not None
        assert hecho[1] < hecho[0]
        await conversar(sistema, "una más")
    doble.comprobar()
    assert "los puertos" in next(p for p in doble.peticiones if es_de_resumen(p)).sistema
    [fila] = compactaciones(tmp_path)
    assert (fila["foco"], fila["antes"], fila["despues"]) == ("los puertos", *hecho)
    historia = historia_de(tmp_path / "data" / "swarm.db", MASTER)
    resumenes = [m for m in historia.mensajes if es_resumen(m)]
    assert len(resumenes) == 1
    assert HumanMessage(PRIMERA).content in [m.content for m in historia.mensajes]
