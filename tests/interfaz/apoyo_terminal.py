"""Un sistema de mentira con los mismos atributos, y un teclado y una pantalla de prueba."""

from __future__ import annotations

import asyncio
import io
import itertools
import re
from collections.abc import AsyncIterator, Callable, Generator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from prompt_toolkit.application import create_app_session
from prompt_toolkit.data_structures import Size
from prompt_toolkit.input import PipeInput, create_pipe_input
from prompt_toolkit.output.vt100 import Vt100_Output
from prompt_toolkit.patch_stdout import patch_stdout

from agentes.eventos import Evento, HechoAnotado
from agentes.respuestas import Uso
from servicios.buzon import BusEventos
from servicios.herramientas.aprobaciones import Aprobaciones
from servicios.interfaz.lineas import Linea
from servicios.interfaz.terminal.interactiva import Interactiva
from servicios.reloj import RelojReal

ENTER = "\r"
CTRL_C = "\x03"
CTRL_D = "\x04"
ALT_ENTER = "\x1b\r"
ARRIBA = "\x1b[A"
LIMITE_S = 5.0

_ESCAPES = re.compile(r"\x1b\[[0-?]*[ -/]*[@-~]")


class ConversacionFalsa:
    """Apunta lo que se le dice; `respondiendo` lo pone la prueba."""

    def __init__(self) -> None:
        self.dichas: list[str] = []
        self.respondiendo = False
        self.interrumpidas = 0

    async def decir(self, texto: str) -> None:
        self.dichas.append(texto)

    @property
    def esta_respondiendo(self) -> bool:
        return self.respondiendo

    def interrumpir(self) -> bool:
        if not self.respondiendo:
            return False
        self.respondiendo = False
        self.interrumpidas += 1
        return True


class MandosFalsos:
    """Se quedan los que estén en pausa."""

    def __init__(self, estados: list[dict[str, str]]) -> None:
        self._estados = estados

    def los_que_se_quedan(self) -> set[str]:
        return {e["agent_id"] for e in self._estados if e["status"] == "paused"}


class GestorFalso:
    """Los agentes son los que ponga la prueba."""

    def __init__(self) -> None:
        self.estados: list[dict[str, str]] = []
        self.mandos = MandosFalsos(self.estados)
        self.canceladas: list[str] = []

    def poner(self, agente_id: str, status: str, espera: str = "") -> None:
        self.estados.append(
            {
                "agent_id": agente_id,
                "agent_type": "ejecutor",
                "status": status,
                "espera": espera,
                "superior": "master",
                "tarea": f"tarea de {agente_id}",
                "modelo": "demo:demo",
                "tokens": "7",
            }
        )

    def get_all_agents_status(self) -> list[dict[str, str]]:
        return self.estados

    def get_agent_status(self, agente_id: str) -> dict[str, str] | None:
        return next((e for e in self.estados if e["agent_id"] == agente_id), None)

    async def cancelar_agente(self, agente_id: str, solicitante: str) -> str:
        self.canceladas.append(f"{agente_id} por {solicitante}")
        return f"{agente_id} cancelado."


class ConsultasVacias:
    """Una bitácora en la que la persona no ha escrito a nadie."""

    async def recibos(self, _sesion: str, _desde: int = 0) -> list[Any]:
        return []


class Guardado:
    """El recibo de un hecho que ya está guardado."""

    id = 1

    def __await__(self) -> Generator[Any, None, int]:
        yield from ()
        return self.id


