"""El único que escribe `data/swarm.db`: compromete los hechos y después los anuncia.

    anotar(evento) ──► cola ──► una tarea ──► una transacción por lote ──► apuntes ──► bus
       (al momento)             (orden de llegada)   (COMMIT, FULL)      (despiertan)  (en orden)

Un lote es lo que haya en la cola cuando acaba el anterior: sin esperas a propósito, y con mucha
carga cada compromiso se reparte entre muchos hechos. Al cerrar se vacía la cola y se cierra la
base en último lugar. Si el disco falla se para todo: nada se da por guardado sin estarlo.
"""

from __future__ import annotations

import asyncio
import sqlite3
from collections import deque
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path

import aiosqlite

from agentes.errores import ErrorBitacora
from agentes.eventos import SISTEMA, Apunte, Evento, FalloInterno, HechoAnotado
from agentes.eventos_seguridad import redactar_json, sin_secretos
from servicios.registros.apuntes import ApunteFila
from servicios.registros.fallos import RECHAZOS, explicar
from servicios.registros.lotes import Compositor, Pendiente
from servicios.registros.migraciones import preparar
from servicios.registros.textos import a_json, seguro

_LOTE_MAXIMO = 500
_MENSAJE_MAXIMO = 500
_ESPERA_BLOQUEO_S = 10.0

# Abre la transacción de escritura (isolation_level) y trae el último id en un solo viaje al hilo.
_APERTURA = "UPDATE sqlite_sequence SET seq = seq WHERE name = 'logs' RETURNING seq"
_NUMERO = """INSERT INTO contadores (agent_type, numero) VALUES (?, 1)
    ON CONFLICT (agent_type) DO UPDATE SET numero = numero + 1 RETURNING numero"""
_SEQS = """SELECT agente_id, max(seq) FROM logs WHERE session = ? GROUP BY agente_id"""

Redactar = Callable[[str], str]
_PeticionNumero = tuple[str, asyncio.Future[int]]


