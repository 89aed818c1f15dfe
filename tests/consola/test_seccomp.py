"""El filtro de seccomp: lo peligroso da EPERM y lo corriente ni se entera."""

from __future__ import annotations

import os
import socket
from pathlib import Path

import pytest

from servicios.consola.aislamientos import seccomp
from tests.consola.apoyo_cercas import HERRAMIENTAS, UIDS, Intento

if not seccomp.disponible():
    pytest.skip("no hay filtro para esta máquina", allow_module_level=True)

ESTRICTO = (False, False)
X86 = os.uname().machine == "x86_64"
CLONE, KEYCTL, SETTIMEOFDAY = (56, 250, 164) if X86 else (220, 219, 170)
PRLIMIT, SETPRIORITY, IOPRIO, ATRIBUTOS = (302, 141, 251, 314) if X86 else (261, 140, 30, 274)
SHMGET, SHMAT, SHMCTL, MSGRCV, MSGCTL = (29, 30, 31, 70, 71) if X86 else (194, 196, 195, 188, 187)
SEMGET, SEMOP, SEMCTL, MSGGET, MSGSND = (64, 65, 66, 68, 69) if X86 else (190, 193, 191, 186, 189)
MQ_OPEN, MQ_UNLINK, SEMTIMEDOP = (240, 241, 220) if X86 else (180, 181, 192)
FAMILIAS = {
    nombre: valor
    for nombre, valor in vars(socket).items()
    if nombre.startswith("AF_") and nombre not in {"AF_UNSPEC", "AF_ROUTE"}
}

# Sin filtro darían otro error, o harían algo: los argumentos no sirven para nada más.
PROHIBIDAS = {
    "ptrace": 'llamar("ptrace", 0, 0, 0, 0)',
    "leer la memoria de otro": 'llamar("process_vm_readv", os.getpid(), None, 0, None, 0, 0)',
    "escribir en la memoria de otro": 'llamar("process_vm_writev", os.getpid(), None, 0, None, 0, 0)',
    "montar": 'llamar("mount", b"none", b"/no/existe", b"tmpfs", 0, None)',
    "desmontar": 'llamar("umount2", b"/no/existe", 0)',
    "montar a la nueva": 'llamar(428, -100, b"/", 0)',
    "abrir un sistema de archivos": 'llamar(430, b"tmpfs", 0)',
    "cambiar la raíz": 'llamar("chroot", b"/")',
    "espacio de usuario": 'llamar("unshare", 0x10000000)',
    "espacio de montaje": 'llamar("unshare", 0x20000)',
    "nada que separar": 'llamar("unshare", 0)',
    "espacio ajeno": 'llamar("setns", os.open("/proc/self/ns/net", os.O_RDONLY), 0)',
    "clonar con espacio de usuario": f"llamar({CLONE}, 0x10000000 | 17, 0, 0, 0, 0) or os._exit(0)",
    "clonar con espacio de red": f"llamar({CLONE}, 0x40000000 | 17, 0, 0, 0, 0) or os._exit(0)",
    "llavero": f"llamar({KEYCTL}, 0, -3, 0)",
    "io_uring": "llamar(425, 1, ctypes.create_string_buffer(120))",
    "io_uring_register": "llamar(427, -1, 0, 0, 0)",
    "descriptor de otro": "llamar(438, os.pidfd_open(os.getpid()), 0, 0)",
    "hora": f"llamar({SETTIMEOFDAY}, None, None)",
    "reloj": 'llamar("clock_settime", 1, ctypes.create_string_buffer(16))',
    "ajuste del reloj": 'llamar("adjtimex", ctypes.create_string_buffer(208))',
    "diario del núcleo": 'llamar("klogctl", 10, None, 0)',
    "intercambio": 'llamar("swapon", b"/no/existe", 0)',
    "contabilidad": 'llamar("acct", b"/no/existe")',
    "abrir por referencia": 'llamar("open_by_handle_at", -1, None, 0)',
    "nombre de la máquina": 'llamar("sethostname", None, -1)',
    "tecla en la terminal": 'fcntl.ioctl(os.openpty()[1], 0x5412, b"x")',
    "tecla con bits de más": 'llamar("ioctl", os.openpty()[1], 0x7_0000_5412, b"x")',
    "pegar en la consola": 'fcntl.ioctl(os.openpty()[1], 0x541C, b"\\3")',
    "pareja de internet": "socket.socketpair(socket.AF_INET)",
    "pareja de datagramas": "socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)",
    "pareja en crudo": "socket.socketpair(socket.AF_UNIX, socket.SOCK_RAW)",
    "memoria compartida": f"llamar({SHMGET}, 0, 0, 0o1600)",
    "memoria de otro": f"llamar({SHMAT}, -1, None, 0)",
    "semáforos": f"llamar({SEMGET}, 0, 0, 0o1600)",
    "semáforos de otro": f"llamar({SEMOP}, -1, None, 1)",
    "semáforos de otro, con plazo": f"llamar({SEMTIMEDOP}, -1, None, 1, None)",
    "mandar en los semáforos": f"llamar({SEMCTL}, -1, 0, 0, 0)",
    "buzón": f"llamar({MSGGET}, 12345, 0)",
    "escribir en el buzón de otro": f"llamar({MSGSND}, -1, None, 0, 0)",
    "leer el buzón de otro": f"llamar({MSGRCV}, -1, None, 0, 0, 0)",
    "buzón de POSIX": f'llamar({MQ_OPEN}, b"no-existe", 0, 0, None)',
    "borrar un buzón de POSIX": f'llamar({MQ_UNLINK}, b"no-existe")',
}

