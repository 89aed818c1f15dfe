"""Lo confirmado está: con procesos de verdad, muertes de verdad y discos que fallan."""

from __future__ import annotations

import asyncio
import signal
import sqlite3
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import Awaitable
from contextlib import closing
from pathlib import Path

import pytest

from agentes.errores import ErrorBitacora
from agentes.eventos import HechoAnotado
from tests.registros.sesion_de_ejemplo import bitacora, preguntar, problema

RAIZ = Path(__file__).parents[2]


@pytest.fixture
def ruta(tmp_path: Path) -> Path:
    return tmp_path / "swarm.db"


async def hijo(ruta: Path, sesion: str, *resto: int) -> Process:
    return await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "tests.registros.hijo_escritor", str(ruta), sesion),
        *map(str, resto),
        cwd=RAIZ,
        stdout=PIPE,
        stderr=PIPE,
    )


def confirmadas(salida: bytes) -> set[tuple[int, str, str]]:
    """`(id, agente, principio del mensaje)` de cada fila que el hijo dio por guardada."""
    enteras = salida.decode().split("\n")[:-1]
    partes = [linea.split() for linea in enteras]
    return {(int(p[1]), p[2], p[3]) for p in partes if p[0] == "fila"}


def guardadas(ruta: Path) -> set[tuple[int, str, str]]:
    filas = preguntar("SELECT id, agente_id, mensaje FROM logs", ruta)
    return {(fila, agente, mensaje.split()[0]) for fila, agente, mensaje in filas}


@pytest.mark.parametrize("confirmaciones", [1, 60, 700])
async def test_matar_el_proceso_no_pierde_nada_confirmado(ruta: Path, confirmaciones: int) -> None:
    proceso = await hijo(ruta, "muere", 8, 100_000)
    assert proceso.stdout is not None
    leido = b""
    while leido.count(b"fila ") < confirmaciones:
        linea = await proceso.stdout.readline()
        assert linea, "el hijo murió antes de tiempo"
        leido += linea
    proceso.send_signal(signal.SIGKILL)
    resto, _ = await proceso.communicate()
    assert confirmadas(leido + resto) <= guardadas(ruta)
    assert preguntar("PRAGMA integrity_check", ruta) == [("ok",)]
    assert preguntar("PRAGMA foreign_key_check", ruta) == []
    async with bitacora(ruta, "despues") as gestor:
        await gestor.anotar(problema("a-1", "seguimos"))


async def test_dos_procesos_en_el_mismo_archivo(ruta: Path) -> None:
    procesos = [await hijo(ruta, sesion, 3, 300) for sesion in ("uno", "dos")]
    salidas = [await proceso.communicate() for proceso in procesos]
    assert [(p.returncode, errores) for p, (_, errores) in zip(procesos, salidas, strict=True)] == [
        (0, b""),
        (0, b""),
    ]
    todas = confirmadas(salidas[0][0]) | confirmadas(salidas[1][0])
    assert len(todas) == 2 * 3 * 300
    assert guardadas(ruta) == todas
    texto = (salidas[0][0] + salidas[1][0]).decode()
    numeros = sorted(int(x.split()[1]) for x in texto.splitlines() if x.startswith("numero"))
    assert numeros == [1, 2, 3, 4, 5, 6]


async def test_disco_lleno_una_linea_y_nada_de_mentira(ruta: Path) -> None:
    proceso = await hijo(ruta, "lleno", 4, 100_000, 800_000)
    salida, errores = await proceso.communicate()
    assert proceso.returncode == 3, errores.decode()
    lineas = errores.decode().splitlines()
    assert len(lineas) == 1
    assert str(ruta) in lineas[0]
    assert "espacio" in lineas[0]
    dichas = confirmadas(salida)
    assert len(dichas) > 50
    assert dichas <= guardadas(ruta)
    assert preguntar("PRAGMA integrity_check", ruta) == [("ok",)]


async def error_de(espera: Awaitable[int]) -> str:
    with pytest.raises(ErrorBitacora) as error:
        await espera
    return str(error.value)


async def test_bloqueada_por_otro_programa(ruta: Path) -> None:
    hechos: list[HechoAnotado] = []
    async with bitacora(ruta, hechos=hechos, espera_bloqueo_s=0.1) as gestor:
        await gestor.anotar(problema("a-1"))
        with closing(sqlite3.connect(ruta, isolation_level=None)) as otro:
            otro.execute("BEGIN IMMEDIATE")
            recibos = [gestor.anotar(problema("a-1")) for _ in range(3)]
            textos = [await error_de(gestor.siguiente_numero("ejecutor"))]
            textos += [await error_de(recibo) for recibo in recibos]
            otro.execute("ROLLBACK")
        with pytest.raises(ErrorBitacora) as despues:
            gestor.anotar(problema("a-1"))
        assert {*textos, str(await gestor.fallo)} == {str(despues.value)}
    assert "swarm.db: otro programa la tiene bloqueada" in textos[0]
    assert preguntar("SELECT count(*) FROM logs", ruta) == [(1,)]
    assert len(hechos) == 1


async def test_una_espera_corta_por_otro_programa_no_es_un_fallo(ruta: Path) -> None:
    async with bitacora(ruta) as gestor:
        with closing(sqlite3.connect(ruta, isolation_level=None)) as otro:
            otro.execute("BEGIN IMMEDIATE")
            recibo = gestor.anotar(problema("a-1"))
            asyncio.get_running_loop().call_later(0.1, otro.execute, "COMMIT")
            await recibo
    assert preguntar("SELECT count(*) FROM logs", ruta) == [(1,)]


@pytest.mark.parametrize("que", ["borrado", "cambiado", "sin_wal"])
async def test_el_archivo_desaparece_mientras_se_usa(ruta: Path, que: str) -> None:
    async with bitacora(ruta) as gestor:
        await gestor.anotar(problema("a-1"))
        match que:
            case "borrado":
                ruta.unlink()
            case "cambiado":
                ruta.rename(ruta.with_name("otra.db"))
                ruta.write_bytes(b"")
            case _:
                ruta.with_name("swarm.db-wal").unlink()
        recibo = gestor.anotar(problema("a-1"))
        with pytest.raises(ErrorBitacora, match="borró o cambió el archivo"):
            await recibo


async def test_un_fallo_que_nadie_espera_no_deja_ruido(ruta: Path) -> None:
    quejas: list[dict[str, object]] = []
    bucle = asyncio.get_running_loop()
    anterior = bucle.get_exception_handler()
    bucle.set_exception_handler(lambda _, contexto: quejas.append(contexto))
    try:
        async with bitacora(ruta) as gestor:
            ruta.unlink()
            gestor.anotar(problema("a-1"))
            await gestor.fallo
        del gestor
        await asyncio.sleep(0)
    finally:
        bucle.set_exception_handler(anterior)
    assert quejas == []


async def test_la_base_es_solo_de_su_dueno(ruta: Path) -> None:
    async with bitacora(ruta) as gestor:
        await gestor.anotar(problema("a-1"))
        modos = {a.name: a.stat().st_mode & 0o777 for a in ruta.parent.iterdir()}
    assert set(modos.values()) == {0o600}, modos
