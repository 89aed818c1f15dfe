"""Lo que una orden deja en el disco basta para saber qué fue de ella sin el enjambre que la lanzó."""

from __future__ import annotations

import asyncio
import os
import signal
from dataclasses import replace
from pathlib import Path

import pytest

from agentes.errores import ErrorConsola
from servicios.consola.operaciones.disco import carpeta_de_operaciones
from servicios.consola.operaciones.identidad import Identidad
from servicios.ejecutor_consola import (
    EjecutorConsola,
    MotivoFin,
    OpcionesConsola,
    ResultadoComando,
    Suerte,
    abrir_consola,
    operaciones_en_disco,
)
from tests.consola.apoyo import CrearConsola, en, hasta_que, sueno, vivos
from tests.consola.apoyo_operaciones import AGENTE, abierta, dejar_a_medias, matar, rastro

FILA = 41


async def test_una_viva_se_adopta_y_da_todo_lo_que_escribe(
    aislamiento: str, tmp_path: Path
) -> None:
    """Escribe después de morir quien la lanzó: ninguna tubería los une."""
    esperar = "until [ -e ya ]; do sleep 0.05; done"
    orden = f"touch empezada; echo uno; {esperar}; echo dos; echo mal >&2; mkdir d; cd d; exit 7"
    async with (
        dejar_a_medias(aislamiento, tmp_path, orden, fila=FILA),
        abierta(aislamiento, tmp_path) as consola,
    ):
        espera = asyncio.create_task(consola.recuperar(FILA, AGENTE))
        await asyncio.sleep(0.2)
        (tmp_path / f"espacios/{AGENTE}/ya").touch()
        hallazgo = await espera
        assert (hallazgo.suerte, hallazgo.adoptada) == (Suerte.TERMINADA, True)
        assert hallazgo.resultado is not None
        assert (hallazgo.resultado.salida, hallazgo.resultado.error) == ("uno\ndos\n", "mal\n")
        assert (hallazgo.resultado.codigo, hallazgo.resultado.motivo) == (7, MotivoFin.OK)
        otra = await consola.ejecutar_comando_seguro("basename $PWD", AGENTE)
        assert otra.salida == "d\n"


async def test_la_que_acabo_sola_se_recupera(aislamiento: str, tmp_path: Path) -> None:
    orden = "touch empezada; sleep 0.5; seq 3"
    async with dejar_a_medias(aislamiento, tmp_path, orden, fila=FILA):
        suyo = rastro(tmp_path, FILA)
        assert await hasta_que(lambda: suyo.informe() is not None)
        async with abierta(aislamiento, tmp_path) as consola:
            hallazgo = await consola.recuperar(FILA, AGENTE)
    assert (hallazgo.suerte, hallazgo.adoptada) == (Suerte.TERMINADA, False)
    assert hallazgo.resultado is not None
    assert hallazgo.resultado.salida == "1\n2\n3\n"


async def test_si_muere_todo_queda_interrumpida_con_lo_que_escribio(
    aislamiento: str, tmp_path: Path
) -> None:
    n = sueno()
    orden = f"echo uno; touch empezada; sleep {n}"
    async with dejar_a_medias(aislamiento, tmp_path, orden, fila=FILA) as supervisor:
        assert await hasta_que(lambda: rastro(tmp_path, FILA).escrito()[0].total == 4)
        matar(supervisor)
        assert await hasta_que(lambda: not vivos(n))
        async with abierta(aislamiento, tmp_path) as consola:
            hallazgo = await consola.recuperar(FILA, AGENTE)
    assert hallazgo.suerte is Suerte.INTERRUMPIDA
    assert hallazgo.resultado is not None
    assert (hallazgo.resultado.salida, hallazgo.resultado.motivo) == (
        "uno\n",
        MotivoFin.SIN_SUPERVISOR,
    )


async def test_si_muere_mientras_se_la_espera_queda_interrumpida(
    aislamiento: str, tmp_path: Path
) -> None:
    orden = f"touch empezada; sleep {sueno()}"
    async with (
        dejar_a_medias(aislamiento, tmp_path, orden, fila=FILA) as supervisor,
        abierta(aislamiento, tmp_path) as consola,
    ):
        espera = asyncio.create_task(consola.recuperar(FILA, AGENTE))
        await asyncio.sleep(0.2)
        matar(supervisor)
        assert (await espera).suerte is Suerte.INTERRUMPIDA


async def test_cancelar_la_espera_mata_a_la_adoptada(aislamiento: str, tmp_path: Path) -> None:
    n = sueno()
    orden = f"echo uno; touch empezada; trap '' TERM; setsid sleep {n} & sleep {n}"
    async with (
        dejar_a_medias(aislamiento, tmp_path, orden, fila=FILA),
        abierta(aislamiento, tmp_path) as consola,
    ):
        espera = asyncio.create_task(consola.recuperar(FILA, AGENTE))
        await asyncio.sleep(0.2)
        assert len(vivos(n)) == 2
        espera.cancel()
        with pytest.raises(asyncio.CancelledError) as cancelada:
            await espera
        assert vivos(n) == []
        (resultado,) = cancelada.value.args
        assert isinstance(resultado, ResultadoComando)
        assert (resultado.salida, resultado.motivo) == ("uno\n", MotivoFin.CANCELADO)
        informe = rastro(tmp_path, FILA).informe()
        assert informe is not None
        assert informe.motivo is MotivoFin.CANCELADO


