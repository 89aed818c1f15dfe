"""Dónde se escribe lo que ve la persona, sea un terminal completo o texto llano."""

from __future__ import annotations

import io
import shutil
from collections.abc import AsyncIterable, Awaitable, Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Protocol

from rich.cells import cell_len, chop_cells
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from servicios.consola.secretos.limpieza import limpiar
from servicios.interfaz.lineas import Linea
from servicios.interfaz.terminal.marcado import MarkdownSeguro

if TYPE_CHECKING:
    from rich.console import Console, OverflowMethod

ANCHO_DE_LECTURA = 110
"""Columnas como mucho para el texto del Master: más largas se leen mal."""

TOPE_MARKDOWN = 30_000
"""Caracteres; un texto más largo se escribe sin componer, que pararía el bucle medio segundo."""

ANCHO_DE_TABLA = 60
"""Columnas de pantalla; con menos no se hacen tablas."""

ANCHO_DE_ULTIMA = 10
"""Columnas como poco para la última de una tabla."""

COLUMNAS_OBVIAS = 2
"""Una tabla con más necesita los títulos para entenderse apilada."""

HUECO = 2
"""Espacios entre columnas, y de sangría."""

Pintar = Callable[[int], Awaitable[Sequence[Linea]]]
"""Las líneas de una pantalla entera, que tiene esas columnas."""

Ocupar = Callable[[Pintar, AsyncIterable[object]], Awaitable[None]]
"""Pinta en la pantalla entera hasta que la persona la suelta; se repinta con cada cambio."""

_SOBRA: dict[bool, OverflowMethod] = {True: "fold", False: "ellipsis"}


class Papel(Protocol):
    """Lo que se puede escribir. Todo se limpia aquí; nada se interpreta como marcas."""

    def linea(self, linea: Linea) -> None:
        """Escribe una línea."""
        ...

    def eco(self, texto: str) -> None:
        """Escribe lo que la persona acaba de enviar."""
        ...

    def respuesta(self, texto: str) -> None:
        """Escribe una respuesta terminada del Master."""
        ...

    def tabla(
        self, titulos: Sequence[str], filas: Sequence[Sequence[str]], *, entera: bool = False
    ) -> None:
        """Escribe una tabla; con `entera` no se corta al ancho."""
        ...

    def vivo(self, texto: str) -> None:
        """Enseña el final de lo que el Master está escribiendo; vacío, lo quita."""
        ...

    async def ocupar(self, pintar: Pintar, cambios: AsyncIterable[object]) -> bool:
        """Toma la pantalla entera hasta que la persona la suelte; falso si aquí no se puede.

        Lo que se escriba mientras tanto sale después. Lanza lo que lance `pintar`.
        """
        ...


def plegar(texto: str, margen: str) -> list[str]:
    """El texto limpio en líneas que caben en la pantalla, cada una con su margen."""
    ancho = max(shutil.get_terminal_size().columns - cell_len(margen) - 1, ANCHO_DE_ULTIMA)
    plegadas: list[str] = []
    for linea in limpiar(texto).expandtabs(4).split("\n"):
        plegadas += chop_cells(linea, ancho) or [""]
    return [f"{margen}{linea}" for linea in plegadas]


