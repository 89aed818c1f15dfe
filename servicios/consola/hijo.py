"""Lo último que hace nuestro código en el proceso de una orden: encerrarse y dejar de ser nuestro.

Corre entre el fork y el exec. Pase lo que pase no vuelve: o ejecuta la orden o escribe por qué no
y termina.
"""

from __future__ import annotations

import ctypes
import os
import resource
import signal
from collections.abc import Sequence

from servicios.consola import landlock, seccomp
from servicios.consola.camino import abrir_camino
from servicios.consola.cgrupo import Cgrupo
from servicios.consola.pedido import MARCA_FILTRO, Encierro, Pedido

CODIGO_SIN_LANZAR = 127

_PR_SET_PDEATHSIG = 1
_PR_CAPBSET_DROP = 24
_PR_SET_NO_NEW_PRIVS = 38
_PR_CAP_AMBIENT = 47
_PR_CAP_AMBIENT_CLEAR_ALL = 4
_CAPACIDADES = 64
_ABIERTOS = 1024

_libc = ctypes.CDLL(None, use_errno=True)

FILTROS: dict[str, bytes] = (
    {
        "sin_red": seccomp.programa(red=False, unix=False),
        "con_red": seccomp.programa(red=True, unix=False),
    }
    if seccomp.disponible()
    else {}
)
"""Nombre de filtro (el de `Encierro.filtro`) → programa, hecho una vez antes de bifurcar."""


def ser_la_orden(pedido: Pedido, tubos: Sequence[int], cgrupo: Cgrupo | None) -> None:
    """Ejecuta la orden del pedido; `tubos` son salida, error y por dónde quejarse."""
    salida, error, queja = tubos
    try:
        os.setsid()
        entrada = os.open(os.devnull, os.O_RDONLY)
        for desde, hasta in ((entrada, 0), (salida, 1), (error, 2)):
            os.dup2(desde, hasta)
        _sanear_senales()
        if cgrupo is not None:
            cgrupo.entrar()
        argv = [*pedido.encierro.prefijo, *pedido.orden]
        _encerrarse(pedido, argv)
        os.execvpe(argv[0], argv, pedido.entorno)
    except OSError as fallo:
        que = f" {fallo.filename}" if fallo.filename else ""
        os.write(queja, f"{fallo.strerror or fallo}{que}".encode("utf-8", "replace"))
    finally:
        os._exit(CODIGO_SIN_LANZAR)


def _encerrarse(pedido: Pedido, argv: list[str]) -> None:
    encierro, usuario = pedido.encierro, pedido.encierro.usuario
    if usuario is not None:
        abrir_camino(usuario, (pedido.carpeta, *pedido.medidas))
    os.chdir(pedido.carpeta)
    _limitar(pedido)
    por_descriptor = MARCA_FILTRO in argv
    if por_descriptor:
        argv[argv.index(MARCA_FILTRO)] = str(_descriptor_del_filtro(encierro.filtro))
    if usuario is not None:
        _bajar_a(usuario)
    # Se borra al cambiar de usuario, así que va después.
    _prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if not encierro.prefijo:
        _prctl(_PR_SET_NO_NEW_PRIVS, 1)
    if encierro.cerca is not None:
        landlock.cercar(encierro.cerca, tcp_libre=encierro.filtro != "sin_red")
    if encierro.filtro and not por_descriptor:
        seccomp.instalar(_filtro(encierro))


def _filtro(encierro: Encierro) -> bytes:
    if encierro.filtro not in FILTROS:
        raise OSError(f"no hay filtro de seccomp «{encierro.filtro}» para esta máquina")
    return FILTROS[encierro.filtro]


def _descriptor_del_filtro(nombre: str) -> int:
    fd = os.memfd_create("filtro", 0)
    os.write(fd, FILTROS[nombre])
    os.lseek(fd, 0, os.SEEK_SET)
    return fd


def _sanear_senales() -> None:
    """Python ignora SIGPIPE y lo heredaría la orden."""
    for senal in (signal.SIGPIPE, signal.SIGXFSZ, signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(senal, signal.SIG_DFL)
    signal.pthread_sigmask(signal.SIG_SETMASK, ())


def _limitar(pedido: Pedido) -> None:
    limites = pedido.limites
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    _bajar_limite(resource.RLIMIT_FSIZE, limites.archivo)
    _bajar_limite(resource.RLIMIT_NOFILE, _ABIERTOS)
    usuario = pedido.encierro.usuario
    if pedido.encierro.procesos_aparte or limites.procesos <= 0:
        return
    uid = os.geteuid() if usuario is None else usuario
    _bajar_limite(resource.RLIMIT_NPROC, limites.procesos + _procesos_de(uid))


def _bajar_limite(cual: int, valor: int) -> None:
    tope = resource.getrlimit(cual)[1]
    if tope != resource.RLIM_INFINITY:
        valor = min(valor, tope)
    resource.setrlimit(cual, (valor, valor))


def _procesos_de(uid: int) -> int:
    """Cuántos hilos tiene ya ese usuario: el núcleo los cuenta todos juntos."""
    total = 0
    for nombre in os.listdir("/proc"):
        if not nombre.isdigit():
            continue
        try:
            if os.stat(f"/proc/{nombre}").st_uid == uid:
                total += len(os.listdir(f"/proc/{nombre}/task"))
        except OSError:
            continue
    return total


def _bajar_a(usuario: int) -> None:
    _prctl(_PR_CAP_AMBIENT, _PR_CAP_AMBIENT_CLEAR_ALL)
    for capacidad in range(_CAPACIDADES):
        if _libc.prctl(_PR_CAPBSET_DROP, capacidad, 0, 0, 0) != 0:
            break
    os.setgroups([])
    os.setresgid(usuario, usuario, usuario)
    os.setresuid(usuario, usuario, usuario)


def _prctl(opcion: int, valor: int) -> None:
    if _libc.prctl(opcion, valor, 0, 0, 0) != 0:
        numero = ctypes.get_errno()
        raise OSError(numero, f"prctl {opcion}: {os.strerror(numero)}")
