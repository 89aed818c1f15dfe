"""Congelar a un agente: nadie corre, el tiempo no pasa y todo sigue después donde estaba."""

from __future__ import annotations

import asyncio
import itertools
import time
from pathlib import Path

import pytest

from agentes.perfil_consola import PerfilConsola
from servicios.ejecutor_consola import EjecutorConsola, MotivoFin
from tests.consola.apoyo import hasta_que, sueno, vivos
from tests.consola.apoyo_congelar import (
    AGENTE,
    FILA,
    arbol,
    cronometrar,
    detenidos,
    hasta_existir,
    lanzar,
    no_gastan,
    tics,
)
from tests.consola.apoyo_operaciones import rastro

OCUPADO = "while :; do :; done"
PARIDERA = (
    "for i in {1..8}; do (while :; do /bin/true; done) & done;"
    " setsid sh -c 'while :; do /bin/true; done' &"
    " (setsid sh -c '(setsid sh -c \"while :; do /bin/true; done\" &) ' &); touch lista; wait"
)
"""Procesos que no paran de tener hijos, dos de ellos en otra sesión y uno huérfano."""


@pytest.mark.solo
async def test_un_arbol_que_no_para_de_parir_se_detiene_enseguida(
    consola: EjecutorConsola, tmp_path: Path
) -> None:
    tarea = lanzar(consola, PARIDERA)
    await hasta_existir(tmp_path / f"espacios/{AGENTE}/lista")
    await asyncio.sleep(0.3)
    tardan = []
    for _ in range(5):
        await consola.descongelar(AGENTE)
        await asyncio.sleep(0.05)
        tardan.append(await cronometrar(consola.congelar(AGENTE)))
    assert sorted(tardan)[2] < 0.2
    assert await no_gastan(tmp_path, FILA, 1.0)
    await consola.descongelar(AGENTE)
    antes = set(arbol(tmp_path, FILA))
    assert await hasta_que(lambda: len(set(arbol(tmp_path, FILA)) - antes) > 5)
    tarea.cancel()
    with pytest.raises(asyncio.CancelledError):
        await tarea


async def test_congelada_no_gasta_y_despues_sigue(consola: EjecutorConsola, tmp_path: Path) -> None:
    orden = f"({OCUPADO}) & touch lista; {OCUPADO}"
    tarea = lanzar(consola, orden)
    await hasta_existir(tmp_path / f"espacios/{AGENTE}/lista")
    assert await consola.congelar(AGENTE) == 1
    assert detenidos(arbol(tmp_path, FILA))
    assert await no_gastan(tmp_path, FILA, 1.0)
    await consola.descongelar(AGENTE)
    assert not any(map(detenidos, ([pid] for pid in arbol(tmp_path, FILA))))
    antes = tics(arbol(tmp_path, FILA))
    assert await hasta_que(lambda: tics(arbol(tmp_path, FILA)) != antes)
    tarea.cancel()
    with pytest.raises(asyncio.CancelledError):
        await tarea


@pytest.mark.solo
@pytest.mark.lento
async def test_cinco_segundos_congelada_no_gastan_su_limite_de_dos(
    consola: EjecutorConsola, tmp_path: Path
) -> None:
    inicio = time.monotonic()
    tarea = lanzar(consola, f"touch lista; {OCUPADO}", 2)
    await hasta_existir(tmp_path / f"espacios/{AGENTE}/lista")
    await asyncio.sleep(0.5)
    await consola.congelar(AGENTE)
    await asyncio.sleep(5)
    assert not tarea.done()
    await consola.descongelar(AGENTE)
    seguida = time.monotonic()
    resultado = await tarea
    assert resultado.motivo is MotivoFin.TIEMPO
    assert 1.2 < time.monotonic() - seguida < 2.5
    assert time.monotonic() - inicio > 6.9
    assert 1900 < resultado.ms < 3000


async def test_el_limite_no_corre_ni_dos_veces_congelada(
    consola: EjecutorConsola, tmp_path: Path
) -> None:
    orden = "for i in {1..40}; do echo $i; read -t 0.02 <> <(:); done; echo fin"
    tarea = lanzar(consola, orden, 1.5)
    for _ in range(3):
        await asyncio.sleep(0.15)
        assert await consola.congelar(AGENTE) == 1
        await asyncio.sleep(0.6)
        await consola.descongelar(AGENTE)
    resultado = await tarea
    assert (resultado.motivo, resultado.codigo) == (MotivoFin.OK, 0)
    assert resultado.salida == "".join(f"{i}\n" for i in range(1, 41)) + "fin\n"


async def test_lo_que_estaba_en_la_tuberia_se_lee_congelada(
    consola: EjecutorConsola, tmp_path: Path
) -> None:
    trabajo = await consola.trabajos.iniciar(
        f"head -c 300000 /dev/zero | tr '\\0' x; touch lista; {OCUPADO}",
        AGENTE,
        PerfilConsola(vida_trabajo_s=20),
        FILA,
    )
    await hasta_existir(tmp_path / f"espacios/{AGENTE}/lista")
    assert await consola.congelar(AGENTE) == 1
    assert await hasta_que(lambda: rastro(tmp_path, FILA).escrito()[0].total == 300_000)
    await consola.trabajos.parar(trabajo, AGENTE)


