"""Ejecuta órdenes de consola de los agentes: cara del ala `consola/`.

Cada orden es un bash nuevo, encerrado, sin terminal ni entrada, con entorno limpio y todo
acotado, y ningún proceso vivo detrás. Se puede usar sola, sin el resto del enjambre:

    async with abrir_consola(Path("data")) as consola:
        resultado = await consola.ejecutar_comando_seguro("ls | wc -l", "ejecutor-1")
"""

from __future__ import annotations

import asyncio
import os
import tempfile
from collections.abc import AsyncIterator, Coroutine
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Self

from agentes.errores import ErrorConsola
from agentes.perfil_consola import Espacio, PerfilConsola
from servicios.consola.aislamientos.aislamiento import AUTO, Aislamiento, elegir_aislamiento
from servicios.consola.aislamientos.contenedor import IMAGEN, Contenedor
from servicios.consola.cuaderno import recoger_hojas
from servicios.consola.estado import Estado
from servicios.consola.pedido import MotivoFin
from servicios.consola.plazas.plazas import Plazas
from servicios.consola.preparacion import Generales, Preparada, Taller, reparo_de
from servicios.consola.red.proxy import ProxySalida
from servicios.consola.resultado import (
    CODIGO_MAL_PEDIDA,
    CODIGO_MATADA,
    ResultadoComando,
    resultado_de,
)
from servicios.consola.supervision.lanzador import Lanzador
from servicios.consola.trabajos import Trabajos
from servicios.reloj import Compas

if TYPE_CHECKING:
    from servicios.ajustes import Ajustes

__all__ = [
    "EjecutorConsola",
    "Generales",
    "MotivoFin",
    "OpcionesConsola",
    "ResultadoComando",
    "abrir_consola",
]

_RAIZ = Path(__file__).resolve().parent.parent
_PRUEBA = "prueba-0"
_LIMITE_PRUEBA_S = 5.0


@dataclass(slots=True)
class _Ficha:
    """Lo que se recuerda de un agente entre orden y orden."""

    turno: asyncio.Lock = field(default_factory=asyncio.Lock)
    estado: Estado | None = None
    ocupado: int = 0


