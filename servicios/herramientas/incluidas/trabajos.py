"""Los trabajos en segundo plano como herramientas: iniciar, leer y parar."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, Protocol

from agentes.guardado import Rescatado
from agentes.perfil_consola import PerfilConsola
from agentes.respuestas import Operacion, ResultadoHerramienta
from prompts.tool_definitions import INICIAR_TRABAJO, LEER_TRABAJO, PARAR_TRABAJO
from servicios.consola.reanudacion import Suerte
from servicios.consola.resultado import CODIGO_MAL_PEDIDA
from servicios.consola.trabajos import EstadoTrabajo
from servicios.herramientas.incluidas.consola import PerfilDe, Permisos
from servicios.herramientas.permiso import Aparte
from servicios.herramientas.registro import INTERRUMPIDA, Herramienta, Politica, Rescatar


class Trabajos(Protocol):
    """Lo que estas herramientas necesitan de la consola. Lanzan `ErrorConsola`."""

    def carpeta_de(self, agente_id: str, perfil: PerfilConsola) -> str:
        """Dónde empezaría, para una persona."""
        ...

    async def iniciar(self, command: str, agente_id: str, perfil: PerfilConsola, fila: int) -> str:
        """Pone una orden en segundo plano y devuelve su id."""
        ...

    def siguiente_id(self, agente_id: str) -> str:
        """El que tendría el próximo."""
        ...

    async def adoptar(self, trabajo_id: str, fila: int, command: str, agente_id: str) -> Suerte:
        """Vuelve a tener un trabajo que inició otra vida de la sesión."""
        ...

    async def leer(self, trabajo_id: str, agente_id: str) -> EstadoTrabajo:
        """Cómo va un trabajo."""
        ...

    async def parar(self, trabajo_id: str, agente_id: str) -> EstadoTrabajo:
        """Mata un trabajo."""
        ...


def herramientas_trabajos(
    trabajos: Trabajos, perfil_de: PerfilDe, permisos: Permisos
) -> tuple[Herramienta, ...]:
    """Las tres; iniciar uno pasa por los mismos permisos que cualquier orden."""

    async def iniciar(
        args: Mapping[str, Any], agente_id: str, uso: Operacion
    ) -> ResultadoHerramienta:
        orden, perfil = str(args["command"]), perfil_de(agente_id)
        modo = f"en segundo plano, hasta {perfil.vida_trabajo_s:g} s"
        aparte = Aparte(trabajos.carpeta_de(agente_id, perfil), modo)
        dictamen = await permisos.pedir(orden, agente_id, uso, perfil, aparte)
        if not dictamen.permitida:
            detalles = {"command": orden, **dictamen.detalles}
            return ResultadoHerramienta(False, dictamen.aviso, dictamen.aviso, detalles)
        trabajo_id = await trabajos.iniciar(orden, agente_id, perfil, uso.fila)
        return _en_marcha(trabajo_id, orden, perfil, dictamen.detalles)

    async def leer(
        args: Mapping[str, Any], agente_id: str, _uso: Operacion
    ) -> ResultadoHerramienta:
        return _contar(await trabajos.leer(str(args["trabajo_id"]), agente_id))

    async def parar(
        args: Mapping[str, Any], agente_id: str, _uso: Operacion
    ) -> ResultadoHerramienta:
        return _contar(await trabajos.parar(str(args["trabajo_id"]), agente_id))

    return (
        Herramienta(INICIAR_TRABAJO, iniciar, rescatar=_rescate(trabajos, perfil_de)),
        Herramienta(LEER_TRABAJO, leer, politica=Politica.LECTURA),
        Herramienta(PARAR_TRABAJO, parar, politica=Politica.IDEMPOTENTE),
    )


def _rescate(trabajos: Trabajos, perfil_de: PerfilDe) -> Rescatar:
    """Qué fue de un trabajo que se estaba iniciando cuando todo se cortó."""

    async def rescatar(args: Mapping[str, Any], agente_id: str, uso: Operacion) -> Rescatado | None:
        orden, trabajo_id = str(args["command"]), trabajos.siguiente_id(agente_id)
        suerte = await trabajos.adoptar(trabajo_id, uso.fila, orden, agente_id)
        if suerte is Suerte.NUNCA:
            return None
        if suerte is Suerte.INDETERMINADA:
            perdido = ResultadoHerramienta(False, INTERRUMPIDA, detalles={"command": orden})
            return Rescatado(perdido, "indeterminado")
        hecho = _en_marcha(trabajo_id, orden, perfil_de(agente_id), {})
        return Rescatado(hecho, "recuperado")

    return rescatar


def _en_marcha(
    trabajo_id: str, orden: str, perfil: PerfilConsola, permiso: Mapping[str, str]
) -> ResultadoHerramienta:
    texto = (
        f"Trabajo {trabajo_id} en marcha (vida máxima {perfil.vida_trabajo_s:g} s)."
        " Míralo con leer_trabajo."
    )
    detalles = {"command": orden, "trabajo": trabajo_id, **permiso}
    return ResultadoHerramienta(True, texto, texto, detalles)


def _contar(estado: EstadoTrabajo) -> ResultadoHerramienta:
    datos: dict[str, Any] = {"trabajo": estado.id, "vivo": estado.vivo}
    if estado.resultado is None:
        datos |= {"salida": estado.salida, "error": estado.error}
    else:
        datos |= estado.resultado.datos()
    return ResultadoHerramienta(
        ok=datos.get("codigo", 0) != CODIGO_MAL_PEDIDA,
        para_modelo=json.dumps(datos, ensure_ascii=False, separators=(",", ":")),
        para_usuario=str(datos["salida"] or datos["error"]),
        detalles={
            "trabajo": estado.id,
            "orden": estado.command,
            "stdout": datos["salida"],
            "stderr": datos["error"],
            "return_code": datos.get("codigo"),
        },
        datos=datos,
    )