# A otro proceso del mismo usuario; sin filtro todas pasan y ninguna cambia nada.
AJENAS = {
    "límites": f"llamar({PRLIMIT}, os.getppid(), 7, None, None)",
    "prioridad": f"llamar({SETPRIORITY}, 0, os.getppid(), 0)",
    "prioridad del usuario": f"llamar({SETPRIORITY}, 2, 0, 0)",
    "núcleos": "os.sched_setaffinity(os.getppid(), os.sched_getaffinity(0))",
    "planificador": "os.sched_setscheduler(os.getppid(), 0, os.sched_param(0))",
    "parámetros": "os.sched_setparam(os.getppid(), os.sched_param(0))",
    "atributos": f"llamar({ATRIBUTOS}, os.getppid(), (48).to_bytes(48, 'little'), 0)",
    "disco": f"llamar({IOPRIO}, 1, os.getppid(), 0)",
    "disco del usuario": f"llamar({IOPRIO}, 3, 0, 0)",
    "cuánta memoria compartida hay": f"llamar({SHMCTL}, 0, 14, ctypes.create_string_buffer(256))",
    "cuántos buzones hay": f"llamar({MSGCTL}, 0, 12, ctypes.create_string_buffer(256))",
}

CORRIENTES = {
    "bifurcar": "os.waitpid(os.fork() or os._exit(0), 0)",
    "pareja": "socket.socketpair()",
    "pareja por mensajes": "socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)",
    "pareja sin herencia": "socket.socketpair(socket.AF_UNIX, socket.SOCK_STREAM | 0o2000000)",
    "tamaño de la terminal": 'fcntl.ioctl(os.openpty()[1], 0x5413, b"\\0" * 8)',
    "memoria con nombre": 'os.memfd_create("x")',
    "prioridad propia": "os.nice(1); os.setpriority(os.PRIO_PROCESS, 0, 2)",
    "núcleos propios": "os.sched_setaffinity(0, os.sched_getaffinity(0))",
    "límite propio": f"llamar({PRLIMIT}, 0, 4, bytes(16), None)",
    **{
        orden: f"assert os.spawnvp(os.P_WAIT, 'bash', ['bash', '-c', {orden!r}]) == 0"
        for orden in (
            *("prlimit --nofile=64 true", "nice -n 5 true", "ulimit -n 64", "ulimit -c 0"),
            *("taskset 1 true", "ionice -c 3 true"),
        )
    },
}


@pytest.fixture(scope="module")
def hecho() -> dict[str, str]:
    """Cómo le va a cada llamada con el filtro más estricto."""
    return Intento(filtro=ESTRICTO).atacar({**PROHIBIDAS, **CORRIENTES})


@pytest.mark.parametrize("llamada", PROHIBIDAS)
def test_lo_peligroso_no_tiene_permiso(hecho: dict[str, str], llamada: str) -> None:
    assert hecho[llamada].startswith("EPERM")


@pytest.mark.parametrize("uid", UIDS.values(), ids=list(UIDS))
def test_de_otro_proceso_no_se_cambia_nada(uid: int | None) -> None:
    """Con el mismo usuario el núcleo lo permite: solo lo impide el filtro."""
    sin_filtro = Intento().atacar(AJENAS)
    assert sin_filtro == dict.fromkeys(AJENAS, "pasa")
    con_filtro = Intento(uid=uid, filtro=ESTRICTO).atacar(AJENAS)
    assert {como.partition(":")[0] for como in con_filtro.values()} == {"EPERM"}


