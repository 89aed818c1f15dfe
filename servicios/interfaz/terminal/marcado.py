"""El Markdown de un modelo, sin perder texto ni dejar pasar nada que no se vea."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from markdown_it import MarkdownIt
from rich.markdown import Markdown

from servicios.consola.secretos.limpieza import limpiar

if TYPE_CHECKING:
    from markdown_it.token import Token

_LECTOR = MarkdownIt("commonmark", {"html": False}).enable(["strikethrough", "table"])


class MarkdownSeguro(Markdown):
    """El de rich sin perder nada: `<etiquetas>`, saltos e imágenes se ven, y se limpia al final.

    rich se come el HTML (`List<int>` quedaría en `List`) y la dirección de las imágenes, y une
    las líneas; las entidades como `&#8238;` solo se descifran al leer: se limpia después.
    """

    def __init__(self, texto: str) -> None:
        super().__init__("", code_theme="ansi_dark", hyperlinks=False)
        self.markup = texto
        self.parsed = _LECTOR.parse(texto)
        _sanear(self.parsed)


def _sanear(fichas: Iterable[Token]) -> None:
    for ficha in fichas:
        ficha.content = limpiar(ficha.content)
        ficha.info = limpiar(ficha.info)
        ficha.attrs = {k: limpiar(v) if isinstance(v, str) else v for k, v in ficha.attrs.items()}
        if ficha.type == "softbreak":
            ficha.type = "hardbreak"
        elif ficha.type == "image":
            _contar_imagen(ficha)
        _sanear(ficha.children or ())


def _contar_imagen(ficha: Token) -> None:
    """La imagen pasa a ser texto, como los enlaces: «lo que es (dirección)»."""
    ficha.content = f"{ficha.content} ({ficha.attrs.get('src', '')})".strip()
    ficha.type, ficha.tag, ficha.children = "text", "", None
