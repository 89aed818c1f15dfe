"""La pantalla entera, prestada: se pinta en la alterna y el historial de la ventana no se toca."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterable, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING

from prompt_toolkit.application import Application, create_app_session
from prompt_toolkit.key_binding import KeyBindings, KeyPressEvent
from prompt_toolkit.layout import FormattedTextControl, HSplit, Layout, Window

from agentes.errores import ErrorEnjambre
from servicios.consola.secretos.limpieza import limpiar
from servicios.interfaz.lineas import Linea, Tono
from servicios.interfaz.tablero import recortada
from servicios.interfaz.terminal.papel import Pintar

if TYPE_CHECKING:
    from prompt_toolkit.formatted_text import StyleAndTextTuples
    from prompt_toolkit.input import Input
    from prompt_toolkit.output import Output

CADENCIA_S = 0.25
"""Segundos como poco entre dos repintados por hechos: cuatro por segundo como mucho."""

EDADES_S = 1.0
"""Segundos como mucho entre dos repintados: las edades crecen aunque no pase nada."""

_ESCAPE_S = 0.05
_PIE = 1
_ESTILOS = {
    Tono.NORMAL: "",
    Tono.BIEN: "ansigreen",
    Tono.AVISO: "ansiyellow",
    Tono.MAL: "ansired",
    Tono.TENUE: "ansibrightblack",
    Tono.FUERTE: "bold",
}


class Pantalla:
    """Lo que pinta `pintar`, hasta que la persona la suelta. De un solo uso."""

    def __init__(self, pintar: Pintar, teclado: Input, salida: Output) -> None:
        self._pintar = pintar
        self._teclado = teclado
        self._salida = salida
        self._lineas: Sequence[Linea] = ()
        self._desde = 0
        self._cambio = asyncio.Event()
        self._app = self._crear()

    async def run(self, cambios: AsyncIterable[object]) -> None:
        """Pinta y repinta. Lanza `ErrorEnjambre` si no se puede pintar.

        Si el terminal se va, `EOFError` u `OSError`.
        """
        # En su propia sesión: lo que otros escriban espera al prompt y no cae en esta pantalla.
        with create_app_session(self._teclado, self._salida):
            await self._refrescar_una_vez()
            tareas = [
                asyncio.create_task(self._refrescar(), name="pantalla"),
                asyncio.create_task(self._escuchar(cambios), name="pantalla-cambios"),
            ]
            try:
                await self._app.run_async(handle_sigint=False, set_exception_handler=False)
            finally:
                for tarea in tareas:
                    tarea.cancel()
                await asyncio.gather(*tareas, return_exceptions=True)

    # --- repintar -----------------------------------------------------------------------

    async def _escuchar(self, cambios: AsyncIterable[object]) -> None:
        async for _ in cambios:
            self._cambio.set()

    async def _refrescar(self) -> None:
        while True:
            await asyncio.sleep(CADENCIA_S)
            with suppress(TimeoutError):
                await asyncio.wait_for(self._cambio.wait(), EDADES_S - CADENCIA_S)
            self._cambio.clear()
            try:
                await self._refrescar_una_vez()
            except (ErrorEnjambre, OSError) as error:
                self._app.exit(exception=error)
                return
            self._app.invalidate()

    async def _refrescar_una_vez(self) -> None:
        self._lineas = await self._pintar(self._salida.get_size().columns)

    # --- pintar -------------------------------------------------------------------------

    def _crear(self) -> Application[None]:
        cuerpo = Window(FormattedTextControl(self._cuerpo), always_hide_cursor=True)
        pie = Window(FormattedTextControl(self._pie), height=_PIE, always_hide_cursor=True)
        app: Application[None] = Application(
            Layout(HSplit([cuerpo, pie])),
            key_bindings=self._teclas(),
            full_screen=True,
            input=self._teclado,
            output=self._salida,
        )
        app.ttimeoutlen = app.timeoutlen = _ESCAPE_S
        return app

    def _alto(self) -> int:
        return max(1, self._salida.get_size().rows - _PIE)

    def _cuerpo(self) -> StyleAndTextTuples:
        self._mover(0)  # puede haber menos líneas, o más sitio, que la última vez
        visibles = self._lineas[self._desde : self._desde + self._alto()]
        ancho = self._salida.get_size().columns
        return [
            (_ESTILOS[ln.tono], f"{recortada(limpiar(_texto(ln)), ancho)}\n") for ln in visibles
        ]

    def _pie(self) -> StyleAndTextTuples:
        abajo = max(0, len(self._lineas) - self._desde - self._alto())
        mas = f" · ↑↓ mueven, {self._desde} líneas encima y {abajo} debajo"
        texto = f"q, Esc o Ctrl-C vuelven{mas if self._desde or abajo else ''}"
        return [("reverse", f" {texto} ")]

    # --- el teclado ---------------------------------------------------------------------

    def _teclas(self) -> KeyBindings:
        teclas = KeyBindings()

        @teclas.add("q")
        @teclas.add("Q")
        @teclas.add("escape", eager=True)
        @teclas.add("c-c")
        @teclas.add("c-d")
        def _volver(evento: KeyPressEvent) -> None:
            if not evento.app.is_done:
                evento.app.exit()

        for nombre, cuanto in (("up", -1), ("down", 1), ("k", -1), ("j", 1)):
            teclas.add(nombre)(lambda _, cuanto=cuanto: self._mover(cuanto))
        for nombre, paginas in (("pageup", -1), ("pagedown", 1), ("space", 1)):
            teclas.add(nombre)(lambda _, paginas=paginas: self._mover(paginas * self._alto()))
        return teclas

    def _mover(self, cuanto: int) -> None:
        tope = max(0, len(self._lineas) - self._alto())
        self._desde = min(tope, max(0, self._desde + cuanto))


def _texto(linea: Linea) -> str:
    return f"{linea.agente} {linea.texto}" if linea.agente else linea.texto
