"""Las filas de la tabla: cada ataque y cómo se sabe, desde fuera, que no llegó."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from agentes.errores import ErrorConsola
from servicios.consola.plazas.lectura import leer_dentro
from tests.consola.apoyo_plazas import PROYECTO, SOLO_LECTURA
from tests.consola.tabla.terreno import MARCA_ETC, Intento, Tanda

Parado = Callable[[Tanda, str], bool]
"""Si el ataque de ese agente no consiguió lo que buscaba."""


@dataclass(frozen=True, slots=True)
class Fila:
    """Un ataque. `llega_suelto` dice si sin encierro (`local`) consigue lo que busca.

    `menos` son los aislamientos en los que no se intenta.
    """

    agente: str
    orden: str
    parado: Parado
    perfil: dict[str, object] = field(default_factory=dict)
    llega_suelto: bool = True
    menos: tuple[str, ...] = ()

    @property
    def intento(self) -> Intento:
        """Lo que se ejecuta."""
        return Intento(self.agente, self.orden, self.perfil)


def _sin_canarios(tanda: Tanda, agente: str) -> bool:
    dejado = tanda.dejados[agente]
    return dejado.motivo == "ok" and "canario" not in dejado.salida + dejado.error


def _sin_logro(tanda: Tanda, agente: str) -> bool:
    dejado = tanda.dejados[agente]
    return dejado.salida.endswith("fin\n") and "lo-logre" not in dejado.salida


def _no_llego(trampa: str) -> Parado:
    return lambda tanda, agente: trampa not in tanda.llegadas and _sin_logro(tanda, agente)


def _no_aparece(relativa: str) -> Parado:
    return lambda tanda, agente: (
        not (tanda.lugar.base / relativa).exists() and _sin_logro(tanda, agente)
    )


def _nadie_queda(tanda: Tanda, agente: str) -> bool:
    dejado = tanda.dejados[agente]
    bien = (dejado.salida, dejado.motivo) == ("fin\n", "ok") and dejado.ms < 5_000
    return bien and tanda.restos[agente] == []


def _muere_a_tiempo(tanda: Tanda, agente: str) -> bool:
    dejado = tanda.dejados[agente]
    return (dejado.motivo, dejado.codigo) == ("tiempo", 124) and tanda.restos[agente] == []


def _permisos_intactos(tanda: Tanda, agente: str) -> bool:
    modo = (tanda.lugar.base / "persona/.ssh/id_rsa").stat().st_mode & 0o777
    return modo != 0o777 and _sin_logro(tanda, agente)


def _etc_intacto(tanda: Tanda, agente: str) -> bool:
    return not MARCA_ETC.exists() and _sin_logro(tanda, agente)


def _sistema_intacto(tanda: Tanda, agente: str) -> bool:
    return tanda.sistema_intacto and _sin_logro(tanda, agente)


def _vive(nombre: str) -> Parado:
    return lambda tanda, agente: nombre not in tanda.muertas and _sin_logro(tanda, agente)


def _nuestra_lectura_no_sigue_enlaces(tanda: Tanda, agente: str) -> bool:
    espacio = tanda.espacio(agente)
    # Los enlaces se plantaron de verdad y quien los siguiera sacaría la llave.
    assert "canario" in (espacio / "nota.txt").read_text()
    assert "canario" in (espacio / "atajo/.ssh/id_rsa").read_text()
    return not any(_se_lee(espacio, ruta) for ruta in ("nota.txt", "atajo/.ssh/id_rsa"))


def _se_lee(base: Path, relativa: str) -> bool:
    try:
        leer_dentro(base, relativa, 1_000)
    except ErrorConsola:
        return False
    return True


def _ganchos_intactos(tanda: Tanda, agente: str) -> bool:
    git = tanda.lugar.proyecto / ".git"
    ganchos = git / "hooks"
    intactos = not ganchos.is_symlink() and list(ganchos.iterdir()) == []
    return intactos and "marca" not in (git / "config").read_text() and _sin_logro(tanda, agente)


def _sin_privilegios(tanda: Tanda, agente: str) -> bool:
    lineas = tanda.dejados[agente].salida.split("\n")
    return lineas[0] == "NoNewPrivs:\t1" and "0" not in lineas


def _lee_el_final(tanda: Tanda, agente: str) -> bool:
    dejado = tanda.dejados[agente]
    return (dejado.salida, dejado.motivo) == ("fin 1\n", "ok") and dejado.ms < 5_000


def _limite_de_salida(tanda: Tanda, agente: str) -> bool:
    dejado = tanda.dejados[agente]
    return (dejado.motivo, dejado.codigo) == ("limite_salida", 137) and not tanda.restos[agente]


_PTRACE = """python3 - <<'FIN'
import ctypes, errno
libc = ctypes.CDLL(None, use_errno=True)
pid = @leida@
if libc.ptrace(16, pid, 0, 0) == 0:
    print("lo-logre con ptrace")
