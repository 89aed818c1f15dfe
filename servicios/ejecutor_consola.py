"""Ejecuta órdenes de consola de los agentes: cara del ala `consola/`.

Cada orden es un bash nuevo, encerrado, sin terminal ni entrada, con entorno limpio y todo
acotado, y ningún proceso vivo detrás. Se puede usar sola, sin el resto del enjambre:

    async with abrir_consola(Path("data")) as consola:
        resultado = await consola.ejecutar_comando_seguro("ls | wc -l", "ejecutor-1")
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Coroutine
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Self

from agentes.perfil_consola import Espacio, PerfilConsola
from servicios.consola.aislamientos.aislamiento import AUTO, Aislamiento, elegir_aislamiento
from servicios.consola.aislamientos.contenedor import IMAGEN, Contenedor
from servicios.consola.comprobaciones import Comprobaciones
from servicios.consola.marcha import Marcha
from servicios.consola.memoria import Memoria
from servicios.consola.operaciones.disco import (
    Rastro,
    borrar_operacion,
    carpeta_de_operaciones,
    operaciones_en_disco,
)
from servicios.consola.pedido import MotivoFin
from servicios.consola.plazas.copia import copiar_espacios
from servicios.consola.plazas.plazas import Plazas
from servicios.consola.preparacion import Generales, Taller, reparo_de
from servicios.consola.prueba import nada, probar_de_verdad, sin_proxy
from servicios.consola.reanudacion import Hallazgo, Suerte, hallado, mirar
from servicios.consola.red.proxy import ProxySalida
from servicios.consola.resultado import (
    CODIGO_MAL_PEDIDA,
    CODIGO_MATADA,
    ResultadoComando,
    resultado_de,
)
from servicios.consola.supervision.corrida import Corrida
from servicios.consola.supervision.lanzador import Lanzador
from servicios.consola.trabajos import Trabajos

if TYPE_CHECKING:
    from servicios.ajustes import Ajustes

__all__ = [
    "EjecutorConsola",
    "Generales",
    "Hallazgo",
    "MotivoFin",
    "OpcionesConsola",
    "ResultadoComando",
    "Suerte",
    "abrir_consola",
    "borrar_operacion",
    "copiar_espacios",
    "operaciones_en_disco",
]

_RAIZ = Path(__file__).resolve().parent.parent


class EjecutorConsola:
    """Lanza las órdenes: una a la vez por agente y `simultaneos` en total."""

    def __init__(
        self, taller: Taller, datos: Path, *, sesion: str = "", simultaneos: int = 16
    ) -> None:
        self._taller = taller
        self._datos = datos
        self._memoria = Memoria(datos, sesion)
        self._marcha = Marcha(simultaneos)
        self._turnos: dict[str, asyncio.Lock] = {}
        self._en_marcha: dict[asyncio.Task[ResultadoComando], Corrida] = {}
        self._despedidas: set[asyncio.Task[None]] = set()
        self._cerrada = False
        self.trabajos = Trabajos(taller, datos, self._marcha)
        self.comprobaciones = Comprobaciones(taller, self._marcha)

    @property
    def aislamiento(self) -> Aislamiento:
        """Con qué se encierran las órdenes."""
        return self._taller.aislamiento

    def carpeta_de(self, agente_id: str, perfil: PerfilConsola) -> str:
        """Dónde empezaría su próxima orden, para una persona. Lanza `ErrorConsola`."""
        base = self._taller.plazas.plaza(agente_id, perfil).carpeta
        estado = self._memoria.de(agente_id).estado
        donde = Path(estado.carpeta) if estado else base
        if perfil.espacio is Espacio.PROPIO and donde.is_relative_to(base):
            return str(Path("su espacio") / donde.relative_to(base))
        return str(donde)

    async def ejecutar_comando_seguro(
        self,
        command: str,
        agente_id: str,
        perfil: PerfilConsola | None = None,
        fila: int | None = None,
    ) -> ResultadoComando:
        """Ejecuta `command` en bash, donde quedó la orden anterior de ese agente.

        El tiempo cuenta desde que arranca, no mientras espera turno. Si cancelan a quien espera,
        la orden y sus procesos mueren antes de que la cancelación siga. Con `fila`, lo que deja
        queda en el disco hasta `cerrar_operacion`. Lanza `ErrorConsola` si esta máquina no puede
        lanzarla, el aislamiento no cumple el perfil o esa fila ya se intentó.
        """
        if reparo := reparo_de(command):
            return ResultadoComando("", reparo, CODIGO_MAL_PEDIDA)
        async with self._turno(agente_id), self._marcha.sitio(agente_id):
            if self._cerrada:
                return _CERRADA
            preparada = self._taller.preparar(
                command,
                agente_id,
                perfil or PerfilConsola(),
                fila=fila,
                recuerdo=self._memoria.de(agente_id),
            )
            corrida = await self._marcha.lanzar(agente_id, preparada)
            return await self._esperar(corrida, agente_id)

    async def recuperar(self, fila: int, agente_id: str) -> Hallazgo:
        """Qué fue de una orden de ese agente que se quedó sin cierre.

        De la que nunca empezó se queda con el intento; a la que sigue viva la espera y, si la
        cancelan, la mata antes. Lo que dejó (carpeta y variables) queda para la próxima. Lanza
        `ErrorConsola` si no se pudo lanzar.
        """
        rastro = Rastro(carpeta_de_operaciones(self._datos) / str(fila))
        async with self._turno(agente_id):
            suerte, corrida = await mirar(rastro)
            if corrida is None:
                if (informe := rastro.informe()) is not None:
                    self._memoria.aprender(agente_id, informe)
                return hallado(rastro, suerte)
            self._marcha.adoptar(agente_id, corrida)
            with self._marcha.sitio_de_adoptada(agente_id):
                resultado = await self._esperar(corrida, agente_id)
        if resultado.motivo is MotivoFin.SIN_SUPERVISOR:
            return Hallazgo(Suerte.INTERRUMPIDA, resultado, adoptada=True)
        return Hallazgo(Suerte.TERMINADA, resultado, adoptada=True)

    async def congelar(self, agente_id: str) -> int:
        """Detiene del todo lo que tenga en marcha, y sus relojes; dice cuántas órdenes son.

        Lo que empiece después espera, y lo que se recupere o adopte queda detenido, hasta
        `descongelar`. Si el enjambre muere, así se queda (ver `Plazo`); `cerrar` lo mata.
        """
        return await self._marcha.congelar(agente_id)

    async def descongelar(self, agente_id: str) -> None:
        """Todo lo de ese agente sigue donde estaba, con el tiempo que le quedaba."""
        await self._marcha.descongelar(agente_id)

    async def cerrar_operacion(self, fila: int) -> None:
        """Borra lo que dejó en el disco, ya a salvo su cierre; lo de un trabajo, al olvidarlo."""
        if not self.trabajos.conserva(fila):
            await asyncio.to_thread(borrar_operacion, self._datos, fila)

    def soltar_operacion(self, fila: int) -> None:
        """Como `cerrar_operacion`, sin esperar; `cerrar` sí espera."""
        self._despedir(self.cerrar_operacion(fila), f"suelta {fila}")

    def olvidar(self, agente_id: str) -> None:
        """Un agente terminó: se matan sus trabajos y se suelta lo suyo. Sus archivos se quedan.

        No espera; `cerrar` sí.
        """
        self._turnos.pop(agente_id, None)
        self._memoria.olvidar(agente_id)
        self._marcha.olvidar(agente_id)
        self._despedir(self._soltar(agente_id), f"adiós a {agente_id}")

    def _despedir(self, trabajo: Coroutine[None, None, None], nombre: str) -> None:
        despedida = asyncio.create_task(trabajo, name=nombre)
        self._despedidas.add(despedida)
        despedida.add_done_callback(self._despedidas.discard)

    async def _soltar(self, agente_id: str) -> None:
        await self.trabajos.olvidar(agente_id)
        await self._taller.desenchufar(agente_id)
        await self._taller.aislamiento.olvidar(agente_id)

    async def cerrar(self) -> None:
        """Mata lo que quede y no acepta más; al volver no hay ningún proceso nuestro vivo."""
        self._cerrada = True
        await self.trabajos.cerrar()
        await self.comprobaciones.cerrar()
        self._marcha.cerrar()  # ya cerrados todos: quien esperaba no empieza nada
        for corrida in self._en_marcha.values():
            corrida.parar(MotivoFin.CANCELADO)
        if pendientes := {*self._en_marcha, *self._despedidas}:
            await asyncio.wait(pendientes)
        await self._taller.aislamiento.cerrar()

    def _turno(self, agente_id: str) -> asyncio.Lock:
        return self._turnos.setdefault(agente_id, asyncio.Lock())

    async def _esperar(self, corrida: Corrida, agente_id: str) -> ResultadoComando:
        tarea = asyncio.create_task(self._acabar(corrida, agente_id))
        self._en_marcha[tarea] = corrida
        tarea.add_done_callback(self._en_marcha.pop)
        try:
            return await asyncio.shield(tarea)
        except asyncio.CancelledError as cancelada:
            corrida.parar(MotivoFin.CANCELADO)
            await asyncio.wait({tarea})
            if not tarea.cancelled() and tarea.exception() is None:
                # Lo que llegó a imprimir viaja con la cancelación: quien anota no lo pierde.
                cancelada.args = (tarea.result(),)
            raise

    async def _acabar(self, corrida: Corrida, agente_id: str) -> ResultadoComando:
        informe = await corrida.fin()
        self._memoria.aprender(agente_id, informe)
        return resultado_de(informe)


_CERRADA = ResultadoComando(
    "", "cancelado: la consola está cerrada", CODIGO_MATADA, MotivoFin.CANCELADO
)


@dataclass(frozen=True, slots=True)
class OpcionesConsola:
    """Cómo se abre una consola.

    `proyecto` es la carpeta que se presta a los agentes que la tengan concedida (por omisión, la
    actual); `senuelo`, el texto de la llave falsa de cada casa; `imagen`, la de `docker`;
    `simultaneos`, las órdenes a la vez entre todos los agentes. Con `sesion`, lo que cada agente
    dejó (carpeta y variables) se guarda en el disco y vuelve al abrirla otra vez; con `sub`, los
    espacios y las casas van en una subcarpeta de ese nombre.
    """

    aislamiento: str = AUTO
    proyecto: Path | None = None
    senuelo: str = ""
    imagen: str = IMAGEN
    generales: Generales = field(default_factory=Generales)
    simultaneos: int = 16
    sesion: str = ""
    sub: str = ""

    @classmethod
    def de(cls, ajustes: Ajustes, senuelo: str = "", sesion: str = "", sub: str = "") -> Self:
        """Las que dicen los ajustes."""
        return cls(
            aislamiento=ajustes.aislamiento,
            proyecto=ajustes.proyecto,
            senuelo=senuelo,
            imagen=ajustes.imagen,
            generales=Generales(ajustes.limite_comando_s, ajustes.limite_salida),
            simultaneos=ajustes.comandos_simultaneos,
            sesion=sesion,
            sub=sub,
        )


@asynccontextmanager
async def abrir_consola(
    datos: Path, opciones: OpcionesConsola | None = None, salida_red: ProxySalida | None = None
) -> AsyncIterator[EjecutorConsola]:
    """Una consola lista, con el aislamiento ya probado; al salir no queda ningún proceso suyo.

    Lanza `ErrorConsola` si el aislamiento pedido no funciona aquí, con la causa y el remedio.
    """
    opciones = opciones or OpcionesConsola()
    async with Lanzador.abrir(carpeta_de_operaciones(datos)) as lanzador:
        elegido = await elegir_aislamiento(
            opciones.aislamiento,
            probar=partial(probar_de_verdad, lanzador, _RAIZ, datos),
            abrir_contenedor=partial(Contenedor.abrir, opciones.imagen),
        )
        proyecto = opciones.proyecto or Path.cwd()
        taller = Taller(
            plazas=Plazas(datos, proyecto, _RAIZ, elegido.duenio, opciones.senuelo, opciones.sub),
            aislamiento=elegido,
            lanzar=lanzador.lanzar,
            enchufar=sin_proxy if salida_red is None else salida_red.abrir,
            desenchufar=nada if salida_red is None else salida_red.cerrar_agente,
            nuestro=os.environ,
            generales=opciones.generales,
        )
        consola = EjecutorConsola(
            taller, datos, sesion=opciones.sesion, simultaneos=opciones.simultaneos
        )
        try:
            yield consola
        finally:
            await consola.cerrar()
