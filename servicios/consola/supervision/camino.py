"""Llegar a una carpeta que cuelga de otra cerrada para el usuario de las órdenes.

Con el enjambre en /root, un usuario corriente no puede ni pasar por /root. Se tapa esa carpeta
con otra vacía, que solo ve la orden, y en ella se ponen en su sitio las que necesita.
"""

from __future__ import annotations

import ctypes
import os
from collections.abc import Iterable

_CLONE_NEWNS = 0x00020000
_MS_BIND = 4096
_MS_REC = 16384
_MS_PRIVATE = 1 << 18
_MS_NOSUID_NODEV = 2 | 4

_libc = ctypes.CDLL(None, use_errno=True)


def abrir_camino(usuario: int, carpetas: Iterable[str]) -> None:
    """Hace que `usuario` pueda llegar a esas carpetas. Solo root; lanza `OSError`.

    No hace nada si ya puede.
    """
    carpetas = list(dict.fromkeys(carpetas))
    cerradas = {c: madre_cerrada(c, usuario) for c in carpetas}
    madres = sorted({madre for madre in cerradas.values() if madre})
    if not madres:
        return
    _exigir(
        _libc.unshare(_CLONE_NEWNS),
        f"el usuario {usuario} de las órdenes no puede pasar por {madres[0]}",
    )
    _montar("none", "/", "", _MS_REC | _MS_PRIVATE, "")
    abiertas = {c: os.open(c, os.O_PATH | os.O_CLOEXEC) for c in carpetas if cerradas[c]}
    for madre in madres:
        _montar("tmpfs", madre, "tmpfs", _MS_NOSUID_NODEV, "mode=755,size=64k")
    for carpeta, fd in abiertas.items():
        os.makedirs(carpeta, mode=0o755, exist_ok=True)
        _montar(f"/proc/self/fd/{fd}", carpeta, "", _MS_BIND, "")
        os.close(fd)


def madre_cerrada(carpeta: str, usuario: int) -> str:
    """La carpeta más alta por la que `usuario` no podría pasar hacia `carpeta`, o nada."""
    partes = carpeta.split("/")
    for hasta in range(1, len(partes)):
        madre = "/".join(partes[:hasta]) or "/"
        datos = os.stat(madre)
        desplazar = 6 if datos.st_uid == usuario else 3 if datos.st_gid == usuario else 0
        if not datos.st_mode >> desplazar & 1:
            return madre
    return ""


def _montar(que: str, donde: str, tipo: str, opciones: int, datos: str) -> None:
    argumentos = (que.encode(), os.fsencode(donde), tipo.encode())
    _exigir(_libc.mount(*argumentos, ctypes.c_ulong(opciones), datos.encode()), f"mount {donde}")


def _exigir(resultado: int, que: str) -> None:
    if resultado != 0:
        numero = ctypes.get_errno()
        raise OSError(numero, f"{que}: {os.strerror(numero)}")
