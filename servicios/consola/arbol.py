"""Encontrar y matar el árbol de procesos de una orden mirando /proc."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

MARCA = "ENJAMBRE_ORDEN"
"""Variable de entorno única de cada orden: la heredan también los nietos que se desligan."""

_PROC = Path("/proc")
_RONDAS = 50


@dataclass(frozen=True, slots=True)
class Proceso:
    """Lo que hace falta saber de un proceso vivo."""

    pid: int
    padre: int
    sesion: int


def hijos(pid: int) -> list[int]:
    """Hijos directos de un proceso de un solo hilo; vacía si no hay o no se puede saber."""
    try:
        texto = (_PROC / f"{pid}/task/{pid}/children").read_text(encoding="ascii")
    except OSError:
        return []
    return [int(hijo) for hijo in texto.split()]


def matar_arbol(raiz: int, marca: str) -> None:
    """Mata la raíz, sus descendientes, su sesión y a quien lleve la marca, hasta que no quede nadie.

    Primero los detiene: mientras se mata a un padre, un hijo suelto podría seguir pariendo.
    """
    _insistir(lambda: _del_arbol(raiz, marca))


def matar_restos(raiz: int, marca: str) -> None:
    """Igual, cuando la raíz ya terminó: quedan su sesión y quien lleve la marca."""
    _insistir(lambda: _de_la_sesion(raiz, marca))


def enviar(pids: Iterable[int], senal: signal.Signals) -> None:
    """Manda una señal a cada proceso que aún exista."""
    for pid in pids:
        with suppress(ProcessLookupError, PermissionError):
            os.kill(pid, senal)


def _insistir(buscar: Callable[[], list[int]]) -> None:
    detenidos: set[int] = set()
    for _ in range(_RONDAS):
        vivos = buscar()
        nuevos = [pid for pid in vivos if pid not in detenidos]
        if not vivos:
            return
        if nuevos:
            enviar(nuevos, signal.SIGSTOP)
            detenidos.update(nuevos)
        else:
            # Se detiene de padres a hijos y se mata al revés: la muerte de un padre despierta a
            # los grupos detenidos, y un padre despierto puede reaccionar a que su hijo se pare.
            enviar(reversed(vivos), signal.SIGKILL)
            detenidos.clear()


def _del_arbol(raiz: int, marca: str) -> list[int]:
    procesos = _vivos()
    arbol = [p.pid for p in procesos if p.pid == raiz]
    for padre in arbol:
        arbol.extend(p.pid for p in procesos if p.padre == padre and p.pid not in arbol)
    sesion = [p.pid for p in procesos if p.sesion == raiz]
    return list(dict.fromkeys([*arbol, *sesion, *_marcados(procesos, marca)]))


def _de_la_sesion(raiz: int, marca: str) -> list[int]:
    procesos = _vivos()
    # Si alguien estrena el pid de la raíz, esa sesión ya no es la nuestra.
    reciclado = any(p.pid == raiz for p in procesos)
    sesion = [] if reciclado else [p.pid for p in procesos if p.sesion == raiz]
    return list(dict.fromkeys([*sesion, *_marcados(procesos, marca)]))


def _vivos() -> list[Proceso]:
    encontrados = (_leer(int(ruta.name)) for ruta in _PROC.iterdir() if ruta.name.isdigit())
    return [proceso for proceso in encontrados if proceso is not None]


def _leer(pid: int) -> Proceso | None:
    try:
        texto = (_PROC / f"{pid}/stat").read_bytes()
    except OSError:
        return None
    # El nombre va entre paréntesis y puede contener de todo; los campos siguen al último.
    estado, padre, _grupo, sesion = texto.rpartition(b")")[2].split()[:4]
    if estado in {b"Z", b"X"}:
        return None
    return Proceso(pid, int(padre), int(sesion))


def _marcados(procesos: list[Proceso], marca: str) -> list[int]:
    buscada = f"{MARCA}={marca}".encode()
    return [p.pid for p in procesos if buscada in _entorno(p.pid)]


def _entorno(pid: int) -> list[bytes]:
    try:
        return (_PROC / f"{pid}/environ").read_bytes().split(b"\0")
    except OSError:
        return []
