"""Sin aislamiento también hay supervisor: límites, entorno limpio y nadie vivo detrás."""

from __future__ import annotations

from pathlib import Path

from servicios.ejecutor_consola import MotivoFin, OpcionesConsola, abrir_consola
from tests.consola.apoyo import en, sueno, vivos


async def test_una_orden_local_corre_y_dice_que_no_esta_encerrada(tmp_path: Path) -> None:
    async with abrir_consola(tmp_path, OpcionesConsola("local")) as consola:
        assert not consola.aislamiento.encierra
        assert "SIN AISLAMIENTO" in consola.aislamiento.descripcion
        await consola.ejecutar_comando_seguro("mkdir x; cd x; export A=1", "a-1")
        hecho = await consola.ejecutar_comando_seguro("echo ${PWD##*/} $A; exit 3", "a-1")
    assert (hecho.salida, hecho.codigo, hecho.motivo) == ("x 1\n", 3, MotivoFin.OK)


async def test_en_local_tampoco_queda_nadie(tmp_path: Path) -> None:
    n = sueno()
    orden = f"trap '' TERM; setsid sleep {n} & (env -i setsid sleep {n} &); sleep {n}"
    async with abrir_consola(tmp_path, OpcionesConsola("local")) as consola:
        hecho = await consola.ejecutar_comando_seguro(orden, "a-1", en(0.6))
        assert vivos(n) == []
        await consola.trabajos.iniciar(f"sleep {n}", "a-1", en(30))
    assert hecho.motivo is MotivoFin.TIEMPO
    assert vivos(n) == []
