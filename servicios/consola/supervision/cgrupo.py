"""Un grupo de control por orden: memoria y procesos acotados por el núcleo, donde se pueda.

Hace falta poder escribir en /sys/fs/cgroup: root en la máquina, o una jerarquía delegada. Con
cgroups v1 son dos jerarquías; con v2, una que ha de tener los dos controladores. Donde no se
puede, vigila el supervisor.
"""

from __future__ import annotations

import os
import time
from contextlib import suppress
from dataclasses import dataclass

_BASE = "/sys/fs/cgroup"
_PROPIOS = "/proc/self/cgroup"
_CONTROLADORES = {"memory", "pids"}
_VIEJO_S = 60.0
_INTENTOS = 20
_TOPE_LECTURA = 65_536
_RESPIRO_S = 0.002


@dataclass(frozen=True, slots=True)
class Jerarquias:
    """Las carpetas de las que cuelga lo nuestro; `""` donde no se puede. Con v2 son la misma."""

    memoria: str
    procesos: str
    es_v2: bool


class Cgrupo:
    """El grupo de una orden. `crear` y, pase lo que pase, `borrar`."""

    def __init__(self, memoria: str, procesos: str, *, es_v2: bool) -> None:
        self._memoria = memoria
        self._es_v2 = es_v2
        self._procesos = procesos

    @classmethod
    def crear(
        cls, nombre: str, *, memoria: int, procesos: int, donde: Jerarquias | None = None
    ) -> Cgrupo | None:
        """Un grupo con esos límites (bytes y procesos), o `None` donde no se puede.

        Un grupo vacío que ya tuviera ese nombre se sustituye. `donde` es `JERARQUIAS`.
        """
        hay = donde or JERARQUIAS
        if not hay.memoria or not hay.procesos:
            return None
        grupo = cls(f"{hay.memoria}/{nombre}", f"{hay.procesos}/{nombre}", es_v2=hay.es_v2)
        try:
            grupo._hacer()
            grupo.limitar(memoria=memoria, procesos=procesos)
        except OSError:
            grupo._quitar(intentos=1)
            return None
        return grupo

    def _hacer(self) -> None:
        for carpeta in self._carpetas():
            with suppress(FileNotFoundError):
                os.rmdir(carpeta)
            os.mkdir(carpeta)

    def limitar(self, *, memoria: int, procesos: int) -> None:
        """Cambia sus límites (bytes y procesos). Lanza `OSError`."""
        if self._es_v2:
            _escribir(f"{self._memoria}/memory.max", memoria)
            _escribir_si_hay(f"{self._memoria}/memory.swap.max", 0)
        else:
            _escribir(f"{self._memoria}/memory.limit_in_bytes", memoria)
            _escribir_si_hay(f"{self._memoria}/memory.memsw.limit_in_bytes", memoria)
        _escribir(f"{self._procesos}/pids.max", procesos)

    def entrar(self) -> None:
        """Mete en él al proceso que llama; sus hijos nacerán dentro. Lanza `OSError`."""
        for carpeta in self._carpetas():
            _escribir(f"{carpeta}/cgroup.procs", 0)

    def matar(self) -> None:
        """Mata de golpe a todos los de dentro, si el núcleo sabe (v2); nunca lanza."""
        if self._es_v2:
            _escribir_si_hay(f"{self._memoria}/cgroup.kill", 1)

    def excedio_memoria(self) -> bool:
        """Si el núcleo ha matado a alguien de dentro por falta de memoria."""
        # No se mira memory.failcnt: hay núcleos en los que se queda siempre a cero.
        archivo = "memory.events" if self._es_v2 else "memory.oom_control"
        return _contador(f"{self._memoria}/{archivo}", "oom_kill") > 0

    def excedio_procesos(self) -> bool:
        """Si el núcleo ha negado algún proceso por pasarse del límite."""
        return _contador(f"{self._procesos}/pids.events", "max") > 0

    def borrar(self) -> None:
        """Lo quita; nunca lanza. Un proceso que acaba de morir lo retiene un momento."""
        self._quitar(intentos=_INTENTOS)

    def _quitar(self, *, intentos: int) -> None:
        for carpeta in self._carpetas():
            for _ in range(intentos):
                if _sin_carpeta(carpeta):
                    break
                time.sleep(_RESPIRO_S)

    def _carpetas(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys((self._memoria, self._procesos)))


