"""El programa entero con discos que fallan: una línea, un código, y nada contado que no esté."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import sqlite3
import subprocess
import sys
from asyncio.subprocess import PIPE, Process
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import pytest

from servicios.ajustes import RAIZ
from servicios.registros.custodia.verificar import verificar
from tests.interfaz.test_headless import entorno
from tests.registros.sesion_de_ejemplo import bitacora, grabar_sesion, preguntar

TAREA = ("-p", "ejecuta: seq 1 20000", "--salida", "jsonl")
BASE = "swarm.db"
FILAS = "SELECT id, tipo FROM logs ORDER BY id"


def sirve(*orden: str) -> bool:
    """Si esta máquina deja correr la orden."""
    if shutil.which(orden[0]) is None:
        return False
    return subprocess.run(orden, capture_output=True, check=False).returncode == 0


monta = pytest.mark.skipif(
    not sirve("unshare", "-m", "mount", "-t", "tmpfs", "none", "/mnt"),
    reason="monta discos propios: necesita root y unshare",
)
inyecta = pytest.mark.skipif(
    not sirve("strace", "-o", os.devnull, "true"), reason="necesita strace y permiso para usarlo"
)


@dataclass(frozen=True, slots=True)
class Final:
    """Lo que dijo el programa: código, filas que dio por guardadas y líneas de error."""

    codigo: int | None
    contadas: dict[int, str]
    errores: list[str]


async def arrancar(datos: Path, *orden: str) -> Process:
    return await asyncio.create_subprocess_exec(
        *orden,
        cwd=RAIZ,
        env=entorno(datos, MODEL="demo"),
        stdin=asyncio.subprocess.DEVNULL,
        stdout=PIPE,
        stderr=PIPE,
    )


async def final_de(proceso: Process, leido: bytes = b"") -> Final:
    async with asyncio.timeout(60):
        salida, errores = await proceso.communicate()
    # La última puede quedar a medias: no se ha contado.
    lineas = (leido + salida).decode().split("\n")[:-1]
    hechos = [json.loads(linea) for linea in lineas if linea.startswith('{"id"')]
    return Final(
        proceso.returncode,
        {hecho["id"]: hecho["tipo"] for hecho in hechos},
        errores.decode().splitlines(),
    )


def exigir_honrado(final: Final, donde: Path, motivo: str) -> None:
    """Código de fallo, una línea con el archivo y el motivo, y cada fila contada está."""
    assert final.codigo not in {0, None}
    lineas = [linea for linea in final.errores if BASE in linea]
    assert len(lineas) == 1, final.errores
    assert motivo in lineas[0]
    assert final.errores[-1] == lineas[0]
    assert not any("Traceback" in linea for linea in final.errores)
    base = donde / BASE
    if base.exists() and base.stat().st_size:
        guardadas = dict(preguntar(FILAS, base))
        assert final.contadas.items() <= guardadas.items()
        assert preguntar("PRAGMA integrity_check", base) == [("ok",)]
        assert verificar(base).rotura is None
    else:
        assert final.contadas == {}


async def estrenar(datos: Path) -> None:
    """La base ya existe y tiene una sesión: el fallo le llega a la siguiente."""
    async with bitacora(datos / BASE) as gestor:
        await grabar_sesion(gestor)


PROGRAMA = (sys.executable, str(RAIZ / "main.py"), *TAREA)


@monta
@pytest.mark.root
@pytest.mark.parametrize("kib", [100, 350, 450, 600])
async def test_disco_lleno(tmp_path: Path, kib: int) -> None:
    disco, copia = tmp_path / "disco", tmp_path / "copia"
    for carpeta in (disco, copia):
        carpeta.mkdir()
    guion = f'mount -t tmpfs -o size={kib}k none "$0" && shift; "$@"; rc=$?'
    guion += f'; cp "{disco}/{BASE}"* "{copia}"; exit $rc'
    orden = ("unshare", "-m", "sh", "-c", guion, str(disco), str(copia), *PROGRAMA)
    final = await final_de(await arrancar(disco, *orden))
    exigir_honrado(final, copia, "no queda sitio en el disco")


@monta
@pytest.mark.root
async def test_montaje_de_solo_lectura(tmp_path: Path) -> None:
    await estrenar(tmp_path)
    filas = preguntar(FILAS, tmp_path / BASE)
    guion = 'mount --bind "$0" "$0" && mount -o remount,bind,ro "$0" && exec "$@"'
    orden = ("unshare", "-m", "sh", "-c", guion, str(tmp_path), *PROGRAMA)
    final = await final_de(await arrancar(tmp_path, *orden))
    assert final.codigo not in {0, None}
    assert final.contadas == {}
    assert len(final.errores) == 1
    assert str(tmp_path) in final.errores[0]
    assert preguntar(FILAS, tmp_path / BASE) == filas


@monta
@pytest.mark.root
@pytest.mark.parametrize("orden", [("verificar",), ("sesiones", "--json")])
async def test_en_un_disco_de_solo_lectura_se_audita(
    tmp_path: Path, orden: tuple[str, ...]
) -> None:
    disco = tmp_path / "disco"
    await estrenar(disco)
    guion = 'mount --bind "$0" "$0" && mount -o remount,bind,ro "$0" && exec "$@"'
    programa = (sys.executable, "main.py", "auditar", *orden)
    antes = sorted(ruta.name for ruta in disco.iterdir())
    hecho = await asyncio.to_thread(
        subprocess.run,
        ("unshare", "-m", "sh", "-c", guion, str(disco), *programa),
        cwd=RAIZ,
        env=entorno(disco, MODEL="demo"),
        capture_output=True,
        text=True,
        check=False,
    )
    assert (hecho.returncode, hecho.stderr) == (0, "")
    assert hecho.stdout
    assert sorted(ruta.name for ruta in disco.iterdir()) == antes


@inyecta
@pytest.mark.parametrize("cuando", [1, 6])
@pytest.mark.parametrize("llamada", ["fsync,fdatasync", "pwrite64"])
async def test_el_disco_da_errores(tmp_path: Path, llamada: str, cuando: int) -> None:
    await estrenar(tmp_path)
    antes = preguntar(FILAS, tmp_path / BASE)
    estropeado = f"inject={llamada}:error=EIO:when={cuando * (1 if 'sync' in llamada else 8)}+"
    orden = (
        *("strace", "-f", "-qq", "-o", os.devnull, "-P", str(tmp_path / f"{BASE}-wal")),
        *("-e", f"trace={llamada}", "-e", estropeado, *PROGRAMA),
    )
    final = await final_de(await arrancar(tmp_path, *orden))
    exigir_honrado(final, tmp_path, "el disco falló")
    assert antes == preguntar(FILAS, tmp_path / BASE)[: len(antes)]


async def hasta_que_ejecute(proceso: Process) -> bytes:
    """Lo que lleva dicho cuando pide la orden de consola."""
    assert proceso.stdout is not None
    leido = b""
    while b"ejecutar_comando_consola sleep" not in leido:
        linea = await asyncio.wait_for(proceso.stdout.readline(), 20)
        assert linea, leido
        leido += linea
    return leido


LARGA = (sys.executable, str(RAIZ / "main.py"), "-p", "ejecuta: sleep 1", "--salida", "jsonl")


async def test_la_borran_a_mitad(tmp_path: Path) -> None:
    proceso = await arrancar(tmp_path, *LARGA)
    leido = await hasta_que_ejecute(proceso)
    with closing(sqlite3.connect(tmp_path / BASE)) as db:
        db.execute("SELECT count(*) FROM logs").fetchone()
        os.link(tmp_path / BASE, tmp_path / "copia")
        os.link(tmp_path / f"{BASE}-wal", tmp_path / "copia-wal")
        (tmp_path / BASE).unlink()
        final = await final_de(proceso, leido)
        guardadas = dict(db.execute(FILAS))
    exigir_honrado(Final(final.codigo, {}, final.errores), tmp_path, "borró o cambió el archivo")
    assert final.contadas.items() <= guardadas.items()


@pytest.mark.lento
@pytest.mark.parametrize("desde", ["el principio", "la mitad"])
async def test_la_tiene_bloqueada_otro_programa(tmp_path: Path, desde: str) -> None:
    await estrenar(tmp_path)
    with closing(sqlite3.connect(tmp_path / BASE, isolation_level=None)) as otro:
        if desde == "el principio":
            otro.execute("BEGIN IMMEDIATE")
        proceso = await arrancar(tmp_path, *LARGA)
        leido = b""
        if desde == "la mitad":
            leido = await hasta_que_ejecute(proceso)
            otro.execute("BEGIN IMMEDIATE")
        final = await final_de(proceso, leido)
        otro.execute("ROLLBACK")
    exigir_honrado(final, tmp_path, "otro programa la tiene bloqueada")
