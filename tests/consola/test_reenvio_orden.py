"""Lo que la orden nota de tener un reenviador al lado: nada más que la red."""

from __future__ import annotations

import asyncio
import signal
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from servicios.consola.aislamientos import seccomp
from servicios.consola.red.reenvio import CODIGO_USO
from tests.consola.apoyo import RAIZ, hasta_que, vivos
from tests.consola.apoyo_red import AGENTE, BitacoraDePrueba, proxy
from tests.consola.apoyo_reenvio import PYTHON, VARIANTES, encierro

REENVIO = str(RAIZ / "servicios/consola/red/reenvio.py")

# Dentro: busca al reenviador por su línea y prueba a entrar en su memoria; después, un socket.
CURIOSO = """
import os, socket
for pid in filter(str.isdigit, os.listdir("/proc")):
    linea = open(f"/proc/{pid}/cmdline", "rb").read()
    if b"--enchufe" in linea and int(pid) not in (os.getpid(), os.getppid(), 1):
        for que, modo in (("mem", "rb"), ("mem", "wb"), ("environ", "rb")):
            try:
                open(f"/proc/{pid}/{que}", modo).close()
                print(que, "ABIERTO")
            except PermissionError:
                print(que, "cerrado")
try:
    socket.socket(socket.AF_UNIX)
    print("unix ABIERTO")
except PermissionError:
    print("unix cerrado")
socket.create_connection(("127.0.0.1", 3128), 5).close()
"""


@asynccontextmanager
async def suelta(enchufe: Path, *orden: str) -> AsyncIterator[asyncio.subprocess.Process]:
    """Una orden con su reenviador y sin encierro: nadie los mata por nosotros."""
    proceso = await asyncio.create_subprocess_exec(
        *(PYTHON, "-I", "-S", REENVIO, "--enchufe", str(enchufe), "--", *orden),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        start_new_session=True,
        env={"PATH": "/usr/bin:/bin"},
    )
    try:
        yield proceso
    finally:
        if proceso.returncode is None:
            proceso.kill()
        await proceso.communicate()


async def decir(enchufe: Path, *orden: str) -> tuple[str, str]:
    """Lo que escribe una orden suelta hasta que acaba."""
    async with suelta(enchufe, *orden) as proceso, asyncio.timeout(20):
        salida, error = await proceso.communicate()
    return salida.decode(), error.decode()


def coger(vecino: socket.socket) -> bool:
    """Si consigue quedarse con el puerto del reenviador."""
    try:
        vecino.bind(("127.0.0.1", 3128))
    except OSError:
        return False
    vecino.listen()
    return True


@pytest.fixture
async def enchufe() -> AsyncIterator[Path]:
    async with proxy(BitacoraDePrueba()) as salida:
        yield await salida.abrir(AGENTE, [])


async def test_el_reenviador_no_retiene_las_tuberias(enchufe: Path) -> None:
    async with suelta(enchufe, "bash", "-c", "echo hola; exec >&- 2>&-; read -r _") as proceso:
        assert proceso.stdout is not None
        assert proceso.stderr is not None
        async with asyncio.timeout(5):
            assert await proceso.stdout.read() == b"hola\n"
            assert await proceso.stderr.read() == b""
        assert proceso.returncode is None


@pytest.mark.parametrize("senal", [signal.SIGKILL, signal.SIGTERM])
async def test_el_reenviador_muere_con_la_orden(enchufe: Path, senal: int) -> None:
    async with suelta(enchufe, "sleep", "60") as proceso:
        assert await hasta_que(lambda: set(vivos(str(enchufe))) - {proceso.pid} != set())
        assert await hasta_que(lambda: proceso.pid not in vivos(str(enchufe)))
        assert len(vivos(str(enchufe))) == 1
        proceso.send_signal(senal)
        assert await hasta_que(lambda: vivos(str(enchufe)) == [])