@pytest.mark.parametrize("llamada", CORRIENTES)
def test_lo_corriente_pasa(hecho: dict[str, str], llamada: str) -> None:
    assert hecho[llamada] == "pasa"


def test_lo_prohibido_lo_es_por_el_filtro() -> None:
    inofensivas = ("nada que separar", "hora", "ajuste del reloj", "diario del núcleo", "llavero")
    sueltas = Intento().atacar({nombre: PROHIBIDAS[nombre] for nombre in inofensivas})
    assert sueltas["nada que separar"] == "pasa"
    assert sum(como == "pasa" for como in sueltas.values()) >= 2


def test_clone3_no_existe_para_que_se_use_clone() -> None:
    como = Intento(filtro=ESTRICTO).atacar({"clone3": "llamar(435, None, 0)"})
    assert como["clone3"].startswith("ENOSYS")


@pytest.mark.parametrize("unix", [False, True])
@pytest.mark.parametrize("red", [False, True])
def test_solo_se_abren_los_sockets_concedidos(red: bool, unix: bool) -> None:
    intentos = {n: f"socket.socket({v}, socket.SOCK_DGRAM)" for n, v in FAMILIAS.items()}
    intentos["familia con bits de más"] = 'llamar("socket", 0x1_0000_0001, 1, 0)'
    como = Intento(filtro=(red, unix)).atacar(intentos)
    dejados = {nombre for nombre, dicho in como.items() if not dicho.startswith("EPERM")}
    de_red = {"AF_INET", "AF_INET6", "AF_NETLINK"} if red else set()
    de_unix = {"AF_UNIX", "familia con bits de más"} if unix else set()
    assert dejados == de_red | de_unix


def test_una_pareja_no_llega_al_socket_de_otro(tmp_path: Path) -> None:
    ruta = str(tmp_path / "buzon")
    ataque = (
        "uno, _ = socket.socketpair(socket.AF_UNIX, tipo)\n"
        "try: uno.connect(ruta)\n"
        "finally: uno.sendto(b'hola', ruta)"
    )
    llegados: list[object] = []
    for tipo in (socket.SOCK_STREAM, socket.SOCK_SEQPACKET, socket.SOCK_DGRAM):
        with socket.socket(socket.AF_UNIX, tipo) as buzon:
            buzon.bind(ruta)
            if tipo != socket.SOCK_DGRAM:
                buzon.listen()
            buzon.setblocking(False)
            Intento(filtro=ESTRICTO, datos={"ruta": ruta, "tipo": int(tipo)}).atacar({"a": ataque})
            recibir = buzon.recv if tipo == socket.SOCK_DGRAM else lambda _: buzon.accept()
            try:
                llegados.append(recibir(9))
            except BlockingIOError:
                continue
            finally:
                Path(ruta).unlink()
    assert llegados == []


@pytest.mark.skipif(not X86, reason="las otras dos puertas de las llamadas son de x86")
def test_las_otras_puertas_de_x86_estan_cerradas() -> None:
    # mov eax, 20 (getpid de 32 bits); int 0x80; ret
    por_32 = (
        "m = mmap.mmap(-1, 4096, prot=7); m.write(bytes.fromhex('b814000000cd80c3'))\n"
        "f = ctypes.CFUNCTYPE(ctypes.c_int)(ctypes.addressof(ctypes.c_char.from_buffer(m)))\n"
        "assert f() == os.getpid()"
    )
    puertas = {"x32": "llamar(0x40000000 | 39)", "32": por_32}
    como = Intento(filtro=ESTRICTO).atacar(puertas)
    assert como["x32"].startswith("EPERM")
    assert como["32"] in {"SIGSYS", "SIGSEGV"}
    if Intento().atacar({"32": por_32})["32"] == "pasa":
        assert como["32"] == "SIGSYS"


@pytest.mark.parametrize("herramienta", HERRAMIENTAS)
def test_las_herramientas_corrientes_funcionan(herramienta: str, tmp_path: Path) -> None:
    Intento(filtro=ESTRICTO).usar(herramienta, tmp_path)


def test_un_programa_que_no_lo_es_se_rechaza_con_un_mensaje() -> None:
    como = Intento(crudo="ff" * 8).atacar({"a": "pass"})
    assert como["a"].startswith("EINVAL: seccomp: ")
