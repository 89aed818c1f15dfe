"""Un manual contra el código: cada comprobación devuelve sus quejas, o nada."""

from __future__ import annotations

import re
from collections.abc import Callable
from importlib import import_module
from pathlib import Path

from agentes.definicion import CLAVES_OBLIGATORIAS, CLAVES_OPCIONALES
from agentes.errores import ErrorEnjambre
from agentes.eventos import EstadoAgente, Evento
from main import ORDENES
from prompts.tool_definitions import ESQUEMAS, HERRAMIENTAS_MASTER
from servicios.ajustes import RAIZ, VARIABLES, Ajustes
from servicios.interfaz import headless
from servicios.interfaz.argumentos import crear_analizador
from servicios.interfaz.codigos import Salida
from servicios.interfaz.terminal.ordenes.tabla import COMANDOS, TECLAS
from servicios.interfaz.terminal.teclas import crear_teclas
from servicios.llm.demo.gramatica import GRAMATICA
from servicios.llm.preajustes import PREAJUSTES, resolver_modelo
from tests.documentacion.comprobaciones_consola import DE_LA_CONSOLA, variables_del_contenedor
from tests.documentacion.comprobaciones_ordenes import estado, subordenes
from tests.documentacion.lectura import Esquema, Manual, codigos, diferencias

Comprobacion = Callable[[Manual, Esquema], list[str]]

AJENAS = {"NO_COLOR", *variables_del_contenedor()}
"""Las que no lee el programa: la que inventó otro y las de `docker/compose.yaml`."""

TOPE_GLOSARIO = 20
TOPE_ESTILO = 20

_TIPOS = {
    str: {"text", "texto"},
    list: {"list", "lista"},
    int: {"integer", "entero"},
    float: {"number", "número"},
    dict: {"object", "objeto"},
}
_TECLAS = {
    ("c-m",): "Enter",
    ("escape", "c-m"): "Alt-Enter",
    ("c-c",): "Ctrl-C",
    ("c-d",): "Ctrl-D",
    ("c-g",): "Ctrl-G",
    ("c-x", "c-e"): "Ctrl-G",
    ("c-x", "c-k"): "Ctrl-X Ctrl-K",
    ("c-l",): "Ctrl-L",
}
_SENAL = ("<sigint>",)
_INERTES = {("c-z",)}
"""Teclas que se atan para que no hagan nada."""


def conocidas() -> set[str]:
    """Todas las variables de entorno que lee el programa."""
    urls = {p.variable_url for p in PREAJUSTES.values()}
    claves = {p.variable_clave for p in PREAJUSTES.values()}
    ajustes = {nombre for variable in VARIABLES.values() for nombre in variable.nombres}
    return {nombre for nombre in urls | claves | ajustes if nombre}


def _como_numero(texto: str) -> str:
    return f"{float(texto):g}" if re.fullmatch(r"[\d.]+", texto) else texto


def variables(manual: Manual, _: Esquema) -> list[str]:
    """La tabla de variables, y que no se nombre ninguna que no exista."""
    dicho = [
        (nombres, "".join(codigos(fila[1])))
        for nombres, fila in zip(
            manual.columna("variables", 0), manual.tablas["variables"], strict=True
        )
    ]
    real = [(list(v.nombres), _como_numero(v.omision)) for v in VARIABLES.values()]
    desconocidas = sorted(manual.variables - conocidas() - AJENAS)
    calladas = sorted(conocidas() - {"MODEL"} - manual.variables)
    return [
        *diferencias("variables", dicho, real),
        *diferencias("variables que no existen", desconocidas, []),
        *diferencias("variables sin contar", calladas, []),
    ]


def proveedores(manual: Manual, _: Esquema) -> list[str]:
    """Las direcciones, claves y modelos por omisión."""
    dicho = [["".join(codigos(celda)) for celda in fila] for fila in manual.tablas["proveedores"]]
    real = [
        [p.nombre, p.url, p.variable_clave or "", p.variable_url or "", p.modelo]
        for p in PREAJUSTES.values()
    ]
    return diferencias("proveedores", dicho, real)


def modelos(manual: Manual, _: Esquema) -> list[str]:
    """Cada `MODEL=…` de ejemplo se entiende."""
    ajustes = Ajustes.leer(RAIZ)
    quejas = []
    for modelo in sorted(manual.modelos):
        try:
            resolver_modelo(modelo, ajustes)
        except ErrorEnjambre as error:
            quejas.append(str(error))
    return quejas if manual.modelos else ["no hay ningún MODEL=… de ejemplo"]


