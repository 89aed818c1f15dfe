"""La cerca de Landlock: lo de fuera no se alcanza y lo concedido funciona como siempre."""

from __future__ import annotations

import os
import socket
import struct
import subprocess
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from servicios.consola.aislamientos import landlock, seccomp
from tests.consola.apoyo import SOY_ROOT, carpeta_para, solo_root
from tests.consola.apoyo_cercas import HERRAMIENTAS, SISTEMA, UIDS, Intento

if landlock.abi() < 1:
    pytest.skip("este núcleo no tiene Landlock", allow_module_level=True)

# De la más vieja que lo impide a lo que se intenta. Todo funciona sin la cerca.
ATAQUES = {
    "leer": (1, 'open(f"{fuera}/secreto").read()'),
    "listar": (1, "os.listdir(fuera)"),
    "escribir": (1, 'open(f"{fuera}/secreto", "a").write("x")'),
    "crear": (1, 'open(f"{fuera}/nuevo", "x")'),
    "crear una carpeta": (1, 'os.mkdir(f"{fuera}/otra")'),
    "crear un enlace": (1, 'os.symlink("x", f"{fuera}/enlace")'),
    "crear una tubería": (1, 'os.mkfifo(f"{fuera}/tuberia")'),
    "borrar": (1, 'os.unlink(f"{fuera}/borrable")'),
    "borrar una carpeta": (1, 'os.rmdir(f"{fuera}/vacia")'),
    "truncar": (3, 'os.truncate(f"{fuera}/truncable", 0)'),
    "ejecutar": (1, 'os.execv(f"{fuera}/programa", ["programa"])'),
    "leer por un enlace": (1, 'open(f"{dentro}/puente/secreto").read()'),
    "escribir por un enlace": (1, 'open(f"{dentro}/puente/secreto", "a").write("x")'),
    "subir por la carpeta": (1, 'open(f"{dentro}/../fuera/secreto").read()'),
    "traerse un enlace duro": (1, 'os.link(f"{fuera}/secreto", f"{dentro}/robado")'),
    "mover hacia fuera": (1, 'os.rename(f"{dentro}/mio", f"{fuera}/mio")'),
    "mover hacia dentro": (1, 'os.rename(f"{fuera}/movible", f"{dentro}/movible")'),
    "escribir en lo de solo lectura": (1, 'open(f"{prestado}/nota", "a").write("x")'),
    "crear en lo de solo lectura": (1, 'open(f"{prestado}/nueva", "x")'),
    "escribir por un enlace concedido": (1, 'open(f"{plantado}/secreto", "a").write("x")'),
    "conectar por TCP": (4, 'socket.socket().connect(("127.0.0.1", tcp))'),
    "escuchar por TCP": (4, 'socket.socket().bind(("127.0.0.1", 0))'),
    "conectar a un socket abstracto": (
        6,
        'socket.socket(socket.AF_UNIX).connect("\\0" + abstracto)',
    ),
    "mandar una señal": (6, "os.kill(victima, 0)"),
    "depurar": (1, 'llamar("ptrace", 0x4206, victima, None, 0)'),
}
ENTORNO_AJENO = {"entorno": 'open(f"/proc/{victima}/environ").read()'}
SOLO_ROOT = {
    "crear un aparato": 'os.mknod(f"{dentro}/nodo", stat.S_IFCHR | 0o666, os.makedev(1, 3))',
    "montar": 'llamar("mount", b"none", dentro.encode(), b"tmpfs", 0, None)',
}

# Lo que la cerca sola no sabe impedir; el filtro de seccomp y el usuario hacen el resto.
AGUJEROS = {
    "cambiar permisos": 'os.chmod(f"{fuera}/secreto", 0o600)',
    "ver que existe": 'os.stat(f"{fuera}/secreto")',
    "mandar un datagrama": 'socket.socket(type=socket.SOCK_DGRAM).sendto(b"x", ("127.0.0.1", 9))',
    "conectar a un socket con ruta": 'socket.socket(socket.AF_UNIX).connect(f"{fuera}/enchufe")',
}