class GestorLogs:
    """La bitácora de una sesión. Se abre con `abrir`; `anotar` se llama desde el bucle de asyncio."""

    def __init__(
        self,
        ruta: Path,
        db: aiosqlite.Connection,
        compositor: Compositor,
        publicar: Callable[[HechoAnotado], None],
        redactar: Redactar = str,
    ) -> None:
        self.sesion = compositor.sesion
        self.fallo: asyncio.Future[ErrorBitacora] = asyncio.get_running_loop().create_future()
        """Se resuelve con el primer fallo de escritura, para parar el sistema con su línea."""
        self._ruta = ruta
        self._db = db
        self._compositor = compositor
        self._publicar = publicar
        self._redactar = redactar
        self._cola: deque[Pendiente] = deque()
        self._numeros: list[_PeticionNumero] = []
        self._hay_trabajo = asyncio.Event()
        self._cerrando = False
        self._error = ""
        self._huella = _huella(ruta)

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
        db, seqs = await _conectar(ruta, sesion, espera_bloqueo_s)
        try:
            gestor = cls(ruta, db, Compositor(sesion, seqs), publicar, redactar)
            escritor = asyncio.create_task(gestor._escribir(), name="bitacora")
            try:
                yield gestor
            finally:
                await gestor._cerrar(escritor)
        finally:
            await db.close()

    def anotar(self, evento: Evento, causa: Apunte | None = None) -> ApunteFila:
        """Pone el hecho en la cola y devuelve su recibo; esperarlo es esperar el compromiso.

        Sin `causa`, la causa es la apertura de la sesión (salvo en las líneas de la persona).
        Lanza `ErrorBitacora` si la bitácora ya falló o está cerrada.
        """
        self._exigir_viva()
        apunte = ApunteFila()
        ahora = datetime.now(UTC).isoformat(timespec="milliseconds")[:-6] + "Z"
        details = a_json(evento.detalles())
        if self._redactar(details) != details:
            # Se cambia el hecho y no su JSON: así salen limpias la fila, sus resúmenes y el bus.
            evento = sin_secretos(evento, self._redactar)
            details = redactar_json(a_json(evento.detalles()), self._redactar)
        mensaje = seguro(evento.mensaje[:_MENSAJE_MAXIMO])
        self._cola.append(Pendiente(evento, causa, apunte, ahora, mensaje, details))
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
            await self._fallar(explicar(self._ruta, error))
        except ErrorBitacora as error:
            await self._fallar(str(error))
        finally:
            if not self._cerrando:
                self._avisar_fallo(f"{self._ruta}: la bitácora se paró por un fallo interno")
            self._terminar(f"{self._ruta}: la bitácora está cerrada; este hecho no se guardó")

    async def _escribir_lote(self) -> None:
        cuantos = min(_LOTE_MAXIMO, len(self._cola))
        try:
            await self._comprometer(cuantos)
        except RECHAZOS:
            if not cuantos:
                raise
            await self._db.rollback()
            for _ in range(cuantos):
                await self._comprometer_uno()

    async def _comprometer_uno(self) -> None:
        try:
            await self._comprometer(1)
        except RECHAZOS as error:
            await self._db.rollback()
            self._rechazar(self._cola.popleft(), error)

    async def _comprometer(self, cuantos: int) -> None:
        # Nada sale de la cola hasta estar en el disco: si algo falla, `_terminar` lo encuentra.
        pendientes = list(islice(self._cola, cuantos))
        numeros = list(self._numeros)
        apertura = list(await self._db.execute_fetchall(_APERTURA))
        dados = [await self._numero(tipo) for tipo, _ in numeros]
        lote = self._compositor.componer(pendientes, apertura[0][0])
        for sql, valores in lote.sentencias:
            await self._db.executemany(sql, valores)
        await self._db.commit()
        self._comprobar_archivos()
        self._repartir(numeros, dados)
        for _ in pendientes:
            self._cola.popleft()
        self._compositor.confirmar(lote)
        for hecho in lote.hechos:
            self._publicar(hecho)

    async def _numero(self, agent_type: str) -> int:
        filas = list(await self._db.execute_fetchall(_NUMERO, (agent_type,)))
        return int(filas[0][0])

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

    def _comprobar_archivos(self) -> None:
        # SQLite sigue escribiendo tan tranquilo en un archivo ya borrado: se mira antes de
        # dar nada por guardado.
        if _huella(self._ruta) != self._huella:
            raise ErrorBitacora(
                f"{self._ruta}: alguien borró o cambió el archivo mientras se usaba; "
                "lo último no se guardó: vuelve a empezar"
            )

    async def _fallar(self, texto: str) -> None:
        self._avisar_fallo(texto)
        # Suelta la transacción a medias, si la hay, para no bloquear a otros programas.
        with suppress(sqlite3.Error):
            await self._db.rollback()

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


async def _conectar(
    ruta: Path, sesion: str, espera_s: float
) -> tuple[aiosqlite.Connection, dict[str, int]]:
    """Abre la conexión del escritor y lee hasta dónde llegó cada agente de la sesión."""
    db = aiosqlite.connect(ruta, timeout=espera_s, isolation_level="IMMEDIATE")
    try:
        await db
        await db.execute("PRAGMA foreign_keys = ON")
        await db.execute("PRAGMA synchronous = FULL")
        filas = await db.execute_fetchall(_SEQS, (sesion,))
    except sqlite3.Error as error:
        await db.close()
        raise ErrorBitacora(explicar(ruta, error)) from error
    return db, {str(agente): int(seq) for agente, seq in filas}


def _huella(ruta: Path) -> list[int]:
    """Qué archivos son de verdad la base y su WAL, los llame como los llame la carpeta."""
    try:
        return [archivo.stat().st_ino for archivo in (ruta, ruta.with_name(f"{ruta.name}-wal"))]
    except OSError:
        return []
