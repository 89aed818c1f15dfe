"""Los procesos de una orden: encontrarlos, medirlos y matarlos a todos.

El supervisor es el padre adoptivo de todo lo que nace de su orden (subreaper): lo que se desliga
vuelve a ser hijo suyo, así que su descendencia es la orden entera y «no tengo hijos» es la
prueba de que no queda nadie.
"""

from __future__ import annotations

import ctypes
import os
import signal
import stat
import time
from collections.abc import Iterable
from contextlib import suppress
from functools import cache

_LIMITE_ENTIERRO_S = 5.0
_RESPIRO_S = 0.0005
_PAGINA = os.sysconf("SC_PAGE_SIZE")
_PR_SET_CHILD_SUBREAPER = 36
_BLOQUE = 512
_ENTRADA = 4096
_HONDO = 200
_CARPETA = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC


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


def memoria(pids: Iterable[int], tope: int, suelta: int = 0) -> int:
    """Bytes de memoria de esos procesos juntos: la residente y la `suelta` (ver `sin_nombre`).

    Lo que comparten por haberse bifurcado cuenta una vez por proceso; solo si así se pasa de
    `tope` se mide de nuevo repartiendo lo compartido, que es más lento.
    """
    pids = list(pids)
    bruta = sum(map(_residente, pids)) + suelta
    if bruta <= tope:
        return bruta
    repartidas = [_proporcional(pid) for pid in pids]
    # Lo suelto que alguien tenga proyectado ya está entre lo compartido.
    proyectada = sum(compartida for _, compartida in repartidas)
    return sum(toda for toda, _ in repartidas) + max(0, suelta - proyectada)


def _residente(pid: int) -> int:
    try:
        with open(f"/proc/{pid}/statm", "rb") as archivo:
            return int(archivo.read().split()[1]) * _PAGINA
    except (OSError, IndexError):
        return 0


def _proporcional(pid: int) -> tuple[int, int]:
    """Su parte de toda la memoria y, dentro de ella, de la que es de archivos en memoria."""
    try:
        with open(f"/proc/{pid}/smaps_rollup", "rb") as archivo:
            medidas = dict(linea.split()[:2] for linea in archivo)
    except (OSError, ValueError):
        return _residente(pid), 0
    return int(medidas.get(b"Pss:", b"0")) * 1024, int(medidas.get(b"Pss_Shmem:", b"0")) * 1024


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

    Se detiene de padres a hijos, hasta que no aparece nadie nuevo, y se mata al revés: la muerte de
    un padre despierta a los grupos detenidos. Uno atascado en el núcleo no retiene más de 5 s.
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
            enviar(nuevos, signal.SIGSTOP)
            detenidos.update(nuevos)
        else:
            enviar(reversed(vivos), signal.SIGKILL)
            detenidos.clear()
            signal.sigtimedwait({signal.SIGCHLD}, _RESPIRO_S)


def enviar(pids: Iterable[int], senal: signal.Signals) -> None:
    """Les manda una señal; los que ya no estén, da igual."""
    for pid in pids:
        with suppress(ProcessLookupError, PermissionError):
            os.kill(pid, senal)


def tamano(carpetas: Iterable[str], segundos: float) -> int | None:
    """Bytes que ocupan en el disco esas carpetas; `None` si no se pueden recorrer enteras.

    No sigue enlaces ni cambia de disco, y cuenta los bloques de verdad, una vez por archivo: uno
    hueco no ocupa. Cada entrada cuesta al menos un bloque, que es lo que gasta aunque esté vacía.
    """
    recorrido = _Recorrido(time.monotonic() + segundos)
    try:
        for carpeta in carpetas:
            recorrido.recorrer(carpeta)
    except _SinTiempoError:
        return None
    return recorrido.total if recorrido.completo else None


class _SinTiempoError(Exception):
    """Se acabó el tiempo de medir."""


