"""`python main.py auditar …`: de los argumentos a una pregunta, y de su hoja a la salida."""

from __future__ import annotations

import importlib
from argparse import Namespace
from collections.abc import Callable

from servicios.ajustes import Ajustes
from servicios.interfaz.auditar import verificacion
from servicios.interfaz.auditar.fuente import elegir_fuente
from servicios.interfaz.auditar.salida import escribir, formato_de
from servicios.interfaz.codigos import Salida
from servicios.registros.auditoria.arbol import agentes
from servicios.registros.auditoria.base import Base, abrir_base
from servicios.registros.auditoria.filtros import LIMITE, Filtro, leer_fila, leer_momento
from servicios.registros.auditoria.hojas import Hoja
from servicios.registros.auditoria.libre import consultar
from servicios.registros.auditoria.preguntas import (
    AMBITOS,
    comandos,
    costes,
    errores,
    evidencias,
    fila_de_agente,
    linea,
    por_que,
    sesiones,
    tamano,
)


def correr(argumentos: Namespace) -> int:
    """Contesta y devuelve el código de salida. Lanza `ErrorEnjambre`, en una línea, u `OSError`."""
    if argumentos.pregunta == "verificar":
        return verificacion.correr(argumentos)
    fuente = elegir_fuente(argumentos.base)
    with abrir_base(fuente.ruta) as base:
        hoja = _PREGUNTAS[argumentos.pregunta](base, argumentos)
    codigo = Salida.BIEN
    if argumentos.pregunta == "evidencias" and argumentos.comprobar:
        # Arrastra la consola entera: se importa si se pide, como cada suborden.
        comprobacion = importlib.import_module("servicios.interfaz.auditar.evidencias")
        hoja, siguen = comprobacion.otra_vez(Ajustes.leer(), fuente.ruta, hoja)
        codigo = Salida.BIEN if siguen else Salida.FALLO
    escribir(hoja, formato_de(argumentos), fuente.redactar)
    return codigo


def _filtro(argumentos: Namespace) -> Filtro:
    datos = vars(argumentos)

    def momento(nombre: str) -> int | str | None:
        return leer_momento(datos[nombre]) if datos.get(nombre) else None

    return Filtro(
        agentes=tuple(datos.get("agente") or ()),
        tipos=tuple(datos.get("tipo") or ()),
        niveles=tuple(datos.get("nivel") or ()),
        texto=datos.get("texto") or "",
        desde=momento("desde"),
        hasta=momento("hasta"),
        limite=argumentos.limite or LIMITE,
    )


def _sesiones(base: Base, argumentos: Namespace) -> Hoja:
    return sesiones(base, _filtro(argumentos))


def _agentes(base: Base, argumentos: Namespace) -> Hoja:
    sesion = base.elegir_sesion(argumentos.sesion)
    en_tabla = formato_de(argumentos) == "tabla"
    return agentes(base, sesion, _filtro(argumentos).limite, con_ramas=en_tabla)


def _linea(base: Base, argumentos: Namespace) -> Hoja:
    return linea(base, base.elegir_sesion(argumentos.sesion), _filtro(argumentos))


def _comandos(base: Base, argumentos: Namespace) -> Hoja:
    sesion = base.elegir_sesion(argumentos.sesion)
    return comandos(base, sesion, _filtro(argumentos), fallidos=argumentos.fallidos)


def _costes(base: Base, argumentos: Namespace) -> Hoja:
    sesion = base.elegir_sesion(argumentos.sesion)
    ambitos = (argumentos.por,) if argumentos.por else AMBITOS
    return costes(base, sesion, _filtro(argumentos), ambitos)


def _errores(base: Base, argumentos: Namespace) -> Hoja:
    return errores(base, base.elegir_sesion(argumentos.sesion), _filtro(argumentos))


def _evidencias(base: Base, argumentos: Namespace) -> Hoja:
    return evidencias(base, base.elegir_sesion(argumentos.sesion), _filtro(argumentos))


def _por_que(base: Base, argumentos: Namespace) -> Hoja:
    fila = leer_fila(argumentos.que)
    if fila is None:
        fila = fila_de_agente(base, base.elegir_sesion(argumentos.sesion), argumentos.que)
    return por_que(base, fila, _filtro(argumentos).limite)


def _sql(base: Base, argumentos: Namespace) -> Hoja:
    return consultar(base, argumentos.consulta, _filtro(argumentos).limite)


def _tamano(base: Base, argumentos: Namespace) -> Hoja:
    return tamano(base, _filtro(argumentos).limite)


_PREGUNTAS: dict[str, Callable[[Base, Namespace], Hoja]] = {
    "sesiones": _sesiones,
    "agentes": _agentes,
    "linea": _linea,
    "comandos": _comandos,
    "costes": _costes,
    "errores": _errores,
    "evidencias": _evidencias,
    "por-que": _por_que,
    "sql": _sql,
    "tamano": _tamano,
}
