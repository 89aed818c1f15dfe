"""La conversación entre la persona y el Master, una vez para todas las caras.

línea | aviso → buzón → (se juntan los avisos) → el Master decide → acciones → sus respuestas → …

Mientras nada llega, nada se llama. Lo que llega durante una llamada entra en la siguiente.
"""

from __future__ import annotations

import asyncio
import traceback
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Protocol

from langchain_core.messages import ToolMessage

from agentes.acciones import AccionPedida, Rechazada
from agentes.decisiones import Turno
from agentes.errores import ErrorAlarma, ErrorBitacora, ErrorEnjambre, ErrorModelo
from agentes.eventos import (
    MASTER,
    Apunte,
    Evento,
    FalloInterno,
    FalloMaster,
    LineaUsuario,
    TextoMaster,
)
from agentes.eventos_linea import PARADA, ProblemaOmitido, TurnoInterrumpido
from agentes.guardado import PorAcabar
from agentes.mensajes import Aviso, EntradaUsuario
from agentes.omisiones import ProblemasPorContar
from agentes.respuestas import ResultadoHerramienta, en_unicode
from prompts.avisos import resumir_avisos

if TYPE_CHECKING:
    from servicios.buzon import BuzonConVentana
    from servicios.orquestador_master import OrquestadorMaster
    from servicios.puertos import Puerta

Entrada = EntradaUsuario | Aviso


@dataclass(frozen=True, slots=True)
class Ritmo:
    """Cuánto cabe en un resumen de avisos (caracteres) y las rondas seguidas del Master."""

    tope_resumen: int = 12_000
    tope_aviso: int = 4_000
    max_rondas: int = 12


class Enjambre(Protocol):
    """Lo que la conversación necesita del gestor."""

    async def ejecutar(self, pedida: AccionPedida) -> str:
        """Ejecuta una acción y devuelve lo que ha de leer el Master."""
        ...

    async def esperar_reposo(self) -> None:
        """Vuelve cuando ningún agente puede cambiar por sí solo."""
        ...

    def esta_en_reposo(self) -> bool:
        """Si ningún agente puede cambiar por sí solo."""
        ...


@dataclass(frozen=True, slots=True)
class PuertosConversacion:
    """De qué vive la conversación."""

    anotar: Callable[[Evento, Apunte | None], Apunte]
    enjambre: Enjambre
    puerta: Puerta


def es_urgente(entrada: Entrada) -> bool:
    """Si cierra la ventana en que se juntan los avisos."""
    return isinstance(entrada, EntradaUsuario) or entrada.clase.es_urgente


