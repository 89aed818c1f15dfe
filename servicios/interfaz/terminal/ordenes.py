"""Las órdenes de la conversación: una tabla de la que salen la ayuda, el completado y el reparto."""

from __future__ import annotations

import asyncio
import difflib
import importlib
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from agentes.eventos import USUARIO
from servicios.interfaz.lineas import Linea, Tono
from servicios.interfaz.terminal.fichas import (
    ficha_agente,
    ficha_agentes,
    ficha_estado,
    ficha_modelo,
)
from servicios.interfaz.terminal.papel import Papel
from servicios.interfaz.terminal.permisos import aprobar, listar, rechazar
from servicios.interfaz.texto import corto

if TYPE_CHECKING:
    from servicios.sistema import Sistema


Teclas = tuple[tuple[str, str], ...]
"""Cada tecla y lo que hace."""


@dataclass(frozen=True, slots=True)
class Escena:
    """Lo que necesita una orden: el sistema, dónde escribir, cómo salir y qué teclas hay."""

    sistema: Sistema
    papel: Papel
    salir: Callable[[], None]
    teclas: Teclas


@dataclass(frozen=True, slots=True)
class Comando:
    """Una orden: su nombre, sus argumentos (o vacío), lo que hace y quién la hace.

    `palabras` es cuántas admite detrás.
    """

    nombre: str
    args: str
    significado: str
    hacer: Callable[[Escena, str], Awaitable[None]]
    palabras: range = range(1)

    @property
    def uso(self) -> str:
        """Cómo se escribe."""
        return f"{self.nombre} {self.args}".strip()


async def _ayuda(escena: Escena, _: str) -> None:
    filas = [(c.uso, c.significado) for c in COMANDOS]
    filas += escena.teclas
    escena.papel.linea(Linea("Escribe lo que quieras y pulsa Enter: te responde el Master."))
    escena.papel.tabla(("orden", "qué hace"), filas, entera=True)


async def _agentes(escena: Escena, _: str) -> None:
    ficha_agentes(escena.sistema, escena.papel)


async def _ver(escena: Escena, agente_id: str) -> None:
    await ficha_agente(escena.sistema, agente_id, escena.papel)


async def _cancelar(escena: Escena, quien: str) -> None:
    gestor = escena.sistema.gestor
    if quien == TODOS:
        ids = await gestor.cancelar_todos(USUARIO)
        texto = f"Cancelados: {', '.join(ids)}." if ids else "No hay agentes que cancelar."
    else:
        texto = await gestor.cancelar_agente(quien, USUARIO)
    escena.papel.linea(Linea(texto, tono=Tono.AVISO, entera=True))


async def _cargar(nombre: str) -> Any:
    """El módulo de unas órdenes: lo que arrastra no retrasa el prompt, y aquí ya está cargado."""
    return await asyncio.to_thread(
        importlib.import_module, f"servicios.interfaz.terminal.ordenes_{nombre}"
    )


async def _contexto(escena: Escena, args: str) -> None:
    contexto = await _cargar("contexto")
    if not await contexto.ensenar_contexto(args, escena.sistema, escena.papel):
        uso = _POR_NOMBRE["/contexto"].uso
        escena.papel.linea(Linea(f"Se escribe así: {uso}", tono=Tono.AVISO))


async def _compactar(escena: Escena, args: str) -> None:
    await (await _cargar("contexto")).compactar(args, escena.sistema, escena.papel)


async def _modelo(escena: Escena, _: str) -> None:
    ficha_modelo(escena.sistema, escena.papel)


async def _estado(escena: Escena, _: str) -> None:
    ficha_estado(escena.sistema, escena.papel)


async def _permisos(escena: Escena, numero: str) -> None:
    if not listar(numero, escena.sistema, escena.papel):
        uso = _POR_NOMBRE["/permisos"].uso
        escena.papel.linea(Linea(f"Se escribe así: {uso}", tono=Tono.AVISO))


async def _si(escena: Escena, args: str) -> None:
    if not aprobar(args, escena.sistema.aprobaciones, escena.papel):
        escena.papel.linea(Linea(f"Se escribe así: {_POR_NOMBRE['/si'].uso}", tono=Tono.AVISO))


async def _no(escena: Escena, args: str) -> None:
    rechazar(args, escena.sistema.aprobaciones, escena.papel)


async def _sesiones(escena: Escena, pedida: str) -> None:
    await (await _cargar("bitacora")).ver_sesiones(escena.sistema, escena.papel, pedida)


async def _nombrar(escena: Escena, nombre: str) -> None:
    await (await _cargar("bitacora")).nombrar(escena.sistema, escena.papel, nombre)


async def _por_que(escena: Escena, que: str) -> None:
    await (await _cargar("bitacora")).ver_por_que(escena.sistema, escena.papel, que)


async def _exportar(escena: Escena, formato: str) -> None:
    await (await _cargar("bitacora")).sacar(escena.sistema, escena.papel, formato)


async def _bifurcar(escena: Escena, fila: str) -> None:
    await (await _cargar("bifurcar")).bifurcar_aqui(escena.sistema, escena.papel, fila)


async def _salir(escena: Escena, _: str) -> None:
    escena.salir()


TODOS = "todos"
SALIR = "salir"

