"""Comprobar una afirmación: permiso → dentro del encierro, sin escribir → ✔ o ✘ y por qué."""

from __future__ import annotations

import json
import os
import shlex
import sys
from pathlib import Path
from typing import Any, Protocol

from agentes.errores import ErrorConsola
from agentes.perfil_consola import PerfilConsola
from agentes.pruebas import ClaseEvidencia, Evidencia
from agentes.respuestas import Operacion, ResultadoHerramienta
from servicios.consola.pedido import MotivoFin
from servicios.consola.resultado import ResultadoComando
from servicios.herramientas.incluidas.consola import PerfilDe, Permisos
from servicios.herramientas.permiso import Aparte

LIMITE_S = 30.0
"""Segundos de cada comprobación, como mucho."""

_SONDA = (Path(__file__).parent / "sonda.py").read_text(encoding="utf-8")
_PYTHON = os.path.realpath(sys.executable)
_TOPE_PORQUE = 300


class Miradas(Protocol):
    """Quien ejecuta una orden que solo mira. Lanza `ErrorConsola`."""

    async def mirar(
        self, command: str, agente_id: str, perfil: PerfilConsola, segundos: float
    ) -> ResultadoComando:
        """En la carpeta del agente, sin escribir en ella."""
        ...

    async def mirar_tal_cual(
        self, command: str, agente_id: str, perfil: PerfilConsola, segundos: float
    ) -> ResultadoComando:
        """Junto a sus trabajos en marcha."""
        ...


class Trabajos(Protocol):
    """Lo que hace falta de los trabajos en segundo plano. Lanzan `ErrorConsola`."""

    def carpeta_de(self, agente_id: str, perfil: PerfilConsola) -> str:
        """Dónde empieza, para una persona."""
        ...

    async def parar_todos(self, agente_id: str) -> None:
        """Mata los de un agente."""
        ...

    async def escucha(self, trabajo_id: str, agente_id: str, puerto: int) -> bool:
        """Si un trabajo vivo es quien escucha en ese puerto."""
        ...


class Comprobador:
    """Comprueba las afirmaciones de todos los agentes; nada se mira sin permiso."""

    def __init__(
        self, miradas: Miradas, trabajos: Trabajos, perfil_de: PerfilDe, permisos: Permisos
    ) -> None:
        self._miradas = miradas
        self._trabajos = trabajos
        self._perfil_de = perfil_de
        self._permisos = permisos

    async def comprobar(
        self, evidencia: Evidencia, agente_id: str, uso: Operacion
    ) -> ResultadoHerramienta:
        """Si se cumple; lo que no se puede comprobar no se cumple. Nunca lanza por ello.

        Antes de mirar nada que no sea una respuesta HTTP, para los trabajos del agente: lo que se
        dé por bueno no lo cambiará nadie suyo después.
        """
        perfil = self._perfil_de(agente_id)
        try:
            carpeta = self._trabajos.carpeta_de(agente_id, perfil)
            modo = f"para comprobar lo que afirma, sin escribir, hasta {LIMITE_S:g} s"
            dictamen = await self._permisos.pedir(
                orden_equivalente(evidencia), agente_id, uso, perfil, Aparte(carpeta, modo)
            )
            if not dictamen.permitida:
                return _veredicto(
                    evidencia, f"no se permitió: {dictamen.motivo}", dictamen.detalles
                )
            if evidencia.clase is ClaseEvidencia.HTTP:
                return await self._por_http(evidencia, agente_id, perfil)
            await self._trabajos.parar_todos(agente_id)
            return await mirar(self._miradas, evidencia, agente_id, perfil)
        except ErrorConsola as error:
            return _veredicto(evidencia, str(error))

    async def _por_http(
        self, evidencia: Evidencia, agente_id: str, perfil: PerfilConsola
    ) -> ResultadoHerramienta:
        trabajo, puerto = str(evidencia.datos["trabajo"]), int(evidencia.datos["puerto"])
        if not await self._trabajos.escucha(trabajo, agente_id, puerto):
            return _veredicto(evidencia, "ese trabajo no vive, o no es quien escucha en ese puerto")
        orden = _sonda(evidencia.datos)
        # Con otra plaza, docker haría otro contenedor y el trabajo moriría con el suyo.
        hecho = await self._miradas.mirar_tal_cual(orden, agente_id, perfil, LIMITE_S)
        if not await self._trabajos.escucha(trabajo, agente_id, puerto):
            return _veredicto(evidencia, "el trabajo dejó de escuchar mientras se comprobaba")
        return _de_sonda(evidencia, hecho)


