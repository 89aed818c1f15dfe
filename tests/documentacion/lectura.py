"""Lo que dice un manual, sacado de su Markdown: tablas, bloques, enlaces y nombres."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cached_property

_ANCLA = re.compile(r"<!-- ([a-z]+(?:: [a-z]+)?) -->")
_VALLA = re.compile(r"^```(\w*)$")
_CODIGO = re.compile(r"`([^`]+)`")
_VARIABLE = re.compile(r"\b[A-Z][A-Z0-9]*(?:_[A-Z0-9]+)+\b")
_ENLACE = re.compile(r"\]\(([^)\s]+)\)")
_TITULAR = re.compile(r"^#{1,6} (.+)$", re.MULTILINE)
_RUTA = re.compile(r"\b(?:agentes|servicios|prompts|agentes_json|tests|docker)/[\w./-]*")
_CELDAS = re.compile(r"(?<!\\)\|")

Tabla = list[list[str]]
Esquema = dict[str, list[str]]
"""Las tablas y vistas de una base y sus columnas."""


@dataclass(frozen=True)
class Bloque:
    """Un bloque de código; `ancla` es el comentario que lleva justo encima, o vacío."""

    lenguaje: str
    cuerpo: str
    ancla: str


@dataclass(frozen=True)
class Manual:
    """Un README y su nombre."""

    nombre: str
    texto: str

    @property
    def en_espanol(self) -> bool:
        return self.nombre.endswith(".es.md")

    @cached_property
    def tablas(self) -> dict[str, Tabla]:
        """Ancla → filas (sin la cabecera) de celdas sin escapar."""
        return leer_tablas(self.texto)

    @cached_property
    def bloques(self) -> list[Bloque]:
        return leer_bloques(self.texto)

    def bloque(self, ancla: str) -> str:
        """El cuerpo del único bloque con ese ancla."""
        (hallado,) = [b.cuerpo for b in self.bloques if b.ancla == ancla]
        return hallado

    def en(self, lenguaje: str) -> list[str]:
        """Los cuerpos de los bloques de un lenguaje."""
        return [b.cuerpo for b in self.bloques if b.lenguaje == lenguaje]

    def columna(self, ancla: str, numero: int) -> list[list[str]]:
        """Los códigos de cada celda de una columna."""
        return [codigos(fila[numero]) for fila in self.tablas[ancla]]

    @property
    def variables(self) -> set[str]:
        """Lo que parece una variable de entorno."""
        return set(_VARIABLE.findall(self.texto))

    @property
    def destinos_de_make(self) -> set[str]:
        ordenes = "\n".join([*_CODIGO.findall(self.texto), *self.en("sh")])
        return set(re.findall(r"\bmake ([a-z]+)", ordenes))

    @property
    def modelos(self) -> set[str]:
        """Los valores que se dan a `MODEL`."""
        return set(re.findall(r"\bMODEL=([\w:./-]+)", self.texto))

    @property
    def enlaces(self) -> list[str]:
        return _ENLACE.findall(self.texto)

    @property
    def rutas(self) -> set[str]:
        return {ruta.rstrip(".") for ruta in _RUTA.findall(self.texto)}

    @property
    def apartados(self) -> set[str]:
        """Los destinos internos: el titular en minúsculas, con guiones y sin puntuación."""
        titulares = (re.sub(r"[^\w\s-]", "", t.lower()) for t in _TITULAR.findall(self.texto))
        return {re.sub(r"\s", "-", titular.strip()) for titular in titulares}

    def apartado(self, *titulares: str) -> str:
        """El texto bajo el primer titular que exista, hasta el siguiente de su nivel."""
        for titular in titulares:
            hallado = re.search(
                rf"^(#+) {titular}$\n(.*?)(?=^\1 |\Z)", self.texto, re.MULTILINE | re.DOTALL
            )
            if hallado:
                return hallado[2]
        return ""


def codigos(celda: str) -> list[str]:
    """Lo que va entre comillas de código."""
    return _CODIGO.findall(celda)


def leer_bloques(texto: str) -> list[Bloque]:
    """Los bloques de código, en orden."""
    bloques: list[Bloque] = []
    lenguaje: str | None = None
    cuerpo: list[str] = []
    ancla = ""
    for linea in texto.splitlines():
        valla = _VALLA.match(linea)
        if lenguaje is not None and linea == "```":
            bloques.append(Bloque(lenguaje, "\n".join(cuerpo), ancla))
            lenguaje, cuerpo, ancla = None, [], ""
        elif lenguaje is not None:
            cuerpo.append(linea)
        elif valla:
            lenguaje = valla[1]
        else:
            puesta = _ANCLA.fullmatch(linea)
            ancla = puesta[1] if puesta else ""
    return bloques


def leer_tablas(texto: str) -> dict[str, Tabla]:
    """Las tablas con ancla. Una repetida o sin filas es un error de quien escribe."""
    tablas: dict[str, Tabla] = {}
    lineas = texto.splitlines()
    for numero, linea in enumerate(lineas):
        ancla = _ANCLA.fullmatch(linea)
        if ancla is None or not ancla[1].startswith("tabla: "):
            continue
        filas = []
        for fila in lineas[numero + 1 :]:
            if not fila.startswith("|"):
                break
            filas.append([c.strip().replace("\\|", "|") for c in _CELDAS.split(fila)[1:-1]])
        nombre = ancla[1].removeprefix("tabla: ")
        if nombre in tablas or len(filas) < 3:
            raise ValueError(f"tabla «{nombre}» repetida o vacía")
        tablas[nombre] = filas[2:]
    return tablas


def diferencias(que: str, dicho: object, real: object) -> list[str]:
    """Una queja por lo que sobra y por lo que falta; nada si dicen lo mismo."""
    if dicho == real:
        return []
    if isinstance(dicho, list) and isinstance(real, list):
        sobra = [x for x in dicho if x not in real]
        falta = [x for x in real if x not in dicho]
        return [f"{que}: sobra {sobra}, falta {falta}" if sobra or falta else f"{que}: otro orden"]
    return [f"{que}: dice {dicho!r} y es {real!r}"]
