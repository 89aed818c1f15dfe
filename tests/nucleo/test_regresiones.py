"""Fallos que hubo: cada uno con la historia más corta que lo enseña."""

from __future__ import annotations

from pathlib import Path

from agentes.errores import ErrorModelo
from agentes.mensajes import ClaseAviso
from agentes.respuestas import LlamadaHerramienta, en_unicode
from tests.apoyo import (
    DELEGAR,
    MENSAJE,
    PROBLEMA,
    REPORTAR,
    consultar,
    conversar,
    delegar,
    enjambre,
    tipo,
)
from tests.dobles.base import Doble
from tests.dobles.fallos import fallo
from tests.dobles.peticion import Peticion
from tests.dobles.respuestas import Respuesta, llamar, texto
from tests.nucleo.escena_conversacion import asentar, escena


async def test_lo_que_llega_en_la_ultima_ronda_no_se_pierde() -> None:
    async with escena() as e:
        e.modelo.guion = [[LlamadaHerramienta("a", "estado_enjambre", {})] for _ in range(12)]
        e.modelo.tarda_s = 1.0
        await e.conversacion.decir("estado")
        await e.reloj.avanzar(11.5)
        await e.conversacion.decir("¿y esto?")
        for _ in range(6):
            await e.reloj.avanzar(1)
        assert any("¿y esto?" in m.text for m in e.modelo.historias[-1])


async def test_parar_en_el_mismo_instante_no_pierde_la_linea() -> None:
    async with escena() as e:
        await e.conversacion.decir("apunta esto")
        for _ in range(8):
            if e.conversacion.interrumpir():
                break
            await asentar()
        await asentar()
        await e.conversacion.decir("¿lo tienes?")
        await asentar()
        assert any("apunta esto" in m.text for m in e.modelo.historias[-1])


async def test_un_fallo_nuestro_al_atender_no_mata_la_conversacion() -> None:
    async with escena() as e:
        e.modelo.guion = [ValueError("ay"), []]
        await e.conversacion.decir("rompe")
        await asentar()
        assert e.conversacion.ultimo_error is not None
        assert "ay" in str(e.conversacion.ultimo_error)
        await e.conversacion.decir("¿sigues?")
        await asentar()
        assert e.conversacion.ultimo_texto == "texto"


async def test_los_avisos_de_un_turno_envenenado_no_constan_como_vistos() -> None:
    async with escena() as e:
        e.modelo.guion = [ErrorModelo("bloqueado", clase="bloqueo")]
        e.avisar(1, ClaseAviso.PROBLEMA)
        await asentar()
        await e.conversacion.decir("¿qué pasa?")
        await asentar()
        assert "estado_enjambre" in e.modelo.historias[-1][-2].text
        assert e.modelo.avisos == [1, 0]


async def test_lo_que_se_sabe_de_una_accion_sobrevive_al_veneno(
    proveedor: str, doble: Doble, tmp_path: Path
) -> None:
    doble.guion.poner("Master", [delegar("x"), fallo("filtro"), texto("ok"), texto("ok")])
    doble.guion.poner("ejecutor-1", [llamar(PROBLEMA, {"descripcion_problema": "?"})])
    async with enjambre(doble, tmp_path, proveedor=proveedor) as sistema:
        await conversar(sistema, "lanza", "¿y bien?")
    respuestas = [m.texto for m in doble.de("Master")[-1].mensajes if m.rol == "tool"]
    assert any("Lanzado ejecutor-1" in r for r in respuestas)
    assert not any("interrumpido" in r for r in respuestas)


async def test_un_jefe_no_espera_para_siempre_a_un_hijo_en_pausa(
    proveedor: str, doble: Doble, tmp_path: Path
) -> None:
    jefe = tipo("jefe", available_tools=[DELEGAR, REPORTAR, PROBLEMA])
    doble.guion.poner("Master", [delegar("x", tipo="jefe"), texto("va"), texto("fin")])
    doble.guion.poner(
        "jefe-1", [delegar("hoja"), texto("espero"), texto("no sé"), texto("me rindo")]
    )
    doble.guion.poner("ejecutor-1", [llamar(PROBLEMA, {"descripcion_problema": "¿cuál?"})])
    async with enjambre(doble, tmp_path, jefe, proveedor=proveedor) as sistema:
        assert await conversar(sistema, "x") == "fin"
    assert consultar(tmp_path, "SELECT status FROM agent_runs ORDER BY id") == [
        ("completed",),
        ("cancelled",),
    ]


async def test_desde_con_decimales_se_lee_igual(
    proveedor: str, doble: Doble, tmp_path: Path
) -> None:
    doble.guion.poner(
        "Master",
        [
            delegar("x"),
            texto("va"),
            llamar("leer_reporte", {"agent_id": "ejecutor-1", "desde": 4.0}),
            texto("leído"),
        ],
    )
    doble.guion.poner("ejecutor-1", [llamar(REPORTAR, {"resultado": "0123456789"})])
    async with enjambre(doble, tmp_path, proveedor=proveedor) as sistema:
        assert await conversar(sistema, "x") == "leído"
    assert "456789" in doble.de("Master")[-1].ultimo.texto


async def test_media_letra_de_un_modelo_no_envenena_la_historia(
    proveedor: str, doble: Doble, tmp_path: Path
) -> None:
    doble.guion.poner("Master", [texto("bien"), texto("sigo"), texto("y sigo")])
    async with enjambre(doble, tmp_path, proveedor=proveedor) as sistema:
        await conversar(sistema, "hola \ud83d", "media \udcff letra")
        assert await conversar(sistema, "¿y ahora?") == "y sigo"
    doble.comprobar()


async def test_quien_acaba_sin_leer_una_directiva_lo_dice(
    proveedor: str, doble: Doble, tmp_path: Path
) -> None:
    async def acaba_tras_la_directiva(_: Peticion) -> Respuesta:
        await doble.esperar(3, "Master")
        return llamar(REPORTAR, {"resultado": "ya"}, pausa_s=0.5)

    doble.guion.poner(
        "Master",
        [
            delegar("x"),
            texto("va"),
            llamar(MENSAJE, {"agent_id": "ejecutor-1", "message_content": "espera"}),
            texto("dicho"),
            texto("fin"),
        ],
    )
    doble.guion.poner("ejecutor-1", acaba_tras_la_directiva)
    async with enjambre(doble, tmp_path, proveedor=proveedor) as sistema:
        await sistema.conversacion.decir("x")
        await doble.esperar(2, "Master")
        await sistema.conversacion.decir("dile que espere")
        await sistema.conversacion.esperar_calma()
    assert "No llegó a leer un mensaje" in doble.de("Master")[-1].ultimo.texto


def test_las_parejas_se_unen_y_las_mitades_se_cambian() -> None:
    assert en_unicode("\ud83d\ude00 x \ud83d y ñ") == "😀 x � y ñ"
    assert en_unicode("hola") == "hola"
