"""El lado del enjambre: arranca el servidor de bifurcaciones y sigue cada orden por su canal."""

from __future__ import annotations

import asyncio
import secrets
import socket
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import replace
from pathlib import Path

from agentes.errores import ErrorConsola
from servicios.consola.operaciones.carpeta import SUELTA
from servicios.consola.operaciones.disco import Rastro, preparar_operaciones
from servicios.consola.pedido import Informe, MotivoFin, Pedido
from servicios.consola.supervision.corrida import Corrida, PorCanal
from servicios.consola.supervision.encargo import LARGO
from servicios.consola.supervision.servidor_fork import ADELANTADA, CORRIENTE, SALUDO

_RAIZ = Path(__file__).resolve().parents[3]
_ARRANQUE = "import sys; sys.path.insert(0, {raiz!r}); from servicios.consola.supervision.servidor_fork import servir; servir({ops!r})"
_LIMITE_ARRANQUE_S = 10.0
_LIMITE_CIERRE_S = 5.0
_RESPIRO_S = 0.002


class Lanzador:
    """Lanza órdenes bajo supervisor. Se abre con `abrir`; sus supervisores le sobreviven."""

    def __init__(self, ops: Path) -> None:
        self._ops = ops
        self._pedidos: socket.socket | None = None
        self._reserva: socket.socket | None = None
        self._recogiendo: dict[socket.socket, asyncio.Future[None]] = {}
        self._proceso: asyncio.subprocess.Process | None = None
        self._arranque = asyncio.Lock()
        self._se_espera = CORRIENTE

    @classmethod
    @asynccontextmanager
    async def abrir(cls, ops: Path) -> AsyncIterator[Lanzador]:
        """Un lanzador listo; al salir, su servidor de bifurcaciones termina.

        Las carpetas de las operaciones irán en `ops`. Lanza `ErrorConsola` si no se puede
        arrancar.
        """
        lanzador = cls(preparar_operaciones(ops))
        await lanzador._asegurar()
        lanzador._reponer()
        try:
            yield lanzador
        finally:
            await lanzador._cerrar()

    async def lanzar(self, pedido: Pedido) -> Corrida:
        """Pone en marcha una orden. Lanza `ErrorConsola` si no hay cómo."""
        # La próxima se parecerá a esta.
        esta = ADELANTADA if pedido.encierro.dispositivos else CORRIENTE
        canal = self._sacar_reserva()
        if esta != self._se_espera:
            self._se_espera = esta
            if canal is not None:
                await _despedir(canal)
                canal = None
        if canal is None:
            canal = await self._nacer_o_resucitar()
        if not pedido.operacion:
            pedido = replace(pedido, operacion=f"{SUELTA}{secrets.token_hex(8)}")
        datos = pedido.a_json()
        with suppress(OSError):  # si el supervisor ya no está, la corrida lo verá
            await asyncio.get_running_loop().sock_sendall(canal, LARGO.pack(len(datos)) + datos)
        return Corrida(
            Rastro(self._ops / pedido.operacion), PorCanal(canal, self._dejar_ir), self._reponer
        )

    async def correr(self, pedido: Pedido) -> Informe:
        """Lanza una orden y espera su informe; si cancelan la espera, la para antes de seguir."""
        corrida = await self.lanzar(pedido)
        try:
            return await corrida.fin()
        except asyncio.CancelledError:
            corrida.parar(MotivoFin.CANCELADO)
            await asyncio.wait({asyncio.ensure_future(corrida.fin())})
            raise

    def _sacar_reserva(self) -> socket.socket | None:
        """El canal de un supervisor que ya espera, si lo hay y sigue vivo."""
        canal, self._reserva = self._reserva, None
        if canal is None:
            return None
        try:
            canal.recv(1, socket.MSG_PEEK)
        except BlockingIOError:
            return canal
        except OSError:
            pass
        canal.close()
        return None

    def _reponer(self) -> None:
        """Encarga el supervisor de la próxima orden, sin esperarlo.

        Nacer es casi todo lo que cuesta una orden corta: se adelanta cuando no estorba.
        """
        if self._reserva is not None or self._pedidos is None:
            return
        with suppress(OSError):  # si ahora no puede ser, la próxima orden esperará al suyo
            nuestro, suyo = _pareja()
            try:
                socket.send_fds(self._pedidos, [self._se_espera], [suyo.fileno()])
                self._reserva = nuestro
            except OSError:
                nuestro.close()
            finally:
                suyo.close()

    async def _nacer_o_resucitar(self) -> socket.socket:
        try:
            return await self._nacer()
        except OSError:
            # El servidor murió entre dos órdenes: se arranca otro, una vez.
            await self._cerrar()
            await self._asegurar()
            return await self._nacer_o_rendirse()

    async def _nacer_o_rendirse(self) -> socket.socket:
        try:
            return await self._nacer()
        except OSError as error:
            raise ErrorConsola(
                f"consola: no se pudo lanzar la orden ({error.strerror}); prueba con menos a la vez"
            ) from error

    async def _nacer(self) -> socket.socket:
        await self._asegurar()
        if self._pedidos is None:
            raise ConnectionError("sin servidor")
        nuestro, suyo = _pareja()
        try:
            await _mandar(self._pedidos, suyo, self._se_espera)
        except OSError:
            nuestro.close()
            raise
        finally:
            suyo.close()
        return nuestro

    async def _asegurar(self) -> None:
        async with self._arranque:
            if self._proceso is not None and self._proceso.returncode is None:
                return
            nuestro, suyo = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
            try:
                await self._arrancar(nuestro, suyo)
            except (OSError, TimeoutError) as error:
                nuestro.close()
                raise ErrorConsola(
                    f"consola: no arranca el servidor de órdenes ({str(error) or 'no responde'})"
                ) from error
            finally:
                suyo.close()
            self._pedidos = nuestro

    async def _arrancar(self, nuestro: socket.socket, suyo: socket.socket) -> None:
        self._proceso = await asyncio.create_subprocess_exec(
            *(
                sys.executable,
                "-I",
                "-S",
                "-B",
                "-c",
                _ARRANQUE.format(raiz=str(_RAIZ), ops=str(self._ops)),
            ),
            stdin=suyo.fileno(),
            stdout=asyncio.subprocess.DEVNULL,
            stderr=asyncio.subprocess.DEVNULL,
            env={},
            cwd="/",
            start_new_session=True,
        )
        suyo.close()
        nuestro.setblocking(False)
        async with asyncio.timeout(_LIMITE_ARRANQUE_S):
            saludo = await asyncio.get_running_loop().sock_recv(nuestro, 16)
        if saludo != SALUDO:
            raise ConnectionError(f"{sys.executable} no pudo cargar el supervisor")

    def _dejar_ir(self, canal: socket.socket) -> None:
        """Ya no se le pide nada a ese supervisor; falta que acabe de recoger."""
        bucle = asyncio.get_running_loop()
        self._recogiendo[canal] = bucle.create_future()
        with suppress(OSError):
            canal.shutdown(socket.SHUT_WR)
        bucle.add_reader(canal.fileno(), self._ido, canal)

    def _ido(self, canal: socket.socket) -> None:
        with suppress(OSError):
            if canal.recv(64):
                return
        asyncio.get_running_loop().remove_reader(canal.fileno())
        canal.close()
        self._recogiendo.pop(canal).set_result(None)

    async def _cerrar(self) -> None:
        if self._recogiendo:
            await asyncio.wait(list(self._recogiendo.values()), timeout=_LIMITE_CIERRE_S)
        if self._pedidos is not None:
            self._pedidos.close()
            self._pedidos = None
        if (reserva := self._sacar_reserva()) is not None:
            await _despedir(reserva)
        if self._proceso is not None:
            try:
                async with asyncio.timeout(_LIMITE_CIERRE_S):
                    await self._proceso.wait()
            except TimeoutError:
                self._proceso.kill()
                await self._proceso.wait()
            self._proceso = None


def _pareja() -> tuple[socket.socket, socket.socket]:
    nuestro, suyo = socket.socketpair()
    nuestro.setblocking(False)
    return nuestro, suyo


async def _despedir(canal: socket.socket) -> None:
    """Deja ir a un supervisor sin orden y espera a que se haya ido."""
    with canal, suppress(OSError, TimeoutError):
        canal.shutdown(socket.SHUT_WR)
        async with asyncio.timeout(_LIMITE_ARRANQUE_S):
            await asyncio.get_running_loop().sock_recv(canal, 1)


async def _mandar(servidor: socket.socket, canal: socket.socket, clase: bytes) -> None:
    """Le pasa el canal al servidor; si tiene muchos por atender, espera un poco."""
    while True:
        try:
            socket.send_fds(servidor, [clase], [canal.fileno()])
        except BlockingIOError:
            await asyncio.sleep(_RESPIRO_S)
        else:
            return
