"""Lo que root prepara antes de saber qué orden viene: una red vacía y un /dev.

La red la comparten todas: solo entran las que no pueden abrir ningún socket. El /dev es de cada
una, con sus terminales y su memoria compartida.
"""

from __future__ import annotations

import ctypes
import os

from servicios.consola.pedido import DISPOSITIVOS, MEMORIA_COMPARTIDA

_CLONE_NEWNS = 0x00020000
_CLONE_NEWNET = 0x40000000
_MS_RDONLY, _MS_NOSUID, _MS_NODEV, _MS_NOEXEC, _MS_REMOUNT = 1, 2, 4, 8, 32
_RESTRINGIDO = _MS_NOSUID | _MS_NODEV
_MS_BIND, _MS_REC, _MS_SLAVE = 4096, 16384, 1 << 19
_MNT_DETACH = 2
_APARATOS = ("null", "zero", "full", "random", "urandom", "tty")
_ENLACES = {
    "fd": "/proc/self/fd",
    "stdin": "/proc/self/fd/0",
    "stdout": "/proc/self/fd/1",
    "stderr": "/proc/self/fd/2",
    "ptmx": "pts/ptmx",
    "core": "/proc/kcore",
}

_libc = ctypes.CDLL(None, use_errno=True)


class Adelantos:
    """Lo preparado. El servidor llama a `compartir`; cada hijo, a lo demás. Todo lanza `OSError`."""

    def __init__(self) -> None:
        self._red: int | None = None
        self._montados = False

    def compartir(self) -> None:
        """Hace la red vacía, una vez; el proceso sigue en la suya."""
        if self._red is not None:
            return
        propia = os.open("/proc/self/ns/net", os.O_RDONLY)
        try:
            _exigir(_libc.unshare(_CLONE_NEWNET), "unshare red")
            self._red = os.open("/proc/self/ns/net", os.O_RDONLY)
            _exigir(_libc.setns(propia, _CLONE_NEWNET), "setns red")
        finally:
            os.close(propia)

    def quedarse_sin_red(self) -> None:
        """Deja al proceso, para siempre, donde no hay ninguna red."""
        if self._red is None:
            _exigir(_libc.unshare(_CLONE_NEWNET), "unshare red")
        else:
            _exigir(_libc.setns(self._red, _CLONE_NEWNET), "setns red")

    def montar_dispositivos(self) -> None:
        """Un /dev corto en `DISPOSITIVOS`, que solo ven el proceso y los suyos."""
        if self._montados:
            return
        os.makedirs(DISPOSITIVOS, mode=0o700, exist_ok=True)
        _exigir(_libc.unshare(_CLONE_NEWNS), "unshare montajes")
        _montar("none", "/", "", _MS_REC | _MS_SLAVE)
        # bwrap repasa la lista entera de montajes con cada uno que hace.
        _exigir(_libc.umount2(b"/sys", _MNT_DETACH), "umount /sys")
        _montar("tmpfs", DISPOSITIVOS, "tmpfs", _MS_NOSUID | _MS_NODEV, "mode=755,size=64k")
        for nombre, destino in _ENLACES.items():
            os.symlink(destino, f"{DISPOSITIVOS}/{nombre}")
        for nombre in _APARATOS:
            lugar = f"{DISPOSITIVOS}/{nombre}"
            os.close(os.open(lugar, os.O_CREAT | os.O_WRONLY, 0o444))
            _montar(f"/dev/{nombre}", lugar, "", _MS_BIND)
            _montar("none", lugar, "", _MS_REMOUNT | _MS_BIND | _MS_NOSUID | _MS_NOEXEC)
        self._montar_carpetas()
        _montar("none", DISPOSITIVOS, "", _MS_REMOUNT | _MS_BIND | _RESTRINGIDO | _MS_RDONLY)
        self._montados = True

    @staticmethod
    def _montar_carpetas() -> None:
        terminales, memoria = f"{DISPOSITIVOS}/pts", f"{DISPOSITIVOS}/shm"
        for carpeta in (terminales, memoria):
            os.mkdir(carpeta, 0o755)
        opciones = "newinstance,ptmxmode=0666,mode=620"
        _montar("devpts", terminales, "devpts", _MS_NOSUID | _MS_NOEXEC, opciones)
        _montar("tmpfs", memoria, "tmpfs", _RESTRINGIDO, f"mode=1777,size={MEMORIA_COMPARTIDA}")


def _montar(que: str, donde: str, tipo: str, opciones: int, datos: str = "") -> None:
    argumentos = (que.encode(), donde.encode(), tipo.encode())
    _exigir(_libc.mount(*argumentos, ctypes.c_ulong(opciones), datos.encode()), f"mount {donde}")


def _exigir(resultado: int, que: str) -> None:
    if resultado != 0:
        numero = ctypes.get_errno()
        raise OSError(numero, f"{que}: {os.strerror(numero)}")
