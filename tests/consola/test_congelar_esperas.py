"""Lo que iba a empezar cuando se congela a su agente, y lo que pasa al cerrar u olvidarlo."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from agentes.errores import ErrorConsola
from agentes.perfil_consola import PerfilConsola
from servicios.ejecutor_consola import EjecutorConsola, MotivoFin
from tests.consola.apoyo import CrearConsola, hasta_que, sueno, vivos
from tests.consola.apoyo_congelar import AGENTE, FILA, lanzar


async def test_cerrar_congelada_la_mata_y_lo_dice(consola: EjecutorConsola) -> None:
    n = sueno()
    tarea = lanzar(consola, f"sleep {n}")
    await consola.trabajos.iniciar(f"sleep {n}", AGENTE, PerfilConsola(), FILA + 1)
    assert await hasta_que(lambda: len(vivos(n)) == 2)
    assert await consola.congelar(AGENTE) == 2
    esperando = asyncio.create_task(
        consola.comprobaciones.mirar("true", AGENTE, PerfilConsola(), 5)
    )
    otro = asyncio.create_task(consola.trabajos.iniciar("true", AGENTE, PerfilConsola()))
    detras = lanzar(consola, "true", fila=None)
    await asyncio.sleep(0.05)
    await consola.cerrar()
    assert vivos(n) == []
    with pytest.raises(ErrorConsola, match="cerrada"):
        await otro
    assert (await detras).motivo is MotivoFin.CANCELADO
    assert (await tarea).motivo is MotivoFin.CANCELADO
    assert (await esperando).motivo is MotivoFin.CANCELADO


async def test_lo_que_empieza_congelado_espera(consola: EjecutorConsola, tmp_path: Path) -> None:
    await consola.congelar(AGENTE)
    tarea = lanzar(consola, "touch hecha; echo hecha", fila=None)
    trabajo = asyncio.create_task(consola.trabajos.iniciar("true", AGENTE, PerfilConsola()))
    mirada = asyncio.create_task(consola.comprobaciones.mirar("true", AGENTE, PerfilConsola(), 5))
    otro = await consola.ejecutar_comando_seguro("echo otro", "a-2")
    assert otro.salida == "otro\n"
    await asyncio.sleep(0.2)
    assert not {tarea.done(), trabajo.done(), mirada.done()} - {False}
    assert not (tmp_path / f"espacios/{AGENTE}/hecha").exists()
    await consola.descongelar(AGENTE)
    assert (await tarea).salida == "hecha\n"
    assert await trabajo == "t1"
    assert (await mirada).codigo == 0


@pytest.mark.parametrize("vueltas", [0, 2, 5, 13, 50])
async def test_congelar_recien_lanzada_tampoco_la_deja_pasar(
    consola: EjecutorConsola, vueltas: int
) -> None:
    n = sueno()
    tarea = lanzar(
        consola, f"for i in 1 2 3 4 5 6 7 8 9; do read -t 0.05 <> <(:); done; exec sleep {n}"
    )
    for _ in range(vueltas):
        await asyncio.sleep(0)
    assert await consola.congelar(AGENTE) in {0, 1}
    assert not await hasta_que(lambda: bool(vivos(n)), 0.7)
    await consola.descongelar(AGENTE)
    assert await hasta_que(lambda: bool(vivos(n)))
    tarea.cancel()
    await asyncio.wait({tarea})


async def test_las_congeladas_no_dejan_a_los_demas_sin_sitio(crear: CrearConsola) -> None:
    consola = await crear(simultaneos=2)
    n = sueno()
    tareas = [
        asyncio.create_task(consola.ejecutar_comando_seguro(f"sleep {n}", f"b-{i}"))
        for i in range(2)
    ]
    assert await hasta_que(lambda: len(vivos(n)) == 2)
    for i in range(2):
        await consola.congelar(f"b-{i}")
    async with asyncio.timeout(5):
        otro = await consola.ejecutar_comando_seguro("echo otro", "b-9")
    assert otro.salida == "otro\n"
    for i in range(2):
        await consola.descongelar(f"b-{i}")
    espera = asyncio.create_task(consola.ejecutar_comando_seguro("echo tarde", "b-9"))
    await asyncio.sleep(0.2)
    assert not espera.done()
    tareas[0].cancel()
    assert (await espera).salida == "tarde\n"
    tareas[1].cancel()
    await asyncio.wait(tareas)


async def test_un_agente_olvidado_deja_de_estar_congelado(consola: EjecutorConsola) -> None:
    n = sueno()
    await consola.trabajos.iniciar(f"sleep {n}", AGENTE, PerfilConsola())
    assert await hasta_que(lambda: bool(vivos(n)))
    await consola.congelar(AGENTE)
    consola.olvidar(AGENTE)
    assert await hasta_que(lambda: not vivos(n))
    assert (await consola.ejecutar_comando_seguro("echo nuevo", AGENTE)).salida == "nuevo\n"


async def test_quien_deja_de_esperar_no_se_lleva_el_sitio(crear: CrearConsola) -> None:
    consola = await crear(simultaneos=1)
    await consola.congelar(AGENTE)
    n = sueno()
    espera = lanzar(consola, "echo no")
    otra = asyncio.create_task(consola.ejecutar_comando_seguro(f"sleep {n}", "b-1"))
    assert await hasta_que(lambda: bool(vivos(n)))
    en_cola = asyncio.create_task(consola.ejecutar_comando_seguro("echo no", "b-2"))
    await asyncio.sleep(0.05)
    for tarea in (espera, en_cola, otra):
        tarea.cancel()
    await asyncio.wait({espera, en_cola, otra})
    async with asyncio.timeout(5):
        assert (await consola.ejecutar_comando_seguro("echo si", "b-3")).salida == "si\n"
