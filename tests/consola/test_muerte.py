"""No queda nadie vivo: ni al acabar, ni al agotar el tiempo, ni al cancelar, ni al cerrar."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path

import pytest

from servicios.ejecutor_consola import EjecutorConsola, MotivoFin
from tests.consola.apoyo import en, hasta_que, sueno, vivos

ARBOL = (
    "trap '' TERM INT HUP; "
    "setsid sleep {n} & "
    "(setsid sh -c 'sleep {n} & sleep {n}' & ) ; "
    "nohup sleep {n} >/dev/null 2>&1 & "
    "sleep {n}"
)
EN_ARBOL = 5


async def test_el_tiempo_agotado_mata_el_arbol_entero(consola: EjecutorConsola) -> None:
    n = sueno()
    inicio = time.monotonic()
    tarea = asyncio.create_task(consola.ejecutar_comando_seguro(ARBOL.format(n=n), "a-1", en(2)))
    assert await hasta_que(lambda: len(vivos(n)) == EN_ARBOL)
    resultado = await tarea
    assert vivos(n) == []
    assert time.monotonic() - inicio < 4
    assert resultado.codigo == 124
    assert resultado.motivo is MotivoFin.TIEMPO
    assert "tiempo agotado tras 2 s" in resultado.error


async def test_una_orden_que_se_detiene_no_ha_terminado(consola: EjecutorConsola) -> None:
    resultado = await consola.ejecutar_comando_seguro("kill -STOP $$; echo no", "a-1", en(0.5))
    assert (resultado.motivo, resultado.salida) == (MotivoFin.TIEMPO, "")


async def test_quien_muere_no_llega_a_hacer_nada_mas(
    consola: EjecutorConsola, tmp_path: Path
) -> None:
    """Matar a un padre antes que a sus hijos detenidos los despierta con SIGHUP."""
    orden = "trap 'echo x > despierto' HUP EXIT; sleep 30"
    await asyncio.gather(
        *(consola.ejecutar_comando_seguro(orden, f"a-{i}", en(0.3)) for i in range(12))
    )
    assert list(tmp_path.glob("espacios/*/despierto")) == []


async def test_cancelar_mata_el_arbol_antes_de_seguir(consola: EjecutorConsola) -> None:
    n = sueno()
    tarea = asyncio.create_task(consola.ejecutar_comando_seguro(ARBOL.format(n=n), "a-1"))
    assert await hasta_que(lambda: len(vivos(n)) == EN_ARBOL)
    tarea.cancel()
    with pytest.raises(asyncio.CancelledError):
        await tarea
    assert vivos(n) == []


@pytest.mark.parametrize("vueltas", [0, 1, 2, 3, 5, 8, 13, 50])
async def test_cancelar_recien_lanzada_tampoco_deja_nada(
    consola: EjecutorConsola, vueltas: int
) -> None:
    n = sueno()
    tarea = asyncio.create_task(consola.ejecutar_comando_seguro(f"sleep {n}", "a-1"))
    for _ in range(vueltas):
        await asyncio.sleep(0)
    tarea.cancel()
    with pytest.raises(asyncio.CancelledError):
        await tarea
    assert not await hasta_que(lambda: bool(vivos(n)), 0.1)


async def test_terminar_mata_lo_que_quedo_desligado(consola: EjecutorConsola) -> None:
    n = sueno()
    orden = f"setsid sleep {n} & (setsid sh -c 'sleep {n} &' &); sleep 0.2; echo hecho"
    resultado = await consola.ejecutar_comando_seguro(orden, "a-1")
    assert (resultado.salida, resultado.motivo) == ("hecho\n", MotivoFin.OK)
    assert vivos(n) == []


async def test_cerrar_mata_lo_que_corre_y_lo_dice(consola: EjecutorConsola) -> None:
    n = sueno()
    tareas = [
        asyncio.create_task(consola.ejecutar_comando_seguro(ARBOL.format(n=n), f"a-{i}"))
        for i in range(3)
    ]
    assert await hasta_que(lambda: len(vivos(n)) == 3 * EN_ARBOL)
    await consola.cerrar()
    assert vivos(n) == []
    for resultado in await asyncio.gather(*tareas):
        assert resultado.motivo is MotivoFin.CANCELADO
        assert resultado.codigo == 137


async def test_cerrada_ya_no_lanza_nada(consola: EjecutorConsola) -> None:
    await consola.cerrar()
    resultado = await consola.ejecutar_comando_seguro("echo no", "a-1")
    assert resultado.salida == ""
    assert resultado.motivo is MotivoFin.CANCELADO


async def test_cada_orden_borra_sus_hojas(consola: EjecutorConsola, tmp_path: Path) -> None:
    await consola.ejecutar_comando_seguro("ls ~/.enjambre > dentro", "a-1")
    await consola.ejecutar_comando_seguro("sleep 9", "a-1", en(0.2))
    assert len((tmp_path / "espacios/a-1/dentro").read_text().split()) == 2
    assert list((tmp_path / "casas/a-1/.enjambre").iterdir()) == []


async def test_matar_al_padre_desde_la_orden_no_libra_a_nadie(consola: EjecutorConsola) -> None:
    n = sueno()
    orden = f"setsid sleep {n} & sleep 0.2; kill -9 $PPID; sleep {n}"
    resultado = await consola.ejecutar_comando_seguro(orden, "a-1", en(2))
    assert resultado.codigo != 0
    assert vivos(n) == []


async def test_sin_descriptores_de_mas_tras_muchas_ordenes(consola: EjecutorConsola) -> None:
    await consola.ejecutar_comando_seguro("true", "a-1")
    antes = len(list(Path("/proc/self/fd").iterdir()))
    for _ in range(5):
        await consola.ejecutar_comando_seguro("sleep 9 & true", "a-1")
        await consola.ejecutar_comando_seguro("sleep 9", "a-1", en(0.05))
    assert await hasta_que(lambda: len(list(Path("/proc/self/fd").iterdir())) <= antes)


@pytest.mark.parametrize("huida", ["env -i setsid", "exec -a otro setsid", "setsid setsid"])
@pytest.mark.solo
async def test_nadie_se_fuga(consola: EjecutorConsola, huida: str) -> None:
    """Ni desligándose, ni cambiando de sesión, ni borrando su entorno, todo a la vez."""
    n = sueno()
    orden = f"echo hola; ({huida} bash -c '(sleep {n} & exit) &' &); sleep 0.3"
    inicio = time.monotonic()
    resultado = await consola.ejecutar_comando_seguro(orden, "a-1")
    assert vivos(n) == []
    assert (resultado.salida, resultado.codigo) == ("hola\n", 0)
    assert resultado.motivo is MotivoFin.OK
    assert time.monotonic() - inicio < 2
