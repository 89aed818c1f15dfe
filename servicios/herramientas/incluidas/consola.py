"""`ejecutar_comando_consola`: la consola como herramienta."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from typing import Any, Protocol

from agentes.definicion import DefinicionAgente
from agentes.guardado import Rescatado
from agentes.perfil_consola import PerfilConsola
from agentes.respuestas import Operacion, ResultadoHerramienta
from prompts.tool_definitions import EJECUTAR_COMANDO_CONSOLA
from servicios.consola.pedido import MotivoFin
from servicios.consola.reanudacion import Hallazgo, Suerte
from servicios.consola.resultado import CODIGO_DENEGADO, CODIGO_MATADA, ResultadoComando
from servicios.herramientas.permiso import Aparte, Dictamen
from servicios.herramientas.registro import Herramienta

PerfilDe = Callable[[str], PerfilConsola]
"""De un id de agente al perfil de su tipo."""


def perfil_por_tipo(tipos: Mapping[str, DefinicionAgente]) -> PerfilDe:
    """De un id de agente al perfil de su tipo; `tipos` puede llenarse después."""

    def perfil_de(agente_id: str) -> PerfilConsola:
        return tipos[agente_id.rpartition("-")[0]].consola

    return perfil_de


class Consola(Protocol):
    """Lo que esta herramienta necesita de la consola."""

    async def ejecutar_comando_seguro(
        self, command: str, agente_id: str, perfil: PerfilConsola, fila: int
    ) -> ResultadoComando:
        """Ejecuta una orden y vuelve con su resultado; nunca lanza por culpa de la orden."""
        ...

    async def recuperar(self, fila: int, agente_id: str) -> Hallazgo:
        """Qué fue de una orden que se quedó sin cierre; a la que sigue viva la espera."""
        ...


class Permisos(Protocol):
    """Quien decide si una orden se ejecuta."""

    async def pedir(
        self,
        orden: str,
        agente_id: str,
        uso: Operacion,
        perfil: PerfilConsola,
        aparte: Aparte | None = None,
    ) -> Dictamen:
        """Vuelve cuando se sabe."""
        ...


def herramienta_consola(consola: Consola, perfil_de: PerfilDe, permisos: Permisos) -> Herramienta:
    """La herramienta sobre una consola; nada se ejecuta sin permiso."""

    async def ejecutar(
        args: Mapping[str, Any], agente_id: str, uso: Operacion
    ) -> ResultadoHerramienta:
        orden, perfil = str(args["command"]), perfil_de(agente_id)
        dictamen = await permisos.pedir(orden, agente_id, uso, perfil)
        if not dictamen.permitida:
            denegada = ResultadoComando("", dictamen.aviso, CODIGO_DENEGADO, MotivoFin.DENEGADO)
            return _resultado(orden, denegada, dictamen)
        with _lo_que_llego(orden, dictamen):
            hecho = await consola.ejecutar_comando_seguro(orden, agente_id, perfil, uso.fila)
        return _resultado(orden, hecho, dictamen)

    async def rescatar(args: Mapping[str, Any], agente_id: str, uso: Operacion) -> Rescatado | None:
        orden = str(args["command"])
        with _lo_que_llego(orden, _YA_PERMITIDA):
            hallazgo = await consola.recuperar(uso.fila, agente_id)
        if hallazgo.suerte is Suerte.NUNCA:
            return None
        cierre = _CIERRES[hallazgo.suerte]
        hecho = hallazgo.resultado or ResultadoComando("", "", CODIGO_MATADA)
        if cierre != "recuperado":
            hecho = replace(hecho, error=_con(hecho.error, EMPEZO), motivo=MotivoFin.SIN_SUPERVISOR)
        return Rescatado(_resultado(orden, hecho, _YA_PERMITIDA), cierre, hecho.ms)

    return Herramienta(EJECUTAR_COMANDO_CONSOLA, ejecutar, rescatar=rescatar)


EMPEZO = "empezó y no terminó: puede estar a medias; verifica antes de repetirla"
"""Lo que lee un agente de una orden que se cortó con el programa."""

_YA_PERMITIDA = Dictamen(True, "permitida antes del corte")
_CIERRES = {
    Suerte.TERMINADA: "recuperado",
    Suerte.VIVA: "recuperado",
    Suerte.INTERRUMPIDA: "interrumpido",
    Suerte.INDETERMINADA: "indeterminado",
}


def _con(error: str, aviso: str) -> str:
    return f"{error.rstrip()}\n{aviso}" if error.strip() else aviso


@contextmanager
def _lo_que_llego(orden: str, dictamen: Dictamen) -> Iterator[None]:
    """Lo que imprimió una orden cancelada viaja con la cancelación."""
    try:
        yield
    except asyncio.CancelledError as cancelada:
        if cancelada.args and isinstance(cancelada.args[0], ResultadoComando):
            hecho = cancelada.args[0]
            cortado = replace(hecho, error=_con(hecho.error, f"interrumpido: {EMPEZO}"))
            cancelada.args = (_resultado(orden, cortado, dictamen),)
        raise


def _resultado(orden: str, hecho: ResultadoComando, dictamen: Dictamen) -> ResultadoHerramienta:
    return ResultadoHerramienta(
        ok=hecho.codigo == 0,
        para_modelo=hecho.para_modelo(),
        para_usuario=hecho.salida or hecho.error,
        detalles={
            "command": orden,
            "stdout": hecho.salida,
            "stderr": hecho.error,
            "return_code": hecho.codigo,
            "motivo": hecho.motivo,
            **dictamen.detalles,
        },
        datos=hecho.datos(),
    )
