from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from agentes.errores import ErrorBitacora, ErrorConfiguracion, ErrorModelo
from agentes.eventos import (
    MASTER,
    AgenteTerminado,
    EstadoAgente,
    TextoDescartado,
    TextoMaster,
    TextoParcial,
)
from agentes.eventos_linea import TurnoInterrumpido
from tests.interfaz.apoyo_terminal import (
    ALT_ENTER,
    ARRIBA,
    CTRL_C,
    CTRL_D,
    ENTER,
    SistemaFalso,
    charla,
    hasta,
)


@pytest.fixture
def sistema(tmp_path: Path) -> SistemaFalso:
    return SistemaFalso(tmp_path)


async def test_el_prompt_se_ve_antes_de_abrir_y_lo_escrito_espera(sistema: SistemaFalso) -> None:
    permiso = asyncio.Event()
    visto_al_abrir: list[str] = []

    @asynccontextmanager
    async def abrir() -> AsyncIterator[Any]:
        visto_al_abrir.append(c.texto)
        await permiso.wait()
        async with sistema.abrir():
            yield sistema

    async with charla(abrir) as c:
        await hasta(lambda: visto_al_abrir)
        assert "›" in visto_al_abrir[0]
        c.teclear("uno", ENTER, "dos", ENTER)
        await c.se_ve("› dos")
        assert sistema.conversacion.dichas == []
        permiso.set()
        await hasta(lambda: sistema.conversacion.dichas == ["uno", "dos"])


async def test_una_linea_vacia_no_llega_al_master(sistema: SistemaFalso) -> None:
    async with charla(sistema.abrir) as c:
        c.teclear(ENTER, "   ", ENTER, "hola", ENTER)
        await hasta(lambda: sistema.conversacion.dichas)
        assert sistema.conversacion.dichas == ["hola"]


@pytest.mark.parametrize("fin", [f"salir{ENTER}", f"/salir{ENTER}", f" SALIR {ENTER}", CTRL_D])
async def test_salir_acaba_bien_y_cierra_el_sistema(sistema: SistemaFalso, fin: str) -> None:
    async with charla(sistema.abrir) as c:
        await hasta(lambda: sistema.abierto)
        c.teclear(fin)
        assert await c.codigo() == 0
        assert not sistema.abierto
        assert (sistema.cierre.motivo, sistema.cierre.codigo) == ("salir", 0)
        assert sistema.conversacion.dichas == []


async def test_ctrl_d_con_texto_no_sale_y_ctrl_z_no_escribe_nada(sistema: SistemaFalso) -> None:
    async with charla(sistema.abrir) as c:
        c.teclear("ho", "\x1a", "la", CTRL_D, ENTER)
        await hasta(lambda: sistema.conversacion.dichas == ["hola"])
        assert not c.tarea.done()


async def test_al_salir_con_agentes_vivos_dice_a_quien_cancela(sistema: SistemaFalso) -> None:
    sistema.gestor.poner("ejecutor-1", "running", "herramienta")
    sistema.gestor.poner("ejecutor-2", "completed")
    async with charla(sistema.abrir) as c:
        c.teclear(CTRL_D)
        assert await c.codigo() == 0
        await c.se_ve("Agentes cancelados: ejecutor-1.")


async def test_una_orden_de_golpe_no_deja_un_menu_detras(sistema: SistemaFalso) -> None:
    sistema.gestor.poner("ejecutor-1", "running", "herramienta")
    sistema.gestor.poner("ejecutor-2", "running", "herramienta")
    async with charla(sistema.abrir) as c:
        await c.se_ve("Modelo:")
        c.teclear("hola", ENTER)
        await hasta(lambda: sistema.conversacion.dichas == ["hola"])
        c.teclear("/estado", ENTER)
        await c.se_ve("aislamiento: bwrap")
        await asyncio.sleep(0.3)
        assert "ejecutor-1" not in c.texto
        c.teclear(ARRIBA)
        await asyncio.sleep(0.1)
        c.teclear(ARRIBA, ENTER)
        await hasta(lambda: sistema.conversacion.dichas == ["hola", "hola"])


