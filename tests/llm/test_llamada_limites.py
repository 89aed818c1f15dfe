"""La vía al modelo por HTTP de verdad: silencios, tope por intento, esperas y admisión."""

from __future__ import annotations

import asyncio
import itertools
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from langchain_core.messages import HumanMessage

from agentes.errores import ErrorModelo, ErrorModeloPasajero
from agentes.eventos import Apunte, Evento, TextoDescartado, TextoParcial
from agentes.eventos_llamada import LlamadaReintentada
from servicios.llm.admision import Admision
from servicios.llm.colector import Validadores
from servicios.llm.destino import Destino
from servicios.llm.interlocutor import Interlocutor
from servicios.llm.proveedores import abrir_modelo
from servicios.llm.relevo import Descansos, Equipo
from servicios.llm.via import Politica, Via
from tests.apoyo import REPORTAR, conversar, delegar, enjambre
from tests.dobles.fallos import fallo
from tests.dobles.guion import Guion
from tests.dobles.openai import DobleOpenAI
from tests.dobles.peticion import Peticion
from tests.dobles.respuestas import ClaseCorte, Corte, Respuesta, llamar, texto

LARGO = "palabras que salen poco a poco, una detrás de otra, sin parar nunca"


class ApunteHecho:
    id = 1

    def __await__(self) -> Any:
        return asyncio.sleep(0).__await__()


class RelojApuntador:
    """Apunta lo que le piden dormir y vuelve al momento."""

    def __init__(self) -> None:
        self.dormidos: list[float] = []

    def ahora(self) -> float:
        return sum(self.dormidos)

    async def dormir(self, segundos: float) -> None:
        self.dormidos.append(segundos)
        await asyncio.sleep(0)


class Escena:
    """Un interlocutor con el cliente de verdad, contra un doble."""

    def __init__(self, doble: DobleOpenAI, politica: Politica) -> None:
        self.doble = doble
        self.reloj = RelojApuntador()
        self.hechos: list[Evento] = []
        self.publicado: list[TextoParcial | TextoDescartado] = []
        destino = Destino("openai", "gpt-prueba", doble.url, "OPENAI_API_KEY", None, doble.clave)
        self.modelo = abrir_modelo(destino, doble.clave, "puerta")
        via = Via(self.anotar, self.publicado.append, Admision(8), self.reloj, politica)
        equipo = Equipo([self.modelo], Descansos(self.reloj))
        self.interlocutor = Interlocutor("a-1", equipo, Validadores([]), via)

    def anotar(self, evento: Evento, causa: Apunte | None = None) -> Apunte:
        self.hechos.append(evento)
        return ApunteHecho()

    async def preguntar(self) -> str:
        async with asyncio.timeout(20):
            return (await self.interlocutor.pensar([HumanMessage("hola")], None)).texto

    @property
    def reintentos(self) -> list[LlamadaReintentada]:
        return [h for h in self.hechos if isinstance(h, LlamadaReintentada)]


@asynccontextmanager
async def escena(*pasos: Respuesta, **politica: Any) -> AsyncIterator[Escena]:
    async with DobleOpenAI(Guion({"*": list(pasos)})) as doble:
        actual = Escena(doble, Politica(**politica))
        try:
            yield actual
        finally:
            await actual.modelo.cerrar()


async def test_cada_trozo_renueva_el_limite_de_silencio() -> None:
    lento = texto(LARGO, entre_trozos_s=0.15, trozos=10)
    async with escena(lento, silencio_s=0.7, limite_s=15, reintentos=0) as e:
        antes = time.monotonic()
        assert await e.preguntar() == LARGO
        assert time.monotonic() - antes > 1.2
        e.doble.comprobar()


async def test_un_silencio_a_mitad_descarta_lo_dicho_y_se_reintenta() -> None:
    mudo = Respuesta(texto=LARGO, corte=Corte(ClaseCorte.SILENCIO, 4, espera_s=12), trozos=6)
    async with escena(mudo, texto("entera"), silencio_s=0.4, limite_s=8, reintentos=1) as e:
        antes = time.monotonic()
        assert await e.preguntar() == "entera"
        assert time.monotonic() - antes < 4
        assert [r.clase for r in e.reintentos] == ["tiempo"]
        assert e.reintentos[0].descartado
        assert LARGO.startswith(e.reintentos[0].descartado)
        assert any(isinstance(p, TextoDescartado) for p in e.publicado)
        e.doble.comprobar()


