"""Cancelar: muere lo que corría, se dice quién fue y el superior se entera."""

from __future__ import annotations

import asyncio
from pathlib import Path

from agentes.eventos import USUARIO
from agentes.eventos_mando import Mando
from tests.apoyo import (
    CANCELAR,
    CONSOLA,
    DELEGAR,
    PROBLEMA,
    REPORTAR,
    consultar,
    delegar,
    enjambre,
    tipo,
)
from tests.consola.apoyo import hasta_que, sueno
from tests.dobles.base import Doble
from tests.dobles.respuestas import llamada, llamar, respuesta, texto


async def test_cancelar_por_herramienta_mata_la_orden_y_el_master_lo_sabe(
    proveedor: str, doble: Doble, tmp_path: Path
) -> None:
    doble.guion.poner(
        "Master",
        [
            delegar("dormir"),
            texto("va"),
            llamar(CANCELAR, {"agent_id": "ejecutor-1"}),
            texto("cancelado"),
        ],
    )
    orden = f"sleep {sueno()}"
    doble.guion.poner("ejecutor-1", [llamar(CONSOLA, {"command": f"echo antes; {orden}"})])
    async with enjambre(doble, tmp_path, proveedor=proveedor) as sistema:
        await sistema.conversacion.decir("duerme")
        await doble.esperar(1, "ejecutor-1")
        await asyncio.sleep(0.5)
        await sistema.conversacion.decir("cancélalo")
        await sistema.conversacion.esperar_calma()
        assert not await hay_proceso(orden)
    doble.comprobar()
    assert "ejecutor-1 cancelado" in doble.de("Master")[3].ultimo.texto
    assert consultar(tmp_path, "SELECT status FROM agent_runs") == [("cancelled",)]
    cierres = consultar(tmp_path, "SELECT cierre, stdout, return_code, motivo FROM v_comandos")
    assert cierres == [("interrumpido", "antes\n", 137, "cancelado")]


async def test_lo_hecho_se_conserva_y_se_cuenta(
    proveedor: str, doble: Doble, tmp_path: Path
) -> None:
    """También lo que llegó a imprimir la orden que se cortó, y aunque estuviera congelada."""
    doble.guion.poner("Master", [delegar("dormir"), texto("va"), texto("lo cancelaste")])
    orden = f"echo a medias; sleep {sueno()}"
    doble.guion.poner(
        "ejecutor-1",
        [
            llamar(CONSOLA, {"command": "echo primero"}),
            respuesta(texto="voy por la mitad", llamadas=[llamada(CONSOLA, {"command": orden})]),
        ],
    )
    async with enjambre(doble, tmp_path, proveedor=proveedor) as sistema:
        await sistema.conversacion.decir("duerme")
        await doble.esperar(2, "ejecutor-1")
        await asyncio.sleep(0.5)
        await sistema.gestor.mandos.dar(Mando.PAUSAR, "ejecutor-1", USUARIO)
        await sistema.gestor.cancelar_agente("ejecutor-1", USUARIO)
        await sistema.conversacion.esperar_calma()
        assert not await hay_proceso(orden)
        reporte = await sistema.consultas.ultimo_reporte(sistema.sesion, "ejecutor-1")
    doble.comprobar()
    [(estado, hecho, motivo)] = consultar(tmp_path, "SELECT status, result, error FROM agent_runs")
    assert (estado, motivo, hecho) == ("cancelled", "cancelado por usuario", reporte)
    aviso = doble.de("Master")[2].ultimo.texto
    for dicho in ("Llevaba 2 pasos.", "voy por la mitad", "a medias"):
        assert dicho in hecho
        assert dicho in aviso


async def test_si_cancela_la_persona_el_master_recibe_el_aviso(
    proveedor: str, doble: Doble, tmp_path: Path
) -> None:
    doble.guion.poner("Master", [delegar("dormir"), texto("va"), texto("lo cancelaste")])
    doble.guion.poner("ejecutor-1", [llamar(CONSOLA, {"command": "sleep 99"})])
    async with enjambre(doble, tmp_path, proveedor=proveedor) as sistema:
        await sistema.conversacion.decir("duerme")
        await doble.esperar(1, "ejecutor-1")
        assert (
            await sistema.gestor.cancelar_agente("ejecutor-1", USUARIO) == "ejecutor-1 cancelado."
        )
        await sistema.conversacion.esperar_calma()
        assert sistema.conversacion.ultimo_texto == "lo cancelaste"
    assert "ejecutor-1 (ejecutor de consola) fue cancelado" in doble.de("Master")[2].ultimo.texto


