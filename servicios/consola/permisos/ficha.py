"""Cómo se describe un programa de solo lectura y cómo se comprueba una orden suya."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import Enum, auto

from servicios.consola.permisos.arbol import Palabra
from servicios.consola.permisos.opciones import Leidas, Opciones, leer_opciones
from servicios.consola.permisos.rutas import motivo_de_ruta, nombra_secreto

Revision = Callable[[Sequence[Palabra]], str]
"""Recibe los argumentos sin el nombre; dice por qué hay que preguntar, o nada."""


_SIN_PATRON = {"e", "regexp", "files", "type-list"}


class Operandos(Enum):
    """Qué son los argumentos que no son opciones."""

    RUTAS = auto()
    TEXTO = auto()
    PATRON = auto()
    """El primero es un patrón (si no llegó con `-e`) y los demás, rutas."""


@dataclass(frozen=True, slots=True)
class Ficha:
    """Un programa que solo lee mientras no lleve más que estas opciones y operandos.

    `contenido` dice si enseña lo que hay dentro de los archivos; `comodin_inicial`, si ninguna de
    sus opciones haría daño puesta por un archivo que se llame como ella; `rutas_en`, las opciones
    cuyo valor es una ruta; `ademas`, una comprobación más.
    """

    opciones: Opciones
    operandos: Operandos = Operandos.RUTAS
    maximo: int | None = None
    contenido: bool = True
    comodin_inicial: bool = False
    rutas_en: frozenset[str] = frozenset()
    ademas: Callable[[Leidas], str] | None = None

    def revisar(self, argumentos: Sequence[Palabra]) -> str:
        """Ver `Revision`."""
        leidas = leer_opciones(self.opciones, argumentos)
        if isinstance(leidas, str):
            return f"la opción «{leidas}» no está entre las de solo lectura"
        if self.maximo is not None and len(leidas.operandos) > self.maximo:
            return f"«{leidas.operandos[self.maximo].texto}» sobra"
        return self._valores(leidas) or self._operandos(leidas) or self._ademas(leidas)

    def _ademas(self, leidas: Leidas) -> str:
        return self.ademas(leidas) if self.ademas else ""

    def _valores(self, leidas: Leidas) -> str:
        for nombre, valor in leidas.valores:
            motivo = motivo_de_ruta(valor.texto) if nombre in self.rutas_en else ""
            if motivo or nombra_secreto(valor.texto):
                return f"«{valor.texto}» {motivo or 'tiene nombre de secreto'}"
        return ""

    def _operandos(self, leidas: Leidas) -> str:
        operandos = leidas.operandos
        seguros = len(operandos) - leidas.tras_guiones
        con_patron = self.operandos is Operandos.PATRON and not leidas.puestas & _SIN_PATRON
        for lugar, operando in enumerate(operandos):
            if lugar == 0 and con_patron:
                motivo = "lleva comodines sin comillas" if operando.comodin else ""
            else:
                motivo = self._operando(operando, tras_guiones=lugar >= seguros)
            if motivo:
                return f"«{operando.texto}» {motivo}"
        return ""

    def _operando(self, operando: Palabra, *, tras_guiones: bool) -> str:
        texto = operando.texto
        if operando.comodin:
            if self.maximo is not None:
                return "puede convertirse en varios nombres"
            if texto[0] in "*?[" and not (self.comodin_inicial or tras_guiones):
                return "puede convertirse en una opción"
            contenido = self.contenido and self.operandos is not Operandos.TEXTO
            return motivo_de_ruta(texto, comodin=True, contenido=contenido)
        return "" if self.operandos is Operandos.TEXTO else motivo_de_ruta(texto)


def ficha(
    cortas: str = "",
    largas: str = "",
    *,
    operandos: Operandos = Operandos.RUTAS,
    maximo: int | None = None,
    numeros: bool = False,
) -> Ficha:
    """Una ficha corriente: la del programa que enseña lo que hay en sus archivos."""
    return Ficha(Opciones.de(cortas, largas, numeros=numeros), operandos, maximo)


def de_nombres(cortas: str = "", largas: str = "", *, maximo: int | None = None) -> Ficha:
    """La de un programa que solo enseña nombres, tamaños o sumas."""
    opciones = Opciones.de(cortas, largas)
    return Ficha(opciones, maximo=maximo, contenido=False, comodin_inicial=True)
