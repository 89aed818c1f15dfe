from __future__ import annotations

import asyncio
from typing import Any

import pytest

from agentes.eventos import (
    MASTER,
    AgenteLanzado,
    AgenteTerminado,
    EstadoAgente,
    EstadoCambiado,
    Evento,
    FalloInterno,
    FalloMaster,
    HechoAnotado,
    LineaUsuario,
    MensajeEncolado,
    ProblemaReportado,
    TextoDescartado,
    TextoMaster,
    TextoParcial,
)
from agentes.eventos_linea import TurnoInterrumpido
from agentes.eventos_llamada import HerramientaTerminada, LlamadaFallida, LlamadaReintentada
from servicios.buzon import BusEventos
from servicios.interfaz.lineas import Tono, linea_de
from servicios.interfaz.terminal.narracion import Narrador
from tests.interfaz.apoyo_terminal import PapelDePrueba, hasta

UNO = "ejecutor-1"


def _lanzado(superior: str = MASTER) -> AgenteLanzado:
    return AgenteLanzado(
        agente_id=UNO,
        agent_type="ejecutor",
        rol="r",
        objetivo="o",
        tarea="contar\narchivos",
        superior=superior,
        modelo="demo",
    )


def _herramienta(tool: str = "consola", ok: bool = True, **cambios: Any) -> HerramientaTerminada:
    campos: dict[str, Any] = {"resultado": "salida", "ms": 1234, "detalles_propios": {}, **cambios}
    return HerramientaTerminada(agente_id=UNO, op="o", intento=1, tool=tool, ok=ok, **campos)


def _orden(codigo: int | None, motivo: str = "ok") -> dict[str, Any]:
    return {"command": "ls\n-la", "return_code": codigo, "motivo": motivo}


def _terminado(estado: EstadoAgente, **campos: Any) -> AgenteTerminado:
    return AgenteTerminado(agente_id=UNO, estado=estado, **campos)


@pytest.mark.parametrize(
    ("evento", "texto", "tono"),
    [
        (_lanzado(), "lanzado · contar archivos", Tono.NORMAL),
        (_lanzado("jefe-1"), "lanzado por jefe-1 · contar archivos", Tono.NORMAL),
        (
            _herramienta(detalles_propios=_orden(0)),
            "$ ls -la → código 0 (1.2 s)",
            Tono.NORMAL,
        ),
        (
            _herramienta(ok=False, detalles_propios=_orden(-9, "tiempo")),
            "$ ls -la → código -9, tiempo (1.2 s)",
            Tono.AVISO,
        ),
        (
            _herramienta(ok=False, detalles_propios={"command": "ls"}, cierre="interrumpido"),
            "$ ls → interrumpido",
            Tono.AVISO,
        ),
        (_herramienta("x", ok=False, resultado="Error: no"), "x: Error: no", Tono.AVISO),
        (
            ProblemaReportado(agente_id=UNO, descripcion="falta clave"),
            "problema · falta clave",
            Tono.AVISO,
        ),
        (
            _terminado(EstadoAgente.COMPLETED, resultado="hay 3"),
            "terminó · hay 3",
            Tono.BIEN,
        ),
        (_terminado(EstadoAgente.FAILED, error="sin red"), "falló · sin red", Tono.MAL),
        (_terminado(EstadoAgente.CANCELLED, error="cancelado"), "cancelado", Tono.AVISO),
        (
            _terminado(EstadoAgente.MAX_ITERATIONS, error="20 pasos"),
            "llegó a su límite de pasos · 20 pasos",
            Tono.MAL,
        ),
        (
            MensajeEncolado(agente_id=UNO, de=MASTER, texto="sigue"),
            "← master · sigue",
            Tono.NORMAL,
        ),
        (
            LlamadaReintentada(
                agente_id=UNO, turno=1, intento=2, espera_s=8.0, error="429", clase="tasa"
            ),
            "espera 8.0 s y reintenta (van 2) · 429",
            Tono.AVISO,
        ),
        (FalloInterno(agente_id=UNO, error="ay", traza="Traceback"), "ay", Tono.MAL),
        (FalloMaster(agente_id=MASTER, error="pon la clave", clase="clave"), "pon la clave", "red"),
    ],
)
def test_una_linea_por_hecho_con_el_agente_delante(evento: Evento, texto: str, tono: str) -> None:
    linea = linea_de(evento)
    assert linea is not None
    assert (linea.agente, linea.texto, linea.tono.value) == (evento.agente_id, texto, str(tono))