async def test_cancelar_a_un_jefe_espera_a_los_suyos_y_dice_quien_fue(
    proveedor: str, doble: Doble, tmp_path: Path
) -> None:
    jefe = tipo("jefe", available_tools=[DELEGAR, REPORTAR, PROBLEMA])
    doble.guion.poner(
        "Master",
        [
            delegar("reparte", tipo="jefe"),
            texto("va"),
            llamar(CANCELAR, {"agent_id": "jefe-1"}),
            texto("fin"),
        ],
    )
    doble.guion.poner("jefe-1", [delegar("hoja"), texto("espero")])
    orden = f"sleep {sueno()}"
    doble.guion.poner("ejecutor-1", [llamar(CONSOLA, {"command": orden})])
    async with enjambre(doble, tmp_path, jefe, proveedor=proveedor) as sistema:
        await sistema.conversacion.decir("reparte")
        await doble.esperar(1, "ejecutor-1")
        await doble.esperar(2, "jefe-1")
        await asyncio.sleep(0.3)
        await sistema.conversacion.decir("cancela al jefe")
        await sistema.conversacion.esperar_calma()
        assert not await hay_proceso(orden)
    finales = consultar(tmp_path, "SELECT agent_id, status, error FROM agent_runs ORDER BY id")
    assert finales == [
        ("jefe-1", "cancelled", "cancelado por master"),
        ("ejecutor-1", "cancelled", "cancelado por jefe-1"),
    ]
    fin = consultar(
        tmp_path, "SELECT id FROM logs WHERE tipo='agent_run_end' AND agente_id='ejecutor-1'"
    )[0][0]
    origen = consultar(
        tmp_path, "SELECT mensaje FROM v_causas WHERE fila = ? ORDER BY paso DESC LIMIT 1", fin
    )
    assert origen == [("cancela al jefe",)]


async def hay_proceso(orden: str) -> bool:
    """Si queda un proceso con esa orden; mira dos veces, por si está muriendo."""
    for _ in range(2):
        vivos = [p for p in Path("/proc").glob("[0-9]*/cmdline") if _orden(p) == orden]
        if not vivos:
            return False
        await asyncio.sleep(0.3)
    return True


def _orden(ruta: Path) -> str:
    try:
        return ruta.read_bytes().replace(b"\0", b" ").decode(errors="replace").strip()
    except OSError:
        return ""


async def test_a_quien_se_esta_cancelando_no_se_le_manda_ni_se_le_escribe(
    proveedor: str, doble: Doble, tmp_path: Path
) -> None:
    """Lo que escribiera otro en su secuencia iría entre el corte y su cierre."""
    doble.guion.poner("Master", [delegar("dormir"), texto("va"), texto("lo cancelaste")])
    orden = f"sleep {sueno()}"
    doble.guion.poner("ejecutor-1", [llamar(CONSOLA, {"command": orden})])
    async with enjambre(doble, tmp_path, proveedor=proveedor) as sistema:
        await sistema.conversacion.decir("duerme")
        suya = "SELECT 1 FROM commands WHERE agente_id = 'ejecutor-1'"
        assert await hasta_que(lambda: bool(consultar(tmp_path, suya)), 10)
        cancelando = asyncio.create_task(sistema.gestor.cancelar_agente("ejecutor-1", USUARIO))
        await asyncio.sleep(0)
        dicho = await sistema.gestor.mandos.dar(Mando.PAUSAR, "ejecutor-1", USUARIO)
        recibo = sistema.gestor.send_message_to_agent("ejecutor-1", "sigue", USUARIO, None)
        assert dicho == recibo == "Error: ejecutor-1 se está cancelando: no puede recibir nada."
        assert await cancelando == "ejecutor-1 cancelado."
        await sistema.conversacion.esperar_calma()
    doble.comprobar()
    ajenas = "SELECT tipo FROM logs WHERE tipo IN ('agent_control', 'agent_intervention')"
    assert consultar(tmp_path, ajenas) == []
