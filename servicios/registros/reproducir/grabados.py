"""Los puertos de un agente en una reproducción: contestan lo que se grabó, cuando le toca.

buzón: lo que entró en cada turno · llamador: lo que dijo el modelo · puerta: lo que dio cada cosa
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import TypeVar

from langchain_core.messages import BaseMessage

from agentes.acciones import Cancelar, Delegar, EnviarMensaje, accion_desde
from agentes.decisiones import RespuestaModelo
from agentes.errores import ErrorModelo
from agentes.eventos import MASTER, Apunte
from agentes.eventos_llamada import (
    HerramientaPedida,
    HerramientaTerminada,
    LlamadaFallida,
    LlamadaReintentada,
    LlamadaTerminada,
)
from agentes.guardado import OperacionGuardada
from agentes.mensajes import Aviso, Directiva, EntradaUsuario
from agentes.respuestas import LlamadaHerramienta, Operacion, ResultadoHerramienta, Uso
from servicios.buzon import BuzonConVentana
from servicios.llm.llamada import Marcha
from servicios.registros.historias import FilaHistoria, plegar_historia
from servicios.registros.reanudar import respuesta_de, resultado_de
from servicios.registros.reproducir.anotador import AnotadorGrabado
from servicios.registros.reproducir.canonico import FilaGrabada
from servicios.registros.reproducir.guion import Guion
from servicios.reloj import Reloj

Entrada = Directiva | Aviso | EntradaUsuario
T = TypeVar("T", bound=Entrada)
Hacer = Callable[[Apunte, Operacion], Awaitable[ResultadoHerramienta]]

_PROPIAS_TERMINADA = {"op", "intento", "tool", "ok", "cierre", "ms", "resultado"}


class BuzonGrabado(BuzonConVentana[T]):
    """Da en cada turno lo que entró en ese turno, y nada antes de que haya llegado.

    `ya_leidas` son las que el primer turno repite porque se cortó antes de contestarlas.
    """

    def __init__(
        self, agente_id: str, anotador: AnotadorGrabado, guion: Guion, reloj: Reloj
    ) -> None:
        super().__init__(reloj, lambda _: True)
        self._agente_id = agente_id
        self._anotador = anotador
        self._guion = guion
        self._dentro: dict[int, T] = {}
        self.ya_leidas = 0

    def entregar(self, mensaje: T) -> None:
        """Deja un mensaje y despierta al lector."""
        super().entregar(mensaje)
        grabada = self._anotador.grabada(mensaje.apunte)
        if grabada is not None:
            self._dentro[grabada.id] = mensaje
        self._guion.despertar()

    async def esperar(self) -> None:
        """Vuelve cuando hay algo que leer y lo siguiente es cosa de este agente."""
        if self._agente_id == MASTER:
            await self._guion.hasta(lambda: bool(self._toca_leer()) and self._estan())
            return
        await super().esperar()
        await self._guion.al_dia(self._agente_id)

    async def esperar_mas_de(self, cuantos: int) -> None:
        """Como `esperar`."""
        await super().esperar_mas_de(cuantos)
        await self._guion.al_dia(self._agente_id)

    async def juntar(self) -> list[T]:
        """Lo del turno que viene."""
        return await self.recoger()

    async def recoger(self) -> list[T]:
        """Lo del turno que viene, cuando está todo y le toca."""
        entrada = self._siguiente_llamada()
        if entrada is None:
            await self._guion.hasta(lambda: False)
        else:
            await self._guion.hasta(self._estan)
            await self._guion.toca(entrada)
        filas = self._toca_leer()
        self.ya_leidas = 0
        self._guion.leer(self._agente_id, len(filas))
        leidas = [self._dentro.pop(fila) for fila in filas]
        resto = [m for m in self.vaciar() if not any(m is leida for leida in leidas)]
        for mensaje in resto:
            super().entregar(mensaje)
        return leidas

    def _siguiente_llamada(self) -> FilaGrabada | None:
        return self._guion.buscar(
            self._agente_id, lambda f: f.tipo == "llm_input" and not f.details.get("proposito")
        )

    def _toca_leer(self) -> list[int]:
        """Las filas de lo que entra en el turno que viene: las primeras sin leer."""
        entrada = self._siguiente_llamada()
        if entrada is None:
            return []
        cuantas = int(entrada.details.get("entran", 0)) - self.ya_leidas
        return list(self._guion.sin_leer(self._agente_id)[:cuantas])

    def _estan(self) -> bool:
        return all(fila in self._dentro for fila in self._toca_leer())


class LlamadorGrabado:
    """Hace de modelo: cada llamada acaba como acabó, con sus reintentos."""

    def __init__(self, agente_id: str, anotador: AnotadorGrabado, guion: Guion) -> None:
        self._agente_id = agente_id
        self._anotador = anotador
        self._guion = guion

    async def hacer(self, mensajes: Sequence[BaseMessage], marcha: Marcha) -> RespuestaModelo:
        """La respuesta grabada de esa llamada. Lanza el error con que acabó, si no la hubo."""
        del mensajes
        grabada = self._anotador.grabada(marcha.entrada)
        while True:
            fila = self._guion.buscar(
                self._agente_id,
                lambda f: (
                    f.tipo in {"llm_call", "llm_output"}
                    and grabada is not None
                    and f.causa == grabada.id
                ),
            )
            if fila is None or (self._cancelada(fila) and not self._la_paro_la_persona(fila)):
                await self._hasta_que_la_paren(marcha)
            else:
                await self._guion.toca(fila)
                if fila.tipo == "llm_output":
                    return self._contestar(fila, marcha)
                self._fallar(fila, marcha)

    def _contestar(self, fila: FilaGrabada, marcha: Marcha) -> RespuestaModelo:
        datos = fila.details
        evento = LlamadaTerminada(
            agente_id=self._agente_id,
            **{**datos, "uso": Uso(**datos["uso"]), "llamadas": tuple(datos["llamadas"])},
        )
        apunte = self._anotador.anotar(evento, marcha.entrada)
        plegada = plegar_historia(
            [FilaHistoria(fila.id, fila.tipo, datos | {"proposito": ""}, None)]
        )
        if plegada.salida is None:
            raise ErrorModelo("la grabación no trae la respuesta", clase="respuesta")
        respuesta = respuesta_de(plegada.salida)
        return RespuestaModelo(
            respuesta.mensaje,
            respuesta.texto,
            respuesta.llamadas,
            respuesta.razon,
            respuesta.uso,
            apunte,
            respuesta.turno,
        )

    def _fallar(self, fila: FilaGrabada, marcha: Marcha) -> None:
        """Un intento que no valió o, si fue el último, el error con que acabó."""
        datos = fila.details
        if "espera_s" in datos:
            evento = LlamadaReintentada(agente_id=self._agente_id, **datos)
            self._anotador.anotar(evento, marcha.entrada)
            return
        fin = LlamadaFallida(agente_id=self._agente_id, **datos)
        self._anotador.anotar(fin, marcha.entrada)
        if self._cancelada(fila):
            raise asyncio.CancelledError
        raise ErrorModelo(str(datos["error"]), clase=str(datos["clase"]))

    async def _hasta_que_la_paren(self, marcha: Marcha) -> None:
        """Nunca se contestó: se espera a la cancelación, que deja su fila si la dejó."""
        try:
            await self._guion.hasta(lambda: False)
        except asyncio.CancelledError:
            fila = self._guion.esperada(self._agente_id)
            if fila is not None and fila.tipo == "llm_call" and self._cancelada(fila):
                evento = LlamadaFallida(agente_id=self._agente_id, **fila.details)
                self._anotador.anotar(evento, marcha.entrada)
            raise

    @staticmethod
    def _cancelada(fila: FilaGrabada) -> bool:
        return fila.tipo == "llm_call" and fila.details.get("clase") == "cancelada"

    def _la_paro_la_persona(self, fila: FilaGrabada) -> bool:
        """La respuesta del Master se para sola; a un agente lo paran desde fuera."""
        siguiente = self._guion.buscar(self._agente_id, lambda f: f.id > fila.id)
        return (
            self._agente_id == MASTER and siguiente is not None and siguiente.tipo == "master_loop"
        )


class PuertaGrabada:
    """Cada llamada da lo que dio. Solo se repite lo que un agente hace en otros."""

    def __init__(
        self,
        sesion: str,
        agente_id: str,
        anotador: AnotadorGrabado,
        guion: Guion,
        memoria: Mapping[str, OperacionGuardada] | None,
    ) -> None:
        self._sesion = sesion
        self._agente_id = agente_id
        self._anotador = anotador
        self._guion = guion
        self._memoria = dict(memoria or {})

    def soltar(self) -> None:
        """No hay nada en el disco."""

    async def cruzar(
        self, llamada: LlamadaHerramienta, turno: int, causa: Apunte, hacer: Hacer
    ) -> tuple[ResultadoHerramienta, Apunte]:
        """El resultado grabado y su cierre. Si se quedó abierta, espera a que la corten."""
        op = f"{self._sesion}:{self._agente_id}:{turno}:{llamada.id}"
        guardada = self._memoria.pop(op, None)
        if guardada and guardada.cierre is not None and guardada.resultado is not None:
            return guardada.resultado, guardada.cierre
        cola = op.partition(":")[2]
        pedida, fila = await self._pedir(llamada, cola, causa, guardada)
        cierre = self._guion.buscar(
            self._agente_id, lambda f: f.tipo == "tool_execution" and _cola(f) == cola
        )
        if guardada is None or fila is not None:
            await self._repetir(llamada, pedida, fila, hacer)
        elif cierre is not None:
            await self._repetir(llamada, pedida, self._anotador.grabada(pedida), hacer)
        cancelada = cierre is not None and self._se_cancelo(cierre, fila)
        if cierre is None or cancelada:
            await self._hasta_que_la_paren(cierre, pedida)
            raise asyncio.CancelledError
        await self._guion.toca(cierre)
        return resultado_de(cierre.details), self._cerrar(cierre, pedida)

    async def _pedir(
        self,
        llamada: LlamadaHerramienta,
        cola: str,
        causa: Apunte,
        guardada: OperacionGuardada | None,
    ) -> tuple[Apunte, FilaGrabada | None]:
        """La intención grabada en este tramo, escrita otra vez; sin ella, la que ya había."""
        fila = self._guion.buscar(
            self._agente_id, lambda f: f.tipo == "tool_call_request" and _cola(f) == cola
        )
        if fila is None:
            if guardada is not None:
                return guardada.pedida, None
            await self._guion.hasta(lambda: self._guion.esperada(self._agente_id) is not None)
        else:
            await self._guion.toca(fila)
        datos = fila.details if fila else {"args": llamada.args, "intento": 1}
        pedida = self._anotador.anotar(
            HerramientaPedida(
                agente_id=self._agente_id,
                op=f"{self._sesion}:{cola}",
                intento=datos["intento"],
                tool_call_id=llamada.id,
                tool=llamada.nombre,
                args=datos["args"],
            ),
            causa,
        )
        await pedida
        return pedida, fila

    async def _repetir(
        self, llamada: LlamadaHerramienta, pedida: Apunte, fila: FilaGrabada | None, hacer: Hacer
    ) -> None:
        """Vuelve a lanzar, escribir o cancelar lo que aquella intención llegó a hacer."""
        accion = accion_desde(llamada)
        if fila is None or not isinstance(accion, Delegar | EnviarMensaje | Cancelar):
            return
        hechos = await self._guion.efectos(fila)
        if hechos or self._guion.nacidos(fila):
            operacion = Operacion(str(fila.details["op"]), 0, int(fila.details["intento"]))
            await hacer(pedida, operacion)

    def _se_cancelo(self, cierre: FilaGrabada, fila: FilaGrabada | None) -> bool:
        """Un cierre «interrumpido» de su propio tramo es una cancelación; si no, un rescate."""
        return fila is not None and cierre.details["cierre"] == "interrumpido"

    async def _hasta_que_la_paren(self, cierre: FilaGrabada | None, pedida: Apunte) -> None:
        if cierre is not None and self._agente_id == MASTER:
            await self._guion.toca(cierre)
            self._cerrar(cierre, pedida)
            return
        try:
            await self._guion.hasta(lambda: False)
        finally:
            if cierre is not None:
                self._cerrar(cierre, pedida)

    def _cerrar(self, cierre: FilaGrabada, pedida: Apunte) -> Apunte:
        datos = cierre.details
        return self._anotador.anotar(
            HerramientaTerminada(
                agente_id=self._agente_id,
                op=f"{self._sesion}:{_cola(cierre)}",
                intento=datos["intento"],
                tool=datos["tool"],
                ok=datos["ok"],
                resultado=datos["resultado"],
                ms=datos["ms"],
                cierre=datos["cierre"],
                detalles_propios={k: v for k, v in datos.items() if k not in _PROPIAS_TERMINADA},
            ),
            pedida,
        )


def _cola(fila: FilaGrabada) -> str:
    """La `op` sin su sesión."""
    return str(fila.details.get("op", "")).partition(":")[2]
