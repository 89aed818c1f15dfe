"""Las opciones de una orden, leídas como getopt y comparadas con las permitidas.

Lo que no está en la lista no se permite: ni abreviaturas (`--out` por `--output`) ni valores
sueltos que parezcan otra opción.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field

from servicios.consola.permisos.arbol import Palabra

_NUMERO = re.compile(r"-\d+")
_CON_PATRON = {"include", "exclude", "exclude-dir"}
"""Opciones largas cuyo valor puede llevar comodines sin comillas: solo darían más valores."""


@dataclass(frozen=True, slots=True)
class Opciones:
    """Las que admite un programa.

    `cortas` va como en getopt (`n:` pide valor, `U::` lo lleva pegado o no lo lleva). En `largas`,
    `sort=` pide valor y `color?` lo admite tras un `=`. `numeros` admite `-20`.
    """

    cortas: dict[str, int]
    largas: dict[str, int]
    numeros: bool = False

    @staticmethod
    def de(cortas: str = "", largas: str = "", *, numeros: bool = False) -> Opciones:
        """Las escritas en dos cadenas cortas."""
        unas = {m[1]: len(m[2]) for m in re.finditer(r"([^:])(:{0,2})", cortas)}
        otras = {nombre.rstrip("=?"): "=?".find(nombre[-1]) + 1 for nombre in largas.split()}
        return Opciones(unas, otras, numeros)


@dataclass(slots=True)
class Leidas:
    """Lo que llevaba la orden: opciones sin guiones, sus valores y los operandos."""

    puestas: set[str] = field(default_factory=set)
    valores: list[tuple[str, Palabra]] = field(default_factory=list)
    operandos: list[Palabra] = field(default_factory=list)
    tras_guiones: int = 0
    """Cuántos operandos van detrás de `--`, donde un nombre no puede pasar por opción."""


def leer_opciones(admitidas: Opciones, argumentos: Sequence[Palabra]) -> Leidas | str:
    """Las opciones leídas, o la primera que no está permitida."""
    leidas = Leidas()
    pendientes = list(reversed(argumentos))
    while pendientes:
        actual = pendientes.pop()
        texto = actual.texto
        if texto == "--":
            leidas.tras_guiones = len(pendientes)
            leidas.operandos.extend(reversed(pendientes))
            break
        if texto == "-" or not texto.startswith("-"):
            leidas.operandos.append(actual)
        elif not (
            (admitidas.numeros and _NUMERO.fullmatch(texto))
            or (texto.startswith("--") and _larga(admitidas, actual, pendientes, leidas))
            or (
                texto[1] != "-"
                and not actual.comodin
                and _cortas(admitidas, actual, pendientes, leidas)
            )
        ):
            return texto
    return leidas


def _larga(opciones: Opciones, actual: Palabra, resto: list[Palabra], leidas: Leidas) -> bool:
    nombre, igual, valor = actual.texto[2:].partition("=")
    clase = opciones.largas.get(nombre)
    if clase is None or (clase == 0 and igual):
        return False
    if actual.comodin and not (igual and nombre in _CON_PATRON):
        return False
    leidas.puestas.add(nombre)
    if igual:
        leidas.valores.append((nombre, Palabra(valor, comodin=actual.comodin)))
    elif clase == 1:
        return _valor_suelto(nombre, resto, leidas)
    return True


def _cortas(opciones: Opciones, actual: Palabra, resto: list[Palabra], leidas: Leidas) -> bool:
    grupo = actual.texto[1:]
    for lugar, letra in enumerate(grupo):
        clase = opciones.cortas.get(letra)
        if clase is None:
            return False
        leidas.puestas.add(letra)
        valor = grupo[lugar + 1 :]
        if clase and valor:
            leidas.valores.append((letra, Palabra(valor)))
            return True
        if clase == 1:
            return _valor_suelto(letra, resto, leidas)
    return True


def _valor_suelto(nombre: str, resto: list[Palabra], leidas: Leidas) -> bool:
    if not resto:
        return False
    valor = resto.pop()
    if valor.comodin or (valor.texto.startswith("-") and not _NUMERO.fullmatch(valor.texto)):
        return False
    leidas.valores.append((nombre, valor))
    return True
