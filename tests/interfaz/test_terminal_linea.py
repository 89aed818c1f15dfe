"""Lo que la persona hace sin el Master: `@ID`, `/mensajes`, `/btw` y `!orden`."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from prompt_toolkit.completion import CompleteEvent
from prompt_toolkit.document import Document

from servicios.ajustes import Ajustes
from servicios.interfaz.terminal.completado import Completado
from servicios.interfaz.terminal.encargos import Encargos
from servicios.interfaz.terminal.ordenes.comando import Escena
from servicios.interfaz.terminal.ordenes.reparto import es_orden, obedecer, tarda
from servicios.interfaz.terminal.ordenes.tabla import TECLAS
from servicios.interfaz.terminal.recibos import Recibos
from servicios.llm.preajustes import ReferenciaModelo
from servicios.sistema import Sistema, abrir_sistema
from tests.apoyo import conversar, preparar_raiz
from tests.interfaz.apoyo_terminal import PapelDePrueba, hasta
from tests.tortura.fotos import LANDLOCK

if sys.platform != "linux":
    pytest.skip("la consola es solo de Linux", allow_module_level=True)

PROBLEMA = "problema: falta un dato"


@asynccontextmanager
async def demo(carpeta: Path) -> AsyncIterator[tuple[Sistema, Escena, PapelDePrueba]]:
    raiz = preparar_raiz(carpeta, {"ENJAMBRE_DATOS": str(carpeta / "data"), **LANDLOCK})
    papel = PapelDePrueba()
    referencia = ReferenciaModelo("demo", "demo")
    async with abrir_sistema(Ajustes.leer(raiz), referencia, "prueba") as sistema:
        yield sistema, Escena(sistema, papel, lambda: None, TECLAS), papel


@pytest.mark.parametrize("linea", ["@ejecutor-1 hola", "@x", "@a-1\nvarias\nlíneas", "!ls", "!"])
def test_los_prefijos_son_ordenes(linea: str) -> None:
    assert es_orden(linea)


@pytest.mark.parametrize(
    "linea", [" @ejecutor-1 hola", "@ hola", "@/ruta", " !ls", "a@b", "¡hola!"]
)
def test_con_un_blanco_delante_van_al_master(linea: str) -> None:
    assert not es_orden(linea)


def test_lo_que_tarda_no_hace_esperar() -> None:
    assert tarda("!sleep 9")
    assert tarda("/btw ¿qué?")
    assert not tarda("/agentes")
    assert not tarda("@x-1 hola")


async def test_un_mensaje_directo_con_sus_recibos(tmp_path: Path) -> None:
    async with demo(tmp_path) as (sistema, escena, papel):
        await conversar(sistema, PROBLEMA)
        recibos = Recibos(sistema.consultas, sistema.sesion, papel)
        with sistema.bus.suscribir() as oidos:
            siguiendo = asyncio.create_task(recibos.seguir(oidos))
            await obedecer("@ejecutor-1  ejecuta: echo hola \n", escena)
            await hasta(lambda: "visto: contestó la petición 2" in papel.texto)
            await sistema.conversacion.esperar_calma()
            siguiendo.cancel()
            await asyncio.wait({siguiendo})
        [recibo] = await sistema.consultas.recibos(sistema.sesion)
        assert recibo.texto == " ejecuta: echo hola \n"
        await obedecer("/mensajes", escena)
        assert papel.filas[-1][1:3] == ("ejecutor-1", "visto: contestó la petición 2")
        await obedecer("/mensajes ejecutor-9", escena)
        assert "no has escrito a ejecutor-9" in papel.texto


async def test_lo_que_no_se_puede_mandar_se_dice(tmp_path: Path) -> None:
    async with demo(tmp_path) as (sistema, escena, papel):
        await conversar(sistema, "ejecuta: true")
        await obedecer("@ejecutor-1 hola", escena)
        assert "ejecutor-1 ya terminó" in papel.lineas[-1].texto
        await obedecer("@nadie hola", escena)
        assert "no existe el agente «nadie»" in papel.lineas[-1].texto
        assert "con un blanco delante" in papel.lineas[-1].texto
        for sin_texto in ("@ejecutor-1", "@ejecutor-1   "):
            await obedecer(sin_texto, escena)
            assert papel.lineas[-1].texto == "Se escribe así: @ID texto…"
        await obedecer("@ejecutor-1 a\0b", escena)
        assert "NUL" in papel.lineas[-1].texto
        assert await sistema.consultas.recibos(sistema.sesion) == []


async def test_una_orden_de_la_persona(tmp_path: Path) -> None:
    async with demo(tmp_path) as (_, escena, papel):
        await obedecer("!seq 1 500; printf '\\033[31mmal' >&2; exit 4", escena)
        texto = papel.texto
        assert " 1\n2\n3" in texto
        assert "[… 300 líneas más …]" in texto
        assert "499\n500" in texto
        assert "código 4" in papel.lineas[-1].texto
        await obedecer("! ", escena)
        assert papel.lineas[-1].texto == "Se escribe así: !orden"


async def test_al_margen_del_master_y_de_un_agente(tmp_path: Path) -> None:
    async with demo(tmp_path) as (sistema, escena, papel):
        await conversar(sistema, "ejecuta: echo marca-de-la-orden")
        gastado = sistema.master.uso.total
        antes = sistema.master.historia
        await obedecer("/btw ¿qué se ha hecho?", escena)
        assert "ejecutor-1 terminó" in papel.respuestas[-1]
        await obedecer("/btw @ejecutor-1 ¿qué ejecutaste?", escena)
        assert "$ echo marca-de-la-orden → código 0" in papel.respuestas[-1]
        assert sistema.master.historia == antes
        assert sistema.master.uso.total > gastado
        await obedecer("/btw @nadie ¿qué?", escena)
        assert "No existe el agente «nadie»" in papel.lineas[-1].texto
        await obedecer("/btw @ejecutor-1", escena)
        assert papel.lineas[-1].texto == "Se escribe así: /btw [@ID] pregunta…"


def _completa(texto: str) -> list[str]:
    completado = Completado(lambda: ["ejecutor-1", "ejecutor-2"])
    return [c.text for c in completado.get_completions(Document(texto), CompleteEvent())]


def test_el_completado_de_la_arroba() -> None:
    assert _completa("@eje") == ["@ejecutor-1", "@ejecutor-2"]
    assert _completa("/btw @ejecutor-2") == ["@ejecutor-2"]
    assert _completa("hola @eje") == []


async def test_un_encargo_se_puede_parar_y_su_fallo_es_una_linea() -> None:
    papel = PapelDePrueba()

    async def eterno() -> None:
        await asyncio.Event().wait()

    async with Encargos(papel) as encargos:
        assert not encargos.parar()
        encargos.lanzar(eterno)
        await asyncio.sleep(0)
        assert encargos.parar()
        await asyncio.sleep(0.01)
        assert not encargos.parar()
        encargos.lanzar(eterno)