@pytest.mark.parametrize(
    "evento",
    [
        _herramienta("reportar_resultado_final"),
        EstadoCambiado(agente_id=UNO, estado=EstadoAgente.RUNNING),
        LineaUsuario(agente_id=MASTER, texto="hola"),
    ],
)
def test_lo_que_no_dice_nada_nuevo_no_se_cuenta(evento: Evento) -> None:
    assert linea_de(evento) is None


def _hecho(evento: Evento) -> HechoAnotado:
    return HechoAnotado(1, "2026-01-01T00:00:00Z", None, evento)


def test_solo_el_texto_del_master_crece_en_vivo() -> None:
    papel = PapelDePrueba()
    narrador = Narrador(papel)
    narrador.contar(TextoParcial(UNO, "pensando"))
    narrador.contar(TextoParcial(MASTER, "ho"))
    narrador.contar(TextoParcial(MASTER, "la"))
    narrador.contar(_hecho(TextoMaster(agente_id=MASTER, texto="hola")))
    assert papel.vivos == ["ho", "hola", ""]
    assert papel.respuestas == ["hola"]
    assert papel.lineas == []


def test_el_texto_vivo_no_crece_sin_fin() -> None:
    papel = PapelDePrueba()
    narrador = Narrador(papel)
    for _ in range(1_000):
        narrador.contar(TextoParcial(MASTER, "x" * 100))
    assert max(len(vivo) for vivo in papel.vivos) <= 8_000


def test_un_reintento_borra_lo_descartado() -> None:
    papel = PapelDePrueba()
    narrador = Narrador(papel)
    narrador.contar(TextoParcial(MASTER, "a medias"))
    narrador.contar(TextoDescartado(MASTER))
    reintento = LlamadaReintentada(
        agente_id=MASTER, turno=1, intento=1, espera_s=1.0, error="reset", clase="conexion"
    )
    narrador.contar(_hecho(reintento))
    narrador.contar(_hecho(TurnoInterrumpido(agente_id=MASTER, motivo="parada")))
    assert papel.vivos == ["a medias", ""]
    assert "a medias" not in papel.texto


def test_lo_parado_por_la_persona_queda_a_la_vista() -> None:
    papel = PapelDePrueba()
    narrador = Narrador(papel)
    narrador.contar(TextoParcial(MASTER, "iba por aquí"))
    narrador.contar(TextoDescartado(MASTER))
    fallida = LlamadaFallida(
        agente_id=MASTER, turno=1, intentos=1, error="cancelada", clase="cancelada", ms=1
    )
    narrador.contar(_hecho(fallida))
    narrador.contar(_hecho(TurnoInterrumpido(agente_id=MASTER, motivo="parada")))
    assert [linea.texto for linea in papel.lineas] == ["iba por aquí", "parada"]


async def test_una_rafaga_deja_correr_a_los_demas() -> None:
    bus, papel = BusEventos(), PapelDePrueba()
    vueltas = 0

    async def otro() -> None:
        nonlocal vueltas
        while True:
            vueltas += 1
            await asyncio.sleep(0)

    with bus.suscribir() as suscripcion:
        for _ in range(3_000):
            bus.publicar(_hecho(_lanzado()))
        tareas = [
            asyncio.create_task(Narrador(papel).seguir(suscripcion)),
            asyncio.create_task(otro()),
        ]
        await hasta(lambda: len(papel.lineas) == 3_000)
        for tarea in tareas:
            tarea.cancel()
        await asyncio.gather(*tareas, return_exceptions=True)
    assert vueltas >= 3_000 / 50
