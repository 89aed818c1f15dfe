"""La única vía a un modelo, en este orden:

historia → reparar → fila `llm_input` → admisión → emitir → colector estricto → fila `llm_output`

Un fallo pasajero se reintenta aquí y en ningún otro sitio, con la espera a la vista.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from langchain_core.messages import AIMessage, BaseMessage, message_to_dict

from agentes.decisiones import RespuestaModelo
from agentes.errores import ErrorModelo, ErrorModeloPasajero
from agentes.eventos import Apunte, Evento, TextoDescartado, TextoParcial
from agentes.eventos_llamada import (
    LlamadaFallida,
    LlamadaIniciada,
    LlamadaReintentada,
    LlamadaTerminada,
)
from servicios.llm.admision import Admision
from servicios.llm.colector import Colector, Recogido, Validadores
from servicios.llm.flujo import ModeloLLM, TrozoTexto
from servicios.llm.historial import reparar
from servicios.llm.redaccion import (
    HistoriaLimpia,
    Redactar,
    Retener,
    TextoVivo,
    no_retener,
    sin_secretos,
)
from servicios.reloj import Compas

if TYPE_CHECKING:
    from servicios.reloj import Reloj

Anotar = Callable[[Evento, Apunte | None], Apunte]
Publicar = Callable[[TextoParcial | TextoDescartado], None]

_METADATOS_UTILES = {"model_provider", "output_version"}
"""Los que los clientes miran al volver a mandar el mensaje."""

ESPERA_MAXIMA_S = 120.0
"""Si un servidor pide esperar más, no se espera: se falla diciéndolo."""


@dataclass(frozen=True, slots=True)
class Politica:
    """Límites de una llamada: `limite_s` por intento, `silencio_s` entre trozos."""

    reintentos: int = 4
    limite_s: float = 300.0
    silencio_s: float = 90.0
    espera_base_s: float = 1.0


@dataclass(frozen=True, slots=True)
class Via:
    """Lo que comparten todas las llamadas del proceso.

    `redactar` quita los secretos de un texto; `retener` dice cuánto del final de uno a medias
    hay que esperar antes de enseñarlo.
    """

    anotar: Anotar
    publicar: Publicar
    admision: Admision
    reloj: Reloj
    politica: Politica
    compas: Compas = field(default_factory=Compas)
    redactar: Redactar = str
    retener: Retener = no_retener


@dataclass(slots=True)
class _Marcha:
    """Cómo va una llamada: su fila, cuándo empezó, el intento y el texto que no valió."""

    entrada: Apunte
    inicio: float
    intento: int = 0
    descartado: str = ""


class Interlocutor:
    """Las llamadas de un agente a su modelo. De una en una."""

    def __init__(
        self, agente_id: str, modelo: ModeloLLM, validadores: Validadores, via: Via
    ) -> None:
        self._agente_id = agente_id
        self._modelo = modelo
        self._validadores = validadores
        self._via = via
        self._turno = 0
        self._contados = 0
        self._limpia = HistoriaLimpia(via.redactar)

    @property
    def turno(self) -> int:
        """Cuántas llamadas lleva."""
        return self._turno

    async def pensar(
        self,
        historial: Sequence[BaseMessage],
        causa: Apunte | None,
        avisos: tuple[Apunte, ...] = (),
        directivas: tuple[Apunte, ...] = (),
    ) -> RespuestaModelo:
        """Envía la historia y devuelve la respuesta entera, ya encolada en la bitácora.

        `avisos` y `directivas` son los que entran en la historia con esta llamada.
        Lanza `ErrorModelo` cuando no hay más intentos que hacer.
        """
        self._turno += 1
        contados = self._contados
        historial = self._limpia.tomar(historial, min(contados, len(historial)))
        entrada = self._via.anotar(
            LlamadaIniciada(
                agente_id=self._agente_id,
                turno=self._turno,
                modelo=self._modelo.referencia,
                nuevos=self._nuevos(historial),
                avisos=avisos,
                directivas=directivas,
            ),
            causa,
        )
        marcha = _Marcha(entrada, self._via.reloj.ahora())
        try:
            return await self._insistir(reparar(historial), marcha)
        except (ErrorModelo, asyncio.CancelledError) as error:
            if isinstance(error, ErrorModelo) and error.envenena:
                # Quien llama retira lo nuevo: lo que ponga en su sitio ha de constar otra vez.
                self._contados = contados
            self._anotar_fallo(error, marcha)
            raise

    def _nuevos(self, historial: Sequence[BaseMessage]) -> tuple[dict[str, object], ...]:
        """Los mensajes que no llevaba la llamada anterior; los del modelo ya tienen su fila."""
        desde = min(self._contados, len(historial))
        self._contados = len(historial)
        return tuple(message_to_dict(m) for m in historial[desde:] if not isinstance(m, AIMessage))

    async def _insistir(self, mensajes: list[BaseMessage], marcha: _Marcha) -> RespuestaModelo:
        while True:
            marcha.intento += 1
            colector = Colector(self._validadores)
            try:
                recogido = await self._intentar(mensajes, colector)
            except (ErrorModelo, asyncio.CancelledError) as error:
                self._descartar(colector, marcha)
                espera = self._espera_para(error, marcha.intento)
                if espera is None:
                    raise
                self._anotar_reintento(error, espera, marcha)
            else:
                return self._anotar_exito(recogido, marcha)
            await self._via.reloj.dormir(espera)

    async def _intentar(self, mensajes: list[BaseMessage], colector: Colector) -> Recogido:
        async with self._via.admision.puerta(self._modelo.puerta):
            await self._via.compas.turno()
            try:
                await self._escuchar(mensajes, colector)
            except TimeoutError as error:
                raise ErrorModeloPasajero(
                    "el modelo no respondió a tiempo", clase="tiempo"
                ) from error
        return colector.cerrar()

    async def _escuchar(self, mensajes: list[BaseMessage], colector: Colector) -> None:
        """Un intento: límite duro en total y otro de silencio entre trozos."""
        politica = self._via.politica
        bucle = asyncio.get_running_loop()
        tope = bucle.time() + politica.limite_s
        vivo = TextoVivo(self._via.redactar, self._via.retener)
        async with asyncio.timeout_at(min(tope, bucle.time() + politica.silencio_s)) as plazo:
            async for trozo in self._modelo.emitir(mensajes, self._validadores.herramientas):
                colector.tomar(trozo)
                plazo.reschedule(min(tope, bucle.time() + politica.silencio_s))
                if isinstance(trozo, TrozoTexto):
                    self._ensenar(vivo.tomar(trozo.texto))
        self._ensenar(vivo.acabar())

    def _ensenar(self, texto: str) -> None:
        if texto:
            self._via.publicar(TextoParcial(self._agente_id, texto))

    def _espera_para(self, error: BaseException, intento: int) -> float | None:
        """Segundos hasta el siguiente intento, o `None` si no lo hay."""
        if not isinstance(error, ErrorModeloPasajero) or intento > self._via.politica.reintentos:
            return None
        if error.espera_s is not None:
            return error.espera_s if error.espera_s <= ESPERA_MAXIMA_S else None
        base = self._via.politica.espera_base_s * 2.0 ** (intento - 1)
        return float(min(base, 30.0) * random.uniform(0.8, 1.2))  # noqa: S311 - no es criptografía

    def _descartar(self, colector: Colector, marcha: _Marcha) -> None:
        marcha.descartado = colector.texto
        if colector.texto:
            self._via.publicar(TextoDescartado(self._agente_id))

    def _anotar_reintento(self, error: BaseException, espera: float, marcha: _Marcha) -> None:
        self._via.anotar(
            LlamadaReintentada(
                agente_id=self._agente_id,
                turno=self._turno,
                intento=marcha.intento,
                espera_s=round(espera, 3),
                error=str(error),
                clase=getattr(error, "clase", "cancelada"),
                descartado=marcha.descartado,
            ),
            marcha.entrada,
        )

    def _anotar_fallo(self, error: BaseException, marcha: _Marcha) -> None:
        self._via.anotar(
            LlamadaFallida(
                agente_id=self._agente_id,
                turno=self._turno,
                intentos=marcha.intento,
                error=str(error) or "llamada cancelada",
                clase=getattr(error, "clase", "cancelada"),
                ms=self._ms_desde(marcha.inicio),
                descartado=marcha.descartado,
            ),
            marcha.entrada,
        )

    def _anotar_exito(self, recogido: Recogido, marcha: _Marcha) -> RespuestaModelo:
        recogido = sin_secretos(recogido, self._via.redactar)
        llamadas = tuple(
            {"id": ll.id, "nombre": ll.nombre, "error": ll.error} for ll in recogido.llamadas
        )
        apunte = self._via.anotar(
            LlamadaTerminada(
                agente_id=self._agente_id,
                turno=self._turno,
                modelo=self._modelo.referencia,
                respuesta=message_to_dict(recogido.mensaje),
                texto=recogido.texto,
                llamadas=llamadas,
                razon=recogido.razon,
                uso=recogido.uso,
                intentos=marcha.intento,
                ms=self._ms_desde(marcha.inicio),
            ),
            marcha.entrada,
        )
        return RespuestaModelo(
            mensaje=_sin_lastre(recogido.mensaje),
            texto=recogido.texto,
            llamadas=recogido.llamadas,
            razon=recogido.razon,
            uso=recogido.uso,
            apunte=apunte,
            turno=self._turno,
        )

    def _ms_desde(self, inicio: float) -> int:
        return int((self._via.reloj.ahora() - inicio) * 1000)


def _sin_lastre(mensaje: AIMessage) -> AIMessage:
    """El mensaje que queda en la historia: lo que viaja, sin lo que ya tiene su fila.

    Los metadatos de la respuesta ocupan más que un mensaje corto, y en la bitácora está entero.
    """
    utiles = {k: v for k, v in mensaje.response_metadata.items() if k in _METADATOS_UTILES}
    return mensaje.model_copy(update={"response_metadata": utiles, "usage_metadata": None})
