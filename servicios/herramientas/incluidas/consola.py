"""`ejecutar_comando_consola`: la consola como herramienta."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from typing import Any, Protocol

from agentes.definicion import DefinicionAgente
from agentes.perfil_consola import PerfilConsola
from agentes.respuestas import Operacion, ResultadoHerramienta
from prompts.tool_definitions import EJECUTAR_COMANDO_CONSOLA
from servicios.consola.pedido import MotivoFin
from servicios.consola.resultado import CODIGO_DENEGADO, ResultadoComando
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


class Permisos(Protocol):
    """Quien decide si una orden se ejecuta."""

    async def pedir(
        self,
        orden: str,
        agente_id: str,
        op: str,
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
        dictamen = await permisos.pedir(orden, agente_id, uso.op, perfil)
        if not dictamen.permitida:
            denegada = ResultadoComando("", dictamen.aviso, CODIGO_DENEGADO, MotivoFin.DENEGADO)
            return _resultado(orden, denegada, dictamen)
        try:
            hecho = await consola.ejecutar_comando_seguro(orden, agente_id, perfil, uso.fila)
        except asyncio.CancelledError as cancelada:
            if cancelada.args and isinstance(cancelada.args[0], ResultadoComando):
                cancelada.args = (_resultado(orden, cancelada.args[0], dictamen),)
            raise
        return _resultado(orden, hecho, dictamen)

    return Herramienta(EJECUTAR_COMANDO_CONSOLA, ejecutar)


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