def comandos(manual: Manual, _: Esquema) -> list[str]:
    """Las órdenes de la terminal; en español, con sus mismas palabras."""
    filas = manual.tablas["comandos"]
    quejas = diferencias("órdenes", ["".join(codigos(f[0])) for f in filas], _usos())
    if manual.en_espanol:
        quejas += diferencias("qué hacen", [f[1] for f in filas], [c.significado for c in COMANDOS])
    return quejas


def _usos() -> list[str]:
    return [c.uso for c in COMANDOS]


class _SinMandos:
    def recibir(self, linea: str) -> None: ...

    def parar(self) -> None: ...

    def proponer_parar_a_todos(self) -> None: ...


def teclas(manual: Manual, _: Esquema) -> list[str]:
    """Las que cuenta `/ayuda` y las que de verdad están puestas."""
    puestas = {
        tuple(str(getattr(tecla, "value", tecla)) for tecla in atajo.keys)
        for atajo in crear_teclas(_SinMandos(), "salir").bindings
    } - {_SENAL}
    reales = {_TECLAS[atajo] for atajo in puestas - _INERTES} | {tecla for tecla, _ in TECLAS}
    dichas = [tecla for celda in manual.columna("teclas", 0) for tecla in celda]
    return diferencias("teclas", sorted(dichas), sorted(reales))


def gramatica(manual: Manual, _: Esquema) -> list[str]:
    """Lo que entiende la demostración, con sus palabras en cada idioma."""
    dicho = [
        ("".join(codigos(es)), "".join(codigos(en)), hace)
        for es, en, hace in manual.tablas["gramatica"]
    ]
    real = [(f.es, f.en, f.hace if manual.en_espanol else f.does) for f in GRAMATICA]
    return diferencias("gramática", dicho, real)


def claves(manual: Manual, _: Esquema) -> list[str]:
    """Las de un tipo de agente: nombre, tipo y si hacen falta."""
    reales = {**CLAVES_OBLIGATORIAS, **CLAVES_OPCIONALES}
    dichas = ["".join(celda) for celda in manual.columna("claves", 0)]
    columnas = [(fila[1], fila[2]) for fila in manual.tablas["claves"]]
    quejas = diferencias("claves", dichas, list(reales))
    for clave, (tipo, falta) in zip(dichas, columnas, strict=True):
        if clave in reales and tipo not in _TIPOS[reales[clave]]:
            quejas.append(f"{clave}: no es «{tipo}»")
        if (falta in {"yes", "sí"}) != (clave in CLAVES_OBLIGATORIAS):
            quejas.append(f"{clave}: obligatoria «{falta}»")
    return quejas


def herramientas(manual: Manual, _: Esquema) -> list[str]:
    """Nombre, argumentos y de quién son."""
    del_master = {esquema["name"] for esquema in HERRAMIENTAS_MASTER}
    real = [
        ([nombre], list(esquema["parameters"]["properties"]), nombre in del_master)
        for nombre, esquema in ESQUEMAS.items()
    ]
    dicho = [
        (codigos(nombre), codigos(args), quien == "Master")
        for nombre, args, quien, _ in manual.tablas["herramientas"]
    ]
    return diferencias("herramientas", dicho, real)


def ordenes(manual: Manual, _: Esquema) -> list[str]:
    """Las subórdenes del programa con sus opciones propias; en español, con sus palabras."""
    filas = manual.tablas["ordenes"]
    reales = list(subordenes(crear_analizador(ORDENES)))
    dichas = [("".join(codigos(orden)), codigos(opciones)) for orden, _, opciones in filas]
    quejas = diferencias("subórdenes", dichas, [(orden, opciones) for orden, _, opciones in reales])
    if manual.en_espanol:
        quejas += diferencias("qué hacen", [f[1] for f in filas], [hace for _, hace, _ in reales])
    return quejas


def salidas(manual: Manual, _: Esquema) -> list[str]:
    """Los códigos de salida, los formatos y los estados."""
    dichos = [(*codigos(f[0]), *codigos(f[1])) for f in manual.tablas["codigos"]]
    reales = [(str(s.value), s.name) for s in Salida]
    formatos = ["".join(celda) for celda in manual.columna("formatos", 0)]
    estados = ["".join(celda) for celda in manual.columna("estados", 0)]
    return [
        *diferencias("códigos de salida", dichos, reales),
        *diferencias("formatos", formatos, list(headless.FORMATOS)),
        *diferencias("estados", estados, [e.value for e in EstadoAgente]),
    ]


def tipos_de_hecho() -> set[str]:
    """Los valores de la columna `tipo`, estén o no importados los eventos."""
    for ruta in (RAIZ / "agentes").glob("eventos*.py"):
        import_module(f"agentes.{ruta.stem}")
    pendientes: list[type[Evento]] = [Evento]
    tipos = set()
    while pendientes:
        clase = pendientes.pop()
        pendientes += clase.__subclasses__()
        tipos.add(clase.tipo)
    return tipos - {""}


