"""La orden como la ve tree-sitter-bash: el árbol, sus palabras y sus órdenes simples."""

from __future__ import annotations

import math
import re
import time
from collections.abc import Iterator
from dataclasses import dataclass

import tree_sitter_bash
from tree_sitter import Language, Node, Parser

Nodo = Node

LIMITE_ANALISIS = 32 * 1024
"""Bytes. Una orden más larga no se analiza: la gramática es cuadrática en sus peores casos."""

_OPERADORES = re.compile(rb"[|&;()<>{}\[\]`\"'$\n!]")
_LIMITE_OPERADORES = 1000
_LIMITE_TUBERIAS = 150

_TROZO = 4096
_LIMITE_NODOS = 1500
_LIMITE_HONDURA = 100
_BASH = Language(tree_sitter_bash.language())

_ESCAPES = {"n": "\n", "t": "\t", "r": "\r", "a": "\a", "b": "\b", "e": "\x1b", "E": "\x1b"}
_ANSI_C = re.compile(
    r"\\(?:x([0-9A-Fa-f]{1,2})|u([0-9A-Fa-f]{1,4})|U([0-9A-Fa-f]{1,8})|([0-7]{1,3})|(.))", re.DOTALL
)


@dataclass(frozen=True, slots=True)
class Palabra:
    """Una palabra sin sus comillas.

    `literal` es falso si bash la cambiaría (`$x`, `$(…)`): entonces `texto` guarda lo escrito.
    Con `comodin`, `texto` es un patrón de archivos.
    """

    texto: str
    literal: bool = True
    comodin: bool = False


def analizar(texto: str, limite: float = math.inf) -> Nodo | None:
    """La raíz del árbol; `None` si es demasiado largo o enredado, o no es texto.

    `limite` es el instante de `time.thread_time`, en segundos, en que se deja.
    """
    datos = texto.encode("utf-8", "replace")
    if not _manejable(datos):
        return None

    def leer(desde: int, _punto: object) -> bytes | None:
        return datos[desde : desde + _TROZO] or None

    def basta(_desde: int, _error: object) -> bool:
        return time.thread_time() > limite

    try:
        raiz = Parser(_BASH).parse(leer, progress_callback=basta).root_node
    except ValueError:
        return None
    return None if _enredado(raiz) else raiz


def _manejable(datos: bytes) -> bool:
    return (
        len(datos) <= LIMITE_ANALISIS
        and datos.count(b"|") <= _LIMITE_TUBERIAS
        and len(_OPERADORES.findall(datos)) <= _LIMITE_OPERADORES
    )


def _enredado(raiz: Nodo) -> bool:
    pendientes = [(raiz, 1)]
    vistos = 0
    while pendientes:
        nodo, hondura = pendientes.pop()
        vistos += 1
        if vistos > _LIMITE_NODOS or hondura > _LIMITE_HONDURA:
            return True
        pendientes.extend((hijo, hondura + 1) for hijo in nodo.children)
    return False


def nodos(raiz: Nodo) -> Iterator[Nodo]:
    """Todos, de arriba abajo y de izquierda a derecha, sin recursión."""
    pendientes = [raiz]
    while pendientes:
        nodo = pendientes.pop()
        yield nodo
        pendientes.extend(reversed(nodo.children))


def crudo(nodo: Nodo) -> str:
    """El texto tal como está escrito."""
    return (nodo.text or b"").decode("utf-8", "replace")


def palabra(nodo: Nodo) -> Palabra:
    """La palabra de un nodo de argumento, sin comillas ni barras."""
    escrito = crudo(nodo)
    match nodo.type:
        case "command_name" if nodo.child_count == 1:
            return palabra(nodo.children[0])
        case "word" | "number" | "test_operator" | "variable_name" | "special_variable_name":
            return _suelta(escrito)
        case "raw_string":
            return Palabra(escrito[1:-1])
        case "ansi_c_string":
            return Palabra(_ANSI_C.sub(_sin_ansi, escrito[2:-1]))
        case "string":
            literal = all(hijo.type in {'"', "string_content", "$"} for hijo in nodo.children)
            texto = re.sub(r'\\([$`"\\\n])', lambda m: m[1].strip("\n"), escrito[1:-1])
            return Palabra(texto, literal)
        case "concatenation":
            partes = [palabra(hijo) for hijo in nodo.children]
            return Palabra(
                "".join(parte.texto for parte in partes),
                all(parte.literal for parte in partes),
                any(parte.comodin for parte in partes),
            )
        case _:
            return Palabra(escrito, not nodo.is_named)


def argumentos(orden: Nodo) -> list[Palabra]:
    """Nombre y argumentos de un nodo `command`, con lo que la gramática deja tras un `>`.

    Para ella, en `rm >x -rf /` los dos últimos son más destinos de la redirección.
    """
    palabras: list[Palabra] = []
    for pieza in [*orden.children, *redirecciones(orden)]:
        if pieza.type.endswith("_redirect"):
            sobras = destinos(pieza)[1:] + pieza.children_by_field_name("argument")
            palabras.extend(palabra(sobra) for sobra in sobras)
        elif pieza.is_named and pieza.type not in {"variable_assignment", "comment"}:
            palabras.append(palabra(pieza))
    return palabras


def redirecciones(orden: Nodo) -> list[Nodo]:
    """Las que la gramática cuelga fuera de la orden y son suyas por ser la última."""
    madre = orden.parent
    while madre is not None and madre.type in {"list", "pipeline", "negated_command"}:
        # Sin pedir la lista de hijas: en una tubería larga se haría una por tramo.
        if madre.named_child(madre.named_child_count - 1) != orden:
            return []
        orden, madre = madre, madre.parent
    if madre is None or madre.type != "redirected_statement":
        return []
    return [hijo for hijo in madre.children if hijo.type.endswith("_redirect")]


def destinos(redireccion: Nodo) -> list[Nodo]:
    """Los nodos a los que apunta un `file_redirect`; el primero es el verdadero."""
    return redireccion.children_by_field_name("destination")


def _suelta(escrito: str) -> Palabra:
    sin_barras = re.sub(r"\\(\n|.)", lambda m: m[1].strip("\n"), escrito)
    desnudo = re.sub(r"\\.", "", escrito)
    return Palabra(sin_barras, comodin=any(letra in desnudo for letra in "*?["))


def _sin_ansi(hallado: re.Match[str]) -> str:
    hexadecimal = hallado[1] or hallado[2] or hallado[3]
    if hexadecimal or hallado[4]:
        codigo = int(hexadecimal, 16) if hexadecimal else int(hallado[4], 8)
        return chr(codigo) if codigo < 0x110000 else ""
    return _ESCAPES.get(hallado[5], hallado[5])