async def test_un_goteo_sin_fin_se_corta_en_el_limite_del_intento() -> None:
    goteo = texto(LARGO, entre_trozos_s=0.1, trozos=60)
    async with escena(goteo, silencio_s=2, limite_s=0.6, reintentos=0) as e:
        antes = time.monotonic()
        with pytest.raises(ErrorModeloPasajero, match="a tiempo") as caso:
            await e.preguntar()
        assert time.monotonic() - antes < 3
        assert caso.value.clase == "tiempo"


async def test_cada_intento_tiene_su_limite_entero() -> None:
    goteo = texto(LARGO, entre_trozos_s=0.1, trozos=60)
    async with escena(
        goteo, texto(LARGO, pausa_s=0.4), silencio_s=2, limite_s=0.8, reintentos=1
    ) as e:
        assert await e.preguntar() == LARGO
        assert [r.clase for r in e.reintentos] == ["tiempo"]
        e.doble.comprobar()


async def test_una_espera_de_una_hora_no_se_hace_y_se_dice_en_una_linea() -> None:
    async with escena(fallo("429", retry_after=3600), texto("tarde")) as e:
        with pytest.raises(ErrorModelo) as caso:
            await e.preguntar()
        assert "\n" not in str(caso.value)
        assert "más despacio" in str(caso.value)
        assert e.reloj.dormidos == []
        assert len(e.doble.peticiones) == 1


async def test_la_espera_crece_en_cada_intento_y_tiene_techo() -> None:
    async with escena(*[fallo("500")] * 7, texto("por fin"), reintentos=7) as e:
        assert await e.preguntar() == "por fin"
        dormidos = e.reloj.dormidos
        assert len(dormidos) == 7
        assert 0.8 <= dormidos[0] <= 1.2
        crecen = itertools.pairwise(dormidos[:5])
        assert all(luego > antes * 1.3 for antes, luego in crecen)
        assert max(dormidos) <= 36
        assert [r.espera_s for r in e.reintentos] == [round(s, 3) for s in dormidos]
        e.doble.comprobar()


class Aforo:
    """Un paso del guion que cuenta cuántas peticiones hay dentro a la vez.

    Ninguna sale hasta que han coincidido las que se esperan, y un poco más por si entrara otra.
    """

    def __init__(self, esperadas: int) -> None:
        self.dentro = 0
        self.maximo = 0
        self._esperadas = esperadas
        self._coinciden = asyncio.Event()

    async def __call__(self, peticion: Peticion) -> Respuesta:
        self.dentro += 1
        self.maximo = max(self.maximo, self.dentro)
        if self.dentro == self._esperadas:
            self._coinciden.set()
        await self._coinciden.wait()
        await asyncio.sleep(0.15)
        self.dentro -= 1
        return llamar(REPORTAR, {"resultado": "ok"})


@pytest.mark.parametrize(("sitios", "maximo"), [("1", 1), ("2", 2), ("8", 4)])
async def test_la_admision_limita_las_llamadas_simultaneas(
    tmp_path: Path, sitios: str, maximo: int
) -> None:
    aforo = Aforo(maximo)
    guion = Guion({"ejecutor-*": aforo})
    guion.poner(
        "Master", lambda p: delegar("a", "b", "c", "d") if len(p.mensajes) == 1 else texto("ok")
    )
    async with DobleOpenAI(guion) as doble:
        variables = {"ENJAMBRE_LLAMADAS_SIMULTANEAS": sitios}
        async with enjambre(doble, tmp_path, proveedor="openai", **variables) as sistema:
            async with asyncio.timeout(20):
                await conversar(sistema, "cuatro")
        doble.comprobar()
        assert len([p for p in doble.peticiones if p.agente != "Master"]) == 4
    assert aforo.maximo == maximo
