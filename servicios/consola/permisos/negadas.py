"""Lo que se deniega en cualquier modo, buscado en todo el árbol de la orden.

También dentro de sustituciones, funciones, envoltorios (`env`, `timeout`, `xargs`…) y de los
textos que la orden daría a otro bash (`bash -c`, `eval`, documentos de entrada).
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from servicios.consola.permisos.arbol import (
    Nodo,
    Palabra,
    analizar,
    argumentos,
    crudo,
    destinos,
    nodos,
    palabra,
)
from servicios.consola.permisos.busqueda import Busqueda
from servicios.consola.permisos.envoltorios import (
    INTERPRETES,
    SHELLS,
    dentro,
    lee_su_programa,
    programa,
    textos,
)
from servicios.consola.permisos.raices import (
    es_aparato,
    es_del_sistema,
    es_red,
    es_secreto_del_sistema,
)
from servicios.consola.permisos.simples import motivo_simple

_HONDURA = 4
"""De textos dentro de textos. Más allá no se busca; una línea así nunca se permite sola."""
_ENVOLTORIOS_SEGUIDOS = 50

_DESCARGAN = {"curl", "wget", "fetch", "aria2c", "lynx", "http", "https", "nc", "ncat", "netcat"}
_DESCARGAN |= {"socat", "ftp", "tftp", "rsh", "ssh", "scp", "telnet"}
_DESCIFRAN = {"uudecode", "gunzip", "zcat", "bzcat", "xzcat", "gpg", "openssl"}
_CON_OPCION = {
    "base64": re.compile(r"-\w*[dD]\w*|--d.*"),
    "base32": re.compile(r"-\w*d\w*|--d.*"),
    "basenc": re.compile(r"-\w*d\w*|--d.*"),
    "xxd": re.compile(r"-\w*r\w*"),
    "gzip": re.compile(r"-\w*d\w*|--d.*"),
    "xz": re.compile(r"-\w*d\w*|--d.*"),
}
_ESCAPES = re.compile(r"\\(?:x[0-9A-Fa-f]|0?[0-7]{2}|u[0-9A-Fa-f])")
_BOMBA = re.compile(r"([^\s(){};|&]{1,30})\(\)[{(]\1[|&]\1&;?[})]")
_VARIABLE = re.compile(r"[A-Za-z_]\w*\+?=")


def motivo_de_negar(raiz: Nodo, busqueda: Busqueda, hondura: int = 0) -> str:
    """Por qué se deniega; vacío si no se deniega. Apunta en `busqueda` lo que encuentra."""
    if _BOMBA.search(re.sub(r"\s", "", crudo(raiz)[:2000])):
        return "es una bomba de procesos"
    for nodo in busqueda.nodos(raiz):
        motivo = ""
        if nodo.type in {"command", "declaration_command", "ERROR"}:
            motivo = _de_orden(nodo, busqueda, hondura)
        elif nodo.type == "file_redirect":
            motivo = _de_redireccion(nodo)
        elif nodo.type == "function_definition":
            motivo = _de_funcion(nodo, busqueda)
        elif nodo.type in {"pipeline", "redirected_statement"}:
            motivo = _de_tuberia(nodo, busqueda, hondura)
        if motivo:
            return motivo
    return ""


def _de_orden(nodo: Nodo, busqueda: Busqueda, hondura: int) -> str:
    palabras = argumentos(nodo)
    if nodo.type == "ERROR" and not any(h.type == "command_name" for h in nodo.children):
        return ""
    argv = [una.texto for una in palabras]
    while argv and nodo.type == "ERROR" and _VARIABLE.match(argv[0]):
        argv.pop(0)
    if not argv:
        return ""
    if any(_es_codigo_traido(uno, busqueda) for uno in _codigo(nodo, palabras)):
        return f"«{argv[0]}» ejecutaría lo que descarga o descifra"
    cadenas = [hijo for hijo in nodo.children if hijo.type == "herestring_redirect"]
    recibe = cadenas and programa(argv[0]) in SHELLS and lee_su_programa(argv)
    escritos = list(_escritos(nodo)) if recibe else []
    return _de_textos(escritos, busqueda, hondura) or _de_argv(argv, busqueda, hondura)


def _codigo(nodo: Nodo, palabras: list[Palabra]) -> list[Nodo]:
    """Los trozos de la orden que serían código: su nombre, lo que sigue a `-c`, lo de `eval`…"""
    nombre = nodo.child_by_field_name("name")
    if nombre is not None and not palabras[0].literal:
        return [nombre]
    quien = programa(palabras[0].texto)
    if quien not in INTERPRETES | {"eval", "source", "."}:
        return []
    trozos = nodo.children_by_field_name("argument")
    trozos += [hijo for hijo in nodo.children if hijo.type.endswith("_redirect")]
    if quien == "eval":
        return trozos
    sueltos = [uno for uno in trozos if crudo(uno)[:1] not in {"-", "+"}]
    return [uno for uno in sueltos if crudo(uno) not in {"pipefail", "errexit"}][:1]


def _es_codigo_traido(nodo: Nodo, busqueda: Busqueda) -> bool:
    entero = crudo(nodo).lstrip('"< ').startswith(("$(", "`", "<(", "("))
    if entero:
        return _trae_codigo(nodo, busqueda)
    return any(_descarga(orden) for orden in _ordenes_de(nodo, busqueda))


def _de_argv(argv: list[str], busqueda: Busqueda, hondura: int) -> str:
    pendientes = [argv]
    while pendientes and not busqueda.agotada():
        una = pendientes.pop()
        busqueda.ordenes.append(una)
        if motivo := motivo_simple(una) or _de_textos(textos(una), busqueda, hondura):
            return motivo
        pendientes.extend(reversed(dentro(una)))
    return ""


def _de_textos(varios: Sequence[str], busqueda: Busqueda, hondura: int) -> str:
    for texto in varios:
        raiz = analizar(texto, busqueda.limite) if hondura < _HONDURA else None
        if raiz is None:
            busqueda.incompleta = True
        elif motivo := motivo_de_negar(raiz, busqueda, hondura + 1):
            return motivo
    return ""


def _de_redireccion(nodo: Nodo) -> str:
    rutas = [palabra(destino).texto for destino in destinos(nodo)[:1]]
    escribe = any(
        hijo.type.startswith((">", "&>")) or hijo.type == "ERROR" for hijo in nodo.children
    )
    for ruta in rutas:
        if es_red(ruta):
            return f"«{ruta}» abre una conexión"
        if es_aparato(ruta) or (escribe and es_del_sistema(ruta)):
            return f"«{ruta}» es del sistema"
        if es_secreto_del_sistema(ruta):
            return f"«{ruta}» es un secreto del sistema"
    return ""


def _de_funcion(nodo: Nodo, busqueda: Busqueda) -> str:
    """Una función que se llama a sí misma en segundo plano, o dos veces en una tubería."""
    nombre_nodo, cuerpo = nodo.child_by_field_name("name"), nodo.child_by_field_name("body")
    if nombre_nodo is None or cuerpo is None:
        return ""
    nombre = crudo(nombre_nodo)
    for uno in busqueda.nodos(cuerpo):
        tramos = uno.named_children if uno.type == "pipeline" else [uno]
        suyas = [tramo for tramo in tramos if _llama_a(tramo, nombre)]
        siguiente = uno.next_sibling if suyas else None
        al_fondo = siguiente is not None and siguiente.type == "&"
        if len(suyas) > 1 or al_fondo:
            return f"«{nombre}» es una bomba de procesos"
    return ""


def _llama_a(nodo: Nodo, nombre: str) -> bool:
    return nodo.type == "command" and crudo(nodo).split()[:1] == [nombre]


def _de_tuberia(nodo: Nodo, busqueda: Busqueda, hondura: int) -> str:
    """Un intérprete que lee su programa de lo que llega antes que él."""
    llega_codigo = False
    receptor = ""
    for tramo in _tramos(nodo):
        leidas = _ordenes_de(tramo, busqueda, reparten=False)
        receptores = [orden[0] for orden in leidas if lee_su_programa(orden)]
        if receptores and llega_codigo:
            return f"«{receptores[0]}» ejecutaría lo que descarga o descifra"
        receptor = receptores[0] if receptores else receptor
        llega_codigo = llega_codigo or _trae_codigo(tramo, busqueda)
    if receptor not in SHELLS | {"eval", "source", "."} and programa(receptor) not in SHELLS:
        return ""
    if any(_trae_codigo(h, busqueda) for h in nodo.children if h.type.endswith("_redirect")):
        return f"«{receptor}» ejecutaría lo que descarga o descifra"
    return _de_textos(list(_escritos(nodo)), busqueda, hondura)


def _tramos(nodo: Nodo) -> Iterator[Nodo]:
    """Los tramos de una tubería, también si cuelga de un documento de entrada."""
    for hijo in nodo.named_children:
        if hijo.type == "heredoc_redirect":
            yield from (otro for otro in hijo.named_children if otro.type in {"pipeline", "list"})
        elif not hijo.type.endswith("_redirect"):
            yield hijo


def _ordenes_de(nodo: Nodo, busqueda: Busqueda, *, reparten: bool = True) -> Iterator[list[str]]:
    """Las órdenes de un trozo y las que llevan dentro sus envoltorios.

    Sin `reparten`, no las de `xargs` y `parallel`, que no leen la entrada: la lee su envoltorio.
    """
    for uno in busqueda.nodos(nodo):
        argv = [una.texto for una in argumentos(uno)] if uno.type == "command" else []
        for _ in range(_ENVOLTORIOS_SEGUIDOS):
            if not argv:
                break
            yield argv
            para = not reparten and programa(argv[0]) in {"xargs", "parallel"}
            interior = [] if para else dentro(argv)
            argv = interior[0] if interior else []
        else:
            busqueda.incompleta = True


def _trae_codigo(nodo: Nodo, busqueda: Busqueda) -> bool:
    """Si algo de dentro descarga o descifra."""
    return any(_es_fuente(orden) for orden in _ordenes_de(nodo, busqueda))


def _descarga(argv: list[str]) -> bool:
    return programa(argv[0]) in _DESCARGAN


def _es_fuente(argv: list[str]) -> bool:
    nombre = programa(argv[0])
    if _descarga(argv) or nombre in _DESCIFRAN:
        return True
    if nombre in {"echo", "printf"}:
        return any(_ESCAPES.search(una) for una in argv[1:])
    patron = _CON_OPCION.get(nombre)
    return patron is not None and any(patron.fullmatch(una) for una in argv[1:])


def _escritos(nodo: Nodo) -> Iterator[str]:
    """Los textos literales que un trozo daría a leer: documentos, cadenas y `echo`."""
    for uno in nodos(nodo):
        if uno.type == "heredoc_body":
            yield crudo(uno)
        elif uno.type == "herestring_redirect":
            yield from (palabra(hijo).texto for hijo in uno.named_children)
        elif uno.type == "command":
            palabras: list[Palabra] = argumentos(uno)
            if palabras and palabras[0].texto in {"echo", "printf"}:
                partes = [una.texto for una in palabras[1:] if una.texto[:1] != "-"]
                yield " ".join(partes)
                yield from partes[:5]