def descubrir(base: str = _BASE, propios: str = _PROPIOS) -> Jerarquias:
    """Mira dónde se puede crear grupos. Se hace una vez, antes de bifurcar.

    `base` es donde están montadas las jerarquías y `propios`, el archivo que dice el grupo del
    proceso en cada una.
    """
    memoria = _de_v1(f"{base}/memory", _propia(propios, "memory"))
    procesos = _de_v1(f"{base}/pids", _propia(propios, "pids"))
    if memoria and procesos:
        return Jerarquias(memoria, procesos, es_v2=False)
    unida = _de_v2(base, _propia(propios, ""))
    return Jerarquias(unida, unida, es_v2=True)


def barrer_abandonados(
    prefijo: str, donde: Jerarquias | None = None, *, viejo_s: float = _VIEJO_S
) -> None:
    """Quita los grupos vacíos `prefijo` + pid de procesos que ya no existen; nunca lanza.

    Los de menos de `viejo_s` se dejan: en otro espacio de pids el suyo puede existir y no verse.
    """
    hay = donde or JERARQUIAS
    for carpeta in filter(None, dict.fromkeys((hay.memoria, hay.procesos))):
        for nombre in _entradas(carpeta):
            pid = nombre.removeprefix(prefijo).partition("-")[0]
            suyo = nombre.startswith(prefijo) and pid.isdigit()
            if (
                suyo
                and not os.path.exists(f"/proc/{pid}")
                and _edad(f"{carpeta}/{nombre}") >= viejo_s
            ):
                _sin_carpeta(f"{carpeta}/{nombre}")


def _edad(carpeta: str) -> float:
    try:
        return time.time() - os.stat(carpeta).st_mtime
    except OSError:
        return -1.0


def _de_v1(montada: str, propia: str) -> str:
    """La carpeta de este proceso en esa jerarquía o, si no se ve, su raíz."""
    for candidata in (montada + propia, montada):
        if os.path.exists(f"{candidata}/cgroup.procs") and os.access(candidata, os.W_OK):
            return candidata
    return ""


def _de_v2(base: str, propia: str) -> str:
    """El grupo de este proceso o el de encima.

    Un grupo con procesos no puede repartir controladores a sus hijos, así que lo corriente es
    crear los nuestros al lado del propio; salvo que el propio tenga un tope, que sería saltárselo.
    """
    carpeta = base + propia
    candidatas = [carpeta]
    if propia and _leer(f"{carpeta}/memory.max").strip() in {"", "max"}:
        candidatas.append(carpeta.rpartition("/")[0])
    return next((candidata for candidata in candidatas if _reparte(candidata)), "")


def _reparte(carpeta: str) -> bool:
    """Si los grupos que se creen ahí tendrán los controladores."""
    usables = (carpeta, f"{carpeta}/cgroup.procs")
    if not all(os.access(ruta, os.W_OK) for ruta in usables):
        return False
    activos = f"{carpeta}/cgroup.subtree_control"
    if not set(_leer(activos).split()) >= _CONTROLADORES:
        if not set(_leer(f"{carpeta}/cgroup.controllers").split()) >= _CONTROLADORES:
            return False
        _escribir_si_hay(activos, "+memory +pids")
    return set(_leer(activos).split()) >= _CONTROLADORES


def _propia(propios: str, controlador: str) -> str:
    """La ruta de este proceso en la jerarquía de ese controlador; con `""`, en la de v2."""
    for linea in _leer(propios).splitlines():
        _, controladores, ruta = linea.split(":", 2)
        if controlador in controladores.split(","):
            return ruta.rstrip("/")
    return ""


def _entradas(carpeta: str) -> list[str]:
    try:
        return os.listdir(carpeta)
    except OSError:
        return []


def _sin_carpeta(carpeta: str) -> bool:
    """La quita y dice si ya no está."""
    try:
        os.rmdir(carpeta)
    except FileNotFoundError:
        return True
    except OSError:
        return False
    return True


def _escribir(archivo: str, valor: int | str) -> None:
    fd = os.open(archivo, os.O_WRONLY)
    try:
        os.write(fd, str(valor).encode())
    finally:
        os.close(fd)


def _escribir_si_hay(archivo: str, valor: int | str) -> None:
    with suppress(OSError):
        _escribir(archivo, valor)


def _leer(archivo: str) -> str:
    """Su contenido; nada si no se puede."""
    with suppress(OSError):
        fd = os.open(archivo, os.O_RDONLY)
        try:
            return os.read(fd, _TOPE_LECTURA).decode("utf-8", "surrogateescape")
        finally:
            os.close(fd)
    return ""


def _contador(archivo: str, nombre: str) -> int:
    """El número que sigue a un nombre; 0 si no se puede leer."""
    for linea in _leer(archivo).splitlines():
        clave, _, valor = linea.partition(" ")
        if clave == nombre and valor.isdigit():
            return int(valor)
    return 0


JERARQUIAS = descubrir()
"""Lo que hay en esta máquina para el proceso que importó este módulo."""
