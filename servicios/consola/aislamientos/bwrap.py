"""El aislamiento `bwrap`: cada orden en espacios propios, donde solo existe lo concedido."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

from agentes.errores import ErrorConsola
from agentes.perfil_consola import Red
from servicios.consola.aislamientos import visibles
from servicios.consola.aislamientos.etc import copiar_etc
from servicios.consola.aislamientos.montajes import Modo, Montaje, planear
from servicios.consola.entorno import RUTA_PROGRAMAS
from servicios.consola.pedido import DISPOSITIVOS, MARCA_FILTRO, MEMORIA_COMPARTIDA, Encierro
from servicios.consola.plaza import Plaza

_MIB = 1024 * 1024
_TMP = 64 * _MIB
_TAPA = 64 * 1024

_AQUI = Path(__file__).resolve().parent
_REENVIO = _AQUI.parent / "red/reenvio.py"
_PARA_REENVIAR = (_REENVIO, _AQUI / "seccomp.py")

_ESPACIOS = (
    *("--unshare-pid", "--unshare-ipc", "--unshare-uts", "--unshare-cgroup-try"),
    *("--die-with-parent", "--new-session", "--hostname", "enjambre", "--cap-drop", "ALL"),
)
# Sin espacio de usuario: bwrap sigue siendo root hasta que setpriv baja. La lectura libre es solo
# para entrar en una carpeta que root, sin capacidades, no podría ni pisar.
_DE_ROOT = tuple(
    parte
    for capacidad in ("SETUID", "SETGID", "SETPCAP", "DAC_READ_SEARCH")
    for parte in ("--cap-add", f"CAP_{capacidad}")
)
_DE_CUALQUIERA = ("--unshare-user", "--disable-userns")


class Bwrap:
    """Ver `Aislamiento`. `duenio` es el uid de las órdenes si somos root; si no, `None`.

    Lanza `ErrorConsola` si el programa no está instalado.
    """

    nombre = "bwrap"
    descripcion = "bwrap: cada orden solo ve su carpeta y los programas; sin red salvo la concedida"
    encierra = True

    def __init__(self, duenio: int | None) -> None:
        programa = shutil.which("bwrap", path=RUTA_PROGRAMAS)
        if programa is None:
            raise ErrorConsola("bwrap no está instalado")
        self.duenio = duenio
        self._python = visibles.carpetas_de_python()
        propio = _DE_CUALQUIERA if duenio is None else _DE_ROOT
        self._principio = (programa, *_ESPACIOS, *propio)
        etc = copiar_etc(visibles.ETC, visibles.ETC_CON_RED)
        self._maquina = tuple(_maquina(etc, adelantado=duenio is not None))
        self._hechos: dict[Plaza, Encierro] = {}
        self._bajar = () if duenio is None else _bajar_a(duenio)

    async def encerrar(self, plaza: Plaza) -> Encierro:
        """Ver `Aislamiento`. Con `red: lista` el filtro lo pone `reenvio.py`, ya dentro."""
        if plaza.ocultas or plaza.protegidas:
            return self._encerrar(plaza)  # hay que mirar qué existe ahora
        if plaza not in self._hechos:
            self._hechos[plaza] = self._encerrar(plaza)
        return self._hechos[plaza]

    def _encerrar(self, plaza: Plaza) -> Encierro:
        reenvio = _reenvio(plaza)
        filtro = "" if reenvio else "con_red" if plaza.red is Red.LIBRE else "sin_red"
        red_vacia = self.duenio is not None and filtro == "sin_red"
        corta = plaza.red is not Red.LIBRE and not red_vacia
        return Encierro(
            prefijo=(
                *self._principio,
                *(("--unshare-net",) if corta else ()),
                *self._maquina,
                *_etc(visibles.ETC_CON_RED if plaza.red is Red.LIBRE else ()),
                *self._sitio(plaza),
                *(("--seccomp", MARCA_FILTRO) if filtro else ()),
                *("--chdir", str(plaza.carpeta), "--", *self._bajar, *reenvio),
            ),
            filtro=filtro,
            procesos_aparte=self.duenio is None,
            red_vacia=red_vacia,
            dispositivos=self.duenio is not None,
        )

    async def olvidar(self, agente_id: str) -> None:
        """Solo lo pensado para sus plazas: cada orden monta lo suyo y se lo lleva."""
        for plaza in [p for p in self._hechos if p.agente_id == agente_id]:
            del self._hechos[plaza]

    async def cerrar(self) -> None:
        """Nada que cerrar: la copia de `/etc` es de todas las sesiones."""

    def _sitio(self, plaza: Plaza) -> Iterator[str]:
        """Lo que se monta para esta plaza; al final la raíz queda de solo lectura."""
        suelo = _Suelo()
        ademas = self._python
        if plaza.enchufe is not None:
            ademas = (*ademas, *_PARA_REENVIAR, plaza.enchufe)
        tapadas: list[Path] = []
        for montaje in planear(plaza, ademas):
            yield from suelo.madres(montaje.ruta)
            if montaje.ruta.is_symlink():
                # Montar encima sería montar en otro sitio.
                yield from self._enlace(montaje.ruta, suelo)
                continue
            if montaje.modo is not Modo.TAPAR:
                yield from _montar(montaje, exigido=montaje.ruta in plaza.escribir)
                suelo.ajenas.add(montaje.ruta)
            elif montaje.ruta.is_dir():
                tapadas.append(montaje.ruta)
                suelo.nuestras.add(montaje.ruta)
                yield from _carpeta_en_memoria(str(montaje.ruta), "0755", _TAPA)
            elif montaje.ruta.exists():
                yield from ("--ro-bind", os.devnull, str(montaje.ruta))
        for nuestro, donde in plaza.senuelos:
            if not suelo.es_ajeno(donde):
                yield from suelo.madres(donde)
                yield from ("--ro-bind-try", str(nuestro), str(donde))
        for tapada in (*map(str, tapadas), "/"):
            yield from ("--remount-ro", tapada)

    def _enlace(self, ruta: Path, suelo: _Suelo) -> Iterator[str]:
        """El mismo enlace, si es de Python y no lo trae ya la carpeta donde está."""
        if ruta in self._python and not suelo.es_ajeno(ruta):
            yield from ("--symlink", str(ruta.readlink()), str(ruta))


class _Suelo:
    """Qué rutas del encierro son de la máquina (ahí no se crea nada) y cuáles hemos hecho."""

    def __init__(self) -> None:
        self.ajenas = {visibles.USR, Path("/proc"), Path("/dev"), Path("/etc")}
        self.nuestras = {Path("/"), Path("/tmp")}  # noqa: S108

    def es_ajeno(self, ruta: Path) -> bool:
        """Si lo más cercano que la contiene es de la máquina."""
        for madre in (ruta, *ruta.parents):
            if madre in self.ajenas:
                return True
            if madre in self.nuestras:
                return False
        return False

    def madres(self, ruta: Path) -> Iterator[str]:
        """Crea las carpetas que llevan a una ruta, para que cualquier usuario pueda pasar."""
        for madre in reversed(ruta.parents):
            if madre not in self.nuestras and not self.es_ajeno(madre):
                self.nuestras.add(madre)
                yield from ("--perms", "0755", "--dir", str(madre))


def _maquina(etc: Path, *, adelantado: bool) -> Iterator[str]:
    """Lo que se monta igual para todas las plazas; con `adelantado`, /dev ya está hecho."""
    yield from ("--ro-bind", "/usr", "/usr")
    for nombre in visibles.ENLAZADAS:
        ruta = Path("/", nombre)
        if ruta.is_symlink():
            yield from ("--symlink", str(ruta.readlink()), str(ruta))
        elif ruta.is_dir():
            yield from ("--ro-bind", str(ruta), str(ruta))
    yield from ("--ro-bind", str(etc), "/etc")
    # Root vería /proc/sys escribible si no se monta encima.
    yield from ("--proc", "/proc", "--ro-bind", "/proc/sys", "/proc/sys")
    if adelantado:
        yield from ("--dev-bind", DISPOSITIVOS, "/dev")
    else:
        yield from ("--dev", "/dev")
        yield from _carpeta_en_memoria("/dev/shm", "1777", MEMORIA_COMPARTIDA)  # noqa: S108
        yield from ("--remount-ro", "/dev")
    yield from _carpeta_en_memoria("/tmp", "1777", _TMP)  # noqa: S108


def _etc(rutas: tuple[Path, ...]) -> Iterator[str]:
    for ruta in rutas:
        if ruta.exists():
            yield from ("--ro-bind-try", str(ruta), str(ruta))


def _carpeta_en_memoria(ruta: str, permisos: str, tope: int) -> Iterator[str]:
    yield from ("--perms", permisos, "--size", str(tope), "--tmpfs", ruta)


def _montar(montaje: Montaje, *, exigido: bool) -> Iterator[str]:
    opcion = "--bind" if montaje.modo is Modo.ESCRIBIR else "--ro-bind"
    ruta = str(montaje.ruta)
    yield from (opcion if exigido else f"{opcion}-try", ruta, ruta)


def _bajar_a(duenio: int) -> tuple[str, ...]:
    setpriv = shutil.which("setpriv", path=RUTA_PROGRAMAS)
    if setpriv is None:
        raise ErrorConsola("falta el programa setpriv (paquete util-linux)")
    usuario = ("--reuid", str(duenio), "--regid", str(duenio), "--clear-groups")
    return (setpriv, *usuario, "--inh-caps=-all", "--bounding-set=-all", "--no-new-privs")


def _reenvio(plaza: Plaza) -> tuple[str, ...]:
    """El programa que, dentro, lleva 127.0.0.1 al enchufe y luego ejecuta la orden."""
    if plaza.red is not Red.LISTA:
        return ()
    if plaza.enchufe is None:
        raise ErrorConsola("consola: la red por lista necesita el proxy en marcha")
    python = os.path.realpath(sys.executable)
    return (python, "-I", "-S", str(_REENVIO), "--enchufe", str(plaza.enchufe), "--")
