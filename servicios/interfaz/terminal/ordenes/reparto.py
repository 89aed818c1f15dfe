"""De una línea a la orden que pide y a quien la hace."""

from __future__ import annotations

import asyncio
import difflib
import importlib
import re

from servicios.interfaz.lineas import Linea, Tono
from servicios.interfaz.terminal.ordenes.comando import (
    CONSOLA,
    DIRECTA,
    SALIR,
    Comando,
    Escena,
    Hacer,
)
from servicios.interfaz.terminal.ordenes.tabla import POR_NOMBRE
from servicios.interfaz.texto import corto

_ARROBA = re.compile(r"@\w")


def es_orden(linea: str) -> bool:
    """Si una línea es para la cara y no para el Master: `salir`, una `/palabra` o un prefijo.

    Con un blanco delante, la que empieza por un prefijo es para el Master.
    """
    if prefijo_de(linea) is not None:
        return True
    limpia = linea.strip()
    primera = limpia.split(maxsplit=1)[0] if limpia else ""
    if "\n" in limpia or "/" in primera[1:]:
        return False
    return limpia.lower() == SALIR or primera.startswith("/")


def prefijo_de(linea: str) -> Comando | None:
    """La orden que se pide con el primer carácter de la línea, si lo es."""
    if linea.startswith("!"):
        return POR_NOMBRE[CONSOLA]
    return POR_NOMBRE[DIRECTA] if _ARROBA.match(linea) else None


def tarda(linea: str) -> bool:
    """Si lo que pide una orden puede tardar y no ha de parar a las demás."""
    comando = prefijo_de(linea) or POR_NOMBRE.get(linea.strip().partition(" ")[0].lower())
    return comando is not None and comando.tarda


async def obedecer(linea: str, escena: Escena) -> None:
    """Hace lo que pide una orden, o dice en una línea por qué no.

    La de un prefijo recibe el resto de la línea tal cual.
    """
    prefijo = prefijo_de(linea)
    if prefijo is not None:
        if not await _hacer(prefijo, escena, linea[1:]):
            escena.papel.linea(Linea(f"Se escribe así: {prefijo.uso}", tono=Tono.AVISO))
        return
    nombre, _, resto = linea.strip().partition(" ")
    args = resto.strip()
    comando = POR_NOMBRE.get(nombre.lower())
    if comando is None:
        parecida = difflib.get_close_matches(nombre.lower(), POR_NOMBRE, n=1, cutoff=0)[0]
        queja = f"No conozco {corto(nombre, 40)}: ¿querías decir {POR_NOMBRE[parecida].uso}?"
        escena.papel.linea(Linea(f"{queja} (/ayuda las enseña)", tono=Tono.AVISO))
    elif len(args.split()) not in comando.palabras or not await _hacer(comando, escena, args):
        escena.papel.linea(Linea(f"Se escribe así: {comando.uso}", tono=Tono.AVISO))


async def _hacer(comando: Comando, escena: Escena, args: str) -> bool:
    hacer = await asyncio.to_thread(quien_hace, comando)
    return await hacer(escena, args)


def quien_hace(comando: Comando) -> Hacer:
    """Quien hace una orden, ya importado."""
    modulo, _, funcion = comando.hacer.partition(":")
    hecho = importlib.import_module(f"servicios.interfaz.terminal.ordenes.{modulo}")
    hacer: Hacer = getattr(hecho, funcion)
    return hacer
