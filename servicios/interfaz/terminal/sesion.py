"""Una conversación de principio a fin, sin saber cómo se lee el teclado ni cómo se pinta.

teclado → `recibir` → cola → orden | el Master;  bus → narrador → papel

Lo escrito antes de que el sistema esté abierto espera en la cola.
"""

from __future__ import annotations

import asyncio
import contextlib
import signal
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import AbstractAsyncContextManager
from functools import partial
from typing import TYPE_CHECKING, Any

from agentes.errores import ErrorEnjambre
from servicios.interfaz.codigos import Salida, codigo_de
from servicios.interfaz.lineas import Linea, Tono
from servicios.interfaz.presupuesto import seguir_si_hay_mas
from servicios.interfaz.terminal.encargos import Encargos
from servicios.interfaz.terminal.fichas import en_marcha, en_pausa
from servicios.interfaz.terminal.narracion import Narrador
from servicios.interfaz.terminal.ordenes.comando import TODOS, Escena, Teclas
from servicios.interfaz.terminal.ordenes.reparto import es_orden, obedecer, tarda
from servicios.interfaz.terminal.papel import Papel
from servicios.interfaz.terminal.permisos import Bloques, responder_cifra
from servicios.interfaz.terminal.portada import avisar_cierre, despedir, presentar
from servicios.interfaz.terminal.recibos import Recibos

if TYPE_CHECKING:
    from servicios.sistema import Sistema

Abrir = Callable[[], "AbstractAsyncContextManager[Sistema]"]
"""Importa el núcleo y abre el sistema. Lanza `ErrorEnjambre`."""

SEGUNDA_VEZ_S = 2.0
"""Plazo en segundos para que un segundo Ctrl-C salga."""

_SENALES = {signal.SIGTERM: Salida.TERMINADO, signal.SIGHUP: Salida.COLGADO}


