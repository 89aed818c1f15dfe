"""Lo que ninguna orden encerrada puede hacer, sea cual sea el encierro.

Cada ataque se intenta de verdad contra una víctima plantada: un archivo, un proceso o un socket.
"""

from __future__ import annotations

import os
import socket
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from tests.consola.apoyo import SOY_ROOT
from tests.consola.apoyo_plazas import Sitio

LECTURAS = {
    "entorno propio": "env; tr '\\0' '\\n' < /proc/self/environ",
    "entorno del padre": "cat /proc/$PPID/environ /proc/1/environ",
    "entorno de cualquiera": "cat /proc/[0-9]*/environ /proc/[0-9]*/task/*/environ",
    "llave de la persona": "cat {base}/persona/.ssh/id_rsa",
    "llave por un enlace": "ln -s {base}/persona/.ssh/id_rsa x; cat x",
    "llave por un enlace duro": "ln {base}/persona/.ssh/id_rsa x && cat x",
    "llave por la carpeta de otro": "cat /proc/[0-9]*/root{base}/persona/.ssh/id_rsa"
    " /proc/[0-9]*/cwd/../persona/.ssh/id_rsa",
    "env del proyecto": "cat {proyecto}/.env; cat {proyecto}/*/../.env",
    "bitácora": "cat {proyecto}/data/swarm.db",
    "lo de otro agente": "cat {proyecto}/data/espacios/otro-1/nota {proyecto}/data/espacios/a-1/../otro-1/nota",
    "lo de otro agente, por nombre": "grep -rs canario {proyecto} {base}",
}
"""Órdenes que no deben sacar ningún canario."""

ESCRITURAS = {
    "al lado": "echo x > {base}/persona/marca",
    "por un enlace": "ln -s {base}/persona p; echo x > p/marca",
    "en el proyecto": "echo x > {proyecto}/codigo/marca; touch {proyecto}/marca",
    "en la carpeta de otro": "touch {proyecto}/data/espacios/otro-1/marca",
    "en la bitácora": "echo x >> {proyecto}/data/swarm.db",
    "en /etc": "echo x > /etc/marca-enjambre",
    "en /usr": "touch /usr/marca-enjambre /usr/local/marca-enjambre",
    "borrar lo ajeno": "rm -rf {base}/persona/.ssh {proyecto}/leeme.md; mv {proyecto} {base}/q",
    "vaciar lo ajeno": ": > {base}/persona/.ssh/id_rsa; truncate -s 0 {proyecto}/leeme.md",
}
"""Órdenes que no deben cambiar nada fuera de su plaza."""

PROHIBIDAS = {
    "sysctl": "echo x > /proc/sys/kernel/core_pattern",
    "sysctl inofensivo": "cat /proc/sys/kernel/hostname > /proc/sys/kernel/hostname",
    "espacio de usuario": "unshare -U true",
    "espacio de montaje": "unshare -Urm mount -t tmpfs none /mnt",
    "montar": "mount -t tmpfs none /tmp",
    "llavero del núcleo": "python3 -c"
    " 'import ctypes, sys; sys.exit(ctypes.CDLL(None).syscall(250, 0, -3, 0) < 0)'",
    "socket de Unix": "python3 -c 'import socket; socket.socket(socket.AF_UNIX)'",
    "terminal": "echo x > /dev/tty",
}
"""Órdenes que han de fallar."""


def preparar(ordenes: Mapping[str, str], sitio: Sitio) -> list[str]:
    """Las órdenes con las rutas de ese sitio, cada una en una carpeta limpia."""
    return [
        "cd $(mktemp -d); " + orden.format(base=sitio.base, proyecto=sitio.proyecto)
        for orden in ordenes.values()
    ]


def fuera(sitio: Sitio) -> dict[str, str]:
    """Todo lo que hay fuera de la plaza de `a-1`, con su contenido."""
    propias = (sitio.espacio, sitio.proyecto / "data/casas", sitio.proyecto / "data/senuelos")
    vistas = {}
    for ruta in sorted(sitio.base.rglob("*")):
        if ruta.is_file() and not any(ruta.is_relative_to(propia) for propia in propias):
            vistas[str(ruta)] = ruta.read_text()
    for marca in ("/etc/marca-enjambre", "/usr/marca-enjambre", "/usr/local/marca-enjambre"):
        assert not Path(marca).exists()
    return vistas