async def test_ctrl_c_con_texto_lo_borra(sistema: SistemaFalso) -> None:
    sistema.conversacion.respondiendo = True
    async with charla(sistema.abrir) as c:
        c.teclear("rm -rf todo", CTRL_C, "hola", ENTER)
        await hasta(lambda: sistema.conversacion.dichas)
        assert sistema.conversacion.dichas == ["hola"]
        assert sistema.conversacion.interrumpidas == 0


async def test_ctrl_c_en_una_respuesta_solo_la_para(sistema: SistemaFalso) -> None:
    async with charla(sistema.abrir) as c:
        await hasta(lambda: sistema.abierto)
        sistema.conversacion.respondiendo = True
        c.teclear(CTRL_C)
        await hasta(lambda: sistema.conversacion.interrumpidas == 1)
        c.teclear("sigo", ENTER)
        await hasta(lambda: sistema.conversacion.dichas == ["sigo"])
        assert "Otra vez Ctrl-C" not in c.texto


async def test_ctrl_c_sin_nada_avisa_y_dos_seguidos_salen(sistema: SistemaFalso) -> None:
    async with charla(sistema.abrir) as c:
        await hasta(lambda: sistema.abierto)
        c.teclear(CTRL_C)
        await c.se_ve("Otra vez Ctrl-C para salir")
        await asyncio.sleep(2.1)
        c.teclear(CTRL_C)
        await hasta(lambda: c.texto.count("Otra vez Ctrl-C para salir") == 2)
        c.teclear(CTRL_C)
        assert await c.codigo() == 0
        assert sistema.cierre.motivo == "Ctrl-C"


async def test_se_puede_salir_aunque_no_termine_de_abrir() -> None:
    cerrado = asyncio.Event()

    @asynccontextmanager
    async def abrir() -> AsyncIterator[Any]:
        try:
            await asyncio.Event().wait()
            yield None
        finally:
            cerrado.set()

    async with charla(abrir) as c:
        await c.se_ve("›")
        c.teclear(CTRL_C, CTRL_C)
        assert await c.codigo() == 0
        assert cerrado.is_set()


@pytest.mark.parametrize(
    ("error", "codigo"),
    [
        (ErrorConfiguracion("MODEL=raro: no se sabe qué es"), 2),
        (ErrorModelo("clave rechazada", clase="clave"), 2),
        (ErrorBitacora("data/swarm.db no se puede abrir"), 1),
    ],
)
async def test_si_no_se_puede_abrir_lo_dice_en_una_linea(error: Exception, codigo: int) -> None:
    @asynccontextmanager
    async def abrir() -> AsyncIterator[Any]:
        raise error
        yield

    async with charla(abrir) as c:
        assert await c.codigo() == codigo
        await c.se_ve(str(error))
        assert c.texto.count(str(error)) == 1
        assert "Traceback" not in c.texto


async def test_si_el_sistema_cae_a_mitad_acaba_con_su_motivo(sistema: SistemaFalso) -> None:
    caida = asyncio.Event()

    @asynccontextmanager
    async def abrir() -> AsyncIterator[Any]:
        async def caer() -> None:
            await caida.wait()
            raise ErrorBitacora("disco lleno")

        try:
            async with asyncio.TaskGroup() as grupo:
                grupo.create_task(caer())
                yield sistema
        except ExceptionGroup as errores:
            raise errores.exceptions[0] from None

    async with charla(abrir) as c:
        await c.se_ve("Modelo:")
        caida.set()
        assert await c.codigo() == 1
        await c.se_ve("disco lleno")