class PapelRico:
    """Colores y Markdown, siempre por encima del prompt.

    `al_vivo` pinta la región viva y `al_ocupar` toma la pantalla entera, si se puede.
    """

    def __init__(
        self, consola: Console, al_vivo: Callable[[str], None], al_ocupar: Ocupar | None = None
    ) -> None:
        self._consola = consola
        self._al_vivo = al_vivo
        self._al_ocupar = al_ocupar

    def linea(self, linea: Linea) -> None:
        """Escribe una línea; si no cabe y no es `entera`, acaba en «…»."""
        texto = Text(limpiar(linea.texto).expandtabs(4), style=linea.tono.value)
        if linea.agente:
            texto = Text.assemble((f"{limpiar(linea.agente)} ", "bold cyan"), texto)
        if linea.entera:
            self._consola.print(texto)
        else:
            self._consola.print(texto, no_wrap=True, overflow="ellipsis", crop=True)

    def eco(self, texto: str) -> None:
        """Escribe lo enviado tras «› »; sus demás líneas van sangradas."""
        sangrado = limpiar(texto).expandtabs(4).replace("\n", "\n  ")
        self._consola.print(Text.assemble(("› ", "bold green"), (sangrado, "bold")))

    def respuesta(self, texto: str) -> None:
        """Escribe la respuesta como Markdown, entre líneas en blanco."""
        limpia = limpiar(texto)
        ancho = min(self._consola.width, ANCHO_DE_LECTURA)
        largo = len(limpia) > TOPE_MARKDOWN
        self._consola.print()
        self._consola.print(Text(limpia) if largo else MarkdownSeguro(limpia), width=ancho)
        self._consola.print()

    def tabla(
        self, titulos: Sequence[str], filas: Sequence[Sequence[str]], *, entera: bool = False
    ) -> None:
        """Escribe una tabla sin bordes; si no hay sitio para las columnas, cada celda en su línea.

        Lo que no cabe en la última columna sigue debajo con `entera`, y si no, acaba en «…».
        """
        cabecera, *cuerpo = [[Text(limpiar(c)) for c in fila] for fila in (titulos, *filas)]
        columnas = list(zip(cabecera, *cuerpo, strict=True))[:-1]
        anchos = [max(celda.cell_len for celda in columna) for columna in columnas]
        queda = self._consola.width - sum(anchos) - HUECO * len(anchos)
        if self._consola.width < ANCHO_DE_TABLA or queda < ANCHO_DE_ULTIMA:
            self._apilar(cabecera, cuerpo, entera=entera)
            return
        tabla = Table(box=None, header_style="bold", pad_edge=False)
        for titulo, ancho in zip(cabecera[:-1], anchos, strict=True):
            tabla.add_column(titulo, no_wrap=True, width=ancho)
        tabla.add_column(cabecera[-1], no_wrap=not entera, overflow=_SOBRA[entera], max_width=queda)
        for fila in cuerpo:
            tabla.add_row(*fila)
        self._consola.print(tabla)

    def _apilar(self, titulos: list[Text], filas: list[list[Text]], *, entera: bool) -> None:
        """La primera celda de cada fila y, debajo y sangradas, las demás con su título.

        Solo se corta la última, como en la tabla.
        """
        con_titulo = len(titulos) > COLUMNAS_OBVIAS
        for primera, *demas in filas:
            self._consola.print(primera, style="bold")
            for titulo, celda in zip(titulos[1:], demas, strict=True):
                texto = Text.assemble(titulo, ": ", celda) if con_titulo else celda
                sigue = entera or celda is not demas[-1]
                texto.no_wrap, texto.overflow = not sigue, _SOBRA[sigue]
                self._consola.print(Padding(texto, (0, 0, 0, HUECO)))

    def vivo(self, texto: str) -> None:
        """Pasa el texto a la región viva, dentro del prompt."""
        self._al_vivo(limpiar(texto))

    async def ocupar(self, pintar: Pintar, cambios: AsyncIterable[object]) -> bool:
        """Toma la pantalla entera; lo que se escriba mientras tanto espera."""
        if self._al_ocupar is None:
            return False
        with self._retenido():
            await self._al_ocupar(pintar, cambios)
        return True

    @contextmanager
    def _retenido(self) -> Iterator[None]:
        """Lo escrito dentro sale de una vez al acabar."""
        fuera, retenido = self._consola.file, io.StringIO()
        self._consola.file = retenido
        try:
            yield
        finally:
            self._consola.file = fuera
            fuera.write(retenido.getvalue())
            fuera.flush()