@contextmanager
def victima(uid: int) -> Iterator[int]:
    """Un proceso del mismo usuario que las órdenes, fuera de ellas y con un secreto."""
    proceso = subprocess.Popen(
        ["/bin/sleep", "60"],
        env={"SECRETO": "canario-victima"},
        cwd="/",
        user=uid if SOY_ROOT else None,
        group=uid if SOY_ROOT else None,
        extra_groups=[] if SOY_ROOT else None,
    )
    try:
        time.sleep(0.05)
        yield proceso.pid
    finally:
        proceso.kill()
        proceso.wait()


def comprobar_lecturas(sitio: Sitio, perfil: dict[str, str]) -> None:
    """Ningún canario sale por ningún lado."""
    with victima(sitio.uid_ordenes):
        dejados = sitio.correr(*preparar(LECTURAS, sitio), perfil=perfil)
    for nombre, dejado in zip(LECTURAS, dejados, strict=True):
        assert dejado.motivo == "ok", (nombre, dejado)
        assert "canario" not in dejado.salida + dejado.error, nombre


def comprobar_escrituras(sitio: Sitio, perfil: dict[str, str]) -> None:
    """Nada cambia fuera de lo propio."""
    antes = fuera(sitio)
    dejados = sitio.correr(*preparar(ESCRITURAS, sitio), perfil=perfil)
    assert {dejado.motivo for dejado in dejados} == {"ok"}
    assert fuera(sitio) == antes


def comprobar_prohibidas(sitio: Sitio) -> None:
    """Las órdenes se ejecutan y el sistema les dice que no."""
    antes = Path("/proc/sys/kernel/core_pattern").read_text()
    intentos = {
        nombre: f"{{ {orden}; }} && echo lo-logre; true" for nombre, orden in PROHIBIDAS.items()
    }
    dejados = sitio.correr(*intentos.values())
    assert Path("/proc/sys/kernel/core_pattern").read_text() == antes
    for nombre, dejado in zip(intentos, dejados, strict=True):
        assert (dejado.motivo, dejado.codigo, dejado.salida) == ("ok", 0, ""), (nombre, dejado)


def comprobar_procesos(sitio: Sitio) -> None:
    """Ni señales ni depuración a un proceso del mismo usuario."""
    with victima(sitio.uid_ordenes) as pid:
        dejado = sitio.una(
            f"kill -9 {pid} && echo lo-logre; kill -0 {pid} && echo lo-veo;"
            f" head -c 1 /proc/{pid}/mem && echo leo; cat /proc/{pid}/maps; echo fin"
        )
        assert dejado.salida == "fin\n"
        assert os.waitpid(pid, os.WNOHANG) == (0, 0)


def comprobar_red(sitio: Sitio) -> None:
    """Ni TCP, ni UDP, ni sockets de Unix por ruta o abstractos de esta misma máquina."""
    abstracto = f"\0enjambre-{os.getpid()}"
    with (
        socket.create_server(("127.0.0.1", 0)) as tcp,
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as udp,
        socket.socket(socket.AF_UNIX) as unix,
    ):
        udp.bind(("127.0.0.1", 0))
        unix.bind(abstracto)
        unix.listen()
        for abierto in (tcp, udp, unix):
            abierto.setblocking(False)
        sitio.correr(
            f"exec 3<>/dev/tcp/127.0.0.1/{tcp.getsockname()[1]}",
            f"echo x > /dev/udp/127.0.0.1/{udp.getsockname()[1]}",
            f'python3 -c "import socket; socket.socket(socket.AF_UNIX).connect({abstracto!r})"',
        )
        intentos: list[Callable[[], object]] = [tcp.accept, lambda: udp.recv(9), unix.accept]
        assert [_llego(intento) for intento in intentos] == [False, False, False]


def _llego(intento: Callable[[], object]) -> bool:
    try:
        intento()
    except BlockingIOError:
        return False
    return True
