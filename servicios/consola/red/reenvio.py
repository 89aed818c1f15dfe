"""Dentro del encierro, la puerta al proxy: `PYTHON -I -S reenvio.py --enchufe SOCKET -- orden…`.

    orden ──► 127.0.0.1:3128 ──► reenviador ──► socket de Unix del proxy

Deja un proceso que pasa cada conexión TCP al socket y se convierte en la orden, ya con un filtro
que no la deja abrir sockets de Unix. El reenviador no es hijo de la orden (quien espere a todos
sus hijos no lo espera a él), no retiene sus tuberías, no se deja mirar la memoria y muere con ella.
"""

from __future__ import annotations

import ctypes
import os
import selectors
import signal
import socket
import sys
from collections.abc import Sequence
from contextlib import suppress
from functools import partial

sys.path.insert(0, __file__.rsplit("/", 4)[0])

from servicios.consola.aislamientos import seccomp

CODIGO_NO_EXISTE = 127
CODIGO_NO_SE_PUEDE = 126
CODIGO_USO = 2
PUERTO = 3128
"""Donde escucha dentro; si otro lo tiene ya, en cualquier puerto libre."""

_AQUI = "127.0.0.1"
_SIN_PROXY = "localhost,127.0.0.1,::1"
_VARIABLES = ("http_proxy", "https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY")
_A_LA_VEZ = 64
_EN_COLA = 128
_TROZO = 65_536
_PR_SET_DUMPABLE = 4
_SIN_SALIDA = b"HTTP/1.1 502 el proxy de salida no responde\r\nContent-Length: 0\r\n\r\n"

_libc = ctypes.CDLL(None, use_errno=True)


class _Sentido:
    """Los bytes que van de un socket a otro; como mucho un trozo espera."""

    def __init__(self, origen: socket.socket, destino: socket.socket) -> None:
        self._origen = origen
        self._destino = destino
        self._pendiente = memoryview(b"")
        self.acabado = False

    @property
    def lee(self) -> bool:
        """Si le toca leer."""
        return not self._pendiente and not self.acabado

    @property
    def escribe(self) -> bool:
        """Si le queda algo por entregar."""
        return bool(self._pendiente)

    def leer(self) -> None:
        """Lee un trozo y entrega lo que pueda. Lanza `OSError`."""
        with suppress(BlockingIOError):
            self._pendiente = memoryview(self._origen.recv(_TROZO))
            if self._pendiente:
                self.escribir()
            else:
                self.acabado = True
                self._destino.shutdown(socket.SHUT_WR)

    def escribir(self) -> None:
        """Entrega lo que pueda. Lanza `OSError`."""
        with suppress(BlockingIOError):
            self._pendiente = self._pendiente[self._destino.send(self._pendiente) :]


class _Pareja:
    """Una conexión de la orden y la suya con el proxy."""

    def __init__(self, orden: socket.socket, proxy: socket.socket) -> None:
        self._ida = _Sentido(orden, proxy)
        self._vuelta = _Sentido(proxy, orden)
        self.enchufes = ((orden, self._ida, self._vuelta), (proxy, self._vuelta, self._ida))

    @property
    def acabada(self) -> bool:
        """Si ya no queda nada que pasar en ningún sentido."""
        return self._ida.acabado and self._vuelta.acabado


class _Reenviador:
    """El bucle: un solo hilo, nada que bloquee y memoria acotada."""

    def __init__(self, escucha: socket.socket, proxy: str, orden: int) -> None:
        """`orden` es el descriptor del proceso con el que se acaba todo."""
        self._escucha = escucha
        self._proxy = proxy
        self._orden = orden
        self._parejas: set[_Pareja] = set()
        self._ojos = selectors.DefaultSelector()
        self._ojos.register(orden, selectors.EVENT_READ)
        self._mirar(escucha, selectors.EVENT_READ, self._aceptar)

    def correr(self) -> None:
        """Reenvía hasta que la orden muere."""
        while True:
            for clave, sucesos in self._ojos.select():
                if clave.fileobj == self._orden:
                    return
                clave.data(sucesos)

    def _mirar(self, enchufe: socket.socket, sucesos: int, hacer: object) -> None:
        """Cambia lo que se espera de un socket; con nada que esperar, ni se mira."""
        puesto = self._ojos.get_map().get(enchufe)
        if puesto is None:
            if sucesos:
                self._ojos.register(enchufe, sucesos, hacer)
        elif not sucesos:
            self._ojos.unregister(enchufe)
        elif puesto.events != sucesos:
            self._ojos.modify(enchufe, sucesos, hacer)

    def _aceptar(self, _sucesos: int) -> None:
        try:
            orden, _ = self._escucha.accept()
        except OSError:
            return
        orden.setblocking(False)
        proxy = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        proxy.setblocking(False)
        try:
            proxy.connect(self._proxy)
        except OSError:
            with suppress(OSError):
                orden.send(_SIN_SALIDA)
            orden.close()
            proxy.close()
            return
        pareja = _Pareja(orden, proxy)
        self._parejas.add(pareja)
        self._atender(pareja)
        if len(self._parejas) >= _A_LA_VEZ:
            self._mirar(self._escucha, 0, None)

    def _mover(self, pareja: _Pareja, sale: _Sentido, entra: _Sentido, sucesos: int) -> None:
        try:
            if sucesos & selectors.EVENT_WRITE and entra.escribe:
                entra.escribir()
            if sucesos & selectors.EVENT_READ and sale.lee:
                sale.leer()
        except OSError:
            self._soltar(pareja)
            return
        if pareja.acabada:
            self._soltar(pareja)
        else:
            self._atender(pareja)

    def _atender(self, pareja: _Pareja) -> None:
        for enchufe, sale, entra in pareja.enchufes:
            sucesos = selectors.EVENT_READ * sale.lee | selectors.EVENT_WRITE * entra.escribe
            self._mirar(enchufe, sucesos, partial(self._mover, pareja, sale, entra))

    def _soltar(self, pareja: _Pareja) -> None:
        if pareja not in self._parejas:
            return
        self._parejas.discard(pareja)
        for enchufe, _, _ in pareja.enchufes:
            self._mirar(enchufe, 0, None)
            enchufe.close()
        self._mirar(self._escucha, selectors.EVENT_READ, self._aceptar)


