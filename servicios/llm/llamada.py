"""La única vía a un modelo, en este orden:

historia reparada → admisión → emitir → colector estricto → fila `llm_output`

Un fallo pasajero se reintenta aquí y en ningún otro sitio, con la espera a la vista.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Sequence
from typing import Any

from langchain_core.messages import BaseMessage, message_to_dict

from agentes.decisiones import RespuestaModelo
from agentes.errores import ErrorModelo, ErrorModeloPasajero
from agentes.eventos import TextoDescartado, TextoParcial
from agentes.eventos_llamada import (
    CANCELADA,
    PAUSADA,
    LlamadaFallida,
    LlamadaReintentada,
    LlamadaTerminada,
)
from servicios.llm.admision import ESPERA_MAXIMA_S, Peticion
from servicios.llm.colector import Colector, Recogido
from servicios.llm.flujo import ModeloLLM, Razon, TrozoTexto
from servicios.llm.historial import sin_lastre
from servicios.llm.medidas_contexto import medir_texto
from servicios.llm.presupuestos.caja import PRESUPUESTO, Cargo, Gasto, Pago
from servicios.llm.redaccion import TextoVivo, sin_secretos
from servicios.llm.via import Marcha, Via


class Llamador:
    """Hace las llamadas de un agente a su modelo. De una en una."""

    def __init__(self, agente_id: str, modelo: ModeloLLM, via: Via) -> None:
        self._agente_id = agente_id
        self._modelo = modelo
        self._via = via

    async def hacer(self, mensajes: Sequence[BaseMessage], marcha: Marcha) -> RespuestaModelo:
        """Envía una historia ya reparada y devuelve la respuesta, ya encolada en la bitácora.

        Lanza `ErrorModelo`, con su fila anotada, cuando no hay más intentos que hacer.
        """
        try:
            return await self._insistir(mensajes, marcha)
        except (ErrorModelo, asyncio.CancelledError) as error:
            self._anotar_fallo(error, marcha)
            raise

    async def _insistir(self, mensajes: Sequence[BaseMessage], marcha: Marcha) -> RespuestaModelo:
        marcha.ronda = self._via.admision.rondas(self._modelo.puerta)
        while True:
            marcha.intento += 1
            marcha.gasto = None
            colector = Colector(marcha.juego)
            try:
                recogido = await self._intentar(mensajes, colector, marcha)
            except (ErrorModelo, asyncio.CancelledError) as error:
                self._descartar(colector, marcha)
                espera = self._espera_para(error, marcha)
                if espera is None:
                    raise
                self._anotar_reintento(error, espera, marcha)
                se_espera_fuera = not _frena(error)
            else:
                return self._anotar_exito(recogido, marcha)
            if se_espera_fuera:
                await self._via.reloj.dormir(espera)

    async def _intentar(
        self, mensajes: Sequence[BaseMessage], colector: Colector, marcha: Marcha
    ) -> Recogido:
        peticion = Peticion(
            agente_id=self._agente_id,
            modelo=self._modelo.referencia,
            causa=marcha.entrada,
            desde=marcha.ronda,
            aguanta=self._via.politica.reintentos,
            repite=marcha.intento > 1,
        )
        async with self._via.admision.puerta(self._modelo.puerta, peticion):
            await self._via.compas.turno()
            pago = await self._via.caja.reservar(self._cargo(marcha))
            if marcha.detenido():
                self._via.caja.devolver(pago)
                raise ErrorModelo("lo pausaron antes de que saliera", clase=PAUSADA)
            try:
                await self._escuchar(mensajes, colector, marcha, pago.salida)
            except TimeoutError as error:
                raise ErrorModeloPasajero(
                    "el modelo no respondió a tiempo", clase="tiempo"
                ) from error
            finally:
                escrito = 0 if colector.uso.total else medir_texto(colector.crudo)
                marcha.gasto = self._via.caja.cobrar(pago, colector.uso, escrito)
        return _entera(colector.cerrar(), pago)

    def _cargo(self, marcha: Marcha) -> Cargo:
        return Cargo(
            agente_id=self._agente_id,
            modelo=self._modelo.referencia,
            turno=marcha.turno,
            intento=marcha.intento,
            entrada=marcha.estimado,
            causa=marcha.entrada,
        )

    async def _escuchar(
        self, mensajes: Sequence[BaseMessage], colector: Colector, marcha: Marcha, salida: int
    ) -> None:
        """Un intento: límite duro en total y otro de silencio entre trozos."""
        politica = self._via.politica
        bucle = asyncio.get_running_loop()
        tope = bucle.time() + politica.limite_s
        vivo = TextoVivo(self._via.redactar, self._via.retener)
        async with asyncio.timeout_at(min(tope, bucle.time() + politica.silencio_s)) as plazo:
            async for trozo in self._modelo.emitir(mensajes, marcha.juego.herramientas, salida):
                colector.tomar(trozo)
                plazo.reschedule(min(tope, bucle.time() + politica.silencio_s))
                if isinstance(trozo, TrozoTexto):
                    self._ensenar(vivo.tomar(trozo.texto), marcha)
        self._ensenar(vivo.acabar(), marcha)

    def _ensenar(self, texto: str, marcha: Marcha) -> None:
        """Lo que se escribe con otro propósito no es para nadie."""
        if texto and not marcha.proposito:
            self._via.publicar(TextoParcial(self._agente_id, texto))

    def _espera_para(self, error: BaseException, marcha: Marcha) -> float | None:
        """Segundos hasta el siguiente intento, o `None` si no lo hay."""
        if not isinstance(error, ErrorModeloPasajero):
            return None
        marcha.fallos += not error.satura
        en_vano = self._via.admision.en_vano(self._modelo.puerta, marcha.ronda)
        if marcha.fallos + en_vano > self._via.politica.reintentos:
            return None
        if error.espera_s is not None and error.espera_s > ESPERA_MAXIMA_S:
            return None
        if error.satura:
            return self._via.admision.faltan(self._modelo.puerta)
        base = self._via.politica.espera_base_s * 2.0 ** (marcha.fallos - 1)
        return float(min(base, 30.0) * random.uniform(0.8, 1.2))  # noqa: S311 - no es criptografía

    def _descartar(self, colector: Colector, marcha: Marcha) -> None:
        marcha.descartado = colector.texto
        if colector.texto and not marcha.proposito:
            self._via.publicar(TextoDescartado(self._agente_id))

    def _anotar_reintento(self, error: BaseException, espera: float, marcha: Marcha) -> None:
        self._via.anotar(
            LlamadaReintentada(
                agente_id=self._agente_id,
                turno=marcha.turno,
                intento=marcha.intento,
                espera_s=round(espera, 3),
                error=str(error),
                clase=getattr(error, "clase", CANCELADA),
                descartado=marcha.descartado,
                gasto=_datos(marcha.gasto),
            ),
            marcha.entrada,
        )
        marcha.gasto = None  # ya consta

    def _anotar_fallo(self, error: BaseException, marcha: Marcha) -> None:
        self._via.anotar(
            LlamadaFallida(
                agente_id=self._agente_id,
                turno=marcha.turno,
                intentos=marcha.intento,
                error=str(error) or "llamada cancelada",
                clase=getattr(error, "clase", CANCELADA),
                ms=self._ms_desde(marcha.inicio),
                descartado=marcha.descartado,
                gasto=_datos(marcha.gasto),
            ),
            marcha.entrada,
        )

    def _anotar_exito(self, recogido: Recogido, marcha: Marcha) -> RespuestaModelo:
        recogido = sin_secretos(recogido, self._via.redactar)
        llamadas = tuple(
            {"id": ll.id, "nombre": ll.nombre, "error": ll.error} for ll in recogido.llamadas
        )
        apunte = self._via.anotar(
            LlamadaTerminada(
                agente_id=self._agente_id,
                turno=marcha.turno,
                modelo=self._modelo.referencia,
                respuesta=message_to_dict(recogido.mensaje),
                texto=recogido.texto,
                llamadas=llamadas,
                razon=recogido.razon,
                uso=recogido.uso,
                intentos=marcha.intento,
                ms=self._ms_desde(marcha.inicio),
                proposito=marcha.proposito,
                usd=marcha.gasto.usd if marcha.gasto else None,
                gasto=_datos(marcha.gasto) if marcha.gasto and marcha.gasto.estimado else {},
            ),
            marcha.entrada,
        )
        return RespuestaModelo(
            mensaje=sin_lastre(recogido.mensaje),
            texto=recogido.texto,
            llamadas=recogido.llamadas,
            razon=recogido.razon,
            uso=recogido.uso,
            apunte=apunte,
            turno=marcha.turno,
        )

    def _ms_desde(self, inicio: float) -> int:
        return int((self._via.reloj.ahora() - inicio) * 1000)


def _frena(error: BaseException) -> bool:
    """Si lo que hay que esperar se espera en la puerta, con los demás."""
    return isinstance(error, ErrorModeloPasajero) and error.satura


def _datos(gasto: Gasto | None) -> dict[str, Any]:
    return gasto.datos() if gasto else {}


def _entera(recogido: Recogido, pago: Pago) -> Recogido:
    """Lo recogido, salvo si se cortó porque no quedaba presupuesto para escribir más."""
    if recogido.razon is Razon.LONGITUD and pago.es_corto:
        raise ErrorModelo(
            f"la respuesta no cupo en los {pago.salida} tokens que quedaban de presupuesto",
            clase=PRESUPUESTO,
        )
    return recogido
