"""Una segunda lectura de la orden, corta y estricta, independiente de la gramática.

Solo entiende lo que se puede permitir: palabras literales, comillas sin nada que sustituir,
comodines, `; && || |`, saltos de línea, comentarios y redirecciones a /dev/null o entre
descriptores. Una orden se permite sola cuando esta lectura y el árbol dicen lo mismo.
"""

from __future__ import annotations

import re
import shlex
from dataclasses import dataclass, field

from servicios.consola.permisos.arbol import Palabra

_FIN = r"(?=[\s;|&]|$)"
_REDIRECCION = re.compile(
    rf"(?:[012]?(?:>>|>|<)[ \t]*/dev/null|&>>?[ \t]*/dev/null|[012]?>&[12]|[012]>&-){_FIN}"
)
_BLANCO = re.compile(r"[ \t]+(?:\\\n[ \t]*)*")
_COMENTARIO = re.compile(r"#[^\n]*")
_SEPARADOR = re.compile(r"&&|\|\||[;|\n]")
_CORCHETE = re.compile(rf"[\[\]]{_FIN}")
_PIEZA = re.compile(
    r"""
      (?P<sencilla>[\w@%+=:,./^~\#!-]+)
    | (?P<comodin>[*?]|\[[!^]?[\w.-]+\])
    | '(?P<simple>[^']*)'
    | "(?P<doble>(?:[^"\\$`]|\\[^\n]|\$(?=["\s|)]))*)"
    | \\(?P<barra>[ -/:-@\[-`{-~])
    """,
    re.VERBOSE,
)
_TILDE = re.compile(r"(?:^|[=:])~")


@dataclass(frozen=True, slots=True)
class Linea:
    """Las órdenes simples en su orden y las fichas de toda la línea, ya normalizadas."""

    ordenes: tuple[tuple[Palabra, ...], ...]
    fichas: tuple[str, ...]


@dataclass(slots=True)
class _Lector:
    texto: str
    posicion: int = 0
    ordenes: list[tuple[Palabra, ...]] = field(default_factory=list)
    fichas: list[str] = field(default_factory=list)
    actual: list[Palabra] = field(default_factory=list)
    pide_orden: str = ""
    fin_de_palabra: int = -1

    def leer(self) -> Linea | str:
        """La línea, o el trozo que no se entiende."""
        while self.posicion < len(self.texto):
            if not (self._saltar() or self._redirigir() or self._separar() or self._anotar()):
                return self.texto[self.posicion : self.posicion + 20].split("\n")[0] or "\\n"
        if not self._cerrar() or self.pide_orden:
            return self.pide_orden or "fin"
        while self.fichas and self.fichas[-1] == ";":
            self.fichas.pop()
        return Linea(tuple(self.ordenes), tuple(self.fichas))

    def _tomar(self, patron: re.Pattern[str]) -> str:
        hallado = patron.match(self.texto, self.posicion)
        if hallado is None:
            return ""
        self.posicion = hallado.end()
        return hallado[0]

    def _saltar(self) -> bool:
        return bool(self._tomar(_BLANCO) or self._tomar(_COMENTARIO))

    def _redirigir(self) -> bool:
        redireccion = self._tomar(_REDIRECCION)
        if not redireccion or not self.actual:
            return False
        self.fichas.append(re.sub(r"[ \t]", "", redireccion))
        return True

    def _separar(self) -> bool:
        separador = self._tomar(_SEPARADOR)
        if not separador:
            return False
        if separador == "\n" and not self.actual:
            return True
        if not self.actual:
            self.posicion -= len(separador)
            return False
        self._cerrar()
        self.pide_orden = "" if separador in ";\n" else separador
        self.fichas.append(";" if separador == "\n" else separador)
        return True

    def _cerrar(self) -> bool:
        """Guarda la orden que se estaba leyendo; falso si no hay ninguna en toda la línea."""
        if self.actual:
            self.ordenes.append(tuple(self.actual))
            self.actual = []
            self.pide_orden = ""
        return bool(self.ordenes)

    def _anotar(self) -> bool:
        inicio = self.posicion
        if inicio == self.fin_de_palabra:
            return False
        if corchete := self._tomar(_CORCHETE):
            self.actual.append(Palabra(corchete))
            self.fichas.append(corchete)
            self.fin_de_palabra = self.posicion
            return True
        leida = self._palabra()
        siguiente = self.texto[self.posicion : self.posicion + 1]
        if leida is None or (leida.texto.isdigit() and siguiente in {"<", ">"}):
            self.posicion = inicio
            return False
        self.fin_de_palabra = self.posicion
        self.actual.append(leida)
        self.fichas.append(leida.texto if leida.comodin else shlex.quote(leida.texto))
        return True

    def _palabra(self) -> Palabra | None:
        partes: list[str] = []
        comodin = magia_entre_comillas = False
        while hallado := _PIEZA.match(self.texto, self.posicion):
            clase = str(hallado.lastgroup)
            parte = hallado[clase]
            if clase == "sencilla" and _TILDE.search(parte):
                return None
            if clase == "comodin":
                comodin = True
            elif clase != "sencilla":
                if clase == "doble":
                    parte = re.sub(r'\\([$`"\\])', r"\1", parte)
                magia_entre_comillas |= any(letra in parte for letra in "*?[]\\")
            partes.append(parte)
            self.posicion = hallado.end()
        if not partes or (comodin and magia_entre_comillas):
            return None
        return Palabra("".join(partes), comodin=comodin)


def leer(comando: str) -> Linea | str:
    """La línea leída, o el primer trozo que esta lectura no entiende."""
    return _Lector(comando).leer()