CONCEDIDO = {
    "leer lo prestado": 'assert open(f"{prestado}/nota").read() == "hola"; os.listdir(prestado)',
    "escribir y truncar": 'open(f"{dentro}/a", "w").write("x"); os.truncate(f"{dentro}/a", 0)',
    "ordenar": 'os.mkdir(f"{dentro}/d"); open(f"{dentro}/b", "x"); os.rename(f"{dentro}/b",'
    ' f"{dentro}/d/b"); os.unlink(f"{dentro}/d/b"); os.rmdir(f"{dentro}/d")',
    "enlazar": 'os.symlink("x", f"{dentro}/e"); os.mkfifo(f"{dentro}/t"); '
    'os.link(f"{dentro}/mio", f"{dentro}/doble")',
    "un archivo suelto": 'open(f"{base}/suelto", "r+").write("x"); open(f"{base}/suelto").read()',
    "un aparato": 'open("/dev/null", "w").write("x"); open("/dev/urandom", "rb").read(1)',
    "un programa": 'os.execv("/bin/sh", ["sh", "-c", "exit 0"])',
    "una señal a un hijo": "h = os.fork() or __import__('time').sleep(9); os.kill(h, 9); os.wait()",
    "abstracto propio": "s = socket.socket(socket.AF_UNIX); s.bind(f'\\0{os.getpid()}'); s.listen();"
    " socket.socket(socket.AF_UNIX).connect(f'\\0{os.getpid()}')",
}


def _plantar(base: Path) -> None:
    for carpeta in ("dentro", "fuera/vacia", "prestado"):
        (base / carpeta).mkdir(parents=True)
    for archivo in ("secreto", "borrable", "truncable", "movible"):
        (base / "fuera" / archivo).write_text("canario")
    (base / "fuera/programa").write_text("#!/bin/sh\nexit 0\n")
    (base / "fuera/programa").chmod(0o755)
    (base / "prestado/nota").write_text("hola")
    (base / "suelto").write_text("x")
    (base / "dentro/mio").write_text("x")
    (base / "dentro/puente").symlink_to(base / "fuera")
    (base / "plantado").symlink_to(base / "fuera")


@contextmanager
def _escenario(uid: int | None) -> Iterator[Intento]:
    """Un sitio con todo lo que se ataca, cada vez nuevo; el intento todavía no tiene cerca."""
    yo = os.geteuid() if uid is None else uid
    opciones: dict[str, Any] = {}
    if SOY_ROOT:
        opciones = {"user": yo, "group": yo, "extra_groups": []}
    with ExitStack() as pila:
        base = pila.enter_context(carpeta_para(yo))
        _plantar(base)
        enchufe, abstracto = (pila.enter_context(socket.socket(socket.AF_UNIX)) for _ in "12")
        enchufe.bind(str(base / "fuera/enchufe"))
        abstracto.bind(f"\0{base}")
        tcp = pila.enter_context(socket.create_server(("127.0.0.1", 0)))
        for abierto in (enchufe, abstracto):
            abierto.listen()
        if SOY_ROOT:
            for ruta in base.rglob("*"):
                os.chown(ruta, yo, yo, follow_symlinks=False)
        victima = pila.enter_context(
            subprocess.Popen(["/bin/cat"], stdin=subprocess.PIPE, **opciones)
        )
        pila.callback(victima.kill)
        rutas = {n: str(base / n) for n in ("dentro", "fuera", "prestado", "plantado")}
        ajenos = {"abstracto": str(base), "tcp": tcp.getsockname()[1], "victima": victima.pid}
        yield Intento(uid=uid, datos={"base": str(base), **rutas, **ajenos})


def _cercado(intento: Intento) -> Intento:
    base = intento.datos["base"]
    leer = (*SISTEMA, f"{base}/prestado", f"{base}/no-existe", f"{base}/suelto/no-es-carpeta")
    escribir = tuple(f"{base}/{n}" for n in ("dentro", "suelto", "plantado", "tampoco"))
    return replace(intento, cerca=(leer, (*escribir, "/dev/null")))


def _todos(uid: str, ponerle: Callable[[Intento], Intento]) -> dict[str, str]:
    with _escenario(UIDS[uid]) as intento:
        ataques = {nombre: ataque for nombre, (_, ataque) in ATAQUES.items()}
        return ponerle(intento).atacar({**AGUJEROS, **CONCEDIDO, **ataques})


@pytest.fixture(scope="module", params=list(UIDS))
def uid(request: pytest.FixtureRequest) -> str:
    """Cada usuario con que se puede atacar."""
    return str(request.param)