donde = (ctypes.c_void_p * 2)(4096, 8)
if libc.process_vm_readv(pid, donde, 1, donde, 1, 0) >= 0 or ctypes.get_errno() == errno.EFAULT:
    print("lo-logre con process_vm_readv")
for nombre in ("maps", "mem"):
    try:
        with open(f"/proc/{pid}/{nombre}", "rb") as archivo:
            if nombre == "mem" or archivo.read():
                print("lo-logre con", nombre)
    except OSError:
        pass
FIN
echo fin"""

_TERMINAL = """for t in /dev/tty @terminal@ /dev/console; do { echo marca > $t; } && echo lo-logre; done
python3 - <<'FIN'
import fcntl, os
for ruta in ("/dev/tty", "@terminal@", "/dev/fd/0", "/dev/fd/1", "/dev/fd/2"):
    try:
        fd = os.open(ruta, os.O_RDWR | os.O_NONBLOCK)
        for letra in b"marca\\n":
            fcntl.ioctl(fd, 0x5412, bytes([letra]))
        print("lo-logre con TIOCSTI")
    except OSError:
        pass
FIN
echo fin"""

_CONECTAR = "import socket; socket.socket(socket.AF_UNIX).connect"
_SEGUIDORES = """nohup sleep @n@ >/dev/null 2>&1 &
setsid sleep @n@ &
(env -i /usr/bin/setsid /bin/sh -c '/bin/sleep @n@ & /bin/sleep @n@' &)
(setsid sh -c '(exec -a otro sleep @n@ & exit) & exit' &)
"""

FILAS = (
    Fila(
        "entorno-propio",
        "env; tr '\\0' '\\n' < /proc/self/environ",
        _sin_canarios,
        llega_suelto=False,
    ),
    Fila(
        "entorno-ajeno",
        "cat /proc/$PPID/environ /proc/1/environ /proc/@leida@/environ /proc/[0-9]*/environ"
        " /proc/[0-9]*/task/*/environ 2>/dev/null; true",
        _sin_canarios,
    ),
    Fila(
        "llave-ssh",
        "cat @persona@/.ssh/id_rsa @llave@; ln -s @persona@/.ssh/id_rsa x; cat x;"
        " ln @persona@/.ssh/id_rsa y; cat y /proc/[0-9]*/root@persona@/.ssh/id_rsa; true",
        _sin_canarios,
    ),
    *(
        Fila(
            f"env-{nombre}",
            "cat @proyecto@/.env; cp @proyecto@/.env a; ln @proyecto@/.env b; cat a b;"
            " grep -rs canario @proyecto@/.env @proyecto@/.env*; true",
            _sin_canarios,
            dict(perfil),
        )
        for nombre, perfil in {
            "propio": {},
            "solo-lectura": SOLO_LECTURA,
            "proyecto": PROYECTO,
        }.items()
    ),
    Fila("escribir-fuera", "echo x > @persona@/m1; echo fin", _no_aparece("persona/m1")),
    Fila(
        "escribir-por-enlace",
        "ln -s @persona@ p; echo x > p/m2; touch p/m2; echo fin",
        _no_aparece("persona/m2"),
    ),
    Fila(
        "escribir-en-etc",
        "echo x > @etc@; id -u | grep -qx 0 && echo lo-logre; echo fin",
        _etc_intacto,
        llega_suelto=False,
    ),
    Fila(
        "chmod-fuera",
        "chmod 777 @persona@/.ssh/id_rsa; echo fin",
        _permisos_intactos,
        menos=("landlock",),  # Landlock no vigila los permisos: es lo que esta cerca no sabe hacer
    ),
    Fila(
        "enlace-plantado",
        "ln -s @persona@/.ssh/id_rsa nota.txt; ln -s @persona@ atajo",
        _nuestra_lectura_no_sigue_enlaces,
        llega_suelto=False,
    ),
    Fila("tcp", "{ echo x > /dev/tcp/127.0.0.1/@tcp@; }; echo fin", _no_llego("tcp")),
    Fila("udp", "{ echo x > /dev/udp/127.0.0.1/@udp@; }; echo fin", _no_llego("udp")),
    Fila(
        "unix-por-ruta",
        f"python3 -c '{_CONECTAR}(\"@enchufe@\")'; echo fin",
        _no_llego("por ruta"),
    ),
    Fila(
        "unix-abstracto",
        f"python3 -c '{_CONECTAR}(\"\\0@abstracto@\")'; echo fin",
        _no_llego("abstracto"),
    ),
    Fila("matar", "kill -9 @matada@ && echo lo-logre; echo fin", _vive("matar")),
    Fila("ptrace", _PTRACE, _sin_logro),
    Fila(
        "matar-a-todos",
        "sleep @n@ & kill -9 -1; echo fin",
        _vive("leer"),
        llega_suelto=False,
        menos=("landlock", "local"),  # sin espacio de procesos propio sería de verdad
    ),
    Fila("seguidores", f"{_SEGUIDORES} sleep 0.1; echo fin", _nadie_queda, llega_suelto=False),
    Fila(
        "tiempo-con-trampas",
        f"trap '' TERM INT HUP; {_SEGUIDORES} sleep @n@",
        _muere_a_tiempo,
        {"limite_comando_s": 0.8},
        llega_suelto=False,
    ),
    Fila("yes", "trap '' PIPE; yes", _limite_de_salida, llega_suelto=False),
    Fila("entrada", "cat; read -r x; echo fin $?", _lee_el_final, llega_suelto=False),
    Fila("terminal", _TERMINAL, _no_llego("terminal")),
    Fila(
        "su-y-sudo",
        "grep NoNewPrivs /proc/self/status; su -c 'id -u'; sudo -n id -u",
        _sin_privilegios,
        llega_suelto=False,
    ),
    Fila(
        "espacio-anidado",
        "unshare -Ur true && echo lo-logre; unshare -Urm mount -t tmpfs none /mnt && echo lo-logre;"
        " unshare -m true && echo lo-logre; mount -t tmpfs none /tmp && echo lo-logre; echo fin",
        _sin_logro,
        llega_suelto=False,  # hay máquinas que se lo niegan a cualquiera
    ),
    Fila(
        "sysctl",
        "for s in core_pattern hostname; do { echo x > /proc/sys/kernel/$s; } && echo lo-logre;"
        " done; echo fin",
        _sistema_intacto,
        llega_suelto=False,
    ),
    Fila(
        "ganchos-de-git",
        "echo x > .git/hooks/pre-commit; git config core.hooksPath ./marca; echo marca >>"
        " .git/config; ln -sfn / .git/hooks; mv .git viejo && mkdir -p .git/hooks && echo lo-logre;"
        " echo x > .git/hooks/pre-commit; echo fin",
        _ganchos_intactos,
        dict(PROYECTO),
    ),
)
"""El último puede estropear el proyecto."""