class Conversacion:
    """El turno de palabra. `run` vive lo que la sesión; las demás llamadas son de la cara."""

    def __init__(
        self,
        master: OrquestadorMaster,
        buzon: BuzonConVentana[Entrada],
        puertos: PuertosConversacion,
        ritmo: Ritmo,
        por_acabar: PorAcabar | None = None,
    ) -> None:
        self._master = master
        self._buzon = buzon
        self._puertos = puertos
        self._ritmo = ritmo
        self._tarea: asyncio.Task[None] | None = None
        self._por_acabar = por_acabar or PorAcabar()
        self._problemas = ProblemasPorContar(self._por_acabar.problemas)
        self._ociosa = asyncio.Event()
        if not (self._hay_que_acabar or buzon):
            self._ociosa.set()
        self._causa: Apunte | None = None
        self.ultimo_texto = self._por_acabar.ultimo_texto
        self.ultimo_error: ErrorModelo | None = None

    @property
    def esta_respondiendo(self) -> bool:
        """Si hay una respuesta del Master en marcha."""
        return self._tarea is not None

    async def decir(self, texto: str) -> Apunte:
        """La persona dice una línea; vuelve cuando está guardada, y solo entonces la lee nadie."""
        texto = en_unicode(texto)
        apunte = self._puertos.anotar(LineaUsuario(agente_id=MASTER, texto=texto), None)
        await apunte
        self._ociosa.clear()
        self._buzon.entregar(EntradaUsuario(texto, apunte))
        return apunte

    def interrumpir(self) -> bool:
        """Para la respuesta en marcha, y solo eso; `False` si no la había."""
        return self._tarea is not None and self._tarea.cancel()

    async def esperar_calma(self) -> None:
        """Vuelve cuando el Master no tiene nada que leer y el enjambre está en reposo."""
        while True:
            await self._ociosa.wait()
            await self._puertos.enjambre.esperar_reposo()
            if (
                self._ociosa.is_set()
                and not self._buzon
                and self._puertos.enjambre.esta_en_reposo()
            ):
                return

    async def run(self) -> None:
        """Atiende líneas y avisos hasta que la cancelen; antes acaba lo que se cortó."""
        while True:
            if not self._hay_que_acabar:
                await self._buzon.esperar()
                self._ociosa.clear()
                self._presentar(await self._buzon.juntar())
            async with asyncio.TaskGroup() as grupo:
                self._tarea = grupo.create_task(self._atender(), name=MASTER)
            parada, self._tarea = self._tarea.cancelled(), None
            if parada:
                await self._buzon.al_dia()
                await self._interrumpido(PARADA)
            if not self._buzon:
                self._ociosa.set()

    @property
    def _hay_que_acabar(self) -> bool:
        return self._por_acabar.turno is not None or self._por_acabar.pensar

    # --- atender ------------------------------------------------------------------------

    async def _atender(self) -> None:
        """La frontera del Master: un turno que falla se cuenta y la conversación sigue."""
        try:
            await self._turno()
        except ErrorBitacora:
            raise
        except ErrorModelo as error:
            await self._fallar(error)
        except ErrorAlarma as alarma:
            texto = f"alarma de seguridad: {alarma}"
            await self._fallar(ErrorModelo(texto, clase="alarma"))
        except Exception as error:  # noqa: BLE001 - lo que escriba un modelo no tira la sesión
            texto = f"fallo interno al atender: {type(error).__name__}: {error}"
            traza = traceback.format_exc()
            hecho = FalloInterno(agente_id=MASTER, error=texto, traza=traza)
            self._puertos.anotar(hecho, self._causa)
            await self._fallar(ErrorModelo(texto, clase="interno"))

    async def _fallar(self, error: ErrorModelo) -> None:
        self.ultimo_error = error
        fallo = FalloMaster(agente_id=MASTER, error=str(error), clase=error.clase)
        await self._puertos.anotar(fallo, self._causa)

    async def _turno(self) -> None:
        """El Master piensa, se ejecuta lo que pide y lee sus respuestas y lo que haya llegado."""
        cortado, self._por_acabar = self._por_acabar, PorAcabar()
        for ronda in range(self._ritmo.max_rondas):
            if ronda:
                self._presentar(await self._buzon.recoger())
            if ronda == 0 and cortado.turno is not None:
                turno = await self._contar(cortado.turno, dicho=cortado.dicho)
            else:
                turno = await self._contar(await self._master.process_input_and_events())
            if not turno.acciones:
                return
            await self._ejecutar_todas(turno)
        motivo = f"el Master encadenó {self._ritmo.max_rondas} rondas: se para aquí"
        self.ultimo_error = ErrorModelo(motivo, clase="rondas")
        await self._interrumpido(motivo)

    def _presentar(self, lote: list[Entrada]) -> None:
        """Pasa el lote a la historia: los avisos juntos y después cada línea de la persona."""
        avisos = [e for e in lote if isinstance(e, Aviso)]
        if lote:
            self._causa = lote[-1].apunte
        if avisos:
            ritmo = self._ritmo
            texto = resumir_avisos(avisos, tope=ritmo.tope_resumen, tope_aviso=ritmo.tope_aviso)
            apuntes = [a.apunte for a in avisos]
            self._master.add_message_to_history(texto, apuntes[-1], apuntes)
            self._problemas.leer(avisos)
        for entrada in lote:
            if isinstance(entrada, EntradaUsuario):
                linea = entrada.apunte
                self._master.add_message_to_history(entrada.texto, linea, lineas=[linea])

    async def _contar(self, turno: Turno, *, dicho: bool = False) -> Turno:
        """Deja dicho el texto de un turno, si lo hay y no consta ya."""
        self.ultimo_error = None
        if turno.texto.strip() and not dicho:
            self.ultimo_texto = turno.texto
            texto = TextoMaster(agente_id=MASTER, texto=turno.texto, cortado=turno.cortado)
            apunte = self._puertos.anotar(texto, turno.causa)
            for omitido in self._problemas.omitidos_en(turno.texto):
                self._puertos.anotar(ProblemaOmitido(agente_id=MASTER, omitido=omitido), apunte)
            await apunte
        return turno

    async def _ejecutar_todas(self, turno: Turno) -> None:
        """Lo que pide un turno, a la vez: sus filas comparten compromiso; las respuestas, en su orden.

        Lo pueden parar cuando ya está todo hecho y anotado: entonces también lo lee.
        """
        hechas = asyncio.gather(
            *(self._ejecutar(p, turno.turno) for p in turno.acciones), return_exceptions=True
        )
        try:
            await hechas
        finally:
            resultados = hechas.result() if hechas.done() and not hechas.cancelled() else []
            for hecha in resultados:
                if isinstance(hecha, BaseException):
                    raise hecha
                self._master.add_message_to_history(*hecha)

    async def _ejecutar(self, pedida: AccionPedida, turno: int) -> tuple[ToolMessage, Apunte]:
        """Ejecuta una acción por la puerta; devuelve su respuesta para el Master y su causa."""
        if isinstance(pedida.accion, Rechazada):
            texto, causa = pedida.accion.motivo, pedida.causa
        else:
            resultado, causa = await self._puertos.puerta.cruzar(
                pedida.llamada,
                turno,
                pedida.causa,
                lambda intencion, uso: self._hacer(
                    replace(pedida, causa=intencion, efecto=uso.efecto)
                ),
            )
            texto = resultado.para_modelo
        mensaje = ToolMessage(texto, tool_call_id=pedida.llamada.id, name=pedida.llamada.nombre)
        return mensaje, causa

    async def _hacer(self, pedida: AccionPedida) -> ResultadoHerramienta:
        texto = await self._puertos.enjambre.ejecutar(pedida)
        return ResultadoHerramienta(not texto.startswith("Error"), texto)

    async def _interrumpido(self, motivo: str) -> None:
        await self._puertos.anotar(TurnoInterrumpido(agente_id=MASTER, motivo=motivo), self._causa)


@asynccontextmanager
async def en_marcha(
    conversacion: Conversacion, fallo: Awaitable[ErrorEnjambre]
) -> AsyncIterator[None]:
    """La conversación corre mientras dure el bloque; si llega `fallo`, todo se para.

    Lanza entonces ese error, y no un grupo de errores.
    """
    try:
        async with asyncio.TaskGroup() as grupo:
            tareas = [
                grupo.create_task(conversacion.run(), name="conversacion"),
                grupo.create_task(_lanzar(fallo), name="bitacora"),
            ]
            yield
            for tarea in tareas:
                tarea.cancel()
    except BaseExceptionGroup as errores:
        raise _primero(errores) from None


async def _lanzar(fallo: Awaitable[ErrorEnjambre]) -> None:
    raise await asyncio.shield(fallo)


def _primero(error: BaseException) -> BaseException:
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return error