@pytest.fixture(scope="module")
def suelto(uid: str) -> dict[str, str]:
    """Cómo le va a todo sin ninguna cerca."""
    return _todos(uid, lambda intento: intento)


@pytest.fixture(scope="module")
def cercado(uid: str) -> dict[str, str]:
    """Cómo le va a todo con la cerca."""
    return _todos(uid, _cercado)


@pytest.mark.parametrize("ataque", ATAQUES)
def test_lo_de_fuera_no_se_alcanza(
    suelto: dict[str, str], cercado: dict[str, str], ataque: str
) -> None:
    desde, _ = ATAQUES[ataque]
    if landlock.abi() < desde:
        pytest.skip(f"hasta Landlock {desde} no se puede impedir")
    assert suelto[ataque] == "pasa"
    assert cercado[ataque].split(":")[0] in {"EACCES", "EPERM", "EXDEV"}


@pytest.mark.parametrize("cosa", CONCEDIDO)
def test_lo_concedido_funciona(cercado: dict[str, str], cosa: str) -> None:
    assert cercado[cosa] == "pasa"


@pytest.mark.parametrize("agujero", AGUJEROS)
def test_la_cerca_sola_no_sabe_impedirlo(cercado: dict[str, str], agujero: str) -> None:
    assert cercado[agujero] == "pasa"


@pytest.mark.skipif(not seccomp.disponible(), reason="no hay filtro para esta máquina")
def test_el_filtro_tapa_los_agujeros_de_la_red(uid: str) -> None:
    como = _todos(uid, lambda intento: replace(_cercado(intento), filtro=(False, False)))
    for ataque in ("mandar un datagrama", "conectar a un socket con ruta"):
        assert como[ataque].startswith("EPERM")


def test_el_entorno_ajeno_no_se_lee_si_no_se_es_root(uid: str) -> None:
    soy = os.geteuid() if UIDS[uid] is None else UIDS[uid]
    with _escenario(UIDS[uid]) as intento:
        assert intento.atacar(ENTORNO_AJENO) == {"entorno": "pasa"}
        como = _cercado(intento).atacar(ENTORNO_AJENO)["entorno"]
    assert como.startswith("EACCES") or soy == 0


@solo_root
def test_ni_root_crea_aparatos_ni_monta() -> None:
    with _escenario(None) as intento:
        como = _cercado(intento).atacar(SOLO_ROOT)
    assert {dicho.split(":")[0] for dicho in como.values()} <= {"EACCES", "EPERM"}


@pytest.mark.skipif(landlock.abi() < 4, reason="hasta Landlock 4 no sabe de TCP")
def test_con_red_libre_se_conecta_y_se_escucha(uid: str) -> None:
    como = _todos(uid, lambda intento: replace(_cercado(intento), tcp_libre=True))
    assert (como["conectar por TCP"], como["escuchar por TCP"]) == ("pasa", "pasa")


@pytest.mark.parametrize("herramienta", HERRAMIENTAS)
def test_las_herramientas_corrientes_funcionan(uid: str, herramienta: str) -> None:
    numero = UIDS[uid]
    filtro = (False, False) if seccomp.disponible() else None
    with carpeta_para(os.geteuid() if numero is None else numero) as carpeta:
        cerca = (SISTEMA, (str(carpeta), "/dev/null", "/dev/shm"))
        Intento(uid=numero, cerca=cerca, filtro=filtro).usar(herramienta, carpeta)


@pytest.mark.skipif(not seccomp.disponible(), reason="no hay filtro para esta máquina")
def test_un_nucleo_sin_landlock_se_rechaza_con_un_mensaje() -> None:
    # Un filtro que contesta ENOSYS a landlock_create_ruleset, como un núcleo viejo.
    viejo = ((0x20, 0, 0, 0), (0x15, 0, 1, 444), (0x06, 0, 0, 0x50026), (0x06, 0, 0, 0x7FFF0000))
    crudo = b"".join(struct.pack("HBBI", *instruccion) for instruccion in viejo).hex()
    como = Intento(crudo=crudo, cerca=((), ())).atacar({"a": "pass"})
    assert como["a"] == "ENOSYS: este núcleo no tiene Landlock o lo tiene apagado"
