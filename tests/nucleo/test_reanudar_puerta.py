"""La puerta: mientras la intención no está guardada, la orden no ha empezado."""

from __future__ import annotations

import asyncio
import sqlite3
import sys
from contextlib import closing
from pathlib import Path

import pytest

from servicios.ejecutor_consola import operaciones_en_disco
from tests.apoyo import CONSOLA, REPORTAR, delegar
from tests.consola.apoyo import hasta_que
from tests.dobles.guion import Guion
from tests.dobles.openai import DobleOpenAI
from tests.dobles.peticion import Peticion
from tests.dobles.respuestas import Respuesta, llamar, texto
from tests.tortura.fotos import abierto, copiar_datos, programa, sesion_de

if sys.platform != "linux":
    pytest.skip("la consola es solo de Linux", allow_module_level=True)

RETENIDO_S = 1.0


def _master(peticion: Peticion) -> Respuesta:
    if len(peticion.mensajes) == 1:
        return delegar("marca")
    return texto("hecho" if "terminó su tarea" in peticion.todo_el_texto else "espera")


async def test_con_el_escritor_retenido_nadie_lee_lo_que_se_dijo(tmp_path: Path) -> None:
    """Lo que se le pregunta a un modelo ya está guardado: si se corta, se sabe y se repite."""
    async with DobleOpenAI(Guion({"Master": [texto("hola")]})) as doble:
        raiz, datos = programa(tmp_path / "programa", doble), tmp_path / "data"
        async with abierto(raiz, datos) as sistema:
            with closing(sqlite3.connect(datos / "swarm.db", isolation_level=None)) as cerrojo:
                cerrojo.execute("BEGIN IMMEDIATE")
                dicho = asyncio.create_task(sistema.conversacion.decir("saluda"))
                await asyncio.sleep(RETENIDO_S)
                assert not dicho.done()
                assert doble.peticiones == []
            await dicho
            await sistema.conversacion.esperar_calma()
        assert len(doble.peticiones) == 1


async def test_con_el_escritor_retenido_la_orden_no_empieza(tmp_path: Path) -> None:
    datos, muerta = tmp_path / "data", tmp_path / "muerta"
    marca, retenido = datos / "espacios/ejecutor-1/marca", asyncio.Event()
    cerrojos: list[sqlite3.Connection] = []

    def ejecutor(peticion: Peticion) -> Respuesta:
        if peticion.resultados:
            return llamar(REPORTAR, {"resultado": "ok"})
        if not cerrojos:
            cerrojos.append(sqlite3.connect(datos / "swarm.db", isolation_level=None))
            cerrojos[0].execute("BEGIN IMMEDIATE")
            retenido.set()
        return llamar(CONSOLA, {"command": "echo x >> marca"})

    async with DobleOpenAI(Guion({"Master": _master, "ejecutor-*": ejecutor})) as doble:
        raiz = programa(tmp_path / "programa", doble)
        async with abierto(raiz, datos) as sistema:
            await sistema.conversacion.decir("marca")
            await retenido.wait()
            await asyncio.sleep(RETENIDO_S)
            assert not marca.exists()
            assert operaciones_en_disco(datos) == []
            copiar_datos(datos, muerta)
            cerrojos[0].close()
            assert await hasta_que(marca.exists, 10)
            await sistema.conversacion.esperar_calma()
        assert marca.read_text() == "x\n"
        async with abierto(raiz, muerta, sesion_de(muerta)) as sistema:
            await sistema.conversacion.esperar_calma()
            assert sistema.conversacion.ultimo_texto == "hecho"
    assert (muerta / "espacios/ejecutor-1/marca").read_text() == "x\n"
