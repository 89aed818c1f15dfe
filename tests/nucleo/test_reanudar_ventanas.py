"""Ventanas que el azar apenas toca: cortar detrás de una fila exacta y seguir desde ahí."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

from agentes.eventos import MASTER, SISTEMA, HechoAnotado
from agentes.eventos_llamada import LlamadaFallida
from agentes.eventos_sesion import SesionReanudada
from servicios.gestor_logs import GestorLogs
from servicios.registros.escritura.apuntes import ApunteFila
from tests.apoyo import CANCELAR, CONSOLA, DELEGAR, MENSAJE, PROBLEMA, REPORTAR
from tests.dobles.openai import DobleOpenAI
from tests.tortura.cortes import Cumple, cortar, grabar, hasta
from tests.tortura.fotos import abierto, programa, sesion_de
from tests.tortura.guion import FINAL, LINEA, Esperado, guion
from tests.tortura.invariantes import comprobar_final
from tests.tortura.mirada import Mirada

if sys.platform != "linux":
    pytest.skip("la consola es solo de Linux", allow_module_level=True)

ENCARGOS = ("breve", "padre", "eterno")


def tipo(nombre: str, agente: str = "") -> Cumple:
    """Un hecho de ese tipo (de ese agente)."""
    return lambda h: h.evento.tipo == nombre and (not agente or h.evento.agente_id == agente)


def intencion(tool: str) -> Cumple:
    return lambda h: h.evento.tipo == "tool_call_request" and h.evento.detalles()["tool"] == tool


def cierre(tool: str) -> Cumple:
    return lambda h: h.evento.tipo == "tool_execution" and h.evento.detalles()["tool"] == tool


def pide(tool: str) -> Cumple:
    """Una respuesta del modelo que llama a esa herramienta."""

    def cumple(hecho: HechoAnotado) -> bool:
        detalles = hecho.evento.detalles()
        return hecho.evento.tipo == "llm_output" and any(
            ll["nombre"] == tool for ll in detalles["llamadas"]
        )

    return cumple


def con_avisos(hecho: HechoAnotado) -> bool:
    detalles = hecho.evento.detalles()
    return tipo("llm_input", MASTER)(hecho) and detalles["turno"] > 1 and detalles["entran"] > 0


def directiva_leida(hecho: HechoAnotado) -> bool:
    return tipo("llm_input", "obrero-1")(hecho) and hecho.evento.detalles()["entran"] > 0


async def dar_por_cortada(hecho: HechoAnotado, sesion: str, datos: Path) -> None:
    """Lo primero que anota quien reanuda: que sigue y que esa llamada se cortó."""
    llamada = LlamadaFallida(
        agente_id=hecho.evento.agente_id,
        turno=hecho.evento.detalles()["turno"],
        intentos=1,
        error="se cortó antes de que llegara la respuesta",
        clase="interrumpida",
        ms=0,
    )
    sigue = SesionReanudada(
        agente_id=SISTEMA, version="", modelo="", aislamiento="", cara="headless", epoca=2
    )
    ruta = datos / "swarm.db"
    async with GestorLogs.abrir(ruta, sesion=sesion, publicar=lambda _: None) as bitacora:
        bitacora.anotar(sigue)
        bitacora.anotar(llamada, ApunteFila.firme(hecho.id))


def hijo_acabado(hecho: HechoAnotado) -> bool:
    detalles = hecho.evento.detalles()
    es_aviso = tipo("master_context_update")(hecho) and detalles["destinatario"] != MASTER
    return bool(es_aviso)


en_marcha: Cumple = lambda h: tipo("agent_loop")(h) and h.evento.detalles()["estado"] == "running"  # noqa: E731

VENTANAS: dict[str, Sequence[Cumple]] = {
    "línea guardada y no contestada": [tipo("master_input")],
    "llamada del Master en vuelo con su línea": [tipo("llm_input", MASTER)],
    "llamada del Master en vuelo con avisos": [con_avisos],
    "respuesta comprometida sin intención": [pide(CONSOLA)],
    "respuesta del Master sin su texto": [pide(DELEGAR)],
    "texto del Master dicho y nada hecho": [tipo("master_response_text")],
    "delegación decidida y no hecha": [intencion(DELEGAR)],
    "delegación hecha sin cierre": [intencion(DELEGAR), tipo("agent_run_start")],
    "agente lanzado que no llegó a pensar": [cierre(DELEGAR)],
    "orden pedida y no empezada": [intencion(CONSOLA)],
    "problema decidido": [intencion(PROBLEMA)],
    "problema cerrado sin pausa": [cierre(PROBLEMA)],
    "pausa sin directiva": [tipo("agent_problem"), tipo("master_context_update")],
    "mensaje decidido": [intencion(MENSAJE)],
    "mensaje entregado sin cierre": [intencion(MENSAJE), tipo("agent_intervention")],
    "pausa con directiva pendiente": [cierre(MENSAJE)],
    "directiva leída y aún sin seguir": [cierre(MENSAJE), en_marcha],
    "reporte decidido": [intencion(REPORTAR)],
    "reporte cerrado sin final": [cierre(REPORTAR)],
    "agente acabado y su aviso sin leer": [tipo("agent_run_end"), tipo("master_context_update")],
    "padre esperando y sus hijos acabados": [hijo_acabado, hijo_acabado],
    "cancelación decidida": [intencion(CANCELAR)],
    "cancelación pedida y no acabada": [intencion(CANCELAR), tipo("swarm_management")],
    "cancelado sin que quien lo pidió lo sepa": [intencion(CANCELAR), tipo("agent_run_end")],
}


@pytest.fixture(scope="module")
async def grabada(
    tmp_path_factory: pytest.TempPathFactory,
) -> tuple[str, Sequence[HechoAnotado]]:
    """El id y los hechos de una sesión que pasa por todas las ventanas."""
    carpeta = tmp_path_factory.mktemp("grabada")
    async with DobleOpenAI(guion(ENCARGOS)) as doble:
        raiz = programa(carpeta / "programa", doble)
        hechos = await grabar(raiz, carpeta / "data", LINEA)
    return sesion_de(carpeta / "data"), hechos


@pytest.mark.parametrize("ventana", VENTANAS)
async def test_se_sigue_desde_cada_ventana(
    ventana: str, grabada: tuple[str, Sequence[HechoAnotado]], tmp_path: Path
) -> None:
    sesion, hechos = grabada
    datos = tmp_path / "data"
    await cortar(hasta(hechos, *VENTANAS[ventana]), sesion, datos)
    await seguir_y_comprobar(datos, sesion, tmp_path)


async def seguir_y_comprobar(datos: Path, sesion: str, carpeta: Path) -> None:
    mirada = Mirada(datos)
    mirada.mirar()
    async with DobleOpenAI(guion(ENCARGOS)) as doble:
        raiz = programa(carpeta / "programa", doble)
        async with abierto(raiz, datos, sesion) as sistema:
            await sistema.conversacion.esperar_calma()
            assert sistema.conversacion.ultimo_texto == FINAL
        assert not doble.rechazos
        assert not doble.imprevistos
    cuenta = await comprobar_final(datos, raiz, mirada, Esperado.de(ENCARGOS))
    assert cuenta.infieles == []


@pytest.mark.parametrize("quien", [MASTER, "obrero-1"])
async def test_muerta_otra_vez_justo_tras_dar_por_cortada_su_llamada(
    quien: str, grabada: tuple[str, Sequence[HechoAnotado]], tmp_path: Path
) -> None:
    """La llamada ya consta como cortada y la que la repite aún no: se ha de repetir igual."""
    sesion, hechos = grabada
    datos = tmp_path / "data"
    en_vuelo = hasta(hechos, con_avisos if quien == MASTER else directiva_leida)
    await cortar(en_vuelo, sesion, datos)
    await dar_por_cortada(en_vuelo[-1], sesion, datos)
    await seguir_y_comprobar(datos, sesion, tmp_path)
