"""Una conexión de una orden que sale por el proxy: leer el CONNECT, juzgarlo, pasar bytes.

Solo vale lo que dice la primera línea; las demás cabeceras no salen de aquí. Ningún sentido
guarda más que un trozo: no se lee el siguiente hasta haber entregado el anterior.
"""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass

from agentes.errores import ErrorBitacora
from agentes.eventos import Apunte, Evento
from agentes.eventos_red import ConexionCerrada, ConexionPedida
from servicios.consola.red.destinos import Destino, ListaDestinos, leer_destino

Anotar = Callable[[Evento, Apunte | None], Apunte]
Vigilar = Callable[[str], str | None]
"""Mira la línea del CONNECT; lo que devuelva es lo que se encontró en ella."""
Alarmar = Callable[[str, str], None]
"""Recibe el agente y lo que se encontró."""
Resolver = Callable[[str, int], Awaitable[Sequence[str]]]
"""Nombre y puerto → direcciones. Lanza `OSError`."""

_TROZO = 65_536
_CIERRE_S = 5.0
_PETICION = re.compile(r"([A-Z]+) (\S+) HTTP/1\.[01]")
_FIN_CABECERA = b"\r\n\r\n"
_VISIBLE = 200
_OCULTO = "(oculto)"
_ESTABLECIDA = b"HTTP/1.1 200 conexion establecida\r\n\r\n"
_FRASES = {
    400: "peticion mal escrita",
    403: "destino no permitido por red_destinos",
    405: "este proxy solo admite CONNECT",
    408: "la peticion no llego a tiempo",
    431: "cabecera demasiado larga",
    502: "no se pudo conectar con el destino",
    503: "la bitacora no responde",
}


@dataclass(frozen=True, slots=True)
class LimitesProxy:
    """Bytes de la cabecera, segundos de cada espera y conexiones a la vez por agente."""

    cabecera: int = 8_192
    cabecera_s: float = 10.0
    conectar_s: float = 10.0
    inactiva_s: float = 300.0
    a_la_vez: int = 32


@dataclass(frozen=True, slots=True)
class Oficio:
    """Lo que toda conexión necesita de fuera."""

    anotar: Anotar
    vigilar: Vigilar
    alarmar: Alarmar
    resolver: Resolver
    limites: LimitesProxy


class _Negativa(Exception):
    """Lo que se contesta en vez de conectar; `destino` es lo que se dirá en la fila."""

    def __init__(self, codigo: int, motivo: str, destino: str) -> None:
        super().__init__(motivo)
        self.codigo = codigo
        self.motivo = motivo
        self.destino = destino

    def respuesta(self) -> bytes:
        """La frase del estado va en ASCII: es lo único que enseñan muchos clientes."""
        cuerpo = f"{self.destino}: {self.motivo}\n".encode("utf-8", "replace")
        permiso = "Allow: CONNECT\r\n" if self.codigo == 405 else ""
        cabecera = (
            f"HTTP/1.1 {self.codigo} {_FRASES[self.codigo]}\r\n{permiso}"
            "Content-Type: text/plain; charset=utf-8\r\n"
            f"Content-Length: {len(cuerpo)}\r\nConnection: close\r\n\r\n"
        )
        return cabecera.encode("ascii") + cuerpo


