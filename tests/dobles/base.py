"""El servidor HTTP común a los dos dobles.

    petición → se anota → credencial y forma (`_validar`) → guion → fragmentos (`_flujo`/`_entera`)

Lo que no es válido se contesta como el proveedor y queda en `rechazos`; lo que el guion no
esperaba es un 500 y queda en `imprevistos`. Las averías del guion no cuentan en ninguno.
"""

from __future__ import annotations

import asyncio
import socket
import struct
from abc import ABC, abstractmethod
from collections.abc import Iterable
from typing import Any, Self

import orjson
from aiohttp import web

from tests.dobles.guion import Guion, GuionAgotado
from tests.dobles.peticion import Lector, Peticion
from tests.dobles.rechazo import Rechazo
from tests.dobles.respuestas import ClaseCorte, Corte, Error, Respuesta

CLAVE = "clave-de-prueba"
_UN_GIGA = 1024**3
_CIERRE_S = 0.2
_RESPIRO_S = 0.02


class Doble(ABC):
    """Un proveedor de mentira sobre HTTP de verdad, en el bucle de quien lo abre.

    `validar=False` y `recordar=False` son solo para medir rendimiento. `modelos=None` admite
    cualquier nombre de modelo.
    """

    lector: Lector

    def __init__(  # los valores por omisión sirven a casi todas las pruebas
        self,
        guion: Guion,
        *,
        clave: str = CLAVE,
        modelos: Iterable[str] | None = None,
        latencia_s: float = 0.0,
        validar: bool = True,
        recordar: bool = True,
    ) -> None:
        self.guion = guion
        self.clave = clave
        self.modelos = None if modelos is None else frozenset(modelos)
        self.latencia_s = latencia_s
        self.peticiones: list[Peticion] = []
        self.rechazos: list[str] = []
        self.imprevistos: list[str] = []
        self.puerto = 0
        self._con_validacion = validar
        self._con_memoria = recordar
        self._hay_novedad = asyncio.Condition()
        self._ejecutor: web.AppRunner | None = None

    # --- vida ---------------------------------------------------------------------------

    async def __aenter__(self) -> Self:
        app = web.Application(client_max_size=_UN_GIGA)
        app.router.add_route("*", "/{ruta:.*}", self._atender)
        self._ejecutor = web.AppRunner(
            app, access_log=None, shutdown_timeout=_CIERRE_S, handler_cancellation=True
        )
        await self._ejecutor.setup()
        enchufe = socket.create_server(("127.0.0.1", self.puerto), backlog=4096)
        self.puerto = enchufe.getsockname()[1]
        await web.SockSite(self._ejecutor, enchufe, backlog=4096).start()
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._ejecutor is not None:
            await self._ejecutor.cleanup()

    @property
    def raiz(self) -> str:
        """`http://127.0.0.1:PUERTO`, sin ruta."""
        return f"http://127.0.0.1:{self.puerto}"

    @property
    @abstractmethod
    def url(self) -> str:
        """La dirección base que se da al cliente."""

    # --- lo que miran las pruebas ---------------------------------------------------------

    def de(self, agente: str) -> list[Peticion]:
        """Las peticiones aceptadas de un agente, en orden."""
        return [p for p in self.peticiones if p.agente == agente]

    async def esperar(self, cuantas: int, agente: str | None = None, limite_s: float = 10) -> None:
        """Espera a que hayan llegado (de ese agente) tantas peticiones; `TimeoutError` si no."""

        def bastan() -> bool:
            llegadas = self.peticiones if agente is None else self.de(agente)
            return len(llegadas) >= cuantas

        async with asyncio.timeout(limite_s), self._hay_novedad:
            await self._hay_novedad.wait_for(bastan)

    async def esperar_fin(self, cuantas: int, limite_s: float = 10) -> None:
        """Espera a que hayan acabado de contestarse, bien o mal, tantas peticiones."""

        def bastan() -> bool:
            return sum(p.terminada is not None for p in self.peticiones) >= cuantas

        async with asyncio.timeout(limite_s), self._hay_novedad:
            await self._hay_novedad.wait_for(bastan)

    def comprobar(self) -> None:
        """Falla si hubo algo inválido o inesperado, o si quedaron pasos sin gastar."""
        pendientes = self.guion.pendientes()
        assert not self.rechazos, f"peticiones inválidas: {self.rechazos}"
        assert not self.imprevistos, f"peticiones inesperadas: {self.imprevistos}"
        assert not pendientes, f"pasos sin gastar: {pendientes}"

    # --- lo que pone cada proveedor -------------------------------------------------------

    @abstractmethod
    def _modelo(self, ruta: str, cuerpo: dict[str, Any]) -> str:
        """El modelo pedido. Lanza `Rechazo` (404) si la ruta no existe."""

    @abstractmethod
    def _autenticar(self, peticion: Peticion) -> None:
        """Lanza `Rechazo` si falta la clave o no es la suya."""

    @abstractmethod
    def _validar(self, peticion: Peticion) -> None:
        """Lanza `Rechazo` si el proveedor no aceptaría la petición."""

    @abstractmethod
    def _en_flujo(self, peticion: Peticion) -> bool:
        """Si se pidió contestar por fragmentos."""

    @abstractmethod
    def _flujo(self, dada: Respuesta, peticion: Peticion) -> list[bytes]:
        """La respuesta en fragmentos SSE."""

    @abstractmethod
    def _entera(self, dada: Respuesta, peticion: Peticion) -> bytes:
        """La respuesta de una vez."""

    @abstractmethod
    def _error(self, estado: int, mensaje: str, codigo: str | None, donde: str | None) -> bytes:
        """Un error con el formato del proveedor."""

    @abstractmethod
    def _error_en_flujo(self) -> bytes:
        """Un fragmento SSE que trae un error."""

    # --- una petición ---------------------------------------------------------------------

    async def _atender(self, entrante: web.Request) -> web.StreamResponse:
        reloj = asyncio.get_running_loop().time
        llegada = reloj()
        crudo = await entrante.read()
        peticion = Peticion({}, dict(entrante.headers), entrante.path, "", llegada, self.lector)
        if self._con_memoria:
            self.peticiones.append(peticion)
        try:
            return await self._contestar(entrante, peticion, crudo)
        except Rechazo as rechazo:
            return await self._rechazar(peticion, rechazo)
        except GuionAgotado as agotado:
            self.imprevistos.append(str(agotado))
            peticion.estado = 500
            await self._avisar()
            cuerpo = self._error(500, f"Imprevisto: {agotado}", None, None)
            return web.Response(status=500, body=cuerpo, content_type="application/json")
        except (asyncio.CancelledError, ConnectionError):
            peticion.abandonada = True
            raise
        finally:
            peticion.terminada = reloj()
            await self._avisar()

    async def _contestar(
        self, entrante: web.Request, peticion: Peticion, crudo: bytes
    ) -> web.StreamResponse:
        if entrante.method != "POST":
            msg = f"Not found: {entrante.method} {entrante.path}"
            raise Rechazo(msg, estado=404)
        peticion.cuerpo = _objeto(crudo)
        peticion.modelo = self._modelo(entrante.path, peticion.cuerpo)
        if self._con_validacion:
            self._autenticar(peticion)
            self._validar(peticion)
        clave, peticion.agente = self.guion.quien(peticion)
        await self._avisar()
        dada = await self.guion.contestar(clave, peticion)
        await asyncio.sleep(self.latencia_s + dada.pausa_s)
        if dada.error is not None:
            peticion.estado = dada.error.estado
            return self._averia(entrante, dada.error)
        if self._en_flujo(peticion):
            return await self._emitir(entrante, dada, self._flujo(dada, peticion))
        if dada.corte is not None:
            await asyncio.sleep(dada.corte.espera_s)
            return self._abortar(entrante)
        return web.Response(body=self._entera(dada, peticion), content_type="application/json")

    async def _rechazar(self, peticion: Peticion, rechazo: Rechazo) -> web.Response:
        peticion.estado, peticion.rechazo = rechazo.estado, rechazo.mensaje
        self.rechazos.append(f"{rechazo.estado} {rechazo.mensaje}")
        await self._avisar()
        cuerpo = self._error(rechazo.estado, rechazo.mensaje, rechazo.codigo, rechazo.donde)
        return web.Response(status=rechazo.estado, body=cuerpo, content_type="application/json")

    async def _avisar(self) -> None:
        if self._con_memoria:
            async with self._hay_novedad:
                self._hay_novedad.notify_all()

    # --- averías y fragmentos -------------------------------------------------------------

    def _averia(self, entrante: web.Request, error: Error) -> web.StreamResponse:
        if error.reinicio:
            return self._abortar(entrante)
        if error.crudo is not None:
            return web.Response(status=error.estado, text=error.crudo, content_type="text/html")
        cabeceras = {} if error.retry_after is None else {"Retry-After": error.retry_after}
        return web.Response(
            status=error.estado,
            body=self._error(error.estado, error.mensaje, error.codigo, None),
            content_type="application/json",
            headers=cabeceras,
        )

    def _abortar(self, entrante: web.Request) -> web.Response:
        """Cierra con RST: el cliente ve una conexión rota, no un final."""
        if entrante.transport is not None:
            enchufe = entrante.transport.get_extra_info("socket")
            enchufe.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            entrante.transport.abort()
        return web.Response()

    async def _emitir(
        self, entrante: web.Request, dada: Respuesta, fragmentos: list[bytes]
    ) -> web.StreamResponse:
        saliente = web.StreamResponse(
            headers={"Content-Type": "text/event-stream", "Cache-Control": "no-cache"}
        )
        await saliente.prepare(entrante)
        for fragmento in _hasta_el_corte(fragmentos, dada.corte):
            await saliente.write(fragmento)
            if dada.entre_trozos_s:
                await asyncio.sleep(dada.entre_trozos_s)
        if dada.corte is not None:
            await self._cortar(entrante, saliente, dada.corte)
        if dada.corte is None or dada.corte.clase is not ClaseCorte.REINICIO:
            await saliente.write_eof()
        return saliente

    async def _cortar(
        self, entrante: web.Request, saliente: web.StreamResponse, corte: Corte
    ) -> None:
        await asyncio.sleep(corte.espera_s)
        match corte.clase:
            case ClaseCorte.REINICIO:
                await asyncio.sleep(_RESPIRO_S)  # lo ya escrito llega antes que el RST
                self._abortar(entrante)
            case ClaseCorte.ERROR:
                await saliente.write(self._error_en_flujo())
            case ClaseCorte.LIMPIO | ClaseCorte.SILENCIO:
                pass


def _hasta_el_corte(fragmentos: list[bytes], corte: Corte | None) -> list[bytes]:
    if corte is None:
        return fragmentos
    tras = len(fragmentos) // 2 if corte.tras is None else corte.tras
    return fragmentos[: min(tras, len(fragmentos) - 1)]


def _objeto(crudo: bytes) -> dict[str, Any]:
    try:
        leido = orjson.loads(crudo)
    except orjson.JSONDecodeError as error:
        msg = "We could not parse the JSON body of your request."
        raise Rechazo(msg) from error
    if not isinstance(leido, dict):
        msg = "The JSON body of your request must be an object."
        raise Rechazo(msg)
    return leido