@dataclass
class SistemaFalso:
    """Los atributos que mira una cara."""

    datos: Path
    modelo: str = "openai:gpt-prueba"
    aislamiento: Any = "bwrap"
    sesion: str = "20260101-000000-abcd"
    rechazos: tuple[str, ...] = ()
    tipos: dict[str, Any] = field(default_factory=dict)
    bus: BusEventos = field(default_factory=BusEventos)
    conversacion: ConversacionFalsa = field(default_factory=ConversacionFalsa)
    gestor: GestorFalso = field(default_factory=GestorFalso)
    master: Any = field(default_factory=lambda: SimpleNamespace(uso=Uso(10, 5)))
    cierre: Any = field(default_factory=lambda: SimpleNamespace(motivo="", codigo=None))
    consultas: ConsultasVacias = field(default_factory=ConsultasVacias)
    guardada: None = None
    abierto: bool = False

    def __post_init__(self) -> None:
        self.ajustes = SimpleNamespace(datos=self.datos, campana=1)
        nombre = self.aislamiento
        self.aislamiento = SimpleNamespace(
            nombre=nombre, descripcion=nombre, encierra=nombre != "local"
        )
        self._ids = itertools.count(1)
        self.aprobaciones = Aprobaciones(self._anotar, RelojReal(), hay_persona=True)

    def _anotar(self, evento: Evento, _: object) -> Guardado:
        self.hecho(evento)
        return Guardado()

    def hecho(self, evento: Evento) -> None:
        """Un hecho sale por el bus."""
        self.bus.publicar(HechoAnotado(next(self._ids), "2026-01-01T00:00:00Z", None, evento))

    @asynccontextmanager
    async def abrir(self) -> AsyncIterator[Any]:
        self.abierto = True
        try:
            yield self
        finally:
            self.abierto = False


class PapelDePrueba:
    """Guarda lo escrito."""

    def __init__(self) -> None:
        self.lineas: list[Linea] = []
        self.respuestas: list[str] = []
        self.vivos: list[str] = []
        self.filas: list[tuple[str, ...]] = []
        self.enteras: list[bool] = []

    def linea(self, linea: Linea) -> None:
        self.lineas.append(linea)

    def eco(self, texto: str) -> None:
        self.lineas.append(Linea(texto))

    def respuesta(self, texto: str) -> None:
        self.respuestas.append(texto)

    def tabla(self, titulos: Any, filas: Any, *, entera: bool = False) -> None:
        self.enteras.append(entera)
        self.filas += [tuple(titulos), *(tuple(fila) for fila in filas)]

    def vivo(self, texto: str) -> None:
        self.vivos.append(texto)

    async def ocupar(self, pintar: Any, cambios: Any) -> bool:
        del pintar, cambios
        return False

    @property
    def texto(self) -> str:
        """Todas las líneas juntas."""
        return "\n".join(f"{linea.agente} {linea.texto}" for linea in self.lineas)


@dataclass
class Charla:
    """Una conversación en marcha con teclado y pantalla de prueba."""

    tarea: asyncio.Task[int]
    teclado: PipeInput
    salida: io.StringIO

    def teclear(self, *teclas: str) -> None:
        self.teclado.send_text("".join(teclas))

    @property
    def crudo(self) -> str:
        """Los bytes tal como salieron."""
        return self.salida.getvalue()

    @property
    def texto(self) -> str:
        """Lo que salió, sin movimientos ni colores."""
        return _ESCAPES.sub("", self.crudo).replace("\r", "")

    async def codigo(self) -> int:
        """El código de salida. `TimeoutError` si no acaba."""
        return await asyncio.wait_for(self.tarea, LIMITE_S)

    async def se_ve(self, texto: str) -> None:
        """Espera a que salga un texto."""
        await hasta(lambda: texto in self.texto)


async def hasta(condicion: Callable[[], object], limite_s: float = LIMITE_S) -> None:
    """Espera a que algo sea cierto. `TimeoutError` si no llega a serlo."""
    async with asyncio.timeout(limite_s):
        while not condicion():
            await asyncio.sleep(0.01)


@asynccontextmanager
async def charla(abrir: Callable[[], Any]) -> AsyncIterator[Charla]:
    """Conversa en un terminal de prueba de 100 × 30; al salir, la termina si sigue."""
    salida = io.StringIO()
    pantalla = Vt100_Output(salida, lambda: Size(rows=30, columns=100), enable_cpr=False)
    with (
        create_pipe_input() as teclado,
        create_app_session(input=teclado, output=pantalla),
        patch_stdout(raw=True),
    ):
        tarea = asyncio.create_task(Interactiva(teclado).run(abrir))
        try:
            yield Charla(tarea, teclado, salida)
        finally:
            tarea.cancel()
            await asyncio.wait({tarea})
