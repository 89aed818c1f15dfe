"""El modelo de las medidas: un servidor HTTP sin nada de más, en su propio proceso.

Los dobles de las pruebas son estrictos y por eso lentos: aquí el servidor no debe ser el freno.
Cada respuesta sale con una sola escritura, igual para todos los clientes. `GET /visto` devuelve
y olvida lo pedido desde la última vez: cuándo (segundos de reloj de pared) y a qué modelo.
"""

from __future__ import annotations

import asyncio
import re
import time
from collections import deque

import orjson

from tests.rendimiento.contestaciones import contestar

_LARGO = re.compile(rb"content-length:\s*(\d+)", re.IGNORECASE)
_VISTO: deque[tuple[float, str]] = deque(maxlen=200_000)


class Conexion(asyncio.Protocol):
    """Una conexión que se queda abierta entre peticiones."""

    def __init__(self) -> None:
        self._buzon = bytearray()
        self._faltan = 0
        self._salida: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Guarda por dónde se contesta."""
        if isinstance(transport, asyncio.Transport):
            self._salida = transport

    def data_received(self, data: bytes) -> None:
        """Junta bytes hasta tener una petición entera y la contesta."""
        self._buzon += data
        if len(self._buzon) < self._faltan:
            return
        cabecera = self._buzon.find(b"\r\n\r\n")
        if cabecera < 0:
            return
        largo = _LARGO.search(self._buzon, 0, cabecera)
        self._faltan = cabecera + 4 + (int(largo.group(1)) if largo else 0)
        if len(self._buzon) < self._faltan:
            return
        ruta = bytes(self._buzon[: self._buzon.index(b"\r\n")])
        cuerpo = bytes(self._buzon[cabecera + 4 : self._faltan])
        del self._buzon[: self._faltan]
        self._faltan = 0
        self._contestar(ruta, cuerpo)

    def _contestar(self, ruta: bytes, cuerpo: bytes) -> None:
        if ruta.startswith(b"GET /visto"):
            datos = orjson.dumps(list(_VISTO))
            _VISTO.clear()
            self._escribir(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(datos) + datos)
            return
        llegada = time.time()
        dada = contestar(ruta, cuerpo)
        _VISTO.append((llegada, dada.modelo))
        if dada.latencia_s:
            bucle = asyncio.get_running_loop()
            bucle.call_later(dada.latencia_s, self._escribir, dada.crudo)
        else:
            self._escribir(dada.crudo)

    def _escribir(self, crudo: bytes) -> None:
        if self._salida is not None and not self._salida.is_closing():
            self._salida.write(crudo)


async def servir() -> None:
    """Abre un puerto libre, lo dice por la salida y atiende hasta que lo maten."""
    bucle = asyncio.get_running_loop()
    servidor = await bucle.create_server(Conexion, "127.0.0.1", 0, backlog=4096)
    print(servidor.sockets[0].getsockname()[1], flush=True)
    await servidor.serve_forever()


if __name__ == "__main__":
    asyncio.run(servir())
