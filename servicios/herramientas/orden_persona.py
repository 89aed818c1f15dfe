"""`!orden`: lo que la persona ejecuta por su cuenta, fuera de los modelos.

Va por la consola del enjambre, con el mismo aislamiento, los mismos permisos y la misma puerta que
las órdenes de los agentes; no entra en la historia de nadie.
"""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Iterable
from contextlib import suppress
from typing import Protocol, Self

from agentes.errores import ErrorConsola, ErrorEnjambre
from agentes.eventos import USUARIO, Apunte
from agentes.guardado import OrdenAbierta
from agentes.perfil_consola import Espacio, PerfilConsola
from agentes.respuestas import LlamadaHerramienta, Operacion, ResultadoHerramienta
from prompts.tool_definitions import EJECUTAR_COMANDO_CONSOLA
from servicios.herramientas.puerta import Puerta, PuertosPuerta
from servicios.herramientas.registro import RegistroHerramientas

_NOMBRE = str(EJECUTAR_COMANDO_CONSOLA["name"])
_SIN_EMPEZAR = "no llegó a empezar antes del corte, y sola no se repite: escríbela otra vez"


class Sitios(Protocol):
    """Lo que hace falta saber de la consola."""

    def carpeta_de(self, agente_id: str, perfil: PerfilConsola) -> str:
        """Dónde empezaría su próxima orden. Lanza `ErrorConsola` si ahí no puede."""
        ...


class SitioPersona:
    """Dónde corren las órdenes de la persona: en la carpeta del proyecto, como si las tecleara.

    Si esa carpeta no se puede prestar para escribir (la del propio enjambre), solo para leer; y si
    tampoco (su carpeta personal entera), en un espacio propio bajo `data/`.
    """

    def __init__(self, sitios: Sitios) -> None:
        self._sitios = sitios
        self._elegido: PerfilConsola | None = None
        self._reparo = ""

    def perfil(self, _: str = USUARIO) -> PerfilConsola:
        """El suyo; se decide con la primera orden. Lanza `ErrorConsola` si no hay ninguno."""
        if self._elegido is None:
            self._elegido = self._elegir()
        return self._elegido

    def donde(self) -> str:
        """Dónde empezaría la próxima, para leerlo. Lanza `ErrorConsola`."""
        perfil = self.perfil()
        carpeta = self._sitios.carpeta_de(USUARIO, perfil)
        match perfil.espacio:
            case Espacio.PROYECTO:
                return carpeta
            case Espacio.SOLO_LECTURA:
                return f"{carpeta}, solo lectura ({self._reparo})"
            case _:
                return f"{carpeta} ({self._reparo})"

    def _elegir(self) -> PerfilConsola:
        for espacio in (Espacio.PROYECTO, Espacio.SOLO_LECTURA):
            perfil = PerfilConsola(espacio=espacio)
            try:
                self._sitios.carpeta_de(USUARIO, perfil)
            except ErrorConsola as error:
                self._reparo = self._reparo or str(error)
            else:
                return perfil
        return PerfilConsola()


class OrdenesPersona:
    """Las órdenes de la persona. Se usa con `async with`: al salir no queda ninguna a medias.

    Al entrar se ocupa de las que otra vida de la sesión dejó abiertas: la que acabó o sigue viva
    se recupera, y la que no llegó a empezar no se repite.
    """

    def __init__(
        self,
        sesion: str,
        registro: RegistroHerramientas,
        puertos: PuertosPuerta,
        sitio: SitioPersona,
        abiertas: Iterable[OrdenAbierta] = (),
    ) -> None:
        self._sesion = sesion
        self._registro = registro
        self._abiertas = tuple(abiertas)
        memoria = {a.operacion.op: a.operacion for a in self._abiertas}
        self._puerta = Puerta(sesion, USUARIO, puertos, memoria)
        self._rescates: set[asyncio.Task[None]] = set()
        self.sitio = sitio

    async def __aenter__(self) -> Self:
        for abierta in self._abiertas:
            self._rescates.add(asyncio.create_task(self._rescatar(abierta), name="rescate"))
        return self

    async def __aexit__(self, *error: object) -> None:
        for tarea in self._rescates:
            tarea.cancel()
        await asyncio.gather(*self._rescates, return_exceptions=True)

    async def ejecutar(self, orden: str) -> ResultadoHerramienta:
        """Ejecuta una orden y vuelve con lo que dejó, ya limpio y sin secretos.

        Si la cancelan, la orden muere y su fila lo dice. Lanza `ErrorBitacora` o `ErrorAlarma`.
        """
        llamada = LlamadaHerramienta(f"orden_{uuid.uuid4().hex[:12]}", _NOMBRE, {"command": orden})

        async def hacer(_: Apunte, uso: Operacion) -> ResultadoHerramienta:
            return await self._registro.ejecutar(_NOMBRE, llamada.args, USUARIO, uso)

        resultado, _ = await self._puerta.cruzar(llamada, 0, None, hacer)
        return resultado

    async def _rescatar(self, abierta: OrdenAbierta) -> None:
        id_ = abierta.operacion.op.rpartition(":")[2]
        llamada = LlamadaHerramienta(id_, _NOMBRE, {"command": abierta.orden})

        async def no_repetir(_: Apunte, __: Operacion) -> ResultadoHerramienta:
            return ResultadoHerramienta(False, _SIN_EMPEZAR, detalles={"command": abierta.orden})

        with suppress(ErrorEnjambre):
            await self._puerta.cruzar(llamada, 0, abierta.operacion.pedida, no_repetir)