async def test_sigterm_cierra_bien_con_143(sistema: SistemaFalso) -> None:
    async with charla(sistema.abrir) as c:
        await hasta(lambda: sistema.abierto)
        os.kill(os.getpid(), signal.SIGTERM)
        assert await c.codigo() == 143
        assert not sistema.abierto
        assert (sistema.cierre.motivo, sistema.cierre.codigo) == ("SIGTERM", 143)


async def test_un_pegado_de_varias_lineas_es_un_mensaje(sistema: SistemaFalso) -> None:
    async with charla(sistema.abrir) as c:
        c.teclear("\x1b[200~uno\ndos\n\ntres\x1b[201~", ENTER)
        await hasta(lambda: sistema.conversacion.dichas == ["uno\ndos\n\ntres"])


async def test_alt_enter_salta_de_linea_sin_enviar(sistema: SistemaFalso) -> None:
    async with charla(sistema.abrir) as c:
        c.teclear("uno", ALT_ENTER, "dos", ENTER)
        await hasta(lambda: sistema.conversacion.dichas == ["uno\ndos"])


async def test_el_texto_vivo_crece_en_el_prompt_y_luego_queda_como_markdown(
    sistema: SistemaFalso,
) -> None:
    async with charla(sistema.abrir) as c:
        await c.se_ve("Modelo:")
        sistema.bus.publicar(TextoParcial(MASTER, "esto está a **medi"))
        await c.se_ve("esto está a **medi")
        sistema.hecho(TextoMaster(agente_id=MASTER, texto="esto está a **medias**", cortado=True))
        await c.se_ve("esto está a medias")
        await c.se_ve("quedó cortada")


async def test_una_respuesta_parada_se_quita_y_se_dice(sistema: SistemaFalso) -> None:
    async with charla(sistema.abrir) as c:
        await c.se_ve("Modelo:")
        sistema.bus.publicar(TextoParcial(MASTER, "iba por aquí"))
        sistema.bus.publicar(TextoDescartado(MASTER))
        sistema.hecho(TurnoInterrumpido(agente_id=MASTER, motivo="respuesta parada"))
        await c.se_ve("master respuesta parada")
        assert "iba por aquí" in c.texto


async def test_lo_hostil_no_llega_a_la_pantalla(sistema: SistemaFalso) -> None:
    malo = "\x1b]0;título\x07\x1b[2Jresultado [red]rojo[/red] \x9b31m \u202eal revés"
    async with charla(sistema.abrir) as c:
        await c.se_ve("Modelo:")
        fin = AgenteTerminado(agente_id="ejecutor-1", estado=EstadoAgente.COMPLETED, resultado=malo)
        sistema.hecho(fin)
        sistema.hecho(TextoMaster(agente_id=MASTER, texto=malo))
        await hasta(lambda: c.texto.count("[red]rojo[/red]") == 2)
        for veneno in ("\x1b]0;", "\x1b[2J", "\x9b", "\u202e", "\x07"):
            assert veneno not in c.crudo


async def test_el_historial_queda_en_un_archivo_privado_y_vuelve(tmp_path: Path) -> None:
    primera = SistemaFalso(tmp_path)
    async with charla(primera.abrir) as c:
        c.teclear("antes", ENTER, CTRL_D)
        await c.codigo()
    archivo = tmp_path / "historial_terminal"
    assert archivo.stat().st_mode & 0o777 == 0o600
    segunda = SistemaFalso(tmp_path)
    async with charla(segunda.abrir) as c:
        await c.se_ve("Modelo:")
        await asyncio.sleep(0.3)
        c.teclear(ARRIBA, ENTER)
        await hasta(lambda: segunda.conversacion.dichas == ["antes"])


async def test_sin_donde_guardar_el_historial_se_conversa_igual(tmp_path: Path) -> None:
    sistema = SistemaFalso(tmp_path / "no" / "existe")
    async with charla(sistema.abrir) as c:
        await hasta(lambda: sistema.abierto)
        c.teclear("hola", ENTER)
        await hasta(lambda: sistema.conversacion.dichas == ["hola"])
