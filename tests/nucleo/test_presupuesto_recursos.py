"""Los topes de órdenes, de agentes y de tiempo: se niegan al pedir uno de más, y la rama los paga.

Cada sesión se reproduce al cerrarse y ha de decidir lo mismo (`tests/apoyo.py`).
"""

from __future__ import annotations

import asyncio
from contextlib import closing
from pathlib import Path

from agentes.eventos import USUARIO
from agentes.eventos_mando import Mando
from agentes.presupuesto import Recurso, leer_cambios
from servicios.interfaz.presupuesto import SIGUE, parados, seguir
from servicios.registros.lectura.conexion import conectar_lectura
from servicios.registros.reanudacion.gastos import leer_cuentas
from tests.apoyo import CONSOLA, DELEGAR, REPORTAR, consultar, conversar, delegar, enjambre, tipo
from tests.apoyo_pausas import dar
from tests.consola.apoyo import hasta_que, sueno, vivos
from tests.dobles.guion import Guion, Paso
from tests.dobles.openai import DobleOpenAI
from tests.dobles.peticion import Peticion
from tests.dobles.respuestas import Respuesta, llamar, texto

_AVISOS = """
    SELECT agente_id, details ->> '$.parte', details ->> '$.texto' FROM logs
    WHERE tipo = 'budget_warning' ORDER BY id"""
_ESTADOS = "SELECT agent_id, status FROM agent_runs ORDER BY id"


def _ordena(veces: int) -> list[Paso]:
    """Tantas órdenes y después el reporte."""
    ordenes: list[Paso] = [llamar(CONSOLA, {"command": f"echo {n}"}) for n in range(veces)]
    return [*ordenes, llamar(REPORTAR, {"resultado": "hecho"})]


async def test_las_ordenes_de_mas_se_niegan_y_pausan(tmp_path: Path) -> None:
    corto = tipo("corto", presupuesto={"comandos": 2})
    guion = Guion(
        {
            "Master": [delegar("a", tipo="corto"), texto("espero"), texto("fin")],
            "corto-*": _ordena(4),
        }
    )
    async with DobleOpenAI(guion) as doble:
        async with enjambre(doble, tmp_path, corto, proveedor="openai") as sistema:
            await conversar(sistema, "uno")
            assert parados(sistema) == ["corto-1"]
            await sistema.contaduria.cambiar("corto-1", leer_cambios(["comandos=9"]), solo=False)
            assert await seguir(sistema) == ["corto-1"]
            await sistema.conversacion.esperar_calma()
        doble.comprobar()
    ordenes = "SELECT return_code, motivo FROM commands WHERE command IS NOT NULL ORDER BY id"
    assert consultar(tmp_path, ordenes) == [
        (0, "ok"),
        (0, "ok"),
        (126, "presupuesto"),
        (0, "ok"),
    ]


async def test_los_agentes_de_mas_no_se_lanzan_y_quien_los_pide_lo_lee(tmp_path: Path) -> None:
    guion = Guion(
        {
            "Master": [
                delegar("a", "b", "c"),
                texto("solo dos"),
                texto("solo dos"),
                texto("solo dos"),
            ],
            "ejecutor-*": llamar(REPORTAR, {"resultado": "ya"}),
        }
    )
    async with DobleOpenAI(guion) as doble:
        topes = "agentes=2"
        async with enjambre(doble, tmp_path, proveedor="openai", presupuesto=topes) as sistema:
            await conversar(sistema, "tres")
            assert sistema.contaduria.negado == "la sesión: gastado 2 agentes de 2 agentes"
    assert len(consultar(tmp_path, _ESTADOS)) == 2
    dicho = "SELECT details ->> '$.resultado' FROM logs WHERE tipo='tool_execution' ORDER BY id"
    assert any(
        r.startswith("Error: presupuesto agotado (la sesión") for (r,) in consultar(tmp_path, dicho)
    )


async def test_la_rama_de_un_agente_paga_lo_de_los_suyos_y_solo_la_suya(tmp_path: Path) -> None:
    """Dos jefes iguales: el tope de uno no lo gasta el otro."""
    jefe = tipo("jefe", available_tools=[DELEGAR, REPORTAR], presupuesto={"comandos": 1})
    guion = Guion(
        {
            "Master": [delegar("x", "y", tipo="jefe"), *[texto("ya")] * 6],
            "jefe-*": _jefe,
            "ejecutor-*": _ordena(1),
        }
    )
    async with (
        DobleOpenAI(guion) as doble,
        enjambre(doble, tmp_path, jefe, proveedor="openai") as sistema,
    ):
        await conversar(sistema, "va")
    ordenes = "SELECT motivo, count(*) FROM commands WHERE command IS NOT NULL GROUP BY motivo"
    assert consultar(tmp_path, ordenes) == [("ok", 2)]
    assert {estado for _, estado in consultar(tmp_path, _ESTADOS)} == {"completed"}


def _jefe(peticion: Peticion) -> Respuesta:
    if not any(m.llamadas for m in peticion.mensajes):
        return delegar("una")
    if "terminó su tarea" in peticion.todo_el_texto:
        return llamar(REPORTAR, {"resultado": "hecho"})
    return texto("espero")


