"""Quién importa a quién, leído del texto: también lo perezoso y lo que es solo para tipos."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from graphlib import CycleError, TopologicalSorter

PISOS = {
    "agentes": 0,
    "prompts": 0,
    "servicios": 0,
    "servicios.reloj": 1,
    "servicios.variables": 1,
    "servicios.ajustes": 1,
    "servicios.buzon": 1,
    "servicios.cargar_llm": 1,
    "servicios.ejecutor_consola": 1,
    "servicios.gestor_logs": 1,
    "servicios.llm": 1,
    "servicios.consola": 1,
    "servicios.registros": 1,
    "servicios.herramientas": 2,
    "servicios.bucle_logico_agente": 3,
    "servicios.gestor_enjambre": 3,
    "servicios.mandos": 3,
    "servicios.paradas": 3,
    "servicios.orquestador_master": 3,
    "servicios.conversacion": 3,
    "servicios.puertos": 3,
    "servicios.pipelines": 4,
    "servicios.jerarquia": 4,
    "servicios.runtime": 4,
    "servicios.motores": 4,
    "servicios.montaje": 5,
    "servicios.piezas_grabadas": 5,
    "servicios.piezas_vivas": 5,
    "servicios.reproduccion": 5,
    "servicios.sistema": 5,
    "servicios.interfaz": 6,
    "main": 7,
}
"""Módulo (con todo lo que cuelga de él) → piso. Un ala nueva se apunta aquí y en el diseño."""

PUERTA_PEREZOSA = "servicios.llm.proveedores"
GESTOR = "servicios.gestor_enjambre"
SIN_GESTOR = {
    "servicios.orquestador_master",
    "servicios.bucle_logico_agente",
    "servicios.paradas",
}
ALAS_AJENAS = {"servicios.pipelines", "servicios.jerarquia", "servicios.runtime"}


@dataclass(frozen=True, slots=True)
class Importe:
    """Un módulo nuestro importa otro; `dentro` es que lo hace en el cuerpo de una función."""

    desde: str
    a: str
    linea: int
    dentro: bool = False

    def __str__(self) -> str:
        return f"{self.desde}:{self.linea} importa {self.a}"


def leer_importes(modulo: str, fuente: str, nuestros: set[str]) -> list[Importe]:
    """Los importes que un módulo hace de los nuestros, el submódulo si se nombra."""
    arbol = ast.parse(fuente)
    dentro = {
        id(nodo)
        for funcion in ast.walk(arbol)
        if isinstance(funcion, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda)
        for nodo in ast.walk(funcion)
    }
    return [
        Importe(modulo, destino, getattr(nodo, "lineno", 0), id(nodo) in dentro)
        for nodo in ast.walk(arbol)
        for nombre in _nombres(nodo)
        if (destino := _el_nuestro(nombre, nuestros)) and destino != modulo
    ]


def _nombres(nodo: ast.AST) -> Iterator[str]:
    match nodo:
        case ast.Import(names=nombres):
            yield from (nombre.name for nombre in nombres)
        case ast.ImportFrom(module=str(base), names=nombres, level=0):
            yield from (f"{base}.{nombre.name}" for nombre in nombres)
        case ast.Call(func=funcion, args=args) if _importa(funcion) or any(map(_importa, args)):
            textos = (a.value for a in args if isinstance(a, ast.Constant))
            yield from (texto for texto in textos if isinstance(texto, str))


def _importa(nodo: ast.AST) -> bool:
    match nodo:
        case ast.Name(id=nombre) | ast.Attribute(attr=nombre):
            return nombre in {"import_module", "__import__"}
    return False


def _el_nuestro(nombre: str, nuestros: set[str]) -> str:
    while nombre and nombre not in nuestros:
        nombre = nombre.rpartition(".")[0]
    return nombre


def relativos(fuente: str) -> list[int]:
    """Las líneas con importes relativos."""
    nodos = ast.walk(ast.parse(fuente))
    return [n.lineno for n in nodos if isinstance(n, ast.ImportFrom) and n.level]


def internos(fuente: str) -> list[int]:
    """Las líneas que importan cualquier cosa en el cuerpo de una función."""
    arbol = ast.parse(fuente)
    return sorted(
        {
            nodo.lineno
            for funcion in ast.walk(arbol)
            if isinstance(funcion, ast.FunctionDef | ast.AsyncFunctionDef)
            for nodo in ast.walk(funcion)
            if isinstance(nodo, ast.Import | ast.ImportFrom)
        }
    )


def ala(modulo: str) -> str:
    """El nombre de `PISOS` del que cuelga un módulo. Lanza `KeyError` si nadie le puso piso."""
    nombre = modulo
    while nombre not in PISOS:
        nombre = nombre.rpartition(".")[0]
        if not nombre:
            raise KeyError(modulo)
    if nombre == "servicios" and modulo != "servicios":
        raise KeyError(modulo)
    return nombre


def faltas(importe: Importe) -> list[str]:
    """Las reglas de la casa que rompe un importe."""
    desde, hacia = ala(importe.desde), ala(importe.a)
    rotas = []
    if PISOS[hacia] > PISOS[desde]:
        rotas.append("sube de piso")
    if importe.desde in SIN_GESTOR and hacia == GESTOR:
        rotas.append("quien decide o trabaja no conoce al gestor")
    if {desde, hacia} <= ALAS_AJENAS and desde != hacia:
        rotas.append("esas alas no se conocen")
    if hacia == "servicios.interfaz" and desde not in {hacia, "main"}:
        rotas.append("solo main.py importa la interfaz")
    if hacia == "servicios.sistema" and desde not in {"servicios.interfaz", "main"}:
        rotas.append("solo main.py y la interfaz abren el sistema")
    return rotas


def circulo(importes: Iterable[Importe]) -> list[str]:
    """Los módulos de un círculo, o nada. Cuenta también lo que es solo para tipos."""
    grafo: dict[str, set[str]] = {}
    for importe in importes:
        grafo.setdefault(importe.desde, set()).add(importe.a)
    return _primer_circulo(grafo)


def circulo_de_alas(importes: Iterable[Importe]) -> list[str]:
    """Lo mismo entre las piezas de `servicios`: una cara y su ala no se importan las dos."""
    grafo: dict[str, set[str]] = {}
    for importe in importes:
        desde, hacia = ala(importe.desde), ala(importe.a)
        if desde != hacia and hacia.startswith("servicios."):
            grafo.setdefault(desde, set()).add(hacia)
    return _primer_circulo(grafo)


def _primer_circulo(grafo: Mapping[str, set[str]]) -> list[str]:
    try:
        TopologicalSorter(grafo).prepare()
    except CycleError as error:
        return list(error.args[1])
    return []