async def mirar(
    miradas: Miradas, evidencia: Evidencia, agente_id: str, perfil: PerfilConsola
) -> ResultadoHerramienta:
    """Comprueba una afirmación ya permitida, donde trabaja el agente. Lanza `ErrorConsola`."""
    if evidencia.clase is ClaseEvidencia.ORDEN:
        orden = f"set -o pipefail\n{evidencia.datos['orden']}"
        return _de_orden(evidencia, await miradas.mirar(orden, agente_id, perfil, LIMITE_S))
    orden = _sonda(evidencia.datos)
    return _de_sonda(evidencia, await miradas.mirar(orden, agente_id, perfil, LIMITE_S))


def orden_equivalente(evidencia: Evidencia) -> str:
    """La orden por la que se pide permiso: lo mismo que habría escrito el agente para verlo."""
    datos = evidencia.datos
    match evidencia.clase:
        case ClaseEvidencia.ORDEN:
            return str(datos["orden"])
        case ClaseEvidencia.HTTP:
            direccion = f"http://127.0.0.1:{datos['puerto']}{datos['ruta']}"
            return f"curl -sS {shlex.quote(direccion)}"
        case ClaseEvidencia.SQL:
            return f"cat -- {shlex.quote(str(datos['base']))}"
        case _:
            return f"cat -- {shlex.quote(str(datos['ruta']))}"


def _sonda(datos: dict[str, Any]) -> str:
    """La orden que comprueba; en un contenedor, con el Python que traiga su imagen."""
    argumentos = f"-I -S -c {shlex.quote(_SONDA)} {shlex.quote(json.dumps(datos))}"
    python = shlex.quote(_PYTHON)
    return f'python={python}; [ -x {python} ] || python=python3; exec "$python" {argumentos}'


def _de_orden(evidencia: Evidencia, hecho: ResultadoComando) -> ResultadoHerramienta:
    detalles = {"stdout": hecho.salida, "stderr": hecho.error, "return_code": hecho.codigo}
    pedido = int(evidencia.datos.get("codigo", 0))
    porque = ""
    if hecho.motivo is not MotivoFin.OK:
        porque = f"no acabó por sí misma ({hecho.motivo.replace('_', ' ')})"
    elif hecho.codigo != pedido:
        porque = f"acabó con el código {hecho.codigo}, y había de ser {pedido}"
    return _veredicto(evidencia, porque, detalles)


def _de_sonda(evidencia: Evidencia, hecho: ResultadoComando) -> ResultadoHerramienta:
    if hecho.motivo is not MotivoFin.OK:
        return _veredicto(evidencia, f"no se pudo comprobar ({hecho.motivo.replace('_', ' ')})")
    try:
        dicho = json.loads(hecho.salida)
        cumple, porque = dicho["cumple"] is True, str(dicho["porque"])
    except (ValueError, KeyError, TypeError):
        return _veredicto(evidencia, "no se pudo comprobar: ¿falta python3 en el encierro?")
    return _veredicto(evidencia, "" if cumple else porque or "no se cumple")


def _veredicto(
    evidencia: Evidencia, porque: str, detalles: dict[str, Any] | None = None
) -> ResultadoHerramienta:
    """Sin motivo, se cumple."""
    una = " ".join(porque.split())[:_TOPE_PORQUE]
    linea = f"✘ {evidencia.que}: {una}" if una else f"✔ {evidencia.que}"
    return ResultadoHerramienta(
        ok=not una,
        para_modelo=linea,
        para_usuario=linea,
        detalles={"clase": evidencia.clase.value, "motivo": una or "ok", **(detalles or {})},
    )