def main(argumentos: Sequence[str]) -> int:
    """Lanza el reenviador y ejecuta la orden; si vuelve es que no pudo, y dice el código."""
    match argumentos:
        case ["--enchufe", proxy, "--", orden, *resto]:
            return _ejecutar(proxy, [orden, *resto])
    return _quejarse("uso: reenvio.py --enchufe SOCKET -- orden…", CODIGO_USO)


def _ejecutar(proxy: str, orden: list[str]) -> int:
    try:
        os.environ.update(_entorno(_reenviar(proxy)))
        for senal in (signal.SIGPIPE, signal.SIGXFSZ):
            # Python las ignora y la orden lo heredaría.
            signal.signal(senal, signal.SIG_DFL)
        if seccomp.disponible():
            seccomp.instalar(seccomp.programa(red=True, unix=False))
    except OSError as error:
        return _quejarse(f"red: no se puede abrir la salida ({error})", CODIGO_NO_SE_PUEDE)
    try:
        os.execvp(orden[0], orden)  # noqa: S606 - convertirse en la orden es el fin
    except FileNotFoundError:
        return _quejarse(f"{orden[0]}: no existe esa orden", CODIGO_NO_EXISTE)
    except OSError as error:
        return _quejarse(f"{orden[0]}: {error.strerror}", CODIGO_NO_SE_PUEDE)


def _reenviar(proxy: str) -> int:
    """Deja el reenviador escuchando y devuelve su puerto. Lanza `OSError`."""
    with _escuchar() as escucha:
        puerto = int(escucha.getsockname()[1])
        orden = os.pidfd_open(os.getpid())
        # La orden lo recupera al ejecutarse; el reenviador, no: nadie entra en su memoria.
        _libc.prctl(_PR_SET_DUMPABLE, 0, 0, 0, 0)
        if hijo := os.fork():
            os.close(orden)
            os.waitpid(hijo, 0)
            return puerto
        try:
            os.setsid()
            if os.fork() == 0:
                _ser_reenviador(escucha, proxy, orden)
        finally:
            os._exit(0)


def _escuchar() -> socket.socket:
    escucha = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    escucha.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    escucha.setblocking(False)
    try:
        escucha.bind((_AQUI, PUERTO))
        escucha.listen(_EN_COLA)
    except OSError:
        escucha.bind((_AQUI, 0))
        escucha.listen(_EN_COLA)
    return escucha


def _ser_reenviador(escucha: socket.socket, proxy: str, orden: int) -> None:
    nada = os.open(os.devnull, os.O_RDWR)
    for fd in range(3):
        os.dup2(nada, fd)
    desde = 3
    for fd in sorted((escucha.fileno(), orden)):
        os.closerange(desde, fd)
        desde = fd + 1
    os.closerange(desde, os.sysconf("SC_OPEN_MAX"))
    if seccomp.disponible():
        seccomp.instalar(seccomp.programa(red=True, unix=True))
    _Reenviador(escucha, proxy, orden).correr()


def _entorno(puerto: int) -> dict[str, str]:
    direccion = f"http://{_AQUI}:{puerto}"
    variables = dict.fromkeys(_VARIABLES, direccion)
    return {**variables, "no_proxy": _SIN_PROXY, "NO_PROXY": _SIN_PROXY}


def _quejarse(linea: str, codigo: int) -> int:
    os.write(2, f"{linea}\n".encode("utf-8", "surrogateescape"))
    return codigo


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