class _Recorrido:
    """Suma de arriba abajo, por descriptores: una ruta larga no se podría abrir por su nombre.

    Solo quedan abiertas las carpetas a las que hay que volver, y nunca más de `_HONDO`.
    """

    def __init__(self, final: float) -> None:
        self.total = 0
        self.completo = True
        self._final = final
        self._vistos: set[tuple[int, int]] = set()
        self._por_volver: list[tuple[int, list[str]]] = []

    def recorrer(self, raiz: str) -> None:
        """Suma lo que cuelga de esa carpeta; si no existe, nada."""
        try:
            self._entrar(raiz, None)
            while self._por_volver:
                madre, nombres = self._por_volver[-1]
                nombre = nombres.pop()
                if nombres:
                    self._entrar(nombre, madre)
                    continue
                self._por_volver.pop()
                try:
                    self._entrar(nombre, madre)
                finally:
                    os.close(madre)
        finally:
            for fd, _ in self._por_volver:
                os.close(fd)
            self._por_volver.clear()

    def _entrar(self, nombre: str, madre: int | None) -> None:
        if len(self._por_volver) >= _HONDO:
            self.completo = False
            return
        fd = -1
        dentro: list[str] = []
        try:
            fd = _abrir_carpeta(nombre, madre)
            dentro = self._sumar(fd)
        except FileNotFoundError:
            pass
        except OSError:
            self.completo = False
        finally:
            if dentro:
                self._por_volver.append((fd, dentro))
            elif fd >= 0:
                os.close(fd)

    def _sumar(self, carpeta: int) -> list[str]:
        """Suma sus entradas y devuelve las carpetas que hay entre ellas."""
        disco = os.fstat(carpeta).st_dev
        dentro: list[str] = []
        with os.scandir(carpeta) as entradas:
            for entrada in entradas:
                if time.monotonic() > self._final:
                    raise _SinTiempoError
                ficha = _ficha(entrada)
                if ficha is None or ficha.st_dev != disco or not self._es_nueva(ficha):
                    continue
                self.total += max(ficha.st_blocks * _BLOQUE, _ENTRADA)
                if stat.S_ISDIR(ficha.st_mode):
                    dentro.append(entrada.name)
        return dentro

    def _es_nueva(self, ficha: os.stat_result) -> bool:
        if ficha.st_nlink < 2 or stat.S_ISDIR(ficha.st_mode):
            return True
        antes = len(self._vistos)
        self._vistos.add((ficha.st_dev, ficha.st_ino))
        return len(self._vistos) > antes


def _ficha(entrada: os.DirEntry[str]) -> os.stat_result | None:
    with suppress(FileNotFoundError):
        return entrada.stat(follow_symlinks=False)
    return None


def _abrir_carpeta(nombre: str, madre: int | None) -> int:
    """La abre para leerla; si es nuestra y alguien se quitó el permiso, se lo devuelve."""
    try:
        fd = os.open(nombre, _CARPETA, dir_fd=madre)
    except PermissionError:
        return _abrir_cerrada(nombre, madre)
    ficha = os.fstat(fd)
    if ficha.st_uid == os.geteuid() and not ficha.st_mode & stat.S_IXUSR:
        with suppress(OSError):
            os.fchmod(fd, stat.S_IMODE(ficha.st_mode) | stat.S_IRWXU)
    return fd


def _abrir_cerrada(nombre: str, madre: int | None) -> int:
    # Por su descriptor: por su nombre, un enlace puesto a tiempo cambiaría el permiso de otro.
    lugar = os.open(nombre, _CARPETA | os.O_PATH, dir_fd=madre)
    try:
        os.chmod(f"/proc/self/fd/{lugar}", stat.S_IRWXU)
        return os.open(".", _CARPETA, dir_fd=lugar)
    finally:
        os.close(lugar)


def sin_nombre(pids: Iterable[int], segundos: float) -> tuple[int, int] | None:
    """Bytes en disco y en memoria de los archivos sin nombre que esos procesos tienen abiertos.

    Los del disco son los borrados; los de memoria, los de `memfd_create`, que no son residentes
    de nadie mientras no se proyecten. `None` si no da tiempo a mirarlos.
    """
    final = time.monotonic() + segundos
    vistos: dict[tuple[int, int], int] = {}
    for ruta in (ruta for pid in pids for ruta in _abiertos(pid)):
        if time.monotonic() > final:
            return None
        with suppress(OSError):
            ficha = os.stat(ruta)
            if ficha.st_nlink == 0 and stat.S_ISREG(ficha.st_mode):
                vistos[ficha.st_dev, ficha.st_ino] = ficha.st_blocks * _BLOQUE
    en_memoria = sum(ocupa for (dev, _), ocupa in vistos.items() if dev == _disco_de_memfd())
    return sum(vistos.values()) - en_memoria, en_memoria


def _abiertos(pid: int) -> list[str]:
    try:
        return [f"/proc/{pid}/fd/{fd}" for fd in os.listdir(f"/proc/{pid}/fd")]
    except OSError:
        return []


@cache
def _disco_de_memfd() -> int:
    """El dispositivo en que el núcleo guarda todos los `memfd`."""
    fd = os.memfd_create("medida")
    try:
        return os.fstat(fd).st_dev
    finally:
        os.close(fd)
