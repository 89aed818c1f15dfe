"""La conversación: cuándo se llama al Master y cuándo no. Reloj adelantado a mano."""

from __future__ import annotations

import asyncio

from agentes.errores import ErrorModelo
from agentes.eventos import FalloMaster
from agentes.eventos_linea import TurnoInterrumpido
from agentes.mensajes import ClaseAviso
from agentes.respuestas import LlamadaHerramienta
from tests.nucleo.escena_conversacion import GUARDIA, asentar, escena


async def test_sin_nada_que_leer_no_hay_ninguna_llamada() -> None:
    async with escena() as e:
        await e.reloj.avanzar(600)
        assert e.llamadas == 0


async def test_veinte_avisos_en_una_ventana_son_una_llamada_acotada() -> None:
    async with escena() as e:
        for n in range(20):
            e.avisar(n)
            await e.reloj.avanzar(0.010)
        await e.reloj.avanzar(5)
        assert e.llamadas == 1
        ultimo = e.modelo.historias[0][-1].text
        assert len(ultimo) <= 12_000
        assert all(f"a-{n} " in ultimo for n in range(20))


async def test_veinte_avisos_durante_una_llamada_son_una_mas() -> None:
    async with escena() as e:
        e.modelo.tarda_s = 1.0
        e.avisar(100)
        await e.reloj.avanzar(0.1)
        assert e.llamadas == 1
        for n in range(20):
            e.avisar(n)
            await e.reloj.avanzar(0.04)
        await e.reloj.avanzar(10)
        assert e.llamadas == 2


async def test_avisos_repartidos_en_dos_segundos_son_como_mucho_tres_llamadas() -> None:
    async with escena() as e:
        e.modelo.tarda_s = 1.0
        for n in range(20):
            e.avisar(n)
            await e.reloj.avanzar(0.1)
        await e.reloj.avanzar(10)
        assert e.llamadas <= 3


async def test_la_ventana_se_cierra_a_los_250_ms_aunque_sigan_llegando() -> None:
    async with escena() as e:
        for n in range(30):
            e.avisar(n)
            await e.reloj.avanzar(0.040)
            if e.llamadas:
                break
        assert 0.2 <= e.reloj.ahora() <= 0.3


async def test_un_problema_cierra_la_ventana_al_momento() -> None:
    async with escena() as e:
        e.avisar(1)
        await asentar()
        assert e.llamadas == 0
        e.avisar(2, ClaseAviso.PROBLEMA)
        await asentar()
        assert e.llamadas == 1
        assert "a-1 " in e.modelo.historias[0][-1].text


async def test_una_linea_se_atiende_al_momento_con_los_avisos_que_hubiera() -> None:
    async with escena() as e:
        e.avisar(1)
        await e.conversacion.decir("¿cómo va?")
        await asentar()
        assert e.llamadas == 1
        assert [m.text[:10] for m in e.modelo.historias[0][-2:]] == ["[Notificac", "¿cómo va?"]


async def test_el_master_lee_las_respuestas_de_sus_acciones() -> None:
    async with escena() as e:
        e.modelo.guion = [[LlamadaHerramienta("a", "estado_enjambre", {})]]
        await e.conversacion.decir("estado")
        await asentar()
        assert e.llamadas == 2
        assert e.modelo.historias[1][-1].text == "hecho"


async def test_el_canario_en_una_accion_del_master_para_el_turno() -> None:
    async with escena() as e:
        canario = {"agent_id": GUARDIA.secretos.canario}
        e.modelo.guion = [[LlamadaHerramienta("b", "leer_reporte", canario)]]
        await e.conversacion.decir("lee")
        await asentar()
        assert e.llamadas == 1
        assert isinstance(e.hechos[-1], FalloMaster)
        assert (e.hechos[-1].clase, canario["agent_id"] in e.hechos[-1].error) == ("alarma", False)


async def test_las_rondas_encadenadas_tienen_tope() -> None:
    async with escena() as e:
        e.modelo.guion = [[LlamadaHerramienta("a", "estado_enjambre", {})] for _ in range(50)]
        await e.conversacion.decir("estado")
        for _ in range(20):
            await asentar()
        assert e.llamadas == 12
        assert isinstance(e.hechos[-1], TurnoInterrumpido)


async def test_parar_la_respuesta_deja_la_conversacion_viva() -> None:
    async with escena() as e:
        e.modelo.tarda_s = 60.0
        await e.conversacion.decir("larga")
        await asentar()
        assert e.conversacion.esta_respondiendo
        assert e.conversacion.interrumpir()
        await asentar()
        assert not e.conversacion.esta_respondiendo
        assert isinstance(e.hechos[-1], TurnoInterrumpido)
        e.modelo.tarda_s = 0.0
        await e.conversacion.decir("corta")
        await asentar()
        assert e.conversacion.ultimo_texto == "texto"
        assert not e.conversacion.interrumpir()


async def test_si_lo_paran_con_todo_hecho_lee_lo_que_hizo() -> None:
    """Quien para llega en la misma vuelta en que acaba la última acción, y ya consta su cierre."""
    async with escena() as e:
        bucle = asyncio.get_running_loop()
        e.enjambre.al_hacer = lambda: bucle.call_soon(bucle.call_soon, e.conversacion.interrumpir)
        e.modelo.guion = [[LlamadaHerramienta("a", "estado_enjambre", {})]]
        await e.conversacion.decir("estado")
        await asentar()
        assert e.llamadas == 1
        assert [h.tipo for h in e.hechos][-2:] == ["tool_execution", "master_loop"]
        await e.conversacion.decir("¿y?")
        await asentar()
        assert [m.text for m in e.modelo.historias[1]][-2:] == ["hecho", "¿y?"]


async def test_un_turno_que_envenena_se_retira_y_el_siguiente_pasa() -> None:
    async with escena() as e:
        e.modelo.guion = [ErrorModelo("bloqueado", clase="bloqueo")]
        await e.conversacion.decir("texto prohibido")
        await asentar()
        assert e.conversacion.ultimo_error is not None
        await e.conversacion.decir("otra cosa")
        await asentar()
        assert not any("prohibido" in m.text for m in e.modelo.historias[1])
        assert e.conversacion.ultimo_error is None


async def test_un_fallo_de_red_no_pierde_la_linea() -> None:
    async with escena() as e:
        e.modelo.guion = [ErrorModelo("sin red", clase="conexion")]
        await e.conversacion.decir("apunta esto")
        await asentar()
        await e.conversacion.decir("¿lo tienes?")
        await asentar()
        assert any("apunta esto" in m.text for m in e.modelo.historias[1])


async def test_la_calma_llega_cuando_no_queda_nada() -> None:
    async with escena() as e:
        e.modelo.tarda_s = 1.0
        await e.conversacion.decir("hola")
        calma = asyncio.create_task(e.conversacion.esperar_calma())
        await e.reloj.avanzar(0.5)
        assert not calma.done()
        await e.reloj.avanzar(1)
        await asentar()
        assert calma.done()
        await calma