async def test_un_trabajo_se_congela_con_su_reloj(consola: EjecutorConsola, tmp_path: Path) -> None:
    n = sueno()
    perfil = PerfilConsola(vida_trabajo_s=0.8)
    for fila in (1, 2):
        await consola.trabajos.iniciar(f"sleep {n}", AGENTE, perfil, fila)
    tarea = lanzar(consola, f"sleep {n}")
    assert await hasta_que(lambda: len(vivos(n)) == 3)
    assert await consola.congelar(AGENTE) == 3
    for fila in (1, 2, FILA):
        assert detenidos(arbol(tmp_path, fila))
    await asyncio.sleep(1.2)
    assert (await consola.trabajos.leer("t1", AGENTE)).vivo
    await consola.descongelar(AGENTE)
    async with asyncio.timeout(5):
        while (resultado := (await consola.trabajos.leer("t2", AGENTE)).resultado) is None:
            await asyncio.sleep(0.02)
    assert resultado.motivo is MotivoFin.TIEMPO
    assert len(vivos(n)) == 1
    tarea.cancel()
    await asyncio.wait({tarea})


@pytest.mark.solo
async def test_cancelar_congelada_mata_el_arbol_entero(
    consola: EjecutorConsola, tmp_path: Path
) -> None:
    n = sueno()
    orden = f"trap '' TERM HUP CONT; echo hola; setsid sleep {n} & (setsid sh -c 'sleep {n} & sleep {n}' &); sleep {n}"
    tarea = lanzar(consola, orden)
    assert await hasta_que(lambda: len(vivos(n)) == 4)
    await consola.congelar(AGENTE)
    inicio = time.monotonic()
    tarea.cancel()
    with pytest.raises(asyncio.CancelledError) as cancelada:
        await tarea
    assert time.monotonic() - inicio < 1
    assert vivos(n) == []
    assert cancelada.value.args[0].salida == "hola\n"


async def test_congelar_y_descongelar_muchas_veces_es_como_una(
    consola: EjecutorConsola, tmp_path: Path
) -> None:
    await consola.descongelar(AGENTE)
    assert await consola.congelar(AGENTE) == 0
    assert await consola.congelar(AGENTE) == 0
    await consola.descongelar(AGENTE)
    tarea = lanzar(consola, "touch lista; until [ -e ya ]; do :; done; echo hecho")
    await hasta_existir(tmp_path / f"espacios/{AGENTE}/lista")
    assert await asyncio.gather(*(consola.congelar(AGENTE) for _ in range(3))) == [1, 1, 1]
    for _ in range(5):
        await consola.descongelar(AGENTE)
        assert await consola.congelar(AGENTE) == 1
        assert detenidos(arbol(tmp_path, FILA))
    (tmp_path / f"espacios/{AGENTE}/ya").touch()
    await asyncio.gather(*(consola.descongelar(AGENTE) for _ in range(3)))
    assert (await tarea).salida == "hecho\n"


async def test_quien_se_detuvo_solo_se_queda_como_estaba(
    consola: EjecutorConsola, tmp_path: Path
) -> None:
    orden = "sh -c 'kill -STOP $$; echo no' & p=$!; touch lista; until [ -e ya ]; do :; done"
    orden += "; read -r _ _ que _ < /proc/$p/stat; echo $que; kill -9 $p"
    tarea = lanzar(consola, orden)
    await hasta_existir(tmp_path / f"espacios/{AGENTE}/lista")
    assert await hasta_que(lambda: any(detenidos([pid]) for pid in arbol(tmp_path, FILA)))
    await consola.congelar(AGENTE)
    await consola.descongelar(AGENTE)
    (tmp_path / f"espacios/{AGENTE}/ya").touch()
    assert (await tarea).salida == "T\n"


async def test_una_bomba_de_procesos_se_detiene_o_muere(
    consola: EjecutorConsola, tmp_path: Path
) -> None:
    """Cada uno deja dos y se va: nunca se acaba de verlos a todos a la primera."""
    bomba = "touch lista; b() { sleep 0.02; b & b & }; b & wait; sleep 30"
    tarea = lanzar(consola, bomba)
    await hasta_existir(tmp_path / f"espacios/{AGENTE}/lista")
    await asyncio.sleep(0.1)
    detenidas = await consola.congelar(AGENTE)
    if detenidas:
        assert await no_gastan(tmp_path, FILA, 0.5)
        tarea.cancel()
    await asyncio.wait({tarea})
    assert arbol(tmp_path, FILA) == []


async def test_parar_y_seguir_sin_cesar_no_cambia_lo_que_hace(
    consola: EjecutorConsola, tmp_path: Path
) -> None:
    """Con procesos cortos, tuberías y `vfork` en marcha cada vez que se detiene."""
    programa = "import subprocess as s\nfor i in range(60): s.run(['echo', str(i)])"
    orden = f'touch lista; (python3 -c "{programa}") & for i in {{60..119}}; do '
    orden += "seq $i 9999 | head -n 1 | cat; done; wait"
    tarea = lanzar(consola, orden, 60)
    await hasta_existir(tmp_path / f"espacios/{AGENTE}/lista")
    veces = 0
    for i in itertools.count():
        veces += await consola.congelar(AGENTE)
        await consola.descongelar(AGENTE)
        if tarea.done():
            break
        await asyncio.sleep(i % 7 / 1000)
    resultado = await tarea
    assert veces > 5
    assert (resultado.motivo, resultado.error) == (MotivoFin.OK, "")
    assert sorted(map(int, resultado.salida.split())) == list(range(120))