class EjecutorConsola:
    """Lanza las órdenes: una a la vez por agente y `simultaneos` en total."""

    def __init__(self, taller: Taller, *, simultaneos: int = 16) -> None:
        self._taller = taller
        self._cupo = asyncio.Semaphore(simultaneos)
        self._compas = Compas()
        self._fichas: dict[str, _Ficha] = {}
        self._en_marcha: dict[asyncio.Task[ResultadoComando], Preparada] = {}
        self._despedidas: set[asyncio.Task[None]] = set()
        self._cerrada = False
        self.trabajos = Trabajos(taller)

    @property
    def aislamiento(self) -> Aislamiento:
        """Con qué se encierran las órdenes."""
        return self._taller.aislamiento

    def carpeta_de(self, agente_id: str, perfil: PerfilConsola) -> str:
        """Dónde empezaría su próxima orden, para una persona. Lanza `ErrorConsola`."""
        base = self._taller.plazas.plaza(agente_id, perfil).carpeta
        ficha = self._fichas.get(agente_id)
        donde = Path(ficha.estado.carpeta) if ficha and ficha.estado else base
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
        la orden y todos sus procesos mueren antes de que la cancelación siga. Lanza
        `ErrorConsola` si esta máquina no puede lanzarla o el aislamiento no cumple el perfil.
        """
        del fila  # todavía no deja nada en el disco
        if reparo := reparo_de(command):
            return ResultadoComando("", reparo, CODIGO_MAL_PEDIDA)
        ficha = self._fichas.setdefault(agente_id, _Ficha())
        async with ficha.turno, self._cupo:
            await self._compas.turno()
            if self._cerrada:
                return _CERRADA
            preparada = await self._taller.preparar(
                command,
                agente_id,
                perfil or PerfilConsola(),
                estado=ficha.estado,
                ocupado=ficha.ocupado,
            )
            return await self._esperar(preparada, self._acabar(preparada, ficha))

    def olvidar(self, agente_id: str) -> None:
        """Un agente terminó: se matan sus trabajos y se suelta lo suyo. Sus archivos se quedan.

        No espera; `cerrar` sí.
        """
        self._fichas.pop(agente_id, None)
        despedida = asyncio.create_task(self._soltar(agente_id), name=f"adiós a {agente_id}")
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
        for preparada in self._en_marcha.values():
            preparada.corrida.parar(MotivoFin.CANCELADO)
        if pendientes := {*self._en_marcha, *self._despedidas}:
            await asyncio.wait(pendientes)
        await self._taller.aislamiento.cerrar()

    async def _esperar(
        self, preparada: Preparada, trabajo: Coroutine[None, None, ResultadoComando]
    ) -> ResultadoComando:
        tarea = asyncio.create_task(trabajo)
        self._en_marcha[tarea] = preparada
        tarea.add_done_callback(self._en_marcha.pop)
        try:
            return await asyncio.shield(tarea)
        except asyncio.CancelledError as cancelada:
            preparada.corrida.parar(MotivoFin.CANCELADO)
            await asyncio.wait({tarea})
            if not tarea.cancelled() and tarea.exception() is None:
                # Lo que llegó a imprimir viaja con la cancelación: quien anota no lo pierde.
                cancelada.args = (tarea.result(),)
            raise

    @staticmethod
    async def _acabar(preparada: Preparada, ficha: _Ficha) -> ResultadoComando:
        try:
            informe = await preparada.corrida.fin()
        finally:
            estado = recoger_hojas(preparada.hojas)
        ficha.estado = estado or ficha.estado
        if informe.ocupado is not None:
            ficha.ocupado = informe.ocupado
        return resultado_de(informe, preparada.limites)


_CERRADA = ResultadoComando(
    "", "cancelado: la consola está cerrada", CODIGO_MATADA, MotivoFin.CANCELADO
)


@dataclass(frozen=True, slots=True)
class OpcionesConsola:
    """Cómo se abre una consola.

    `proyecto` es la carpeta que se presta a los agentes que la tengan concedida (por omisión, la
    actual); `senuelo`, el texto de la llave falsa de cada casa; `imagen`, la de `docker`;
    `simultaneos`, las órdenes a la vez entre todos los agentes.
    """

    aislamiento: str = AUTO
    proyecto: Path | None = None
    senuelo: str = ""
    imagen: str = IMAGEN
    generales: Generales = field(default_factory=Generales)
    simultaneos: int = 16

    @classmethod
    def de(cls, ajustes: Ajustes, senuelo: str = "") -> Self:
        """Las que dicen los ajustes."""
        return cls(
            aislamiento=ajustes.aislamiento,
            proyecto=ajustes.proyecto,
            senuelo=senuelo,
            imagen=ajustes.imagen,
            generales=Generales(ajustes.limite_comando_s, ajustes.limite_salida),
            simultaneos=ajustes.comandos_simultaneos,
        )


@asynccontextmanager
async def abrir_consola(
    datos: Path, opciones: OpcionesConsola | None = None, salida_red: ProxySalida | None = None
) -> AsyncIterator[EjecutorConsola]:
    """Una consola lista, con el aislamiento ya probado; al salir no queda ningún proceso suyo.

    Lanza `ErrorConsola` si el aislamiento pedido no funciona aquí, con la causa y el remedio.
    """
    opciones = opciones or OpcionesConsola()
    async with Lanzador.abrir() as lanzador:
        elegido = await elegir_aislamiento(
            opciones.aislamiento,
            probar=partial(_probar, lanzador),
            abrir_contenedor=partial(Contenedor.abrir, opciones.imagen),
        )
        proyecto = opciones.proyecto or Path.cwd()
        taller = Taller(
            plazas=Plazas(datos, proyecto, _RAIZ, elegido.duenio, opciones.senuelo),
            aislamiento=elegido,
            lanzar=lanzador.lanzar,
            enchufar=_sin_proxy if salida_red is None else salida_red.abrir,
            desenchufar=_nada if salida_red is None else salida_red.cerrar_agente,
            nuestro=os.environ,
            generales=opciones.generales,
        )
        consola = EjecutorConsola(taller, simultaneos=opciones.simultaneos)
        try:
            yield consola
        finally:
            await consola.cerrar()


async def _sin_proxy(agente_id: str, _destinos: tuple[str, ...]) -> Path:
    raise ErrorConsola(f"consola: {agente_id} necesita un proxy para su red por lista y no lo hay")


async def _nada(_agente_id: str) -> None:
    """Sin proxy no hay nada que cerrar."""


async def _probar(lanzador: Lanzador, aislamiento: Aislamiento) -> str:
    """Ejecuta `true` de verdad en un sitio de usar y tirar; devuelve por qué no pudo, o nada."""
    with tempfile.TemporaryDirectory(prefix="enjambre-prueba-") as carpeta:
        os.chmod(carpeta, 0o711)  # noqa: PTH101, S103 - que el usuario de las órdenes pueda pasar
        taller = Taller(
            plazas=Plazas(Path(carpeta), Path(carpeta), _RAIZ, aislamiento.duenio, ""),
            aislamiento=aislamiento,
            lanzar=lanzador.lanzar,
            enchufar=_sin_proxy,
            desenchufar=_nada,
            nuestro={},
            generales=Generales(segundos=_LIMITE_PRUEBA_S),
        )
        preparada = await taller.preparar("true", _PRUEBA, PerfilConsola())
        informe = await preparada.corrida.fin()
    if informe.motivo is MotivoFin.OK and informe.codigo == 0:
        return ""
    if informe.motivo is MotivoFin.TIEMPO:
        return f"la prueba no terminó en {_LIMITE_PRUEBA_S:g} s"
    lineas = (informe.queja or informe.error).strip().splitlines()
    return lineas[-1] if lineas else f"código {informe.codigo}"