async def test_tambien_muere_si_la_orden_no_llega_a_existir(enchufe: Path) -> None:
    assert await decir(enchufe, "no-existo-77") == ("", "no-existo-77: no existe esa orden\n")
    assert await hasta_que(lambda: vivos(str(enchufe)) == [])


async def test_la_orden_no_tiene_mas_hijos_que_los_suyos(enchufe: Path) -> None:
    codigo = "import os\ntry: os.wait()\nexcept ChildProcessError: print('ninguno')"
    assert await decir(enchufe, PYTHON, "-c", codigo) == ("ninguno\n", "")


async def test_la_orden_recibe_las_senales_como_cualquiera(enchufe: Path) -> None:
    salida, _ = await decir(enchufe, "grep", "SigIgn", "/proc/self/status")
    ignoradas = int(salida.split()[1], 16)
    assert not ignoradas & (1 << (signal.SIGPIPE - 1))
    assert not ignoradas & (1 << (signal.SIGXFSZ - 1))


async def test_una_senal_a_su_grupo_no_le_quita_la_red(enchufe: Path) -> None:
    texto = "trap '' TERM; kill -TERM 0; curl -sS -m 5 https://a.es/"
    _, error = await decir(enchufe, "bash", "-c", texto)
    assert "403" in error


async def test_si_el_puerto_esta_cogido_el_entorno_dice_otro(enchufe: Path) -> None:
    texto = 'for v in http_proxy https_proxy HTTPS_PROXY ALL_PROXY; do echo "${!v}"; done'
    with socket.socket() as vecino:
        vecino.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        # El reenviador de la prueba anterior puede estar yéndose; si es de otro, ya está cogido.
        await hasta_que(lambda: coger(vecino), 2)
        salida, _ = await decir(enchufe, "bash", "-c", f"{texto}; curl -sS -m 5 https://a.es/")
    direcciones = salida.split()
    assert len(direcciones) == 4
    assert len(set(direcciones)) == 1
    assert direcciones[0] != "http://127.0.0.1:3128"
    assert direcciones[0].startswith("http://127.0.0.1:")


@pytest.mark.parametrize("sobran", [[], ["--enchufe", "/x", "--"], ["--otra", "/x", "--", "true"]])
async def test_mal_llamado_dice_como_se_usa(sobran: list[str]) -> None:
    proceso = await asyncio.create_subprocess_exec(
        *(PYTHON, "-I", "-S", REENVIO, *sobran), stderr=asyncio.subprocess.PIPE
    )
    _, error = await proceso.communicate()
    assert proceso.returncode == CODIGO_USO
    assert error.decode().startswith("uso: ")
    assert error.count(b"\n") == 1


@pytest.mark.skipif(not seccomp.disponible(), reason="sin filtro de seccomp en esta máquina")
@pytest.mark.parametrize("variante", VARIANTES)
async def test_la_orden_no_entra_en_el_reenviador_ni_abre_sockets_de_unix(variante: str) -> None:
    with encierro(variante) as caja:
        async with proxy(BitacoraDePrueba(), duenio=caja.duenio) as salida:
            enchufe = await salida.abrir(AGENTE, [])
            (caja.carpeta / "curioso.py").write_text(CURIOSO)
            fin = await caja.correr(enchufe, f"{PYTHON} -I curioso.py")
    assert fin.error == ""
    assert fin.salida.split("\n")[:-1] == [
        "mem cerrado",
        "mem cerrado",
        "environ cerrado",
        "unix cerrado",
    ]


async def test_no_importa_nada_pesado() -> None:
    codigo = (
        f"import sys; sys.path.insert(0, {str(RAIZ)!r}); import servicios.consola.red.reenvio; "
        "print([m for m in ('asyncio', 'typing', 'pathlib', 'ssl', 'json') if m in sys.modules])"
    )
    proceso = await asyncio.create_subprocess_exec(
        *(PYTHON, "-I", "-S", "-c", codigo), stdout=asyncio.subprocess.PIPE
    )
    salida, _ = await proceso.communicate()
    assert salida == b"[]\n"
