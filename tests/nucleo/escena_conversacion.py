"""Una conversación con el Master y nada más: su modelo, su enjambre y su reloj son de mentira."""

from __future__ import annotations

import asyncio
import heapq
import itertools
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from typing import Any

from langchain_core.messages import AIMessage, BaseMessage

from agentes.acciones import AccionPedida
from agentes.decisiones import RespuestaModelo
from agentes.eventos import Apunte, Evento
from agentes.mensajes import Aviso, ClaseAviso
from agentes.respuestas import LlamadaHerramienta, Uso
from servicios.buzon import BuzonConVentana
from servicios.consola.secretos.secretos import Secretos
from servicios.conversacion import Conversacion, PuertosConversacion, Ritmo, es_urgente
from servicios.herramientas.guardia import Guardia
from servicios.herramientas.puerta import Puerta
from servicios.orquestador_master import OrquestadorMaster
from tests.apoyo import puertos_puerta


class ApunteHecho:
    id = 1

    def __await__(self) -> Any:
        return asyncio.sleep(0).__await__()


class RelojManual:
    """El tiempo solo pasa con `avanzar`."""

    def __init__(self) -> None:
        self._ahora = 0.0
        self._orden = itertools.count()
        self._durmientes: list[tuple[float, int, asyncio.Event]] = []

    def ahora(self) -> float:
        return self._ahora

    async def dormir(self, segundos: float) -> None:
        despertador = asyncio.Event()
        durmiente = (self._ahora + segundos, next(self._orden), despertador)
        heapq.heappush(self._durmientes, durmiente)
        await despertador.wait()

    async def avanzar(self, segundos: float) -> None:
        fin = self._ahora + segundos
        await asentar()
        while self._durmientes and self._durmientes[0][0] <= fin:
            self._ahora, _, despertador = heapq.heappop(self._durmientes)
            despertador.set()
            await asentar()
        self._ahora = fin


async def asentar() -> None:
    for _ in range(30):
        await asyncio.sleep(0)


Paso = Callable[[], Any]
GUARDIA = Guardia(Secretos.desde({}, {}, ()), b"clave")


class ModeloGuionizado:
    """Un interlocutor que recuerda cada historia y contesta con lo que diga el guion."""

    def __init__(self, reloj: RelojManual) -> None:
        self.historias: list[list[BaseMessage]] = []
        self.avisos: list[int] = []
        self.guion: list[Sequence[LlamadaHerramienta] | Exception] = []
        self.tarda_s = 0.0
        self._reloj = reloj
        self.turno = 0

    async def pensar(
        self,
        historial: Sequence[BaseMessage],
        causa: Apunte | None,
        avisos: tuple[Apunte, ...] = (),
        directivas: tuple[Apunte, ...] = (),
        lineas: tuple[Apunte, ...] = (),
    ) -> RespuestaModelo:
        self.historias.append(list(historial))
        self.avisos.append(len(avisos))
        if self.tarda_s:
            await self._reloj.dormir(self.tarda_s)
        paso = self.guion.pop(0) if self.guion else []
        if isinstance(paso, Exception):
            raise paso
        mensaje = AIMessage("texto")
        turno = len(self.historias)
        hecho = ApunteHecho()
        return RespuestaModelo(mensaje, "texto", tuple(paso), "completa", Uso(), hecho, turno)


class EnjambreQuieto:
    """Hace al momento lo que le piden; antes de contestar llama a `al_hacer`."""

    def __init__(self) -> None:
        self.al_hacer: Callable[[], object] = lambda: None

    async def ejecutar(self, pedida: AccionPedida) -> str:
        self.al_hacer()
        return "hecho"

    async def esperar_reposo(self) -> None:
        return

    def esta_en_reposo(self) -> bool:
        return True


class Escena:
    def __init__(self) -> None:
        self.reloj = RelojManual()
        self.modelo = ModeloGuionizado(self.reloj)
        self.hechos: list[Evento] = []
        self.buzon: BuzonConVentana[Any] = BuzonConVentana(self.reloj, es_urgente)
        puerta = Puerta("s", "master", puertos_puerta(self.anotar, GUARDIA))
        self.enjambre = EnjambreQuieto()
        puertos = PuertosConversacion(self.anotar, self.enjambre, puerta)
        master = OrquestadorMaster(self.modelo, "eres el Master")
        self.conversacion = Conversacion(master, self.buzon, puertos, Ritmo())

    def anotar(self, evento: Evento, causa: Apunte | None = None) -> Apunte:
        self.hechos.append(evento)
        return ApunteHecho()

    def avisar(self, n: int, clase: ClaseAviso = ClaseAviso.RESULTADO) -> None:
        self.buzon.entregar(Aviso(f"a-{n}", "rol", clase, "x" * 40_000, ApunteHecho()))

    @property
    def llamadas(self) -> int:
        return len(self.modelo.historias)


@asynccontextmanager
async def escena() -> AsyncIterator[Escena]:
    actual = Escena()
    tarea = asyncio.create_task(actual.conversacion.run())
    try:
        yield actual
    finally:
        tarea.cancel()
        await asyncio.gather(tarea, return_exceptions=True)
