"""El terminal completo: prompt siempre disponible, texto vivo dentro de él y todo lo demás encima.

El prompt es una sola aplicación que dura toda la sesión: Enter no la cierra, así que no hay
hueco en el que se pierda una tecla.
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncIterable
from typing import TYPE_CHECKING

from prompt_toolkit import PromptSession
from prompt_toolkit.application import in_terminal
from prompt_toolkit.filters import Condition
from prompt_toolkit.history import InMemoryHistory
from prompt_toolkit.patch_stdout import patch_stdout
from prompt_toolkit.styles import Style
from rich.console import Console
from rich.text import Text

from servicios.interfaz.terminal.barra import Barra
from servicios.interfaz.terminal.completado import Completado
from servicios.interfaz.terminal.historia import ARCHIVO, Historial
from servicios.interfaz.terminal.ordenes.comando import SALIR
from servicios.interfaz.terminal.ordenes.tabla import TECLAS
from servicios.interfaz.terminal.pantalla import Pantalla
from servicios.interfaz.terminal.papel import PapelRico, Pintar
from servicios.interfaz.terminal.portada import saludar
from servicios.interfaz.terminal.sesion import Abrir, Sesion
from servicios.interfaz.terminal.teclado import TecladoSinHuecos, pegado_sin_huecos
from servicios.interfaz.terminal.teclas import crear_teclas
from servicios.interfaz.terminal.timbre import Timbre, cuantos_esperan

if TYPE_CHECKING:
    from prompt_toolkit.buffer import Buffer
    from prompt_toolkit.formatted_text import StyleAndTextTuples
    from prompt_toolkit.input import Input
    from prompt_toolkit.output import Output

    from servicios.sistema import Sistema

CADENCIA_S = 0.05
"""Segundos como poco entre dos repintados por texto vivo o por hechos."""

SOLTAR_S = 2.0
"""Segundos que se espera a que el prompt se quite de la pantalla."""

LINEAS_VIVAS = 10
"""Líneas de texto vivo como mucho; nunca más de un tercio de la pantalla."""

_PROMPT: StyleAndTextTuples = [("class:prompt", "› ")]
_ESTILO = Style.from_dict(
    {
        "prompt": "ansigreen bold",
        "vivo": "ansibrightblack",
        "bottom-toolbar": "noreverse bg:ansibrightblack fg:ansiwhite",
        "riesgo": "bg:ansired fg:ansiwhite bold",
        "permiso": "bg:ansiyellow fg:ansiblack bold",
    }
)


async def conversar_interactiva(abrir: Abrir) -> int:
    """Conversa en un terminal completo. Devuelve el código de salida."""
    with pegado_sin_huecos(sys.stdout) as salida, patch_stdout(raw=True):
        return await Interactiva(TecladoSinHuecos(sys.stdin), salida).run(abrir)


class Interactiva:
    """El prompt y lo que lo rodea. Se usa una vez, con la salida ya desviada por encima de él."""

    def __init__(self, teclado: Input, salida: Output | None = None) -> None:
        self._consola = Console(force_terminal=True, markup=False, highlight=False, emoji=False)
        self._barra = Barra()
        self._mensaje: StyleAndTextTuples = _PROMPT
        self._repintado: asyncio.TimerHandle | None = None
        self._visible = asyncio.Event()
        self._papel = PapelRico(self._consola, self._cambiar_vivo, self._ocupar)
        self._sesion = Sesion(self._papel, self._soltar, self._conectar, TECLAS, self._repintar)
        self._prompt = self._crear_prompt(teclado, salida)
        self._timbre = Timbre(self._prompt.app.output)
        self._tarea: asyncio.Task[str] | None = None
        self._fallo: BaseException | None = None

    async def run(self, abrir: Abrir) -> int:
        """Enseña el prompt, abre y conversa."""
        saludar(self._papel)
        self._tarea = asyncio.create_task(
            self._prompt.prompt_async(set_exception_handler=False), name="prompt"
        )
        self._tarea.add_done_callback(self._prompt_cerrado)
        await self._visible.wait()
        codigo = await self._sesion.run(abrir)
        if self._fallo is not None:
            raise self._fallo
        return codigo

    def _prompt_cerrado(self, tarea: asyncio.Task[str]) -> None:
        """El prompt acabó: porque se soltó, porque el terminal se fue o porque se rompió."""
        error = None if tarea.cancelled() else tarea.exception()
        self._fallo = None if isinstance(error, EOFError) else error
        self._sesion.salir("terminal cerrado")
        self._visible.set()

    def _crear_prompt(self, teclado: Input, salida: Output | None) -> PromptSession[str]:
        prompt: PromptSession[str] = PromptSession(
            lambda: self._mensaje,
            multiline=True,
            prompt_continuation="  ",
            style=_ESTILO,
            bottom_toolbar=self._barra.fragmentos,
            completer=Completado(self._ids),
            complete_while_typing=Condition(self._parece_orden),
            key_bindings=crear_teclas(self._sesion, SALIR),
            history=InMemoryHistory(),
            erase_when_done=True,
            input=teclado,
            output=salida,
        )
        prompt.default_buffer.accept_handler = self._aceptar
        # Basta con SIGWINCH; si además mirara él el tamaño, borraría la pantalla que tenga prestada.
        prompt.app.terminal_size_polling_interval = None
        prompt.app.after_render += lambda _: self._visible.set()
        return prompt

    # --- el teclado ---------------------------------------------------------------------

    def _aceptar(self, buffer: Buffer) -> bool:
        """Enter: la línea sube a lo escrito y el prompt queda vacío."""
        if buffer.text.strip():
            self._papel.eco(buffer.text)
            self._sesion.recibir(buffer.text)
        return False

    def _parece_orden(self) -> bool:
        return self._prompt.default_buffer.text.startswith(("/", "@"))

    def _ids(self) -> list[str]:
        sistema = self._sesion.sistema
        estados = sistema.gestor.get_all_agents_status() if sistema else []
        return [e["agent_id"] for e in estados]

    # --- la pantalla --------------------------------------------------------------------

    def _conectar(self, sistema: Sistema) -> None:
        """El sistema está abierto: hay barra y hay dónde guardar el historial."""
        self._timbre.apagado = not sistema.ajustes.campana
        self._barra.conectar(sistema)
        self._guardar_historial(sistema)
        self._repintar()

    def _guardar_historial(self, sistema: Sistema) -> None:
        buffer = self._prompt.default_buffer
        historial = Historial(sistema.ajustes.datos / ARCHIVO)
        for linea in buffer.history.get_strings():
            historial.append_string(linea)
        buffer.history = historial
        if not buffer.text:
            buffer.reset()

    def _cambiar_vivo(self, texto: str) -> None:
        """Prepara una sola vez lo que el prompt pinta muchas."""
        self._mensaje = [*self._lineas_vivas(texto), *_PROMPT] if texto.strip() else _PROMPT
        self._repintar()

    def _lineas_vivas(self, texto: str) -> StyleAndTextTuples:
        ancho, alto = self._consola.size
        caben = max(1, min(LINEAS_VIVAS, alto // 3))
        final = Text(texto[-ancho * caben :].strip("\n").expandtabs(4))
        lineas = final.wrap(self._consola, max(1, ancho - 1))[-caben:]
        return [("class:vivo", f"{linea.plain}\n") for linea in lineas]

    async def _ocupar(self, pintar: Pintar, cambios: AsyncIterable[object]) -> None:
        """Deja la pantalla entera a quien la pide; el prompt vuelve después, tal como estaba."""
        app = self._prompt.app
        try:
            async with in_terminal():
                await Pantalla(pintar, app.input, app.output).run(cambios)
        except (EOFError, OSError):
            self._sesion.salir("terminal cerrado")

    def _repintar(self) -> None:
        """Pide un repintado, como mucho uno por cadencia."""
        if self._repintado is None:
            bucle = asyncio.get_running_loop()
            self._repintado = bucle.call_later(CADENCIA_S, self._repintar_ya)

    def _repintar_ya(self) -> None:
        self._repintado = None
        self._barra.caducar()
        self._prompt.app.invalidate()
        if self._sesion.sistema is not None:
            self._timbre.poner(cuantos_esperan(self._sesion.sistema))

    async def _soltar(self) -> None:
        """Quita el prompt de la pantalla."""
        if self._repintado is not None:
            self._repintado.cancel()
        self._timbre.callar()
        if self._prompt.app.is_running and not self._prompt.app.is_done:
            self._prompt.app.exit(result="")
        if self._tarea is not None:
            # Con la ventana ya cerrada puede esperar a una escritura que no acabará nunca.
            _, vivas = await asyncio.wait({self._tarea}, timeout=SOLTAR_S)
            for tarea in vivas:
                tarea.cancel()
            await asyncio.wait({self._tarea})
