"""La conversación entre la persona y el Master, una vez para todas las caras.

línea | aviso → buzón → (se juntan los avisos) → el Master decide → acciones → sus respuestas → …

Mientras nada llega, nada se llama. Lo que llega durante una llamada entra en la siguiente.
"""

from __future__ import annotations

import asyncio
import traceback
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Protocol

from langchain_core.messages import ToolMessage

from agentes.acciones import AccionPedida, Rechazada
from agentes.decisiones import Turno
from agentes.errores import ErrorAlarma, ErrorBitacora, ErrorModelo
from agentes.eventos import (
    MASTER,
    Apunte,
    Evento,
    FalloInterno,
    FalloMaster,
    LineaUsuario,
    TextoMaster,
    TurnoInterrumpido,
)
from agentes.mensajes import Aviso, EntradaUsuario
from agentes.respuestas import ResultadoHerramienta, en_unicode
from prompts.avisos import resumir_avisos

if TYPE_CHECKING:
    from servicios.buzon import Buzon
    from servicios.herramientas.puerta import Puerta
    from servicios.orquestador_master import OrquestadorMaster
    from servicios.reloj import Reloj

Entrada = EntradaUsuario | Aviso


@dataclass(frozen=True, slots=True)
class Ritmo:
    """Cuándo se cierra la ventana de avisos (segundos) y cuánto cabe en ella (caracteres)."""

    tras_el_ultimo_s: float = 0.050
    tras_el_primero_s: float = 0.250
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
    reloj: Reloj


class Conversacion:
    """El turno de palabra. `run` vive lo que la sesión; las demás llamadas son de la cara."""

    def __init__(
        self,
        master: OrquestadorMaster,
        buzon: Buzon[Entrada],
        puertos: PuertosConversacion,
        ritmo: Ritmo,
    ) -> None:
        self._master = master
        self._buzon = buzon
        self._puertos = puertos
        self._ritmo = ritmo
        self._tarea: asyncio.Task[None] | None = None
        self._ociosa = asyncio.Event()
        self._ociosa.set()
        self._turnos = 0
        self._causa: Apunte | None = None
        self.ultimo_texto = ""
        self.ultimo_error: ErrorModelo | None = None

    @property
    def esta_respondiendo(self) -> bool:
        """Si hay una respuesta del Master en marcha."""
        return self._tarea is not None

    async def decir(self, texto: str) -> Apunte:
        """La persona dice una línea; vuelve cuando está guardada."""
        texto = en_unicode(texto)
        apunte = self._puertos.anotar(LineaUsuario(agente_id=MASTER, texto=texto), None)
        self._ociosa.clear()
        self._buzon.entregar(EntradaUsuario(texto, apunte))
        await apunte
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
        """Atiende líneas y avisos hasta que la cancelen."""
        while True:
            await self._buzon.esperar()
            self._ociosa.clear()
            self._presentar(await self._juntar())
            async with asyncio.TaskGroup() as grupo:
                self._tarea = grupo.create_task(self._atender(), name=MASTER)
            parada, self._tarea = self._tarea.cancelled(), None
            if parada:
                await self._interrumpido("respuesta parada por la persona")
            if not self._buzon:
                self._ociosa.set()

    # --- juntar -------------------------------------------------------------------------

    async def _juntar(self) -> list[Entrada]:
        """Espera a que se cierre la ventana y saca lo que hay."""
        inicio = self._puertos.reloj.ahora()
        vistos = 0
        while not self._hay_urgente(vistos):
            vistos = len(self._buzon)
            queda = inicio + self._ritmo.tras_el_primero_s - self._puertos.reloj.ahora()
            espera = min(self._ritmo.tras_el_ultimo_s, queda)
            if espera <= 0 or not await self._llega_otro(vistos, espera):
                break
        return self._buzon.vaciar()

    def _hay_urgente(self, desde: int) -> bool:
        entradas = (self._buzon.mirar(i) for i in range(desde, len(self._buzon)))
        return any(isinstance(e, EntradaUsuario) or e.clase.es_urgente for e in entradas)

    async def _llega_otro(self, vistos: int, segundos: float) -> bool:
        llegada = asyncio.ensure_future(self._buzon.esperar_mas_de(vistos))
        plazo = asyncio.ensure_future(self._puertos.reloj.dormir(segundos))
        try:
            await asyncio.wait({llegada, plazo}, return_when=asyncio.FIRST_COMPLETED)
            return llegada.done()
        finally:
            llegada.cancel()
            plazo.cancel()
            await asyncio.gather(llegada, plazo, return_exceptions=True)

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
        for ronda in range(self._ritmo.max_rondas):
            if ronda:
                self._presentar(self._buzon.vaciar())
            turno = await self._decidir()
            if not turno.acciones:
                return
            # A la vez: sus filas comparten compromiso. Las respuestas quedan en su orden.
            hechas = await asyncio.gather(
                *(self._ejecutar(p) for p in turno.acciones), return_exceptions=True
            )
            for hecha in hechas:
                if isinstance(hecha, BaseException):
                    raise hecha
                self._master.add_message_to_history(*hecha)
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
        for entrada in lote:
            if isinstance(entrada, EntradaUsuario):
                self._master.add_message_to_history(entrada.texto, entrada.apunte)

    async def _decidir(self) -> Turno:
        turno = await self._master.process_input_and_events()
        self._turnos += 1
        self.ultimo_error = None
        if turno.texto.strip():
            self.ultimo_texto = turno.texto
            texto = TextoMaster(agente_id=MASTER, texto=turno.texto, cortado=turno.cortado)
            await self._puertos.anotar(texto, turno.causa)
        return turno

    async def _ejecutar(self, pedida: AccionPedida) -> tuple[ToolMessage, Apunte]:
        """Ejecuta una acción por la puerta; devuelve su respuesta para el Master y su causa."""
        if isinstance(pedida.accion, Rechazada):
            texto, causa = pedida.accion.motivo, pedida.causa
        else:
            resultado, causa = await self._puertos.puerta.cruzar(
                pedida.llamada,
                self._turnos,
                pedida.causa,
                lambda intencion, _: self._hacer(replace(pedida, causa=intencion)),
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
    conversacion: Conversacion, fallo: asyncio.Future[ErrorBitacora]
) -> AsyncIterator[None]:
    """La conversación corre mientras dure el bloque; si la bitácora falla, todo se para.

    Lanza entonces ese `ErrorBitacora`, y no un grupo de errores.
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


async def _lanzar(fallo: asyncio.Future[ErrorBitacora]) -> None:
    raise await asyncio.shield(fallo)


def _primero(error: BaseException) -> BaseException:
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return error
