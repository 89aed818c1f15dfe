"""El vivero: importa el programa una vez y pare una vida por cada orden que le llega.

    python -m tests.tortura.vivero          (con el programa en la carpeta actual)
    entrada: {"argv": […], "entorno": {…}, "modo": "solo" | "todo", "directa": bool, "carpeta": "…"}
             o {"restos": true} (quién queda) o {"arrasar": true} (que no quede nadie)
    salida:  {"pid": N} y, cuando muere, {"pid": N, "codigo": C}; o {"restos": […]}

Importar el programa cuesta más que casi todo lo que hace una vida corta. Una vida `directa` es un
`python main.py` entero; en modo `todo` corre en su propio espacio de PID, y matar a su primer
proceso mata a la vez al programa, a los supervisores y a las órdenes. Si aquí no se puede, se
mata uno por uno a todos los que cuelgan del vivero.
"""

from __future__ import annotations

import ctypes
import importlib
import json
import os
import select
import signal
import sys
from contextlib import suppress
from pathlib import Path
from typing import Any

_PESADOS = (
    *("main", "servicios.sistema", "servicios.interfaz.apertura", "langchain_openai"),
    *(
        "servicios.llm.cliente_gemini",
        "servicios.llm.cliente_openai",
        "servicios.consola.supervision.lanzador",
    ),
)
_SUBCOSECHADOR = 36
_ESPACIO_PID, _ESPACIO_MONTAJES = 0x20000000, 0x00020000
_PRIVADO_ENTERO = 0x4000 | 0x40000
_SIN_LANZAR = 126

_libc = ctypes.CDLL(None, use_errno=True)
_paridos: set[int] = set()


def servir() -> None:
    """Atiende la entrada estándar hasta que se cierra; al irse no deja a nadie vivo."""
    # Los huérfanos de cada vida quedan colgando de aquí: así se sabe si los hay.
    _libc.prctl(_SUBCOSECHADOR, 1, 0, 0, 0)
    for nombre in _PESADOS:
        importlib.import_module(nombre)
    aviso, otro = os.pipe()
    os.set_blocking(otro, False)
    signal.set_wakeup_fd(otro)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    _decir({"aisla": _puede_aislar()})
    pendiente = b""
    while True:
        _enterrar()
        listos, _, _ = select.select([0, aviso], [], [])
        if aviso in listos:
            os.read(aviso, 4096)
        if 0 in listos:
            trozo = os.read(0, 65_536)
            if not trozo:
                break
            *lineas, pendiente = (pendiente + trozo).split(b"\n")
            for linea in lineas:
                _obedecer(json.loads(linea), aviso, otro)
    for pid in _hijos():
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)


def _obedecer(pedido: dict[str, Any], *propios: int) -> None:
    if pedido.get("arrasar"):
        _arrasar()
    if pedido.get("restos") or pedido.get("arrasar"):
        _enterrar()
        _decir({"restos": [f"{pid} {_orden(pid)}" for pid in _hijos()]})
        return
    _decir({"pid": _parir(pedido, propios)})


def _parir(pedido: dict[str, Any], propios: tuple[int, ...]) -> int:
    if (pid := os.fork()) != 0:
        _paridos.add(pid)
        return pid
    codigo = _SIN_LANZAR
    try:
        signal.set_wakeup_fd(-1)
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        os.setsid()
        _vestir(pedido, propios)
        aparte = pedido["modo"] == "todo" and _puede_aislar()
        codigo = _aislada(pedido) if aparte else _vida(pedido)
    except BaseException as fallo:  # noqa: BLE001 - lo que pase en una vida no sale de ella
        sys.stderr.write(f"vivero: {fallo!r}\n")
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(codigo)


def _vestir(pedido: dict[str, Any], propios: tuple[int, ...]) -> None:
    carpeta = Path(pedido["carpeta"])
    for fd, nombre in ((1, "salida"), (2, "errores")):
        os.dup2(os.open(carpeta / nombre, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), fd)
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    for fd in propios:
        os.close(fd)
    os.environ.clear()
    os.environ.update(pedido["entorno"])
    os.chdir(carpeta)


def _vida(pedido: dict[str, Any]) -> int:
    if pedido["directa"]:
        principal = str(Path(sys.modules["main"].__file__ or "").resolve())
        os.execv(sys.executable, [sys.executable, "-B", principal, *pedido["argv"]])
    return int(sys.modules["main"].main(pedido["argv"]))


def _aislada(pedido: dict[str, Any]) -> int:
    """Espera a la vida dentro de un espacio de PID suyo; matar a quien espera la mata entera."""
    _exigir(_libc.prctl(1, signal.SIGKILL, 0, 0, 0))
    _exigir(_libc.unshare(_ESPACIO_PID | _ESPACIO_MONTAJES))
    if (primero := os.fork()) != 0:
        return os.waitstatus_to_exitcode(os.waitpid(primero, 0)[1])
    # Con quien lo espera se va el primero, y con el primero, todos.
    _exigir(_libc.prctl(1, signal.SIGKILL, 0, 0, 0))
    _exigir(_libc.mount(b"nada", b"/", None, _PRIVADO_ENTERO, None))
    _exigir(_libc.mount(b"proc", b"/proc", b"proc", 0, None))
    if (programa := os.fork()) == 0:
        return _vida(pedido)
    while True:
        pid, estado = os.wait()
        if pid == programa:
            os._exit(max(0, os.waitstatus_to_exitcode(estado)))


def _puede_aislar() -> bool:
    """Si aquí se puede dar a una vida su espacio de PID."""
    if (pid := os.fork()) == 0:
        os._exit(0 if _libc.unshare(_ESPACIO_PID | _ESPACIO_MONTAJES) == 0 else 1)
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0


def _exigir(resultado: int) -> None:
    if resultado < 0:
        numero = ctypes.get_errno()
        raise OSError(numero, os.strerror(numero))


def _enterrar() -> None:
    with suppress(ChildProcessError):
        while True:
            pid, estado = os.waitpid(-1, os.WNOHANG)
            if pid == 0:
                return
            if pid in _paridos:
                _paridos.discard(pid)
                _decir({"pid": pid, "codigo": os.waitstatus_to_exitcode(estado)})


def _arrasar() -> None:
    while vivos := _descendientes(os.getpid()):
        for pid in vivos:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        _enterrar()


def _descendientes(pid: int) -> list[int]:
    hijos: list[int] = []
    with suppress(OSError):
        for tarea in Path(f"/proc/{pid}/task").glob("*/children"):
            hijos += map(int, tarea.read_text().split())
    return [*hijos, *(nieto for hijo in hijos for nieto in _descendientes(hijo))]


def _hijos() -> list[int]:
    return [int(n) for n in Path(f"/proc/self/task/{os.getpid()}/children").read_text().split()]


def _orden(pid: int) -> str:
    with suppress(OSError):
        return (
            Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
        )
    return ""


def _decir(cosa: dict[str, Any]) -> None:
    os.write(_VOZ, json.dumps(cosa).encode() + b"\n")


_VOZ = 1

if __name__ == "__main__":
    _VOZ = os.dup(1)
    os.dup2(2, 1)
    servir()