def tipos(manual: Manual, _: Esquema) -> list[str]:
    """Los valores de la columna `tipo`."""
    dichos = ["".join(celda) for celda in manual.columna("tipos", 0)]
    return diferencias("tipos", sorted(dichos), sorted(tipos_de_hecho()))


def bitacora(manual: Manual, esquema: Esquema) -> list[str]:
    """Las tablas y vistas de una base recién creada, columna a columna."""
    dicho = {
        "".join(codigos(nombre)): codigos(columnas)
        for ancla in ("tablas", "vistas")
        for nombre, _, columnas in manual.tablas[ancla]
    }
    quejas = diferencias("tablas y vistas", sorted(dicho), sorted(esquema))
    for nombre in dicho.keys() & esquema.keys():
        quejas += diferencias(nombre, dicho[nombre], esquema[nombre])
    return quejas


def caminos(manual: Manual, _: Esquema) -> list[str]:
    """Los enlaces, las rutas y los destinos de make llevan a algún sitio."""
    makefile = (RAIZ / "Makefile").read_text(encoding="utf-8")
    destinos = set(re.findall(r"^([a-z]+):", makefile, re.MULTILINE))
    ejemplo = "agentes_json/inspector.json"
    quejas = [f"no existe {ruta}" for ruta in sorted(manual.rutas - {ejemplo}) if not _existe(ruta)]
    quejas += [f"no existe make {d}" for d in sorted(manual.destinos_de_make - destinos)]
    quejas += [
        f"falta make {d}" for d in sorted({"chat", "docker", "test"} - manual.destinos_de_make)
    ]
    for enlace in manual.enlaces:
        bien = enlace[1:] in manual.apartados if enlace.startswith("#") else _existe(enlace)
        quejas += [] if bien else [f"enlace roto: {enlace}"]
    return quejas


def _existe(ruta: str) -> bool:
    return (RAIZ / Path(ruta)).exists()


def topes(manual: Manual, _: Esquema) -> list[str]:
    """El glosario y las normas caben en una pantalla."""
    normas = manual.apartado("How we write", "Cómo escribimos").strip().splitlines()
    glosario = manual.tablas["glosario"]
    quejas = []
    if not 0 < len(normas) <= TOPE_ESTILO:
        quejas.append(f"normas: {len(normas)} líneas")
    if len(glosario) > TOPE_GLOSARIO:
        quejas.append(f"glosario: {len(glosario)} filas")
    return quejas


COMPROBACIONES: tuple[Comprobacion, ...] = (
    *(variables, proveedores, modelos, comandos, teclas, gramatica, claves, herramientas),
    *(ordenes, estado, salidas, tipos, bitacora, caminos, topes),
    *DE_LA_CONSOLA,
)


def gemelos(uno: Manual, otro: Manual) -> list[str]:
    """Las mismas órdenes, consultas y ejemplos; las mismas tablas, fila a fila."""
    quejas = []
    for lenguaje in ("sh", "sql", "json", "ini"):
        quejas += diferencias(f"bloques {lenguaje}", uno.en(lenguaje), otro.en(lenguaje))
    forma = [[(b.lenguaje, b.ancla) for b in manual.bloques] for manual in (uno, otro)]
    quejas += diferencias("bloques", *forma)
    quejas += diferencias("tablas", list(uno.tablas), list(otro.tablas))
    niveles = [re.findall(r"^(#+) ", manual.texto, re.MULTILINE) for manual in (uno, otro)]
    quejas += diferencias("titulares", *niveles)
    for ancla in uno.tablas.keys() & otro.tablas.keys():
        primeras = [[fila[0] for fila in manual.tablas[ancla]] for manual in (uno, otro)]
        quejas += diferencias(f"tabla {ancla}", *primeras)
    return quejas


def ejemplo_de_env(texto: str) -> list[str]:
    """`.env.example`: todas las variables, ninguna de más y con sus valores por omisión."""
    dichas = dict(re.findall(r"^#?([A-Z][A-Z0-9_]*)=(.*)$", texto, re.MULTILINE))
    quejas = diferencias("variables", sorted(dichas), sorted(conocidas()))
    omisiones = {v.nombres[0]: v.omision for v in VARIABLES.values() if v.omision}
    omisiones |= {p.variable_url: p.url for p in PREAJUSTES.values() if p.variable_url}
    for nombre, valor in dichas.items():
        if valor and nombre in omisiones:
            quejas += diferencias(nombre, _como_numero(valor), _como_numero(omisiones[nombre]))
    return quejas
