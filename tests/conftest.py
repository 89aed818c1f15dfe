"""Las guardias de todas las pruebas: sin claves, sin red, sin restos.

Una prueba que deja viva una tarea o un proceso falla ella, no la siguiente.
"""

from __future__ import annotations

import asyncio
import inspect
import os
import re
import signal
import sys
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests.reparto import PorArchivo

if TYPE_CHECKING:
    from xdist.remote import Producer

GRACIA_S = 2.0
"""Lo que se espera a que acabe solo lo que ya estaba acabando."""

_AJENAS = re.compile(
    r"(.*_API_KEY|.*_BASE_URL|MODEL|MODEL_NAME|ENJAMBRE_.*|LANGSMITH_.*|LANGCHAIN_.*"
    r"|(https?|all|no)_proxy|(HTTPS?|ALL|NO)_PROXY|NO_COLOR|FORCE_COLOR|OPENAI_.*)"
)
_CON_DESTINO = {"socket.connect", "socket.sendto", "socket.sendmsg"}
_CON_NOMBRE = {"socket.getaddrinfo", "socket.gethostbyname"}


class RedProhibida(RuntimeError):
    """Una prueba quiso salir de esta máquina."""


def pytest_configure() -> None:
    """Antes de importar ninguna prueba: entorno limpio y red cerrada."""
    for nombre in [n for n in os.environ if _AJENAS.fullmatch(n)]:
        del os.environ[nombre]
    os.environ["LANGSMITH_TRACING"] = os.environ["LANGCHAIN_TRACING_V2"] = "false"
    # Lanzadas en segundo plano, los programas que prueban heredarían señales que no llegan.
    for senal, suya in (
        (signal.SIGINT, signal.default_int_handler),
        (signal.SIGHUP, signal.SIG_DFL),
    ):
        if signal.getsignal(senal) is signal.SIG_IGN:
            signal.signal(senal, suya)
    sys.addaudithook(_vigilar_red)


def _vigilar_red(suceso: str, args: tuple[Any, ...]) -> None:
    if suceso in _CON_DESTINO:
        destino = args[1]
        host = destino[0] if isinstance(destino, tuple) else None
    elif suceso in _CON_NOMBRE:
        host = args[0]
    else:
        return
    if isinstance(host, bytes):
        host = host.decode(errors="replace")
    if isinstance(host, str) and not _es_de_aqui(host):
        raise RedProhibida(f"las pruebas no salen de esta máquina: {suceso} a {host}")


def _es_de_aqui(host: str) -> bool:
    return host in {"", "localhost", "::1", "0.0.0.0", "::"} or host.startswith("127.")


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_auto_num_workers() -> int:
    """Uno por núcleo: con más se acaba antes, pero los plazos que se miden los gasta la espera."""
    return os.cpu_count() or 1


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Producer) -> PorArchivo:
    """Cómo se reparte la suite con `-n`."""
    return PorArchivo(config, log)


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Al repartirla, los archivos que tardan van primero: que al final no se espere a uno solo."""
    if hasattr(config, "workerinput"):
        largos = {i.path for i in items if {m.name for m in i.iter_markers()} & {"lento", "docker"}}
        items.sort(key=lambda item: item.path not in largos)


@pytest.fixture(autouse=True)
def _datos_aparte(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ENJAMBRE_DATOS", str(tmp_path / "data"))


@pytest.fixture(autouse=True)
def _sin_procesos() -> Iterator[None]:
    antes = _hijos()
    yield
    restos = _restos(antes)
    for pid in restos:
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    if restos:
        pytest.fail(f"la prueba dejó procesos vivos: {restos}", pytrace=False)


@pytest.fixture(autouse=True)
def _sin_restos(request: pytest.FixtureRequest, _sin_procesos: None) -> None:
    if inspect.iscoroutinefunction(getattr(request.node, "obj", None)):
        request.getfixturevalue("_sin_tareas")


@pytest.fixture
async def _sin_tareas() -> AsyncIterator[None]:
    """La primera en montarse y la última en desmontarse: los demás ya cerraron lo suyo."""
    antes = asyncio.all_tasks()
    yield
    restos = asyncio.all_tasks() - antes - {asyncio.current_task()}
    if not restos:
        return
    _, vivas = await asyncio.wait(restos, timeout=GRACIA_S)
    for tarea in vivas:
        tarea.cancel()
    if vivas:
        await asyncio.wait(vivas, timeout=GRACIA_S)
        nombres = sorted(f"{tarea.get_name()}: {tarea.get_coro()}" for tarea in vivas)
        pytest.fail(f"la prueba dejó tareas vivas: {nombres}", pytrace=False)


def _restos(antes: set[int]) -> dict[int, str]:
    limite = time.monotonic() + GRACIA_S
    while restos := {pid: nombre for pid in _hijos() - antes if (nombre := _vivo(pid))}:
        if time.monotonic() > limite:
            return restos
        time.sleep(0.02)
    return {}


def _hijos() -> set[int]:
    """Los hijos directos de este proceso; un nieto vivo cuelga de uno de ellos."""
    hijos: set[int] = set()
    for hilo in Path("/proc/self/task").glob("*/children"):
        with suppress(OSError):
            hijos.update(int(pid) for pid in hilo.read_text(encoding="ascii").split())
    return hijos


def _vivo(pid: int) -> str:
    """La orden de un proceso vivo; vacío si ya acabó (aunque nadie lo haya recogido)."""
    try:
        estado = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
        orden = Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return ""
    if estado.rpartition(")")[2].split()[0] in {"Z", "X"}:
        return ""
    return orden.replace(b"\0", b" ").decode(errors="replace")[:120].strip() or f"pid {pid}"