class Conexion:
    """Una conexión de un agente, desde que se acepta hasta que se cierra."""

    def __init__(self, agente_id: str, lista: ListaDestinos, oficio: Oficio) -> None:
        self._agente_id = agente_id
        self._lista = lista
        self._oficio = oficio
        self._limites = oficio.limites
        self._enviados = 0
        self._recibidos = 0

    async def atender(self, lector: asyncio.StreamReader, escritor: asyncio.StreamWriter) -> None:
        """Lleva la conexión entera; los fallos de la otra punta no salen de aquí.

        `lector` ha de tener como límite el de la cabecera.
        """
        try:
            async with _cerrando(escritor):
                await self._atender(lector, escritor)
        except OSError:
            # La orden se fue sin despedirse: no queda a quién contestar.
            return

    async def _atender(self, lector: asyncio.StreamReader, escritor: asyncio.StreamWriter) -> None:
        try:
            linea = await self._leer_linea(lector)
            if linea is None:
                return
            destino = self._juzgar(linea)
            direcciones = await self._resolver(destino)
            pedida = await self._anotar_permitida(destino)
        except _Negativa as negativa:
            await self._negar(negativa, escritor)
            return
        inicio, cierre = time.monotonic(), "cancelada"
        try:
            cierre = await self._conectar_y_pasar(direcciones, destino.puerto, (lector, escritor))
        finally:
            fin = ConexionCerrada(
                agente_id=self._agente_id,
                destino=str(destino),
                enviados=self._enviados,
                recibidos=self._recibidos,
                ms=round((time.monotonic() - inicio) * 1000),
                cierre=cierre,
            )
            with suppress(ErrorBitacora):
                self._oficio.anotar(fin, pedida)

    async def _leer_linea(self, lector: asyncio.StreamReader) -> str | None:
        """La primera línea de la petición; `None` si se fue sin pedir nada."""
        try:
            async with asyncio.timeout(self._limites.cabecera_s):
                cabecera = await lector.readuntil(_FIN_CABECERA)
        except TimeoutError:
            raise _Negativa(408, "no envió la petición a tiempo", "") from None
        except asyncio.LimitOverrunError:
            raise _Negativa(431, "la cabecera es demasiado larga", "") from None
        except asyncio.IncompleteReadError as corte:
            if not corte.partial:
                return None
            raise _Negativa(400, "la petición quedó a medias", "") from None
        return cabecera.split(b"\r\n", 1)[0].decode("utf-8", "replace")

    def _juzgar(self, linea: str) -> Destino:
        if que := self._oficio.vigilar(linea):
            self._oficio.alarmar(self._agente_id, que)
            raise _Negativa(403, f"alarma: {que}", _OCULTO)
        peticion = _PETICION.fullmatch(linea)
        if peticion is None:
            raise _Negativa(400, "no es una petición de proxy", _visible(linea))
        metodo, objeto = peticion.groups()
        if metodo != "CONNECT":
            motivo = f"{metodo} no se admite, solo CONNECT (usa https://)"
            raise _Negativa(405, motivo, _visible(objeto))
        try:
            destino = leer_destino(objeto)
        except ValueError:
            raise _Negativa(400, "no es «servidor:puerto»", _visible(objeto)) from None
        if not self._lista.admite(destino):
            raise _Negativa(403, "no está en red_destinos de este tipo de agente", str(destino))
        return destino

    async def _resolver(self, destino: Destino) -> Sequence[str]:
        if destino.es_direccion:
            return [destino.servidor]
        try:
            async with asyncio.timeout(self._limites.conectar_s):
                direcciones = await self._oficio.resolver(destino.servidor, destino.puerto)
        except (OSError, UnicodeError):
            direcciones = []
        if not direcciones:
            raise _Negativa(502, "el nombre no se resuelve", str(destino))
        for direccion in direcciones:
            if not self._lista.admite_direccion(direccion, destino.puerto):
                motivo = f"el nombre lleva a una dirección que no es pública ({direccion})"
                raise _Negativa(403, motivo, str(destino))
        return direcciones

    async def _anotar_permitida(self, destino: Destino) -> Apunte:
        evento = ConexionPedida(agente_id=self._agente_id, destino=str(destino), permitida=True)
        try:
            apunte = self._oficio.anotar(evento, None)
            await apunte
        except ErrorBitacora:
            raise _Negativa(503, "no se pudo anotar la conexión", str(destino)) from None
        return apunte

    async def _negar(self, negativa: _Negativa, escritor: asyncio.StreamWriter) -> None:
        evento = ConexionPedida(
            agente_id=self._agente_id,
            destino=negativa.destino,
            permitida=False,
            motivo=negativa.motivo,
        )
        with suppress(ErrorBitacora):
            await self._oficio.anotar(evento, None)
        escritor.write(negativa.respuesta())

    async def _conectar_y_pasar(
        self,
        direcciones: Sequence[str],
        puerto: int,
        orden: tuple[asyncio.StreamReader, asyncio.StreamWriter],
    ) -> str:
        """Devuelve cómo acabó."""
        fuera = await self._conectar(direcciones, puerto)
        if fuera is None:
            motivo = "nadie contesta en el destino"
            orden[1].write(_Negativa(502, motivo, f"puerto {puerto}").respuesta())
            return "sin_conexion"
        async with _cerrando(fuera[1]):
            orden[1].write(_ESTABLECIDA)
            return await self._pasar_los_dos(orden, fuera)

    async def _conectar(
        self, direcciones: Sequence[str], puerto: int
    ) -> tuple[asyncio.StreamReader, asyncio.StreamWriter] | None:
        for direccion in direcciones:
            with suppress(OSError):
                async with asyncio.timeout(self._limites.conectar_s / len(direcciones)):
                    return await asyncio.open_connection(direccion, puerto, limit=_TROZO)
        return None

    async def _pasar_los_dos(
        self,
        orden: tuple[asyncio.StreamReader, asyncio.StreamWriter],
        fuera: tuple[asyncio.StreamReader, asyncio.StreamWriter],
    ) -> str:
        """Hasta que los dos sentidos acaban, o nada se mueve en ninguno."""
        cierre = "fin"
        try:
            async with asyncio.timeout(self._limites.inactiva_s) as plazo:
                async with asyncio.TaskGroup() as grupo:
                    grupo.create_task(self._pasar(orden[0], fuera[1], plazo, ida=True))
                    grupo.create_task(self._pasar(fuera[0], orden[1], plazo, ida=False))
        except* TimeoutError:
            cierre = "inactiva"
        except* OSError:
            cierre = "cortada"
        return cierre

    async def _pasar(
        self,
        lector: asyncio.StreamReader,
        escritor: asyncio.StreamWriter,
        plazo: asyncio.Timeout,
        *,
        ida: bool,
    ) -> None:
        bucle = asyncio.get_running_loop()
        # Sin colchón, `drain` espera a que todo esté en el núcleo: cerrar después no pierde nada.
        escritor.transport.set_write_buffer_limits(0)
        while trozo := await lector.read(_TROZO):
            escritor.write(trozo)
            await escritor.drain()
            if not plazo.expired():
                plazo.reschedule(bucle.time() + self._limites.inactiva_s)
            if ida:
                self._enviados += len(trozo)
            else:
                self._recibidos += len(trozo)
        escritor.write_eof()


@asynccontextmanager
async def _cerrando(escritor: asyncio.StreamWriter) -> AsyncIterator[None]:
    """Al salir, cierra cuando esté entregado lo escrito, sin esperar a quien no lee."""
    try:
        yield
        escritor.close()
        with suppress(OSError):
            async with asyncio.timeout(_CIERRE_S):
                await escritor.wait_closed()
    finally:
        escritor.transport.abort()


def _visible(texto: str) -> str:
    return "".join(c if c.isprintable() else "·" for c in texto[:_VISIBLE])
