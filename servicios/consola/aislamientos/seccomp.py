"""El filtro de llamadas al sistema: un programa BPF que el núcleo pasa antes de cada una.

Solo biblioteca estándar. Lo peligroso da EPERM, como si no hubiera permiso; `clone3` da ENOSYS,
que la biblioteca de C entiende como «usa clone», cuyos indicadores sí se pueden mirar. La forma
del programa es la de `linux/filter.h` y los números, los de cada arquitectura.
"""

from __future__ import annotations

import ctypes
import errno
import os
import struct
from collections.abc import Sequence

_LD_ABS, _AND, _JA, _JEQ, _JGE, _JSET, _RET = 0x20, 0x54, 0x05, 0x15, 0x35, 0x45, 0x06
_MATAR, _ERRNO, _PERMITIR = 0x80000000, 0x00050000, 0x7FFF0000
_NUMERO, _ARQUITECTURA, _ARG0, _ARG1 = 0, 4, 16, 24
"""Dónde está cada cosa en `struct seccomp_data`; de los argumentos, los 32 bits bajos."""

_INSTRUCCION = struct.Struct("HBBI")
_X32 = 0x40000000
_NUEVOS_ESPACIOS = 0x7E020000
_AF_UNIX, _AF_INET, _AF_INET6, _AF_NETLINK = 1, 2, 10, 16
_SOCK_STREAM, _SOCK_SEQPACKET, _TIPO_DE_SOCKET = 1, 5, 0xF
_TIOCSTI, _TIOCLINUX = 0x5412, 0x541C
_PR_GET_SECCOMP, _PR_SET_SECCOMP, _PR_SET_NO_NEW_PRIVS, _MODO_FILTRO = 21, 22, 38, 2

_MAQUINAS = {"x86_64": 0xC000003E, "aarch64": 0xC00000B7}
"""Cómo se llama cada arquitectura para el núcleo; su sitio es el de los pares de abajo."""

_MIRADAS = {
    "clone": (56, 220), "clone3": (435, 435), "ioctl": (16, 29),
    "socket": (41, 198), "socketpair": (53, 199),
}  # fmt: skip
_PROHIBIDAS = {
    "ptrace": (101, 117), "process_vm_readv": (310, 270), "process_vm_writev": (311, 271),
    "pidfd_getfd": (438, 438), "kcmp": (312, 272), "mount": (165, 40), "umount2": (166, 39),
    "pivot_root": (155, 41), "move_mount": (429, 429), "open_tree": (428, 428),
    "open_tree_attr": (467, 467), "fsopen": (430, 430), "fsconfig": (431, 431),
    "fsmount": (432, 432), "fspick": (433, 433), "mount_setattr": (442, 442),
    "chroot": (161, 51), "unshare": (272, 97), "setns": (308, 268), "add_key": (248, 217),
    "request_key": (249, 218), "keyctl": (250, 219), "bpf": (321, 280),
    "perf_event_open": (298, 241), "userfaultfd": (323, 282), "io_uring_setup": (425, 425),
    "io_uring_enter": (426, 426), "io_uring_register": (427, 427), "kexec_load": (246, 104),
    "kexec_file_load": (320, 294), "init_module": (175, 105), "finit_module": (313, 273),
    "delete_module": (176, 106), "open_by_handle_at": (304, 265), "swapon": (167, 224),
    "swapoff": (168, 225), "reboot": (169, 142), "acct": (163, 89), "settimeofday": (164, 170),
    "clock_settime": (227, 112), "clock_adjtime": (305, 266), "adjtimex": (159, 171),
    "syslog": (103, 116), "quotactl": (179, 60), "quotactl_fd": (443, 443),
    "sethostname": (170, 161), "setdomainname": (171, 162), "fanotify_init": (300, 262),
    "lookup_dcookie": (212, 18), "vhangup": (153, 58),
    "shmget": (29, 194), "shmat": (30, 196), "shmctl": (31, 195), "semget": (64, 190),
    "semop": (65, 193), "semtimedop": (220, 192), "semctl": (66, 191), "msgget": (68, 186),
    "msgsnd": (69, 189), "msgrcv": (70, 188), "msgctl": (71, 187), "mq_open": (240, 180),
    "mq_unlink": (241, 181),
}  # fmt: skip
"""Las últimas son la ipc de System V y los buzones de POSIX.

No pasan por ninguna ruta: comunicarían a dos agentes que no tengan cada uno su espacio de ipc.
"""

_SOBRE_UNO_MISMO = {
    "prlimit64": (302, 261), "sched_setparam": (142, 118), "sched_setscheduler": (144, 119),
    "sched_setaffinity": (203, 122), "sched_setattr": (314, 274),
}  # fmt: skip
"""Su primer argumento dice a qué proceso; cero es el que llama.

Ninguna cerca impide frenar o matar con ellas a otro del mismo usuario, como el supervisor.
"""

_PRIORIDADES = {"setpriority": ((141, 140), 0), "ioprio_set": ((251, 30), 1)}
"""Con el valor de su primer argumento que quiere decir «un proceso»; el segundo dice cuál."""

_libc = ctypes.CDLL(None, use_errno=True)


def disponible() -> bool:
    """Si el núcleo sabe filtrar y nosotros, los números de esta máquina."""
    # Un Python de 32 bits es otra arquitectura aunque el núcleo sea de 64.
    conocida = os.uname().machine in _MAQUINAS and struct.calcsize("P") == 8
    return conocida and int(_libc.prctl(_PR_GET_SECCOMP, 0, 0, 0, 0)) >= 0


