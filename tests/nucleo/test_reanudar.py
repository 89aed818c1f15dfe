"""Seguir una sesión cortada: lo que solo se ve mirando a un agente concreto."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

import pytest

from agentes.eventos import USUARIO, HechoAnotado
from prompts.avisos import RECUERDO
from tests.apoyo import CONSOLA, DELEGAR, PROBLEMA, REPORTAR, consultar, delegar, tipo
from tests.consola.apoyo import hasta_que, sueno, vivos
from tests.dobles.guion import Guion, Paso
from tests.dobles.openai import DobleOpenAI
from tests.dobles.peticion import Peticion
from tests.dobles.respuestas import Respuesta, llamar, texto
from tests.tortura.cortes import Grabadora, cortar, desde_la_apertura, grabar, hasta
from tests.tortura.fotos import abierto, copiar_datos, programa, sesion_de

if sys.platform != "linux":
    pytest.skip("la consola es solo de Linux", allow_module_level=True)

JEFE = tipo("jefe", available_tools=[DELEGAR, REPORTAR, PROBLEMA])


def master(tarea: str = "haz", quien: str = "ejecutor") -> Paso:
    """Delega una vez y dice lo último que le contaron."""

    def contestar(peticion: Peticion) -> Respuesta:
        if not any(m.llamadas for m in peticion.mensajes):
            return delegar(tarea, tipo=quien)
        return texto(peticion.ultimo.texto if peticion.ultimo.rol == "user" else "espera")

    return contestar


async def seguir(raiz: Path, datos: Path) -> str:
    """Reanuda la sesión hasta la calma; devuelve el último texto del Master."""
    async with abierto(raiz, datos, sesion_de(datos)) as sistema:
        async with asyncio.timeout(30):
            await sistema.conversacion.esperar_calma()
        return sistema.conversacion.ultimo_texto


async def test_la_carpeta_y_las_variables_vuelven(tmp_path: Path) -> None:
    datos, muerta = tmp_path / "data", tmp_path / "muerta"
    pasos = ["mkdir sub && cd sub && export PASO=1", "sleep 0.5", "echo $PASO ${PWD##*/} > visto"]

    def ejecutor(peticion: Peticion) -> Respuesta:
        hechas = len(peticion.resultados)
        if hechas == 1 and not muerta.exists():
            copiar_datos(datos, muerta)
        if hechas < len(pasos):
            return llamar(CONSOLA, {"command": pasos[hechas]})
        return llamar(REPORTAR, {"resultado": "ok"})

    async with DobleOpenAI(Guion({"Master": master(), "ejecutor-*": ejecutor})) as doble:
        raiz = programa(tmp_path / "programa", doble)
        await grabar(raiz, datos, "haz")
        datos.rename(tmp_path / "viva")
        muerta.rename(datos)  # lo que recuerda son rutas enteras
        assert "terminó su tarea: ok" in await seguir(raiz, datos)
    assert (datos / "espacios/ejecutor-1/sub/visto").read_text() == "1 sub\n"


async def test_un_agente_cuyo_tipo_ya_no_existe_se_da_por_perdido(tmp_path: Path) -> None:
    raro = tipo("raro")
    guion = Guion(
        {
            "Master": master(quien="raro"),
            "raro-*": lambda p: (
                llamar(REPORTAR, {"resultado": "ok"})
                if p.resultados
                else llamar(CONSOLA, {"command": "true"})
            ),
        }
    )
    async with DobleOpenAI(guion) as doble:
        raiz = programa(tmp_path / "programa", doble, raro)
        hechos = await grabar(raiz, tmp_path / "original", "haz")
        datos = tmp_path / "data"
        corte = hasta(hechos, _acabo_una_orden_de_raro)
        await cortar(corte, sesion_de(tmp_path / "original"), datos)
        (raiz / "agentes_json/raro.json").unlink()
        dicho = await seguir(raiz, datos)
        assert "raro-1 (rol de raro) falló: no se pudo reanudar" in dicho
        assert "ya no existe el tipo «raro»" in dicho
        vistas = len(doble.peticiones)
        assert await seguir(raiz, datos) == dicho
        assert len(doble.peticiones) == vistas
    assert consultar(tmp_path, "SELECT status FROM agent_runs") == [("failed",)]
    assert consultar(tmp_path, "SELECT estado FROM notices") == [("visto",)]


def _acabo_una_orden_de_raro(hecho: HechoAnotado) -> bool:
    return (hecho.evento.tipo, hecho.evento.agente_id) == ("tool_execution", "raro-1")


async def test_quien_esperaba_a_sus_hijos_lee_lo_que_le_contaron(tmp_path: Path) -> None:
    """Y lo que dijo mientras esperaba no cuenta como texto suelto: aún no había acabado."""

    def jefe(peticion: Peticion) -> Respuesta:
        acabados = peticion.todo_el_texto.count("terminó su tarea: hoja")
        if not any(m.llamadas for m in peticion.mensajes):
            return delegar("corta", "larga")
        return llamar(REPORTAR, {"resultado": "los dos"}) if acabados == 2 else texto("espero")

    def hoja(peticion: Peticion) -> Respuesta:
        if peticion.mensajes[0].texto == "larga" and not peticion.resultados:
            return llamar(CONSOLA, {"command": "sleep 1"})
        return llamar(REPORTAR, {"resultado": "hoja"})

    guion = Guion({"Master": master(quien="jefe"), "jefe-*": jefe, "ejecutor-*": hoja})
    async with DobleOpenAI(guion) as doble:
        raiz = programa(tmp_path / "programa", doble, JEFE)
        hechos = await grabar(raiz, tmp_path / "original", "haz")
        datos = tmp_path / "data"
        ultimo = [h for h in hechos if h.evento.detalles().get("destinatario") == "jefe-1"][-1]
        await cortar(hasta(hechos, lambda h: h is ultimo), sesion_de(tmp_path / "original"), datos)
        vistas = len(doble.peticiones)
        assert "terminó su tarea: los dos" in await seguir(raiz, datos)
        assert not any(RECUERDO in p.todo_el_texto for p in doble.peticiones[vistas:])


async def test_lo_que_la_persona_mando_parar_no_revive(tmp_path: Path) -> None:
    """Ni él ni lo que tuviera a medias; y su superior se entera."""
    original, datos, n = tmp_path / "original", tmp_path / "data", sueno()

    def ejecutor(peticion: Peticion) -> Respuesta:
        if peticion.resultados:
            return llamar(REPORTAR, {"resultado": "revivió"})
        return llamar(CONSOLA, {"command": f"sleep {n}"})

    async with DobleOpenAI(Guion({"Master": master(), "ejecutor-*": ejecutor})) as doble:
        raiz = programa(tmp_path / "programa", doble)
        grabadora = Grabadora()
        async with abierto(raiz, original) as sistema:
            sistema.bus._suscritos.append(grabadora)
            await sistema.conversacion.decir("haz")
            assert await hasta_que(lambda: bool(vivos(n)), 10)
            await sistema.gestor.cancelar_agente("ejecutor-1", USUARIO)
            await sistema.conversacion.esperar_calma()
        corte = hasta(desde_la_apertura(original, grabadora.hechos), _se_pidio_parar)
        await cortar(corte, sesion_de(original), datos)
        assert "ejecutor-1 (ejecutor de consola) fue cancelado" in await seguir(raiz, datos)
    assert consultar(tmp_path, "SELECT status FROM agent_runs") == [("cancelled",)]
    cierres = consultar(tmp_path, "SELECT cierre FROM commands WHERE tool = ?", CONSOLA)
    assert cierres[-1] == ("interrumpido",)
    assert vivos(n) == []


def _se_pidio_parar(hecho: HechoAnotado) -> bool:
    return hecho.evento.tipo == "swarm_management"
