"""Un Master que calla un problema queda señalado, y la persona lee el reporte tal cual."""

from __future__ import annotations

from pathlib import Path

from agentes.eventos import HechoAnotado
from servicios.interfaz.lineas import linea_de
from tests.apoyo import PROBLEMA, consultar, delegar, enjambre
from tests.dobles.base import Doble
from tests.dobles.guion import Guion
from tests.dobles.openai import DobleOpenAI
from tests.dobles.peticion import Peticion
from tests.dobles.respuestas import Respuesta, llamar, texto
from tests.tortura.cortes import cortar, grabar, hasta
from tests.tortura.fotos import abierto, programa, sesion_de

CALLADAS = (
    *("todo bien", "sin novedad", "ya casi está", "**Listo.**", "¿algo más?"),
    *("un agente pide algo", "hay un problema", "falta la clave", "el ejecutor 1 espera", "ok"),
    *("ejecutor-100 va bien", "ejecutor-12345", "xejecutor-1", "otro-ejecutor-1", "…"),
    *("ejecutor–1", "e j e c u t o r - 1", "ejecutor", "-1", "el agente sigue"),
)
"""Veinte maneras de no nombrarlo."""

REPORTE = "falta la clave\n  de «producción»: ¿cuál?\n\t- probé «a» y [bold]«b»[/bold]"


def _pide(_: Peticion) -> Respuesta:
    return llamar(PROBLEMA, {"descripcion_problema": REPORTE})


async def test_veinte_de_veinte(proveedor: str, doble: Doble, tmp_path: Path) -> None:
    pasos = [p for callada in CALLADAS for p in (delegar("x"), texto("va"), texto(callada))]
    doble.guion.poner("Master", pasos)
    doble.guion.poner("ejecutor-*", _pide)
    vistas: list[str] = []
    async with enjambre(doble, tmp_path, proveedor=proveedor) as sistema:
        with sistema.bus.suscribir() as oidos:
            for _ in CALLADAS:
                await sistema.conversacion.decir("otra")
                await sistema.conversacion.esperar_calma()
            for cosa in oidos.pendientes():
                linea = linea_de(cosa.evento) if isinstance(cosa, HechoAnotado) else None
                vistas += [linea.texto] if linea else []
    doble.comprobar()
    omitidos = consultar(
        tmp_path,
        "SELECT json_extract(details, '$.omitido') FROM logs WHERE tipo = 'problem_omitted'"
        " ORDER BY id",
    )
    ids = [f"ejecutor-{n}" for n in range(1, len(CALLADAS) + 1)]
    assert [o for (o,) in omitidos] == ids
    assert vistas.count(f"problema · {REPORTE}") == len(CALLADAS)
    assert [v for v in vistas if v.startswith("el Master no")] == [
        f"el Master no mencionó el problema de {i}" for i in ids
    ]


async def test_quien_lo_nombra_no_queda_senalado(
    proveedor: str, doble: Doble, tmp_path: Path
) -> None:
    doble.guion.poner(
        "Master", [delegar("x"), texto("va"), texto("ejecutor-1 pide la clave"), texto("¿y?")]
    )
    doble.guion.poner("ejecutor-1", _pide)
    async with enjambre(doble, tmp_path, proveedor=proveedor) as sistema:
        for linea in ("haz", "¿qué tal?"):
            await sistema.conversacion.decir(linea)
            await sistema.conversacion.esperar_calma()
    assert consultar(tmp_path, "SELECT count(*) FROM logs WHERE tipo = 'problem_omitted'") == [(0,)]


async def test_tras_una_muerte_el_silencio_se_sigue_juzgando_y_una_sola_vez(tmp_path: Path) -> None:
    def master(peticion: Peticion) -> Respuesta:
        if not any(m.llamadas for m in peticion.mensajes):
            return delegar("x")
        return texto("todo va bien")

    datos = tmp_path / "data"
    async with DobleOpenAI(Guion({"Master": master, "ejecutor-1": _pide})) as doble:
        raiz = programa(tmp_path / "programa", doble)
        hechos = await grabar(raiz, datos, "haz")
        cortes = (
            (
                lambda h: h.evento.tipo == "agent_problem",
                lambda h: h.evento.tipo == "master_context_update",
            ),
            (
                lambda h: h.evento.tipo == "agent_problem",
                lambda h: h.evento.tipo == "llm_input" and h.evento.agente_id == "master",
            ),
            (
                lambda h: h.evento.tipo == "agent_problem",
                lambda h: h.evento.tipo == "llm_output" and h.evento.agente_id == "master",
            ),
            (
                lambda h: h.evento.tipo == "agent_problem",
                lambda h: h.evento.tipo == "problem_omitted",
            ),
        )
        for numero, corte in enumerate(cortes):
            copia = tmp_path / f"muerta-{numero}"
            await cortar(hasta(hechos, *corte), sesion_de(datos), copia)
            async with abierto(raiz, copia, sesion_de(copia)) as sistema:
                await sistema.conversacion.esperar_calma()
                filas = await sistema.consultas.eventos_de(sistema.sesion, "master", 500)
            tipos = [f.tipo for f in filas]
            assert tipos.count("problem_omitted") == 1, (numero, tipos)
