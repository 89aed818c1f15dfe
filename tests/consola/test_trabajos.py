"""Trabajos en segundo plano: siguen solos, se leen, se paran y no sobreviven a nadie."""

from __future__ import annotations

import asyncio

import pytest

from agentes.errores import ErrorConsola
from agentes.perfil_consola import PerfilConsola
from servicios.ejecutor_consola import EjecutorConsola, MotivoFin
from tests.consola.apoyo import en, hasta_que, sueno, vivos

PERFIL = PerfilConsola(max_trabajos=2, vida_trabajo_s=30)


async def _hasta_terminar(consola: EjecutorConsola, trabajo_id: str) -> MotivoFin:
    async with asyncio.timeout(10):
        while (estado := await consola.trabajos.leer(trabajo_id, "a-1")).resultado is None:
            await asyncio.sleep(0.02)
    return estado.resultado.motivo


async def test_un_trabajo_sigue_mientras_el_agente_hace_otra_cosa(
    consola: EjecutorConsola,
) -> None:
    orden = "echo empieza; until [ -e ya ]; do sleep 0.02; done; echo acaba; exit 3"
    trabajo = await consola.trabajos.iniciar(orden, "a-1", PERFIL)
    assert trabajo == "t1"
    async with asyncio.timeout(10):
        while "empieza" not in (await consola.trabajos.leer("t1", "a-1")).salida:
            await asyncio.sleep(0.02)
    assert (await consola.trabajos.leer("t1", "a-1")).vivo
    assert (
        await consola.ejecutar_comando_seguro("touch ya; echo listo", "a-1")
    ).salida == "listo\n"
    assert await _hasta_terminar(consola, "t1") is MotivoFin.OK
    final = await consola.trabajos.leer("t1", "a-1")
    assert final.resultado is not None
    assert (final.vivo, final.salida, final.resultado.codigo) == (False, "empieza\nacaba\n", 3)


async def test_parar_mata_el_arbol_y_devuelve_lo_escrito(consola: EjecutorConsola) -> None:
    n = sueno()
    orden = f"echo hola; setsid sleep {n} & sleep {n}"
    trabajo = await consola.trabajos.iniciar(orden, "a-1", PERFIL)
    assert await hasta_que(lambda: len(vivos(n)) == 2)
    parado = await consola.trabajos.parar(trabajo, "a-1")
    assert vivos(n) == []
    assert parado.resultado is not None
    assert (parado.salida, parado.resultado.motivo) == ("hola\n", MotivoFin.CANCELADO)


async def test_ninguno_pasa_de_su_vida_maxima(consola: EjecutorConsola) -> None:
    perfil = PerfilConsola(vida_trabajo_s=0.4)
    trabajo = await consola.trabajos.iniciar("sleep 9", "a-1", perfil)
    assert await _hasta_terminar(consola, trabajo) is MotivoFin.TIEMPO


async def test_no_hay_mas_de_los_permitidos_a_la_vez(consola: EjecutorConsola) -> None:
    for _ in range(2):
        await consola.trabajos.iniciar("sleep 30", "a-1", PERFIL)
    with pytest.raises(ErrorConsola, match="ya tienes 2 trabajos en marcha \\(t1, t2\\)"):
        await consola.trabajos.iniciar("sleep 30", "a-1", PERFIL)
    await consola.trabajos.parar("t1", "a-1")
    assert await consola.trabajos.iniciar("true", "a-1", PERFIL) == "t3"
    assert await consola.trabajos.iniciar("true", "a-2", PERFIL) == "t1"


async def test_mueren_con_su_agente_y_solo_los_suyos(consola: EjecutorConsola) -> None:
    suyo, ajeno = sueno(), sueno()
    await consola.trabajos.iniciar(f"sleep {suyo}", "a-1", PERFIL)
    await consola.trabajos.iniciar(f"sleep {ajeno}", "a-2", PERFIL)
    assert await hasta_que(lambda: bool(vivos(suyo) and vivos(ajeno)))
    consola.olvidar("a-1")
    assert await hasta_que(lambda: not vivos(suyo))
    assert vivos(ajeno)
    await consola.cerrar()
    assert vivos(ajeno) == []


async def test_un_agente_no_ve_los_de_otro(consola: EjecutorConsola) -> None:
    await consola.trabajos.iniciar("sleep 30", "a-1", PERFIL)
    with pytest.raises(ErrorConsola, match="no existe el trabajo «t1»; los tuyos: ninguno"):
        await consola.trabajos.leer("t1", "a-2")


@pytest.mark.parametrize("orden", ["", "echo a\x00b", "x" * 200_000])
async def test_una_orden_imposible_se_dice(consola: EjecutorConsola, orden: str) -> None:
    with pytest.raises(ErrorConsola):
        await consola.trabajos.iniciar(orden, "a-1", PERFIL)


async def test_una_orden_con_trabajos_detras_acaba_igual(consola: EjecutorConsola) -> None:
    await consola.trabajos.iniciar("sleep 30", "a-1", PERFIL)
    hecho = await consola.ejecutar_comando_seguro("echo hola", "a-1", en(5))
    assert (hecho.salida, hecho.motivo) == ("hola\n", MotivoFin.OK)
