"""El único que escribe `data/swarm.db`: compromete los hechos y después los anuncia.

    anotar(evento) ──► cola ──► una tarea ──► una transacción por lote ──► apuntes ──► bus
       (al momento)             (orden de llegada)   (COMMIT, FULL)      (despiertan)  (en orden)

Un lote es lo que haya en la cola cuando acaba el anterior: sin esperas a propósito, y con mucha
carga cada compromiso se reparte entre muchos hechos. Lo que se anota en una misma vuelta del
bucle va entero en un lote: después de una muerte está todo o no está nada. Al cerrar se vacía
la cola y se cierra la base en último lugar. Si el disco falla se para todo: nada se da por
guardado sin estarlo.
"""

from __future__ import annotations

import asyncio
import sqlite3
import time
from collections import deque
from collections.abc import AsyncIterator, Callable
from concurrent.futures import Executor, ThreadPoolExecutor
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path

from agentes.errores import ErrorBitacora
from agentes.eventos import SISTEMA, Apunte, Evento, FalloInterno, HechoAnotado
from agentes.eventos_seguridad import redactar_json, sin_secretos
from servicios.registros.escritura.apuntes import ApunteFila
from servicios.registros.escritura.escritura import Escritura
from servicios.registros.escritura.lotes import Pendiente
from servicios.registros.esquema.migraciones import preparar
from servicios.registros.fallos import explicar
from servicios.registros.textos import a_json, seguro

_LOTE_MAXIMO = 500
_MENSAJE_MAXIMO = 500
_ESPERA_BLOQUEO_S = 10.0

Redactar = Callable[[str], str]
_PeticionNumero = tuple[str, asyncio.Future[int]]