COMANDOS: tuple[Comando, ...] = (
    Comando("/ayuda", "", "enseña esta tabla", _ayuda),
    Comando("/agentes", "", "lista los agentes de la sesión y cómo van", _agentes),
    Comando(
        "/ver", "ID", "enseña un agente por dentro: hechos, órdenes y reporte", _ver, range(1, 2)
    ),
    Comando(
        "/cancelar",
        "ID|todos",
        "para un agente, o todos, y lo que ejecuten",
        _cancelar,
        range(1, 2),
    ),
    Comando(
        "/permisos",
        "[N]",
        "enseña las peticiones por aprobar, o solo la N, con sus órdenes enteras",
        _permisos,
        range(2),
    ),
    Comando(
        "/si",
        "[N] [agente|sesion]",
        "aprueba la petición N: una vez, su clase para ese agente o para la sesión",
        _si,
        range(3),
    ),
    Comando(
        "/no", "[N] [motivo…]", "rechaza la petición N, con un motivo o sin él", _no, range(10_000)
    ),
    Comando(
        "/contexto",
        "ID [paso]",
        "enseña lo que vio un agente (o `master`) en un paso: mensajes, tokens y qué cambió",
        _contexto,
        range(1, 3),
    ),
    Comando(
        "/compactar",
        "[@ID] [foco…]",
        "resume los mensajes viejos del Master o de un agente, sin perder el foco",
        _compactar,
        range(10_000),
    ),
    Comando("/modelo", "", "dice qué modelo responde y cómo cambiarlo", _modelo),
    Comando("/estado", "", "dice cómo va todo: agentes, tokens, aislamiento, sesión", _estado),
    Comando(
        "/sesiones",
        "[sesión]",
        "lista las sesiones, o dice cómo fue una y cómo seguirla (también /resume)",
        _sesiones,
        range(2),
    ),
    Comando("/nombrar", "NOMBRE", "pone nombre a esta sesión", _nombrar, range(1, 100)),
    Comando(
        "/bifurcar",
        "[fila]",
        "hace otra sesión que sigue desde aquí, o desde una fila, con copia de los espacios",
        _bifurcar,
        range(2),
    ),
    Comando(
        "/por-que",
        "ID|fila",
        "enseña la cadena de causas de un agente o de una fila de la bitácora",
        _por_que,
        range(1, 2),
    ),
    Comando(
        "/exportar",
        "[formato]",
        "saca esta sesión a un archivo, sin secretos: html (por defecto), md, json o csv",
        _exportar,
        range(2),
    ),
    Comando(SALIR, "", "cierra la sesión (también /salir y Ctrl-D)", _salir),
)
"""Las órdenes, en el orden de la ayuda."""

_CIFRAS = "solas en la línea, responden a la única petición por aprobar"

TECLAS: Teclas = (
    ("Enter", "envía lo escrito"),
    ("Alt-Enter", "salto de línea sin enviar"),
    ("Tab", "completa órdenes e ids de agentes"),
    ("Arriba, Abajo", "líneas anteriores"),
    (
        "Ctrl-C",
        "borra lo escrito; si no hay nada, para la respuesta; dos veces en dos segundos, sale",
    ),
    ("Ctrl-D", "en una línea vacía, cierra la sesión"),
    ("1 a 5", _CIFRAS),
)
"""Las teclas con significado propio en el terminal completo."""

TECLAS_LLANAS: Teclas = (
    ("Enter", "envía lo escrito"),
    ("Ctrl-C", "descarta lo escrito y para la respuesta; dos veces en dos segundos, sale"),
    ("Ctrl-D", "en una línea vacía, cierra la sesión"),
    ("1 a 5", _CIFRAS),
)
"""Las del modo llano, donde la línea es del terminal: Ctrl-C la tira sin decir si había algo."""

_POR_NOMBRE = {c.nombre: c for c in COMANDOS}
_POR_NOMBRE |= {"/salir": _POR_NOMBRE[SALIR], "/resume": _POR_NOMBRE["/sesiones"]}


def es_orden(linea: str) -> bool:
    """Si una línea es para la cara y no para el Master: `salir` o una `/palabra`."""
    limpia = linea.strip()
    primera = limpia.split(maxsplit=1)[0] if limpia else ""
    if "\n" in limpia or "/" in primera[1:]:
        return False
    return limpia.lower() == SALIR or primera.startswith("/")


async def obedecer(linea: str, escena: Escena) -> None:
    """Hace lo que pide una orden, o dice en una línea por qué no."""
    nombre, _, resto = linea.strip().partition(" ")
    args = resto.strip()
    comando = _POR_NOMBRE.get(nombre.lower())
    if comando is None:
        parecida = difflib.get_close_matches(nombre.lower(), _POR_NOMBRE, n=1, cutoff=0)[0]
        queja = f"No conozco {corto(nombre, 40)}: ¿querías decir {_POR_NOMBRE[parecida].uso}?"
        escena.papel.linea(Linea(f"{queja} (/ayuda las enseña)", tono=Tono.AVISO))
    elif len(args.split()) not in comando.palabras:
        escena.papel.linea(Linea(f"Se escribe así: {comando.uso}", tono=Tono.AVISO))
    else:
        await comando.hacer(escena, args)