class Sesion:
    """La conversación.

    `soltar` deja de leer el teclado y vuelve cuando el prompt ya no está; `teclas` son las que
    enseña la ayuda; `al_hecho` se llama tras contar cada hecho.
    """

    def __init__(
        self,
        papel: Papel,
        soltar: Callable[[], Awaitable[None]],
        al_abrir: Callable[[Sistema], None],
        teclas: Teclas,
        al_hecho: Callable[[], None] | None = None,
    ) -> None:
        self.sistema: Sistema | None = None
        self._papel = papel
        self._soltar = soltar
        self._al_abrir = al_abrir
        self._teclas = teclas
        self._al_hecho = al_hecho
        self._lineas: asyncio.Queue[str] = asyncio.Queue()
        self._salida: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        self._codigo = 0
        self._abriendo = True
        self._ultima_parada = -SEGUNDA_VEZ_S
        self._encargos = Encargos(papel)
        self._por_confirmar = False

    # --- lo que llama el teclado --------------------------------------------------------

    def recibir(self, linea: str) -> None:
        """La persona envió una línea (o un bloque); una vacía no cuenta."""
        if linea.strip():
            self._lineas.put_nowait(linea)

    def parar(self) -> None:
        """Ctrl-C sin nada escrito: para lo que se encargó, o la respuesta; dos seguidas, sale."""
        if self._encargos.parar():
            return
        if self.sistema is not None and self.sistema.conversacion.interrumpir():
            return
        ahora = time.monotonic()
        if ahora - self._ultima_parada < SEGUNDA_VEZ_S:
            self.salir("Ctrl-C")
            return
        self._ultima_parada = ahora
        self._papel.linea(Linea("Otra vez Ctrl-C para salir.", tono=Tono.TENUE))

    def proponer_parar_a_todos(self) -> None:
        """Pregunta si se cancela a todos; la línea siguiente, si es una s o una n, lo decide."""
        vivos = [] if self.sistema is None else self.sistema.gestor.mandos.vivos()
        self._por_confirmar = bool(vivos)
        texto = f"¿Cancelar a todos ({', '.join(vivos)})? s/n" if vivos else "No hay agentes vivos."
        self._papel.linea(Linea(texto, tono=Tono.AVISO, entera=True))

    def salir(self, motivo: str, codigo: int = 0) -> None:
        """Termina la sesión; la primera llamada decide el motivo y el código."""
        if not self._salida.done():
            self._codigo = codigo
            self._salida.set_result(motivo)

    # --- la vida de la sesión -----------------------------------------------------------

    async def run(self, abrir: Abrir) -> int:
        """Abre, conversa y cierra. Devuelve el código de salida."""
        vida = asyncio.create_task(self._vivir(abrir), name="sesion-terminal")
        lo_primero: set[asyncio.Future[Any]] = {vida, self._salida}
        try:
            with self._senales():
                await asyncio.wait(lo_primero, return_when=asyncio.FIRST_COMPLETED)
                if self._abriendo:
                    vida.cancel()
                await asyncio.wait({vida})
        finally:
            vida.cancel()
            await asyncio.wait({vida})
            await self._soltar()
        if not vida.cancelled():
            vida.result()
        return self._codigo

    async def _vivir(self, abrir: Abrir) -> None:
        try:
            async with abrir() as sistema:
                self.sistema, self._abriendo = sistema, False
                presentar(sistema, self._papel)
                self._al_abrir(sistema)
                await seguir_si_hay_mas(sistema)
                await self._conversar(sistema)
                await self._soltar()
                cancelados, pausados = en_marcha(sistema), en_pausa(sistema)
                avisar_cierre(cancelados, self._papel)
            despedir(sistema, cancelados, pausados, self._papel)
        except ErrorEnjambre as error:
            self._abriendo = False
            self.salir(str(error))
            self._codigo = codigo_de(error)
            await self._soltar()
            self._papel.linea(Linea(str(error), tono=Tono.MAL, entera=True))

    async def _conversar(self, sistema: Sistema) -> None:
        """Hasta que alguien pida salir."""
        bloques = Bloques(sistema, self._papel)
        narrador = Narrador(self._papel, bloques.contar, self._al_hecho)
        recibos = Recibos(sistema.consultas, sistema.sesion, self._papel)
        with sistema.bus.suscribir() as suscripcion, sistema.bus.suscribir() as otra, _primero():
            async with self._encargos, asyncio.TaskGroup() as grupo:
                tareas = [
                    grupo.create_task(narrador.seguir(suscripcion), name="narrador"),
                    grupo.create_task(recibos.seguir(otra), name="recibos"),
                    grupo.create_task(self._atender(sistema), name="lineas"),
                ]
                sistema.cierre.motivo = await self._salida
                sistema.cierre.codigo = self._codigo
                for tarea in tareas:
                    tarea.cancel()

    async def _atender(self, sistema: Sistema) -> None:
        """Cada línea en su orden: a la cara si es suya o responde a una petición; si no, al Master."""
        escena = Escena(sistema, self._papel, lambda: self.salir("salir"), self._teclas)
        while not self._salida.done():
            linea = self._confirmada(await self._lineas.get())
            try:
                if es_orden(linea) and tarda(linea):
                    self._encargos.lanzar(partial(obedecer, linea, escena))
                elif es_orden(linea):
                    await obedecer(linea, escena)
                elif linea and not responder_cifra(linea, sistema.aprobaciones, self._papel):
                    await sistema.conversacion.decir(linea)
            except ErrorEnjambre as error:
                self._papel.linea(Linea(str(error), tono=Tono.MAL, entera=True))

    def _confirmada(self, linea: str) -> str:
        """La línea o, si contesta a esa pregunta, la orden que la cumple; con un no, vacía."""
        preguntado, self._por_confirmar = self._por_confirmar, False
        dicha = linea.strip().lower()
        if not preguntado or dicha not in {"s", "n"}:
            return linea
        if dicha == "s":
            return f"/cancelar {TODOS}"
        self._papel.linea(Linea("No se cancela a nadie.", tono=Tono.AVISO))
        return ""

    @contextlib.contextmanager
    def _senales(self) -> Iterator[None]:
        """Que la sesión acabe bien aunque la terminen desde fuera o se cierre la ventana."""
        bucle = asyncio.get_running_loop()
        for senal, codigo in _SENALES.items():
            bucle.add_signal_handler(senal, self.salir, senal.name, codigo)
        try:
            yield
        finally:
            for senal in _SENALES:
                bucle.remove_signal_handler(senal)


@contextlib.contextmanager
def _primero() -> Iterator[None]:
    """De un grupo de fallos, el primero: es el que se puede contar en una línea."""
    try:
        yield
    except ExceptionGroup as fallos:
        raise fallos.exceptions[0] from fallos