@pytest.mark.parametrize("cambio", ["nacido", "arranque"])
async def test_un_proceso_ajeno_con_ese_numero_no_es_el_nuestro(
    crear: CrearConsola, tmp_path: Path, cambio: str
) -> None:
    """Sin mirar cuándo nació se adoptaría, y al cancelar se mataría."""
    consola = await crear()
    ajeno = await asyncio.create_subprocess_exec("sleep", sueno())
    try:
        suya = Identidad.de(ajeno.pid)
        assert suya is not None
        falsa = replace(suya, nacido=suya.nacido - 1)
        if cambio == "arranque":
            falsa = replace(suya, arranque="00000000-0000-0000-0000-000000000000")
        suyo = rastro(tmp_path, FILA)
        suyo.carpeta.mkdir()
        (suyo.carpeta / "estado").write_text(falsa.texto())
        async with asyncio.timeout(2):
            assert (await consola.recuperar(FILA, AGENTE)).suerte is Suerte.INTERRUMPIDA
        assert ajeno.returncode is None
    finally:
        ajeno.kill()
        await ajeno.wait()


async def test_un_supervisor_que_llega_tarde_se_va_sin_ejecutar(
    crear: CrearConsola, tmp_path: Path
) -> None:
    """Retenido antes de hacerse con el intento; quien reanuda se queda con él."""
    vieja, nueva = await crear(), await crear()
    ops = carpeta_de_operaciones(tmp_path)
    assert await hasta_que(lambda: len(list(ops.glob(".lista-*/rc.nuevo"))) == 2)
    esperan = [int(c.name.split("-")[1]) for c in ops.glob(".lista-*")]
    for pid in esperan:
        os.kill(pid, signal.SIGSTOP)
    try:
        tarde = asyncio.create_task(
            vieja.ejecutar_comando_seguro("touch hecho", AGENTE, None, FILA)
        )
        await asyncio.sleep(0.1)
        assert operaciones_en_disco(tmp_path) == []
        assert (await nueva.recuperar(FILA, AGENTE)).suerte is Suerte.NUNCA
    finally:
        for pid in esperan:
            os.kill(pid, signal.SIGCONT)
    with pytest.raises(ErrorConsola, match="otro se quedó con el intento"):
        await tarde
    assert not (tmp_path / f"espacios/{AGENTE}/hecho").exists()
    assert (await nueva.recuperar(FILA, AGENTE)).suerte is Suerte.NUNCA


async def test_una_fila_no_se_ejecuta_dos_veces(consola: EjecutorConsola, tmp_path: Path) -> None:
    orden = "echo x >> veces"
    await consola.ejecutar_comando_seguro(orden, AGENTE, None, FILA)
    with pytest.raises(ErrorConsola, match="otro se quedó con el intento"):
        await consola.ejecutar_comando_seguro(orden, AGENTE, None, FILA)
    assert (tmp_path / f"espacios/{AGENTE}/veces").read_text() == "x\n"


async def test_una_carpeta_que_no_dice_de_quien_es_queda_indeterminada(
    crear: CrearConsola, tmp_path: Path
) -> None:
    consola = await crear()
    rastro(tmp_path, FILA).carpeta.mkdir()
    assert (await consola.recuperar(FILA, AGENTE)).suerte is Suerte.INDETERMINADA


async def test_lo_de_una_fila_se_queda_hasta_cerrarla_y_lo_suelto_se_va_solo(
    consola: EjecutorConsola, tmp_path: Path
) -> None:
    await consola.ejecutar_comando_seguro("echo hola", AGENTE, None, FILA)
    await consola.ejecutar_comando_seguro("echo hola", AGENTE)
    assert operaciones_en_disco(tmp_path) == [FILA]
    assert (await consola.recuperar(FILA, AGENTE)).suerte is Suerte.TERMINADA
    await consola.cerrar_operacion(FILA)
    assert operaciones_en_disco(tmp_path) == []
    ops = carpeta_de_operaciones(tmp_path)
    assert await hasta_que(lambda: list(ops.glob("suelta-*")) == [])
    await consola.cerrar_operacion(FILA)


async def test_lo_suelto_de_un_enjambre_muerto_se_va_con_su_supervisor(
    aislamiento: str, tmp_path: Path
) -> None:
    async with abrir_consola(tmp_path, OpcionesConsola(aislamiento)) as consola:
        tarea = asyncio.create_task(consola.ejecutar_comando_seguro("sleep 30", AGENTE, en(20)))
        ops = carpeta_de_operaciones(tmp_path)
        assert await hasta_que(lambda: len(list(ops.glob("suelta-*"))) >= 1)
        tarea.cancel()
        await asyncio.wait({tarea})
    assert await hasta_que(lambda: list(ops.iterdir()) == [])


async def test_ninguna_orden_llega_a_lo_suyo(consola: EjecutorConsola, tmp_path: Path) -> None:
    ops = carpeta_de_operaciones(tmp_path)
    orden = f"ls {ops}; cat {ops}/{FILA}/estado; echo 0 > {ops}/{FILA}/rc; rm -rf {ops}/{FILA}; :"
    hecho = await consola.ejecutar_comando_seguro(orden, AGENTE, None, FILA)
    assert (hecho.salida, hecho.codigo) == ("", 0)
    informe = rastro(tmp_path, FILA).informe()
    assert informe is not None
    assert informe.error == hecho.error != ""