async def test_un_tope_de_tiempo_cuenta_lo_que_hay_en_marcha_una_vez(tmp_path: Path) -> None:
    corto = tipo("corto", presupuesto={"segundos": 0.5})
    pasos: list[Paso] = [
        llamar(CONSOLA, {"command": "sleep 0.7"}),
        llamar(REPORTAR, {"resultado": "nunca"}),
    ]
    guion = Guion({"Master": [delegar("a", tipo="corto"), texto("espero")], "corto-*": pasos})
    async with (
        DobleOpenAI(guion) as doble,
        enjambre(doble, tmp_path, corto, proveedor="openai") as sistema,
    ):
        await conversar(sistema, "uno")
        assert parados(sistema) == ["corto-1"]
        antes = sistema.contaduria.cuentas()[0][2]
        await asyncio.sleep(0.1)
        assert sistema.contaduria.cuentas()[0][2] == antes, "parado no gasta"
    ((_, parte, dicho),) = consultar(tmp_path, _AVISOS)[-1:]
    assert parte == 100
    assert "s de 0.5 s" in dicho


async def test_una_orden_congelada_no_gasta_tiempo(tmp_path: Path) -> None:
    """Ni contado en marcha ni, al volver, contado desde la bitácora."""
    n = sueno()
    pasos: list[Paso] = [
        llamar(CONSOLA, {"command": f"timeout 0.5 sleep {n}"}),
        llamar(REPORTAR, {"resultado": "ya"}),
    ]
    guion = Guion({"Master": [delegar("a"), texto("espero"), texto("fin")], "ejecutor-*": pasos})
    async with DobleOpenAI(guion) as doble:
        async with enjambre(
            doble, tmp_path, proveedor="openai", presupuesto="segundos=60"
        ) as sistema:

            def gastado() -> float:
                ((_, recurso, cuanto),) = sistema.contaduria.cuentas()
                assert recurso is Recurso.SEGUNDOS
                return cuanto

            await sistema.conversacion.decir("uno")
            assert await hasta_que(lambda: bool(vivos(n)), 15)
            await dar(sistema, Mando.PAUSAR)
            await sistema.conversacion.esperar_calma()
            antes = gastado()
            await asyncio.sleep(1.5)
            assert gastado() == antes, "congelada no gasta"
            await dar(sistema, Mando.REANUDAR)
            await sistema.conversacion.esperar_calma()
            en_marcha = gastado()
        with closing(conectar_lectura(tmp_path / "data" / "swarm.db")) as db:
            al_volver = leer_cuentas(db, sistema.sesion)[0].segundos_rama
    assert antes < en_marcha < antes + 1.4
    assert abs(en_marcha - al_volver) < 0.3


async def test_a_quien_ademas_esta_en_pausa_se_le_dice_una_vez_y_sigue_al_reanudarlo(
    tmp_path: Path,
) -> None:
    corto = tipo("corto", presupuesto={"comandos": 1})
    guion = Guion(
        {
            "Master": [delegar("a", tipo="corto"), texto("espero"), texto("fin")],
            "corto-1": [
                *(llamar(CONSOLA, {"command": f"echo {n}"}) for n in (1, 2)),
                llamar(REPORTAR, {"resultado": "hecho"}),
            ],
        }
    )
    async with DobleOpenAI(guion) as doble:
        async with enjambre(doble, tmp_path, corto, proveedor="openai") as sistema:
            assert await conversar(sistema, "uno") == "espero"
            await dar(sistema, Mando.PAUSAR, "corto-1")
            assert parados(sistema) == ["corto-1"]
            await sistema.contaduria.cambiar("corto-1", leer_cambios(["comandos=9"]), solo=False)
            assert await seguir(sistema) == ["corto-1"]
            assert await seguir(sistema) == []
            assert "sigue por donde iba" in await dar(sistema, Mando.REANUDAR, "corto-1")
            await sistema.conversacion.esperar_calma()
            assert sistema.conversacion.ultimo_texto == "fin"
        doble.comprobar()


async def test_lo_que_se_le_dice_sin_fondos_lo_lee_cuando_los_haya(tmp_path: Path) -> None:
    """Un mensaje no le da con qué pagar: se para otra vez, una por mensaje, y no da vueltas."""
    corto = tipo("corto", presupuesto={"comandos": 1})
    guion = Guion(
        {
            "Master": [delegar("a", tipo="corto"), texto("espero"), texto("fin")],
            "corto-1": [
                *(llamar(CONSOLA, {"command": f"echo {n}"}) for n in (1, 2)),
                llamar(REPORTAR, {"resultado": "hecho"}),
            ],
        }
    )
    async with DobleOpenAI(guion) as doble:
        async with enjambre(doble, tmp_path, corto, proveedor="openai") as sistema:
            await conversar(sistema, "uno")
            await sistema.contaduria.cambiar("corto-1", leer_cambios(["tokens=1"]), solo=False)
            for dicho in ("ánimo", "venga"):
                sistema.gestor.send_message_to_agent("corto-1", dicho, USUARIO, None)
                await sistema.conversacion.esperar_calma()
                assert parados(sistema) == ["corto-1"]
            cambios = leer_cambios(["tokens=90000", "comandos=9"])
            await sistema.contaduria.cambiar("corto-1", cambios, solo=False)
            assert await seguir(sistema) == ["corto-1"]
            await sistema.conversacion.esperar_calma()
        doble.comprobar()
    leido = "\n".join(m.texto for m in doble.de("corto-1")[-1].mensajes if m.rol == "user")
    assert [leido.count(dicho) for dicho in ("ánimo", "venga", SIGUE)] == [1, 1, 1]
    assert len(consultar(tmp_path, _AVISOS)) == 4
