"""Los procesos de una orden: encontrarlos, medirlos y matarlos a todos.

El supervisor es el padre adoptivo de todo lo que nace de su orden (subreaper): lo que se desliga
vuelve a ser hijo suyo, así que su descendencia es la orden entera y «no tengo hijos» es la
prueba de que no queda nadie.
"""

from __future__ import annotations

import ctypes
import os
import signal
import time
from collections.abc import Iterable
from contextlib import suppress

_LIMITE_ENTIERRO_S = 5.0
_RESPIRO_S = 0.0005
_PAGINA = os.sysconf("SC_PAGE_SIZE")
_PR_SET_CHILD_SUBREAPER = 36


def adoptar_huerfanos() -> None:
    """Desde ahora, quien se quede sin padre en la descendencia de este proceso es hijo suyo."""
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGCHLD})
    if ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) != 0:
        raise OSError(ctypes.get_errno(), "prctl PR_SET_CHILD_SUBREAPER")


def descendientes(pid: int) -> list[int]:
    """Los procesos vivos o por enterrar que cuelgan de `pid`, los padres antes que los hijos."""
    vistos: dict[int, None] = {}
    por_ver = [pid]
    while por_ver:
        for hijo in _hijos(por_ver.pop()):
            if hijo not in vistos:
                vistos[hijo] = None
                por_ver.append(hijo)
    return list(vistos)


def _hijos(pid: int) -> list[int]:
    hijos: list[int] = []
    with suppress(OSError):
        for hilo in os.listdir(f"/proc/{pid}/task"):
            hijos += _hijos_del_hilo(pid, hilo)
    return hijos


def _hijos_del_hilo(pid: int, hilo: str) -> list[int]:
    try:
        with open(f"/proc/{pid}/task/{hilo}/children", "rb") as archivo:
            return [int(hijo) for hijo in archivo.read().split()]
    except OSError:
        return []


def memoria(pids: Iterable[int], tope: int) -> int:
    """Bytes residentes de esos procesos juntos.

    Lo que comparten por haberse bifurcado cuenta una vez por proceso; solo si así se pasa de
    `tope` se mide de nuevo repartiendo lo compartido, que es más lento.
    """
    pids = list(pids)
    bruta = sum(map(_residente, pids))
    return bruta if bruta <= tope else sum(map(_proporcional, pids))


def _residente(pid: int) -> int:
    try:
        with open(f"/proc/{pid}/statm", "rb") as archivo:
            return int(archivo.read().split()[1]) * _PAGINA
    except (OSError, IndexError):
        return 0


def _proporcional(pid: int) -> int:
    try:
        with open(f"/proc/{pid}/smaps_rollup", "rb") as archivo:
            medidas = dict(linea.split()[:2] for linea in archivo)
    except (OSError, ValueError):
        return _residente(pid)
    return int(medidas.get(b"Pss:", b"0")) * 1024


def enterrar() -> tuple[dict[int, int], bool]:
    """Recoge a los hijos que ya terminaron, sin esperar: pid → estado, y si quedan otros."""
    terminados: dict[int, int] = {}
    try:
        while (hijo := os.waitpid(-1, os.WNOHANG))[0]:
            terminados[hijo[0]] = hijo[1]
    except ChildProcessError:
        return terminados, False
    return terminados, True


def matar_descendencia() -> tuple[bool, dict[int, int]]:
    """Mata todo lo que cuelga de este proceso. Devuelve si no quedó nadie y a quién enterró.

    Se detiene de padres a hijos, hasta que no aparece nadie nuevo, y se mata al revés: la muerte
    de un padre despierta a los grupos detenidos. Un proceso atascado en el núcleo no retiene
    más de cinco segundos.
    """
    enterrados: dict[int, int] = {}
    final = time.monotonic() + _LIMITE_ENTIERRO_S
    detenidos: set[int] = set()
    while True:
        nuevos_muertos, quedan = enterrar()
        enterrados |= nuevos_muertos
        if not quedan:
            return True, enterrados
        vivos = descendientes(os.getpid())
        if time.monotonic() > final:
            return False, enterrados
        nuevos = [pid for pid in vivos if pid not in detenidos]
        if nuevos:
            _enviar(nuevos, signal.SIGSTOP)
            detenidos.update(nuevos)
        else:
            _enviar(reversed(vivos), signal.SIGKILL)
            detenidos.clear()
            signal.sigtimedwait({signal.SIGCHLD}, _RESPIRO_S)


def _enviar(pids: Iterable[int], senal: signal.Signals) -> None:
    for pid in pids:
        with suppress(ProcessLookupError, PermissionError):
            os.kill(pid, senal)


def tamano(carpetas: Iterable[str], segundos: float) -> int | None:
    """Bytes que ocupan en el disco esas carpetas; `None` si no da tiempo a recorrerlas.

    No sigue enlaces y cuenta los bloques de verdad: un archivo hueco no ocupa.
    """
    final = time.monotonic() + segundos
    total = 0
    por_ver = list(carpetas)
    while por_ver:
        if time.monotonic() > final:
            return None
        ocupan, dentro = _una_carpeta(por_ver.pop())
        total += ocupan
        por_ver += dentro
    return total


def _una_carpeta(carpeta: str) -> tuple[int, list[str]]:
    """Lo que ocupan sus entradas y las carpetas que hay entre ellas."""
    total, dentro = 0, []
    with suppress(OSError), os.scandir(carpeta) as entradas:
        for entrada in entradas:
            with suppress(FileNotFoundError):
                total += entrada.stat(follow_symlinks=False).st_blocks * 512
            if entrada.is_dir(follow_symlinks=False):
                dentro.append(entrada.path)
    return total, dentro
