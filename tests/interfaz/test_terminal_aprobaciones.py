"""Aprobar desde el terminal: el bloque, las respuestas y lo que sigue yendo al Master."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from agentes.errores import ErrorEnjambre
from agentes.eventos_permisos import Alcance
from servicios.buzon import Suscripcion
from servicios.herramientas.solicitudes import Resolucion, Solicitud
from servicios.interfaz.terminal.barra import Barra
from servicios.interfaz.terminal.narracion import Narrador
from servicios.interfaz.terminal.ordenes.comando import Escena
from servicios.interfaz.terminal.ordenes.reparto import obedecer
from servicios.interfaz.terminal.ordenes.tabla import TECLAS
from servicios.interfaz.terminal.permisos import CIFRAS, PARA_LEERLA_S, Bloques, responder_cifra
from tests.interfaz.apoyo_terminal import (
    ENTER,
    PapelDePrueba,
    SistemaFalso,
    charla,
    hasta,
)

UNA = Solicitud(
    *("ejecutor-1", "op", "git push", ("git", "push"), "sale de la máquina"),
    *("bwrap · espacio proyecto · red libre", "/datos/proyecto"),
)
OTRA = replace(UNA, agente_id="revisor-1", orden="rm -r x", clase=("rm", "-r", "x"))


@pytest.fixture
def sistema(tmp_path: Path) -> SistemaFalso:
    return SistemaFalso(tmp_path)


@asynccontextmanager
async def pidiendo(
    sistema: SistemaFalso, *solicitudes: Solicitud
) -> AsyncIterator[list[asyncio.Task[Resolucion]]]:
    """Cada agente espera su respuesta; al salir, quien siga esperando se cancela."""
    tareas = [asyncio.create_task(sistema.aprobaciones.pedir(s)) for s in solicitudes]
    await asyncio.sleep(0)
    try:
        yield tareas
    finally:
        for tarea in tareas:
            tarea.cancel()
        await asyncio.wait(tareas)


class PapelAlDia(PapelDePrueba):
    """Un papel en el que los bloques se escriben cuando lo pide la prueba."""

    def __init__(self, sistema: Any, oidos: Suscripcion) -> None:
        super().__init__()
        self._oidos = oidos
        self._narrador = Narrador(self, Bloques(sistema, self).contar)

    def ponerse_al_dia(self) -> None:
        for cosa in self._oidos.pendientes():
            self._narrador.contar(cosa)


@contextmanager
def contando(sistema: SistemaFalso) -> Iterator[PapelAlDia]:
    """Lo que se escribe de los hechos de un sistema."""
    with sistema.bus.suscribir() as oidos:
        yield PapelAlDia(sistema, oidos)


async def leida(sistema: SistemaFalso) -> None:
    """Pasa lo que tarda una persona en leer lo que acaba de salir."""
    await hasta(lambda: all(g.quieta_s >= PARA_LEERLA_S for g in sistema.aprobaciones.pendientes()))


async def mandar(sistema: SistemaFalso, *lineas: str) -> str:
    """Lo que contestan las órdenes del terminal, con los errores como los enseña la sesión."""
    papel: Any = PapelDePrueba()
    falso: Any = sistema
    for linea in lineas:
        try:
            await obedecer(linea, Escena(falso, papel, lambda: None, TECLAS))
        except ErrorEnjambre as error:
            papel.eco(str(error))
    return str(papel.texto)


async def test_el_bloque_dice_quien_donde_que_y_por_que_sin_perder_lo_escrito(
    sistema: SistemaFalso,
) -> None:
    async with charla(sistema.abrir) as c:
        await c.se_ve("Modelo:")
        c.teclear("estaba escribi")
        async with pidiendo(sistema, UNA) as (tarea,):
            await c.se_ve("Petición 1: ejecutor-1 pide permiso")
            for dicho in ("/datos/proyecto", "red libre", "sale de la máquina", "$ git push"):
                assert dicho in c.texto
            assert CIFRAS.split(" · ")[0] in c.texto
            assert "SIN AISLAMIENTO" not in c.texto
            c.teclear("endo", ENTER)
            await hasta(lambda: sistema.conversacion.dichas == ["estaba escribiendo"])
            await leida(sistema)
            c.teclear("1", ENTER)
            assert (await tarea).permitida
        await c.se_ve("permitida una vez · $ git push")
        assert sistema.conversacion.dichas == ["estaba escribiendo"]


async def test_un_grupo_que_acaba_de_crecer_no_se_aprueba_sin_leerlo(
    sistema: SistemaFalso,
) -> None:
    otra = replace(UNA, agente_id="b-1", orden="git push x", clase=("git", "push", "x"))
    mas = replace(UNA, agente_id="b-2", orden="git push y", clase=("git", "push", "y"))
    async with pidiendo(sistema, otra, mas) as tareas:
        dicho = await mandar(sistema, "/permisos 1")
        assert "$ git push x" in dicho
        assert "$ git push y" in dicho
        assert "cada una de esas órdenes, tal cual" in dicho
        assert "léela y repite" in await mandar(sistema, "/si 1")
        assert not any(t.done() for t in tareas)
        await leida(sistema)
        await mandar(sistema, "/si 1")
        assert all([(await t).permitida for t in tareas])


async def test_en_local_el_bloque_avisa(tmp_path: Path) -> None:
    sistema = SistemaFalso(tmp_path, aislamiento="local")
    async with pidiendo(sistema, UNA):
        texto = await mandar(sistema, "/permisos")
    assert "SIN AISLAMIENTO: correría en esta máquina sin nada que la encierre" in texto


@pytest.mark.parametrize(
    ("linea", "permitida", "alcance", "motivo"),
    [
        ("1", True, Alcance.UNA_VEZ, ""),
        (" 2 ", True, Alcance.AGENTE, ""),
        ("3", True, Alcance.SESION, ""),
        ("4", False, Alcance.UNA_VEZ, ""),
        ("5 hoy no se toca", False, Alcance.UNA_VEZ, "hoy no se toca"),
        ("5: hoy no", False, Alcance.UNA_VEZ, "hoy no"),
    ],
)
async def test_cada_cifra_responde(
    sistema: SistemaFalso, linea: str, permitida: bool, alcance: Alcance, motivo: str
) -> None:
    async with pidiendo(sistema, UNA) as (tarea,):
        await leida(sistema)
        assert responder_cifra(linea, sistema.aprobaciones, PapelDePrueba())
        resolucion = await tarea
    assert (resolucion.permitida, resolucion.alcance, resolucion.motivo) == (
        permitida,
        alcance,
        motivo,
    )


@pytest.mark.parametrize("linea", ["1", "4", "5 porque sí", "12"])
async def test_sin_nada_por_aprobar_una_cifra_va_al_master(
    sistema: SistemaFalso, linea: str
) -> None:
    async with charla(sistema.abrir) as c:
        c.teclear(linea, ENTER)
        await hasta(lambda: sistema.conversacion.dichas == [linea])


@pytest.mark.parametrize("linea", ["12", "1 gato", "uno", "6", "5gatos"])
async def test_lo_que_no_es_una_respuesta_va_al_master(sistema: SistemaFalso, linea: str) -> None:
    async with pidiendo(sistema, UNA) as (tarea,):
        await leida(sistema)
        assert not responder_cifra(linea, sistema.aprobaciones, PapelDePrueba())
        assert not tarea.done()


async def test_una_peticion_recien_salida_no_se_aprueba_sin_querer(sistema: SistemaFalso) -> None:
    papel = PapelDePrueba()
    async with pidiendo(sistema, UNA) as (tarea,):
        assert responder_cifra("1", sistema.aprobaciones, papel)
        assert "acaba de salir" in papel.texto
        assert "acaba de salir" in await mandar(sistema, "/si")
        assert not tarea.done()
        await mandar(sistema, "/si 1")
        assert (await tarea).permitida


async def test_con_varias_hay_que_decir_cual(sistema: SistemaFalso) -> None:
    async with pidiendo(sistema, UNA, OTRA) as (una, otra):
        await leida(sistema)
        papel = PapelDePrueba()
        assert responder_cifra("1", sistema.aprobaciones, papel)
        assert "Hay 2 peticiones (1, 2): di cuál, como /si 1." in papel.texto
        assert "Hay 2 peticiones" in await mandar(sistema, "/no")
        assert not una.done()
        await mandar(sistema, "/no 2 ni hablar")
        assert (await otra).motivo == "ni hablar"
        await mandar(sistema, "/si sesion")
        assert (await una).alcance is Alcance.SESION


@pytest.mark.parametrize(
    ("linea", "dice"),
    [
        ("/si", "No hay nada por aprobar."),
        ("/no", "No hay nada por aprobar."),
        ("/permisos", "No hay nada por aprobar."),
        ("/si 7", "la petición 7 no está pendiente"),
        ("/no 7 porque no", "la petición 7 no está pendiente"),
        ("/si siempre", "Se escribe así: /si [N] [agente|sesion]"),
        ("/si 1 agente ya", "Se escribe así: /si [N] [agente|sesion]"),
        ("/permisos 7", "la petición 7 no está pendiente"),
        ("/permisos todo", "Se escribe así: /permisos [N]"),
    ],
)
async def test_las_ordenes_contestan_sin_nada_que_aprobar(
    sistema: SistemaFalso, linea: str, dice: str
) -> None:
    assert dice in await mandar(sistema, linea)


@pytest.mark.parametrize(
    ("linea", "alcance"),
    [
        ("/si 1", Alcance.UNA_VEZ),
        ("/SI 1 AGENTE", Alcance.AGENTE),
        ("/si 1 sesion", Alcance.SESION),
    ],
)
async def test_si_con_su_alcance(sistema: SistemaFalso, linea: str, alcance: Alcance) -> None:
    async with pidiendo(sistema, UNA) as (tarea,):
        assert await mandar(sistema, linea) == ""
        assert (await tarea).alcance is alcance


async def test_lo_que_no_se_analiza_no_ofrece_mas_que_una_vez(sistema: SistemaFalso) -> None:
    async with pidiendo(sistema, replace(UNA, clase=())) as (tarea,):
        texto = await mandar(sistema, "/permisos", "/si 1 sesion")
        assert "1 una vez · 4 rechazar" in texto
        assert "solo se puede aprobar una vez" in texto
        assert not tarea.done()


async def test_varios_agentes_con_lo_mismo_son_un_bloque_y_una_respuesta(
    sistema: SistemaFalso,
) -> None:
    trio = [replace(UNA, agente_id=f"ejecutor-{n}") for n in (1, 2, 3)]
    async with charla(sistema.abrir) as c:
        await c.se_ve("Modelo:")
        async with pidiendo(sistema, *trio) as tareas:
            await c.se_ve("Petición 1: ejecutor-1, ejecutor-2, ejecutor-3 piden permiso")
            c.teclear("/si 1", ENTER)
            assert all([(await t).permitida for t in tareas])
        await hasta(lambda: c.texto.count("permitida una vez") == 3)
        assert c.texto.count("$ git push") == 4
        assert "Petición 2" not in c.texto


async def test_quien_se_suma_con_otra_orden_la_ensena(sistema: SistemaFalso) -> None:
    segunda = replace(UNA, agente_id="ejecutor-2", orden="git  push")
    with contando(sistema) as papel:
        async with pidiendo(sistema, UNA):
            papel.ponerse_al_dia()
            async with pidiendo(sistema, segunda, replace(segunda, op="op-3")):
                papel.ponerse_al_dia()
    assert papel.texto.count("pide permiso") == 1
    assert papel.texto.count("ejecutor-2 la petición 1 también es suya") == 1
    assert papel.texto.count("$ git  push") == 1


async def test_lo_que_pende_se_ve_en_la_barra_y_en_el_estado(sistema: SistemaFalso) -> None:
    falso: Any = sistema
    barra = Barra()
    barra.conectar(falso)
    assert "por aprobar" not in str(barra.fragmentos())
    async with pidiendo(sistema, UNA, OTRA):
        barra.caducar()
        assert "2 por aprobar" in str(barra.fragmentos())
        assert "por aprobar: 2" in await mandar(sistema, "/estado")
    barra.caducar()
    assert "por aprobar" not in str(barra.fragmentos())
