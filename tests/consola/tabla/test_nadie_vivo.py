"""Cien de cien: acabe como acabe una orden, detrás no queda ningún proceso."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from asyncio.subprocess import DEVNULL, PIPE, Process
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from agentes.perfil_consola import PerfilConsola
from servicios.ejecutor_consola import EjecutorConsola, MotivoFin
from tests.consola.apoyo import HIJO, CrearConsola, en, hasta_que, sueno, vivos
from tests.consola.tabla.apoyo_tabla import ENCIERROS

VECES = 100
A_LA_VEZ = 25
SIGKILLS = 10
LIMITE_S = 3
_CORTADO = str(Path(__file__).with_name("hijo_cortado.py"))
_CORTADOS = 4
_ARBOL = (
    "trap '' TERM INT HUP; setsid sleep {n} & (env -i setsid sh -c 'sleep {n} & sleep {n}' &);"
    " nohup sleep {n} >/dev/null 2>&1 & "
)

Final = Callable[[EjecutorConsola, str, str, Path], Awaitable[None]]


@pytest.fixture(params=ENCIERROS)
def aislamiento(request: pytest.FixtureRequest) -> str:
    """Los encierros de verdad."""
    return str(request.param)


async def _normal(consola: EjecutorConsola, agente: str, n: str, _datos: Path) -> None:
    orden = _ARBOL.format(n=n) + "sleep 0.05; echo hecho"
    resultado = await consola.ejecutar_comando_seguro(orden, agente, en(30))
    assert (resultado.salida, resultado.motivo) == ("hecho\n", MotivoFin.OK)


async def _tiempo(consola: EjecutorConsola, agente: str, n: str, _datos: Path) -> None:
    orden = _ARBOL.format(n=n) + f"sleep {n}"
    resultado = await consola.ejecutar_comando_seguro(orden, agente, en(0.5))
    assert (resultado.motivo, resultado.codigo) == (MotivoFin.TIEMPO, 124)


async def _cancelada(consola: EjecutorConsola, agente: str, n: str, datos: Path) -> None:
    """Cada una se cancela un poco más tarde que la anterior, a medio nacer o ya entera."""
    orden = "touch lista; " + _ARBOL.format(n=n) + f"sleep {n}"
    tarea = asyncio.create_task(consola.ejecutar_comando_seguro(orden, agente, PerfilConsola()))
    assert await hasta_que((datos / f"espacios/{agente}/lista").exists, 30)
    await asyncio.sleep(int(agente.removeprefix("a-")) / 1000)
    tarea.cancel()
    with pytest.raises(asyncio.CancelledError):
        await tarea


@pytest.mark.lento
@pytest.mark.parametrize("final", [_normal, _tiempo, _cancelada])
async def test_de_cien_ordenes_no_queda_nadie(
    crear: CrearConsola, final: Final, tmp_path: Path
) -> None:
    consola = await crear(simultaneos=A_LA_VEZ)

    async def una(i: int) -> int:
        n = sueno()
        await final(consola, f"a-{i}", n, tmp_path)
        return len(vivos(n))

    assert await asyncio.gather(*(una(i) for i in range(VECES))) == [0] * VECES


@asynccontextmanager
async def _programa(*argumentos: str) -> AsyncIterator[Process]:
    """Un enjambre aparte, en su propio grupo como el de una terminal."""
    proceso = await asyncio.create_subprocess_exec(
        *(sys.executable, "-B", *argumentos), stdin=DEVNULL, stdout=PIPE, start_new_session=True
    )
    try:
        yield proceso
    finally:
        if proceso.returncode is None:
            proceso.kill()
        await proceso.communicate()


@pytest.mark.lento
async def test_de_cien_ctrl_c_no_queda_nadie(tmp_path: Path) -> None:
    """La mitad con cada encierro."""

    async def cortar(cual: int) -> list[int]:
        marca, veces = sueno(), VECES // _CORTADOS
        aislamiento = ENCIERROS[cual % len(ENCIERROS)]
        datos = str(tmp_path / str(cual))
        quedan = []
        async with _programa(_CORTADO, aislamiento, datos, marca, str(veces)) as programa:
            for i in range(veces):
                assert await _linea(programa) == "lista"
                os.killpg(programa.pid, signal.SIGINT)
                assert await _linea(programa) == "fuera"
                quedan.append(len(vivos(f"{marca}{i:03d}")))
            assert await programa.wait() == 0
        return quedan

    por_programa = await asyncio.gather(*(cortar(i) for i in range(_CORTADOS)))
    assert [cuantos for programa in por_programa for cuantos in programa] == [0] * VECES


async def _linea(programa: Process) -> str:
    assert programa.stdout is not None
    async with asyncio.timeout(20):
        return (await programa.stdout.readline()).decode().strip()


@pytest.mark.lento
async def test_de_diez_enjambres_matados_no_queda_nadie(aislamiento: str, tmp_path: Path) -> None:
    """Todos a la vez, con sus órdenes en marcha; pasado el límite de estas no hay nada."""

    async def matar(cual: int) -> int:
        n = sueno()
        orden = _ARBOL.format(n=n) + f"sleep {n}"
        datos = str(tmp_path / str(cual))
        async with _programa(HIJO, aislamiento, datos, orden, str(LIMITE_S)) as programa:
            assert await hasta_que(lambda: len(vivos(n)) == 5, 20)
            programa.kill()
        await hasta_que(lambda: not vivos(n), LIMITE_S + 2)
        return len(vivos(n))

    assert await asyncio.gather(*(matar(i) for i in range(SIGKILLS))) == [0] * SIGKILLS