def programa(*, red: bool, unix: bool) -> bytes:
    """El filtro, como la serie de `struct sock_filter` que espera el núcleo (o bwrap).

    Con `red` se pueden abrir sockets de IP; con `unix`, los de Unix (`socketpair` siempre).
    Lanza `OSError` en una máquina cuyos números no sabemos.
    """
    maquina = os.uname().machine
    if maquina not in _MAQUINAS:
        raise OSError(errno.ENOSYS, f"no hay filtro de seccomp para {maquina}")
    cual = list(_MAQUINAS).index(maquina)
    numeros = {nombre: par[cual] for nombre, par in _MIRADAS.items()}
    familias = [_AF_INET, _AF_INET6, _AF_NETLINK] if red else []
    if unix:
        familias.append(_AF_UNIX)
    trozos = [
        _pon(_LD_ABS, _ARQUITECTURA),
        *(_pon(_JEQ, _MAQUINAS[maquina], si=1), _pon(_RET, _MATAR)),
        _pon(_LD_ABS, _NUMERO),
        *((_pon(_JGE, _X32, no=1), _NEGAR) if maquina == "x86_64" else ()),
        _caso(numeros["ioctl"], _ninguno(_ARG1, (_TIOCSTI, _TIOCLINUX))),
        _caso(numeros["clone"], _sin_espacios_nuevos()),
        _caso(numeros["clone3"], _pon(_RET, _ERRNO | errno.ENOSYS)),
        _caso(numeros["socket"], _solo(_ARG0, familias)),
        _caso(numeros["socketpair"], _parejas(unix=unix)),
        *(_caso(par[cual], _solo(_ARG0, (0,))) for par in _SOBRE_UNO_MISMO.values()),
        *(_caso(par[cual], _solo_a_mi(clase)) for par, clase in _PRIORIDADES.values()),
        _entre([par[cual] for par in _PROHIBIDAS.values()], _NEGAR),
        _DEJAR,
    ]
    return b"".join(trozos)


def instalar(filtro: bytes) -> None:
    """Se lo pone al proceso, para siempre y también a sus hijos. Lanza `OSError`."""
    instrucciones = ctypes.create_string_buffer(filtro, len(filtro))
    cuantas = len(filtro) // _INSTRUCCION.size
    cabecera = struct.pack("H6xP", cuantas, ctypes.addressof(instrucciones))
    _exigir(_libc.prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0))
    _exigir(_libc.prctl(_PR_SET_SECCOMP, _MODO_FILTRO, cabecera, 0, 0))


def _pon(codigo: int, valor: int, *, si: int = 0, no: int = 0) -> bytes:
    """Una instrucción; `si` y `no` son cuántas se saltan después de comparar."""
    return _INSTRUCCION.pack(codigo, si, no, valor)


_DEJAR = _pon(_RET, _PERMITIR)
_NEGAR = _pon(_RET, _ERRNO | errno.EPERM)


def _caso(numero: int, que: bytes) -> bytes:
    """`que`, que ha de acabar decidiendo, solo para esa llamada."""
    return _pon(_JEQ, numero, no=len(que) // _INSTRUCCION.size) + que


def _entre(valores: Sequence[int], que: bytes) -> bytes:
    """La instrucción `que` si lo cargado es uno de los valores; si no, se sigue detrás."""
    comparar = (_pon(_JEQ, valor, si=len(valores) - i) for i, valor in enumerate(valores))
    return b"".join((*comparar, _pon(_JA, 1), que)) if valores else b""


def _solo(argumento: int, valores: Sequence[int]) -> bytes:
    return _pon(_LD_ABS, argumento) + _entre(valores, _DEJAR) + _NEGAR


def _ninguno(argumento: int, valores: Sequence[int]) -> bytes:
    return _pon(_LD_ABS, argumento) + _entre(valores, _NEGAR) + _DEJAR


def _solo_a_mi(clase: int) -> bytes:
    """Lo que se aplica a una clase de cosas, si es la de los procesos y solo al que llama."""
    mirar = _pon(_LD_ABS, _ARG0) + _pon(_JEQ, clase, si=1) + _NEGAR
    return mirar + _solo(_ARG1, (0,))


def _sin_espacios_nuevos() -> bytes:
    mirar = _pon(_LD_ABS, _ARG0) + _pon(_JSET, _NUEVOS_ESPACIOS, no=1)
    return mirar + _NEGAR + _DEJAR


def _parejas(*, unix: bool) -> bytes:
    """Solo de Unix y, sin `unix`, de las que nacen y mueren unidas.

    Las de datagramas podrían escribir después a cualquier otro socket que tenga ruta.
    """
    if unix:
        return _solo(_ARG0, (_AF_UNIX,))
    familia = _pon(_LD_ABS, _ARG0) + _pon(_JEQ, _AF_UNIX, si=1) + _NEGAR
    tipo = _pon(_LD_ABS, _ARG1) + _pon(_AND, _TIPO_DE_SOCKET)
    return familia + tipo + _entre((_SOCK_STREAM, _SOCK_SEQPACKET), _DEJAR) + _NEGAR


def _exigir(resultado: int) -> None:
    if resultado != 0:
        numero = ctypes.get_errno()
        raise OSError(numero, f"seccomp: {os.strerror(numero)}")
