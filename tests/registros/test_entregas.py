"""Líneas, directivas y avisos: en cola, entregados en qué llamada y vistos en qué respuesta."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from agentes.eventos import MASTER, USUARIO, Apunte, LineaUsuario, MensajeEncolado
from agentes.eventos_llamada import LlamadaIniciada, LlamadaTerminada
from servicios.gestor_logs import GestorLogs
from servicios.registros.escritura.apuntes import ApunteFila
from tests.registros.sesion_de_ejemplo import USO, aviso, bitacora, preguntar


@pytest.fixture
def ruta(tmp_path: Path) -> Path:
    return tmp_path / "swarm.db"


def sale(**traidos: Any) -> LlamadaIniciada:
    base: dict[str, Any] = {"agente_id": MASTER, "turno": 1, "modelo": "demo", "nuevos": ()}
    return LlamadaIniciada(**base, **traidos)


def vuelve(proposito: str = "") -> LlamadaTerminada:
    return LlamadaTerminada(
        agente_id=MASTER,
        turno=1,
        modelo="demo",
        respuesta={},
        texto="",
        llamadas=(),
        razon="completa",
        uso=USO,
        intentos=1,
        ms=1,
        proposito=proposito,
    )


async def encolar(gestor: GestorLogs) -> dict[str, tuple[Apunte, ...]]:
    linea = gestor.anotar(LineaUsuario(agente_id=USUARIO, texto="hola"))
    directiva = gestor.anotar(MensajeEncolado(agente_id="a-1", de=MASTER, texto="sigue"))
    await gestor.anotar(aviso("a-1", "problema", "no sé"))
    avisos = preguntar("SELECT id FROM notices", gestor._ruta)
    return {
        "lineas": (linea,),
        "directivas": (directiva,),
        "avisos": (ApunteFila.firme(avisos[0][0]),),
    }


def estados(ruta: Path) -> list[tuple[Any, ...]]:
    sql = "SELECT estado, entregado_en, visto_en FROM {0} ORDER BY id"
    return [f for t in ("messages", "notices") for f in preguntar(sql.format(t), ruta)]


async def test_una_llamada_que_no_es_un_turno_no_entrega_nada(ruta: Path) -> None:
    async with bitacora(ruta) as gestor:
        traidos = await encolar(gestor)
        entra = gestor.anotar(sale(**traidos, proposito="compactar"))
        await gestor.anotar(vuelve("compactar"), entra)
    assert estados(ruta) == [("encolado", None, None)] * 3
    assert preguntar("SELECT proposito, estado FROM model_calls", ruta) == [
        ("compactar", "terminada")
    ]


async def test_compactar_a_mitad_de_una_llamada_no_da_nada_por_visto(ruta: Path) -> None:
    async with bitacora(ruta) as gestor:
        entra = gestor.anotar(sale(**await encolar(gestor)))
        await gestor.anotar(vuelve("compactar"), entra)
        assert estados(ruta) == [("entregado", entra.id, None)] * 3
        sale_ = gestor.anotar(vuelve(), entra)
        await sale_
    assert estados(ruta) == [("visto", entra.id, sale_.id)] * 3


async def test_repetir_una_llamada_cortada_entrega_otra_vez_y_se_ve_una(ruta: Path) -> None:
    async with bitacora(ruta) as gestor:
        traidos = await encolar(gestor)
        await gestor.anotar(sale(**traidos))
        filas = {k: tuple(ApunteFila.firme(a.id) for a in v) for k, v in traidos.items()}
    async with bitacora(ruta) as gestor:
        otra = gestor.anotar(sale(**filas))
        vista = gestor.anotar(vuelve(), otra)
        await vista
        assert estados(ruta) == [("visto", otra.id, vista.id)] * 3
        await gestor.anotar(sale(**filas))
    assert estados(ruta) == [("visto", otra.id, vista.id)] * 3
