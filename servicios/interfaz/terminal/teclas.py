"""Las teclas con significado propio."""

from __future__ import annotations

from typing import Protocol

from prompt_toolkit.application import get_app
from prompt_toolkit.enums import DEFAULT_BUFFER
from prompt_toolkit.filters import Condition, has_focus
from prompt_toolkit.key_binding import KeyBindings, KeyPressEvent


class Mandos(Protocol):
    """Lo que hacen las teclas."""

    def recibir(self, linea: str) -> None:
        """Se envió una línea."""
        ...

    def parar(self) -> None:
        """Ctrl-C sin nada escrito."""
        ...

    def proponer_parar_a_todos(self) -> None:
        """Ctrl-X Ctrl-K: pregunta antes de hacerlo."""
        ...


def crear_teclas(mandos: Mandos, orden_de_salida: str) -> KeyBindings:
    """Las que se dicen en `TECLAS` y no trae ya puestas prompt_toolkit."""
    teclas = KeyBindings()
    escribiendo = has_focus(DEFAULT_BUFFER)
    vacio = Condition(lambda: not get_app().current_buffer.text)

    @teclas.add("enter", filter=escribiendo)
    def _enviar(evento: KeyPressEvent) -> None:
        evento.current_buffer.validate_and_handle()

    @teclas.add("escape", "enter", filter=escribiendo)
    def _saltar(evento: KeyPressEvent) -> None:
        evento.current_buffer.insert_text("\n")

    @teclas.add("c-c", filter=escribiendo)
    @teclas.add("<sigint>")
    def _parar(evento: KeyPressEvent) -> None:
        if evento.current_buffer.text:
            evento.current_buffer.reset()
        else:
            mandos.parar()

    teclas.add("c-x", "c-k", filter=escribiendo)(lambda _: mandos.proponer_parar_a_todos())

    @teclas.add("c-d", filter=escribiendo & vacio)
    def _fin(_: KeyPressEvent) -> None:
        mandos.recibir(orden_de_salida)

    @teclas.add("c-g", filter=escribiendo)
    @teclas.add("c-x", "c-e", filter=escribiendo)
    def _editar(evento: KeyPressEvent) -> None:
        evento.current_buffer.open_in_editor()

    teclas.add("c-l")(_redibujar)

    @teclas.add("c-z")
    def _nada(_: KeyPressEvent) -> None:
        """Sin esto metería el carácter en la línea."""

    return teclas


def _redibujar(evento: KeyPressEvent) -> None:
    """Sin saber dónde está el cursor no se pinta la barra: se pregunta otra vez."""
    evento.app.renderer.erase()
    evento.app.renderer.request_absolute_cursor_position()
    evento.app.invalidate()
