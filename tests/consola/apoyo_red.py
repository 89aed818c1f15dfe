"""Lo que comparten las pruebas de `red: lista`: bitácora de mentira, servidores y clientes."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Generator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from ssl import SSLContext
from typing import Any

from agentes.eventos import Apunte, Evento
from agentes.eventos_red import ConexionCerrada, ConexionPedida
from servicios.consola.red.proxy import ProxySalida

AGENTE = "ejecutor-1"

Dialogo = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


class ApunteDePrueba:
    """Un recibo que se compromete cuando lo deja `puede`."""

    def __init__(self, numero: int, puede: asyncio.Event) -> None:
        self.id = numero
        self._puede = puede

    def __await__(self) -> Generator[Any, None, int]:
        yield from self._puede.wait().__await__()
        return self.id


class BitacoraDePrueba:
    """Guarda los hechos y sus causas; con `puede` sin poner, ninguno se compromete."""

    def __init__(self) -> None:
        self.hechos: list[tuple[Evento, Apunte | None]] = []
        self.puede = asyncio.Event()
        self.puede.set()

    def anotar(self, evento: Evento, causa: Apunte | None = None) -> Apunte:
        self.hechos.append((evento, causa))
        return ApunteDePrueba(len(self.hechos), self.puede)

    @property
    def pedidas(self) -> list[ConexionPedida]:
        return [e for e, _ in self.hechos if isinstance(e, ConexionPedida)]

    @property
    def cerradas(self) -> list[ConexionCerrada]:
        return [e for e, _ in self.hechos if isinstance(e, ConexionCerrada)]


class ResolverDePrueba:
    """Lleva cada nombre a sus direcciones y cuenta las preguntas."""

    def __init__(self, **nombres: Sequence[str]) -> None:
        self._nombres = {nombre.replace("_", "."): ips for nombre, ips in nombres.items()}
        self.preguntas: list[str] = []

    async def __call__(self, servidor: str, puerto: int) -> Sequence[str]:
        self.preguntas.append(servidor)
        if servidor not in self._nombres:
            raise OSError("nombre desconocido")
        return self._nombres[servidor]


@asynccontextmanager
async def proxy(bitacora: BitacoraDePrueba, **opciones: Any) -> AsyncIterator[ProxySalida]:
    """Un proxy que se cierra al acabar."""
    salida = ProxySalida(bitacora.anotar, **opciones)
    try:
        yield salida
    finally:
        await salida.cerrar()


class Servidor:
    """Un servidor de 127.0.0.1 que cuenta quién llega."""

    def __init__(self, dialogo: Dialogo) -> None:
        self._dialogo = dialogo
        self._servidor: asyncio.Server | None = None
        self.puerto = 0
        self.llegadas = 0

    async def abrir(self, tls: SSLContext | None) -> None:
        self._servidor = await asyncio.start_server(
            self._atender, "127.0.0.1", 0, ssl=tls, backlog=200
        )
        self.puerto = self._servidor.sockets[0].getsockname()[1]

    async def cerrar(self) -> None:
        if self._servidor is not None:
            self._servidor.close()
            await self._servidor.wait_closed()

    @property
    def lugar(self) -> str:
        return f"127.0.0.1:{self.puerto}"

    async def _atender(self, lector: asyncio.StreamReader, escritor: asyncio.StreamWriter) -> None:
        self.llegadas += 1
        try:
            await self._dialogo(lector, escritor)
            escritor.close()
            await escritor.wait_closed()
        except OSError:
            return
        finally:
            escritor.transport.abort()


@asynccontextmanager
async def servidor(dialogo: Dialogo, tls: SSLContext | None = None) -> AsyncIterator[Servidor]:
    """Un servidor abierto."""
    nuevo = Servidor(dialogo)
    await nuevo.abrir(tls)
    try:
        yield nuevo
    finally:
        await nuevo.cerrar()


async def eco(lector: asyncio.StreamReader, escritor: asyncio.StreamWriter) -> None:
    """Lee hasta el final y entonces lo devuelve todo."""
    escritor.write(b"eco:" + await lector.read(-1))
    await escritor.drain()


def archivos(carpeta: Path) -> Dialogo:
    """HTTP de los archivos de una carpeta, cada uno con su conexión."""

    async def dialogo(lector: asyncio.StreamReader, escritor: asyncio.StreamWriter) -> None:
        cabecera = (await lector.readuntil(b"\r\n\r\n")).decode()
        camino = carpeta / cabecera.split()[1].partition("?")[0].lstrip("/")
        estado, cuerpo = "404 Not Found", b"no hay"
        if camino.is_file():
            estado, cuerpo = "200 OK", camino.read_bytes()
        escritor.write(
            f"HTTP/1.1 {estado}\r\nContent-Length: {len(cuerpo)}\r\n"
            "Connection: close\r\n\r\n".encode()
        )
        escritor.write(cuerpo)
        await escritor.drain()

    return dialogo


Cliente = tuple[asyncio.StreamReader, asyncio.StreamWriter]


@asynccontextmanager
async def cliente(enchufe: Path) -> AsyncIterator[Cliente]:
    """Una conexión con el proxy."""
    lector, escritor = await asyncio.open_unix_connection(str(enchufe))
    try:
        yield lector, escritor
    finally:
        escritor.transport.abort()


async def pedir(enchufe: Path, peticion: bytes, *, despues: bytes = b"") -> bytes:
    """Manda la petición y lo de después, dice que no hay más y devuelve todo lo que llegue."""
    async with asyncio.timeout(20), cliente(enchufe) as (lector, escritor):
        escritor.write(peticion + despues)
        escritor.write_eof()
        return await lector.read(-1)


def conectar(destino: str) -> bytes:
    """La petición CONNECT de un cliente corriente."""
    return f"CONNECT {destino} HTTP/1.1\r\nHost: {destino}\r\nUser-Agent: x\r\n\r\n".encode()
