"""La salida a la red con `red: lista`: un proxy por agente que solo sabe CONNECT y su lista.

    orden ──► 127.0.0.1:3128 ──► socket del agente ──► ProxySalida ──► destino de la lista
             (reenvio.py, dentro)    (en su plaza)       (aquí, fuera)

Dentro no hay red ni DNS: el nombre se resuelve aquí una vez, se miran todas sus direcciones y se
conecta a una de ellas, así que no sirve cambiarlo entre la mirada y la conexión. Cada conexión es
una fila `network_request`, comprometida antes de conectar; las permitidas dejan otra,
`network_end`, al acabar. Las que pasan del tope esperan en la cola del núcleo: nada crece sin
límite.
"""

from __future__ import annotations

import asyncio
import os
import secrets
import socket
import tempfile
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from functools import partial
from pathlib import Path

from agentes.errores import ErrorConsola
from servicios.consola.red.conexion import (
    Alarmar,
    Anotar,
    Conexion,
    LimitesProxy,
    Oficio,
    Resolver,
    Vigilar,
)
from servicios.consola.red.destinos import ListaDestinos

_RUTA_MAXIMA = 107
"""Bytes que caben en la dirección de un socket de Unix."""

_EN_COLA = 128
_HILOS_DNS = 4
_RESPIRO_S = 0.2


class ProxySalida:
    """Los proxys de una sesión: uno, con su socket, por cada agente con `red: lista`.

    El socket es del usuario de las órdenes (`duenio`; `None`, el nuestro) y de nadie más.
    """

    def __init__(
        self,
        anotar: Anotar,
        *,
        duenio: int | None = None,
        vigilancia: tuple[Vigilar, Alarmar] | None = None,
        resolver: Resolver | None = None,
        limites: LimitesProxy | None = None,
    ) -> None:
        """`vigilancia`: quién mira cada línea de CONNECT y a quién se avisa de lo que encuentre."""
        self._hilos = ThreadPoolExecutor(_HILOS_DNS, thread_name_prefix="dns")
        vigilar, alarmar = vigilancia or (_nada, _nadie)
        self._oficio = Oficio(
            anotar,
            vigilar,
            alarmar,
            resolver or partial(_resolver, self._hilos),
            limites or LimitesProxy(),
        )
        self._duenio = duenio
        self._carpeta: Path | None = None
        self._salidas: dict[str, _Salida] = {}

    async def abrir(self, agente_id: str, destinos: Sequence[str]) -> Path:
        """Abre la salida de un agente y devuelve su socket; si ya estaba, cambia su lista.

        Lanza `ErrorConsola` si un destino no vale o no se puede crear el socket.
        """
        lista = ListaDestinos(destinos)
        if salida := self._salidas.get(agente_id):
            salida.lista = lista
            return salida.ruta
        try:
            ruta = self._sitio() / f"{secrets.token_hex(8)}.s"
            salida = _Salida(agente_id, lista, self._oficio, ruta, _escuchar(ruta, self._duenio))
        except OSError as error:
            raise ErrorConsola(f"red: no se puede abrir el socket del proxy ({error})") from error
        self._salidas[agente_id] = salida
        return ruta

    async def cerrar_agente(self, agente_id: str) -> None:
        """Corta las conexiones de un agente y quita su socket; nada si no tenía."""
        if salida := self._salidas.pop(agente_id, None):
            await salida.cerrar()

    async def cerrar(self) -> None:
        """Lo cierra todo."""
        for agente_id in list(self._salidas):
            await self.cerrar_agente(agente_id)
        self._hilos.shutdown(wait=False, cancel_futures=True)
        if self._carpeta is not None:
            with suppress(OSError):
                self._carpeta.rmdir()
            self._carpeta = None

    def _sitio(self) -> Path:
        """Una carpeta corta y nuestra; otro usuario puede pasar por ella, no mirar qué hay."""
        if self._carpeta is None:
            self._carpeta = Path(tempfile.mkdtemp(prefix="enjambre-red-"))
            self._carpeta.chmod(0o700 if self._duenio is None else 0o711)
        return self._carpeta


class _Salida:
    """El socket de un agente y las conexiones que entran por él."""

    def __init__(
        self,
        agente_id: str,
        lista: ListaDestinos,
        oficio: Oficio,
        ruta: Path,
        enchufe: socket.socket,
    ) -> None:
        self.lista = lista
        self.ruta = ruta
        self._agente_id = agente_id
        self._oficio = oficio
        self._enchufe = enchufe
        self._huecos = asyncio.Semaphore(oficio.limites.a_la_vez)
        self._conexiones: set[asyncio.Task[None]] = set()
        self._portero = asyncio.create_task(self._aceptar(), name=f"red de {agente_id}")

    async def cerrar(self) -> None:
        """Deja de aceptar, corta lo que haya y quita el socket."""
        self._portero.cancel()
        await asyncio.gather(self._portero, return_exceptions=True)
        self._enchufe.close()
        self.ruta.unlink(missing_ok=True)
        conexiones = list(self._conexiones)
        for conexion in conexiones:
            conexion.cancel()
        await asyncio.gather(*conexiones, return_exceptions=True)

    async def _aceptar(self) -> None:
        bucle = asyncio.get_running_loop()
        while True:
            await self._huecos.acquire()
            try:
                enchufe, _ = await bucle.sock_accept(self._enchufe)
            except OSError:
                # Sin descriptores: quien espera sigue en la cola hasta que se suelte alguno.
                self._huecos.release()
                await asyncio.sleep(_RESPIRO_S)
                continue
            tarea = asyncio.create_task(self._atender(enchufe), name=f"red de {self._agente_id}")
            self._conexiones.add(tarea)
            tarea.add_done_callback(partial(self._acabar, enchufe))

    def _acabar(self, enchufe: socket.socket, tarea: asyncio.Task[None]) -> None:
        # Una tarea cancelada antes de empezar no llegó a hacerse cargo de él.
        enchufe.close()
        self._conexiones.discard(tarea)
        self._huecos.release()

    async def _atender(self, enchufe: socket.socket) -> None:
        lector, escritor = await asyncio.open_unix_connection(
            sock=enchufe, limit=self._oficio.limites.cabecera
        )
        await Conexion(self._agente_id, self.lista, self._oficio).atender(lector, escritor)


def _escuchar(ruta: Path, duenio: int | None) -> socket.socket:
    if len(os.fsencode(ruta)) > _RUTA_MAXIMA:
        raise ErrorConsola(f"red: la ruta {ruta} es demasiado larga para un socket; acorta TMPDIR")
    enchufe = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        enchufe.setblocking(False)
        enchufe.bind(str(ruta))
        ruta.chmod(0o600)
        if duenio is not None:
            os.chown(ruta, duenio, duenio)
        enchufe.listen(_EN_COLA)
    except OSError:
        enchufe.close()
        raise
    return enchufe


async def _resolver(hilos: ThreadPoolExecutor, servidor: str, puerto: int) -> list[str]:
    """En sus propios hilos: un DNS que no contesta no para a nadie más."""
    preguntar = partial(socket.getaddrinfo, servidor, puerto, type=socket.SOCK_STREAM)
    filas = await asyncio.get_running_loop().run_in_executor(hilos, preguntar)
    return list(dict.fromkeys(str(fila[4][0]) for fila in filas))


def _nada(_linea: str) -> None:
    return None


def _nadie(_agente_id: str, _que: str) -> None:
    return None
