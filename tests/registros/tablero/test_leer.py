"""De una bitácora de verdad al tablero, y lo que cuesta leerlo."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from agentes.eventos import EstadoAgente, EstadoCambiado, MensajeEncolado
from agentes.eventos_llamada import HerramientaPedida, HerramientaTerminada, LlamadaIniciada
from servicios.gestor_logs import GestorLogs
from servicios.registros.lectura.conexion import conectar_lectura
from servicios.registros.tablero.leer import _HUELLAS_SQL, leer_sesion
from servicios.registros.tablero.leido import Leido
from tests.registros.sesion_de_ejemplo import SESION, apertura, bitacora, grabar_sesion, lanzado


def leer(ruta: Path) -> Leido:
    with closing(conectar_lectura(ruta)) as db:
        return leer_sesion(db, SESION)


def paso(agente_id: str, turno: int) -> tuple[LlamadaIniciada, HerramientaPedida]:
    return (
        LlamadaIniciada(agente_id=agente_id, turno=turno, modelo="demo", nuevos=()),
        HerramientaPedida(
            agente_id=agente_id,
            op=f"{SESION}:{agente_id}:{turno}:c",
            intento=1,
            tool_call_id="c",
            tool="ejecutar_comando_consola",
            args={"command": f"make paso-{turno}"},
        ),
    )


async def trabajar(gestor: GestorLogs, agente_id: str, turnos: int) -> None:
    """Turnos enteros, salvo el último, que deja su orden abierta."""
    apunte = gestor.anotar(lanzado(agente_id), None)
    for turno in range(1, turnos + 1):
        entra, pedida = paso(agente_id, turno)
        apunte = gestor.anotar(pedida, gestor.anotar(entra, None))
        if turno < turnos:
            cierre = HerramientaTerminada(
                agente_id=agente_id,
                op=pedida.op,
                intento=1,
                tool=pedida.tool,
                ok=True,
                resultado="{}",
                ms=1,
                detalles_propios={"command": "x", "stdout": f"turno {turno}\n", "return_code": 0},
            )
            gestor.anotar(cierre, apunte)
        if turno % 50 == 0:
            await apunte
    await apunte


async def test_una_sesion_entera_se_lee_como_quedo(tmp_path: Path) -> None:
    ruta = tmp_path / "swarm.db"
    async with bitacora(ruta) as gestor:
        await grabar_sesion(gestor)
    sesion = leer(ruta)
    with closing(sqlite3.connect(ruta)) as db:
        filas = db.execute(
            "SELECT agent_id, status, parent, tokens_in, tokens_out, coalesce(error, result)"
            " FROM agent_runs ORDER BY id"
        ).fetchall()
    leidas = [
        (a.id, a.estado.value, a.superior, a.tokens_in, a.tokens_out, a.desenlace)
        for a in sesion.agentes
    ]
    assert leidas == filas
    assert set(sesion.huellas) == {
        "master",
        *(a.id for a in sesion.agentes if not a.estado.es_final),
    }


async def test_la_orden_abierta_lo_ultimo_que_imprimio_y_en_que_anda(tmp_path: Path) -> None:
    ruta = tmp_path / "swarm.db"
    async with bitacora(ruta) as gestor:
        gestor.anotar(apertura(), None)
        await trabajar(gestor, "ejecutor-1", 3)
        sesion = leer(ruta)
    (agente,) = sesion.agentes
    suya = sesion.huellas["ejecutor-1"]
    assert (agente.estado, agente.fin) == (EstadoAgente.STARTED, None)
    assert suya.paso == "tool_call_request"
    assert suya.orden is not None
    assert suya.orden.texto == "$ make paso-3"
    assert suya.salida == ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sigue(EstadoCambiado):
    """El final de una espera impuesta desde fuera."""

    motivo: str


async def test_lo_que_solo_dice_que_sigue_no_tapa_lo_que_hacia(tmp_path: Path) -> None:
    ruta = tmp_path / "swarm.db"
    async with bitacora(ruta) as gestor:
        gestor.anotar(apertura(), None)
        await gestor.anotar(lanzado("ejecutor-1"), None)
        estado = EstadoAgente.RUNNING
        gestor.anotar(EstadoCambiado(agente_id="ejecutor-1", estado=estado), None)
        gestor.anotar(paso("ejecutor-1", 1)[0], None)
        await gestor.anotar(Sigue(agente_id="ejecutor-1", estado=estado, motivo="le toca"), None)
        suya = leer(ruta).huellas["ejecutor-1"]
    assert suya.paso == "llm_input"
    assert suya.senal is not None
    assert suya.desde is not None
    assert suya.senal >= suya.desde


async def test_que_le_hablen_no_es_una_senal_de_vida(tmp_path: Path) -> None:
    ruta = tmp_path / "swarm.db"
    async with bitacora(ruta) as gestor:
        gestor.anotar(apertura(), None)
        await trabajar(gestor, "ejecutor-1", 1)
        antes = leer(ruta).huellas["ejecutor-1"]
        await gestor.anotar(MensajeEncolado(agente_id="ejecutor-1", de="master", texto="¿vas?"))
        despues = leer(ruta)
    assert despues.huellas["ejecutor-1"] == antes
    assert despues.senal is not None


async def _coste(ruta: Path, turnos: int) -> int:
    """Los pasos de la máquina de SQLite, de cien en cien."""
    async with bitacora(ruta) as gestor:
        gestor.anotar(apertura(), None)
        for numero in (1, 2, 3):
            await trabajar(gestor, f"ejecutor-{numero}", turnos)
    cuenta = 0

    def contar() -> int:
        nonlocal cuenta
        cuenta += 1
        return 0

    with closing(conectar_lectura(ruta)) as db:
        db.set_progress_handler(contar, 100)
        leer_sesion(db, SESION)
    return cuenta


async def test_lo_que_cuesta_no_crece_con_la_historia(tmp_path: Path) -> None:
    corta = await _coste(tmp_path / "corta.db", 30)
    larga = await _coste(tmp_path / "larga.db", 900)
    assert 0 < larga <= corta * 1.1


async def test_ninguna_pregunta_recorre_la_bitacora(tmp_path: Path) -> None:
    ruta = tmp_path / "swarm.db"
    async with bitacora(ruta) as gestor:
        await gestor.anotar(apertura(), None)
    with closing(conectar_lectura(ruta)) as db:
        plan = [f[3] for f in db.execute(f"EXPLAIN QUERY PLAN {_HUELLAS_SQL}", (SESION,))]
    assert [paso for paso in plan if "SCAN" in paso and "logs" in paso] == []
    assert [paso for paso in plan if "TEMP B-TREE" in paso] == []
