"""Morir mientras un modelo resume la historia: se sigue, se repite igual y no es un borde de turno."""

from __future__ import annotations

import asyncio
import sqlite3
from contextlib import closing
from itertools import count
from pathlib import Path

import pytest

from agentes.eventos import MASTER
from servicios.ajustes import Ajustes
from servicios.registros.reanudacion.bifurcar import buscar_origen
from servicios.reproduccion import leer_grabacion, reproducir
from servicios.sistema import Sistema
from tests.apoyo import CONSOLA, REPORTAR, conversar, delegar
from tests.consola.apoyo import hasta_que
from tests.dobles.guion import Guion
from tests.dobles.openai import DobleOpenAI
from tests.dobles.peticion import Peticion
from tests.dobles.respuestas import Respuesta, llamada, llamar, respuesta, texto
from tests.tortura.fotos import abierto, copiar_datos, programa, sesion_de

RELLENO = "y todo lo que se vio por el camino, con sus pelos y sus señales " * 12


class Master:
    """Contesta largo; mientras `retiene`, un resumen no llega."""

    def __init__(self) -> None:
        self.retiene = True
        self.pidio = asyncio.Event()

    def __call__(self, peticion: Peticion) -> Respuesta:
        if peticion.herramientas:
            return texto(f"a «{peticion.ultimo.texto[:20]}»: {RELLENO}")
        self.pidio.set()
        return texto("van varias preguntas", pausa_s=30.0 if self.retiene else 0.0)


async def _igual(datos: Path, raiz: Path) -> str:
    """Lo que diverge al reproducirla; nada, si se repite igual."""
    grabacion = leer_grabacion(datos / "swarm.db", sesion_de(datos))
    return (await reproducir(grabacion, Ajustes.leer(raiz))).divergencia


async def _resumir(sistema: Sistema, foco: str) -> str:
    return str(await sistema.interlocutores[MASTER].compactar(foco))


def _peticion_del_resumen(datos: Path) -> int:
    """La fila de esa petición; cero si aún no está guardada, que puede salir antes."""
    with closing(sqlite3.connect(datos / "swarm.db")) as db:
        sql = "SELECT coalesce(max(id), 0) FROM model_calls WHERE proposito = 'compactar'"
        return int(db.execute(sql).fetchone()[0])


async def _hasta_resumir(sistema: Sistema, master: Master, foco: str | None) -> asyncio.Task[str]:
    """Pregunta hasta que el modelo esté resumiendo; lo que entonces espera su respuesta."""
    for n in range(20):
        hecho = asyncio.create_task(conversar(sistema, f"pregunta {n}"))
        if n == 2 and foco is not None:
            await hecho
            hecho = asyncio.create_task(_resumir(sistema, foco))
        pidio = asyncio.create_task(master.pidio.wait())
        await asyncio.wait({hecho, pidio}, return_when=asyncio.FIRST_COMPLETED)
        if pidio.done():
            return hecho
        pidio.cancel()
    raise AssertionError("la historia cupo siempre")


@pytest.mark.parametrize("foco", [None, "el puerto 8123"], ids=["sola", "a petición"])
async def test_al_seguirla_contesta_y_se_repite_igual(foco: str | None, tmp_path: Path) -> None:
    datos, muerta, master = tmp_path / "data", tmp_path / "muerta", Master()
    async with DobleOpenAI(Guion({"Master": master})) as doble:
        raiz = programa(tmp_path / "programa", doble, ENJAMBRE_CONTEXTO="3000")
        async with abierto(raiz, datos) as sistema:
            hecho = await _hasta_resumir(sistema, master, foco)
            assert await hasta_que(lambda: _peticion_del_resumen(datos) > 0, 10)
            copiar_datos(datos, muerta)
            hecho.cancel()
            await asyncio.gather(hecho, return_exceptions=True)
        assert await _igual(muerta, raiz) == ""
        fila = _peticion_del_resumen(muerta)
        assert buscar_origen(muerta / "swarm.db", fila).fila < fila
        master.retiene = False
        async with abierto(raiz, muerta, sesion_de(muerta)) as sistema:
            assert "sigue" in await conversar(sistema, "sigue")
        assert await _igual(muerta, raiz) == ""


async def test_lo_que_pedia_una_respuesta_a_medias_se_hace_aunque_se_compactara_entonces(
    tmp_path: Path,
) -> None:
    """La persona compacta a un agente con una orden en marcha y otra detrás, y todo muere."""
    datos, muerta = tmp_path / "data", tmp_path / "muerta"
    hechas, turnos = muerta / "espacios/ejecutor-1/hechas", count()

    def trabajar(peticion: Peticion) -> Respuesta:
        if not peticion.herramientas:
            return texto("van varias órdenes")
        if (turno := next(turnos)) < 8:
            return llamar(CONSOLA, {"command": f"echo {turno} {RELLENO}"})
        if turno > 8:
            return llamar(REPORTAR, {"resultado": "todo hecho"})
        ordenes = ("echo una >> hechas; sleep 5", "echo otra >> hechas")
        return respuesta(llamadas=[llamada(CONSOLA, {"command": orden}) for orden in ordenes])

    def mandar(peticion: Peticion) -> Respuesta:
        if not peticion.resultados:
            return delegar("a")
        return texto("fin" if "todo hecho" in peticion.dicho else "va")

    guion = Guion({"Master": mandar, "ejecutor-1": trabajar})
    async with DobleOpenAI(guion) as doble:
        raiz = programa(tmp_path / "programa", doble)
        async with abierto(raiz, datos) as sistema:
            await sistema.conversacion.decir("empieza")
            en_marcha = datos / "espacios/ejecutor-1/hechas"
            assert await hasta_que(en_marcha.exists, 20)
            assert await sistema.interlocutores["ejecutor-1"].compactar("")
            assert await hasta_que(lambda: _compactada(datos), 10)
            copiar_datos(datos, muerta)
        async with abierto(raiz, muerta, sesion_de(muerta)) as sistema:
            await sistema.conversacion.esperar_calma()
            assert sistema.conversacion.ultimo_texto == "fin"
        doble.comprobar()
    assert hechas.read_text().split() == ["una", "otra"]
    assert await _igual(muerta, raiz) == ""


def _compactada(datos: Path) -> bool:
    with closing(sqlite3.connect(datos / "swarm.db")) as db:
        sql = "SELECT 1 FROM logs WHERE tipo = 'history_compaction'"
        return db.execute(sql).fetchone() is not None