class GestorLogs:
    """La bitácora de una sesión. Se abre con `abrir`; `anotar` se llama desde el bucle de asyncio."""

    def __init__(
        self,
        ruta: Path,
        hilo: Executor,
        escritura: Escritura,
        publicar: Callable[[HechoAnotado], None],
        redactar: Redactar = str,
    ) -> None:
        self.sesion = escritura.compositor.sesion
        self.epoca = escritura.compositor.epoca
        """1 en una sesión nueva; una más cada vez que se abre otra vez."""
        self.fallo: asyncio.Future[ErrorBitacora] = asyncio.get_running_loop().create_future()
        """Se resuelve con el primer fallo de escritura, para parar el sistema con su línea."""
        self._ruta = ruta
        self._hilo = hilo
        self._escritura = escritura
        self._publicar = publicar
        self._redactar = redactar
        self._cola: deque[Pendiente] = deque()
        self._numeros: list[_PeticionNumero] = []
        self._hay_trabajo = asyncio.Event()
        self._cerrando = False
        self._error = ""
        self._ms = 0
        self._texto_ms = ""
        self._vuelta = 0
        self._vuelta_en_marcha = False

    @classmethod
    @asynccontextmanager
    async def abrir(
        cls,
        ruta: Path,
        *,
        sesion: str,
        publicar: Callable[[HechoAnotado], None],
        redactar: Redactar = str,
        espera_bloqueo_s: float = _ESPERA_BLOQUEO_S,
    ) -> AsyncIterator[GestorLogs]:
        """Abre (o crea) la base y arranca su escritor; al salir vacía la cola y cierra.

        `publicar` recibe cada hecho después de comprometido, en orden, y no debe fallar.
        `redactar` quita los secretos de un texto; se mira cada hecho antes de guardarlo.
        `espera_bloqueo_s`: segundos que se espera a otro programa que la esté escribiendo.
        Lanza `ErrorBitacora` si no se puede abrir, es de otro programa o de una versión mayor.
        """
        await asyncio.to_thread(preparar, ruta, espera_s=espera_bloqueo_s)
        bucle = asyncio.get_running_loop()
        hilo = ThreadPoolExecutor(1, thread_name_prefix="bitacora")
        try:
            escritura = await bucle.run_in_executor(
                hilo, Escritura.abrir, ruta, sesion, espera_bloqueo_s
            )
            try:
                gestor = cls(ruta, hilo, escritura, publicar, redactar)
                escritor = asyncio.create_task(gestor._escribir(), name="bitacora")
                try:
                    yield gestor
                finally:
                    await gestor._cerrar(escritor)
            finally:
                await bucle.run_in_executor(hilo, escritura.cerrar)
        finally:
            hilo.shutdown(wait=False)

    def anotar(self, evento: Evento, causa: Apunte | None = None, cuando: str = "") -> ApunteFila:
        """Pone el hecho en la cola y devuelve su recibo; esperarlo es esperar el compromiso.

        Sin `causa`, la causa es la apertura de la sesión (salvo en las líneas de la persona).
        `cuando` es su hora (ISO-8601 UTC) si no es ahora: la de una fila que se copia.
        Lanza `ErrorBitacora` si la bitácora ya falló o está cerrada.
        """
        self._exigir_viva()
        apunte = ApunteFila()
        ahora = cuando or self._hora()
        details = a_json(evento.detalles())
        if self._redactar(details) != details:
            # Se cambia el hecho y no su JSON: así salen limpias la fila, sus resúmenes y el bus.
            evento = sin_secretos(evento, self._redactar)
            details = redactar_json(a_json(evento.detalles()), self._redactar)
        mensaje = seguro(evento.mensaje[:_MENSAJE_MAXIMO])
        if not self._vuelta_en_marcha:
            self._vuelta_en_marcha = True
            asyncio.get_running_loop().call_soon(self._pasar_vuelta)
        self._cola.append(Pendiente(evento, causa, apunte, ahora, mensaje, details, self._vuelta))
        self._hay_trabajo.set()
        return apunte

    async def siguiente_numero(self, agent_type: str) -> int:
        """Número nuevo para `{agent_type}-{n}`: nunca se repite, ni entre sesiones o procesos.

        Lanza `ErrorBitacora` si no se pudo guardar.
        """
        self._exigir_viva()
        espera: asyncio.Future[int] = asyncio.get_running_loop().create_future()
        self._numeros.append((seguro(agent_type), espera))
        self._hay_trabajo.set()
        return await espera

    def _hora(self) -> str:
        """Ahora en ISO-8601 UTC. Se escribe una vez por milisegundo, no por hecho."""
        ms = time.time_ns() // 1_000_000
        if ms != self._ms:
            self._ms = ms
            momento = datetime.fromtimestamp(ms // 1000, UTC).strftime("%Y-%m-%dT%H:%M:%S")
            self._texto_ms = f"{momento}.{ms % 1000:03}Z"
        return self._texto_ms

    def _exigir_viva(self) -> None:
        if self._error:
            raise ErrorBitacora(self._error)

    async def _cerrar(self, escritor: asyncio.Task[None]) -> None:
        self._cerrando = True
        self._hay_trabajo.set()
        try:
            await asyncio.shield(escritor)
        except asyncio.CancelledError:
            # Cancelar el cierre no pierde la cola: solo una segunda cancelación la corta.
            await escritor
            raise

    async def _escribir(self) -> None:
        try:
            while not self._cerrando or self._cola or self._numeros:
                await self._hay_trabajo.wait()
                self._hay_trabajo.clear()
                while self._cola or self._numeros:
                    await self._escribir_lote()
        except (sqlite3.Error, OSError) as error:
            self._avisar_fallo(explicar(self._ruta, error))
        except ErrorBitacora as error:
            self._avisar_fallo(str(error))
        finally:
            if not self._cerrando:
                self._avisar_fallo(f"{self._ruta}: la bitácora se paró por un fallo interno")
            self._terminar(f"{self._ruta}: la bitácora está cerrada; este hecho no se guardó")

    async def _escribir_lote(self) -> None:
        # Nada sale de la cola hasta estar en el disco: si algo falla, `_terminar` lo encuentra.
        pendientes = list(islice(self._cola, self._cuantos()))
        numeros = list(self._numeros)
        tipos = [tipo for tipo, _ in numeros]
        hecho = await asyncio.get_running_loop().run_in_executor(
            self._hilo, self._escritura.comprometer, pendientes, tipos
        )
        for _ in pendientes:
            self._cola.popleft()
        self._repartir(numeros, hecho.numeros)
        self._escritura.compositor.confirmar(hecho.lote)
        for anotado in hecho.lote.hechos:
            self._publicar(anotado)
        for pendiente, error in hecho.rechazados:
            self._rechazar(pendiente, error)

    def _cuantos(self) -> int:
        """Los del próximo lote: hasta el tope, y los que falten de la última vuelta."""
        cuantos = min(_LOTE_MAXIMO, len(self._cola))
        while 0 < cuantos < len(self._cola):
            if self._cola[cuantos].vuelta != self._cola[cuantos - 1].vuelta:
                break
            cuantos += 1
        return cuantos

    def _pasar_vuelta(self) -> None:
        self._vuelta += 1
        self._vuelta_en_marcha = False

    def _repartir(self, numeros: list[_PeticionNumero], dados: list[int]) -> None:
        del self._numeros[: len(numeros)]
        for (_, espera), numero in zip(numeros, dados, strict=True):
            if not espera.done():
                espera.set_result(numero)

    def _rechazar(self, pendiente: Pendiente, error: Exception) -> None:
        """Una fila que la base no admite: lo sabe quien la espera y queda dicho en la bitácora."""
        evento = pendiente.evento
        texto = f"La bitácora rechazó un «{evento.tipo}» de {evento.agente_id}: {error}"
        pendiente.apunte.fallar(texto)
        if not isinstance(evento, FalloInterno):
            self.anotar(FalloInterno(agente_id=SISTEMA, error=texto), pendiente.causa)

    def _avisar_fallo(self, texto: str) -> None:
        self._terminar(texto)
        if not self.fallo.done():
            self.fallo.set_result(ErrorBitacora(self._error))

    def _terminar(self, texto: str) -> None:
        """Desde aquí no se guarda nada: lo saben los que esperan y los que lleguen."""
        self._error = self._error or texto
        while self._cola:
            self._cola.popleft().apunte.fallar(self._error)
        for _, espera in self._numeros:
            if not espera.done():
                espera.set_exception(ErrorBitacora(self._error))
        self._numeros.clear()
