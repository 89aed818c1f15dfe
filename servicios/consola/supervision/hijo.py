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
from contextlib import suppress

from servicios.consola.aislamientos import landlock, seccomp
from servicios.consola.pedido import MARCA_FILTRO, Encierro, Pedido, ensayar
from servicios.consola.supervision.adelantos import Adelantos
from servicios.consola.supervision.camino import abrir_camino
from servicios.consola.supervision.cgrupo import Cgrupo

CODIGO_SIN_LANZAR = 127

_PR_SET_PDEATHSIG = 1
_PR_CAPBSET_DROP = 24
_PR_SET_NO_NEW_PRIVS = 38
_PR_CAP_AMBIENT = 47
_PR_CAP_AMBIENT_CLEAR_ALL = 4
_CAPACIDADES = 64
_ABIERTOS = 1024
_TROZO = 65_536

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


def ser_la_orden(
    encargo: int,
    tubos: Sequence[int],
    cgrupo: Cgrupo | None,
    adelantos: Adelantos,
    adelantar: bool,
) -> None:
    """Espera el pedido por `encargo` y lo ejecuta.

    `tubos` son salida, error y por dónde quejarse. Si el pedido no llega, termina en silencio.
    """
    salida, error, queja = tubos
    try:
        _prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
        os.setsid()
        entrada = os.open(os.devnull, os.O_RDONLY)
        for desde, hasta in ((entrada, 0), (salida, 1), (error, 2)):
            os.dup2(desde, hasta)
        _sanear_senales()
        cgrupo = _dentro_de(cgrupo)
        if adelantar:
            with suppress(OSError):  # si hacen falta, se dirá por qué no puede ser
                adelantos.montar_dispositivos()
        ensayar()
        if crudo := _leer_todo(encargo):
            _ejecutar(Pedido.de_json(crudo), cgrupo, adelantos)
    except OSError as fallo:
        que = f" {fallo.filename}" if fallo.filename else ""
        os.write(queja, f"{fallo.strerror or fallo}{que}".encode("utf-8", "replace"))
    finally:
        os._exit(CODIGO_SIN_LANZAR)


def _dentro_de(cgrupo: Cgrupo | None) -> Cgrupo | None:
    """El grupo, ya dentro; si alguien lo quitó, ninguno: queda la vigilancia del supervisor."""
    if cgrupo is not None:
        try:
            cgrupo.entrar()
        except OSError:
            return None
    return cgrupo


def _leer_todo(encargo: int) -> bytes:
    trozos = []
    while trozo := os.read(encargo, _TROZO):
        trozos.append(trozo)
    return b"".join(trozos)


def _ejecutar(pedido: Pedido, cgrupo: Cgrupo | None, adelantos: Adelantos) -> None:
    argv = [*pedido.encierro.prefijo, *pedido.orden]
    if pedido.encierro.red_vacia:
        adelantos.quedarse_sin_red()
    if pedido.encierro.dispositivos:
        adelantos.montar_dispositivos()
    _encerrarse(pedido, argv, contados=cgrupo is not None)
    os.execvpe(argv[0], argv, pedido.entorno)


def _encerrarse(pedido: Pedido, argv: list[str], *, contados: bool) -> None:
    """`contados` dice que un grupo de control ya cuenta los procesos de la orden."""
    encierro, usuario = pedido.encierro, pedido.encierro.usuario
    if usuario is not None:
        abrir_camino(usuario, (pedido.carpeta, *pedido.medidas))
    os.chdir(pedido.carpeta)
    _limitar(pedido, contados=contados)
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


def _limitar(pedido: Pedido, *, contados: bool) -> None:
    limites = pedido.limites
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    _bajar_limite(resource.RLIMIT_FSIZE, limites.archivo)
    _bajar_limite(resource.RLIMIT_NOFILE, _ABIERTOS)
    if contados or pedido.encierro.procesos_aparte or limites.procesos <= 0:
        return
    # El núcleo cuenta juntos los procesos de un usuario, y los de otra orden que empiece después
    # se restarían de estos. Por eso no es el límite, que lo mira el supervisor: frena el golpe.
    _bajar_limite(resource.RLIMIT_NPROC, 2 * limites.procesos + _procesos_ajenos(pedido.encierro))


def _bajar_limite(cual: int, valor: int) -> None:
    tope = resource.getrlimit(cual)[1]
    if tope != resource.RLIM_INFINITY:
        valor = min(valor, tope)
    resource.setrlimit(cual, (valor, valor))


def _procesos_ajenos(encierro: Encierro) -> int:
    """Cuántos hilos tiene ya el usuario de la orden; si lo cambia el prefijo, cuántos hay."""
    uid = os.geteuid() if encierro.usuario is None else encierro.usuario
    total = 0
    for nombre in os.listdir("/proc"):
        if not nombre.isdigit():
            continue
        try:
            if uid in {0, os.stat(f"/proc/{nombre}").st_uid}:
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
