"""Una sesión con averías y una muerte se vuelve a correr sin red y da lo mismo, siempre."""

from __future__ import annotations

import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from servicios.ajustes import RAIZ, Ajustes
from servicios.reproduccion import Grabacion, diferencias, leer_grabacion, reproducir
from tests.apoyo import doble_de
from tests.registros.reproducir.apoyo import FINAL, grabar, guion_de_cinco

VECES = 50


@pytest.fixture(scope="module")
async def sesion(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Grabacion]:
    datos = tmp_path_factory.mktemp("grabada") / "data"
    async with doble_de("openai", guion_de_cinco()) as doble:
        sesion = await grabar(datos, doble, muertes=1)
        doble.comprobar()
    return datos, leer_grabacion(datos / "swarm.db", sesion)


def _tipos(grabacion: Grabacion) -> list[str]:
    return [f.tipo for suyas in grabacion.filas.values() for f in suyas]


async def test_la_grabacion_tiene_las_tres_averias(sesion: tuple[Path, Grabacion]) -> None:
    _, grabacion = sesion
    reintentos = [
        f.details["clase"]
        for suyas in grabacion.filas.values()
        for f in suyas
        if f.tipo == "llm_call" and "espera_s" in f.details
    ]
    assert sorted(reintentos) == ["conexion", "tasa"]
    assert _tipos(grabacion).count("session_resume") == 1


async def test_cincuenta_de_cincuenta_veces_da_el_mismo_hash(
    sesion: tuple[Path, Grabacion],
) -> None:
    _, grabacion = sesion
    ajustes = Ajustes.leer()
    for _ in range(VECES):
        hecha = await reproducir(grabacion, ajustes)
        assert hecha.divergencia == ""
        assert hecha.obtenido == hecha.grabado


async def test_un_prompt_cambiado_se_nombra(sesion: tuple[Path, Grabacion], tmp_path: Path) -> None:
    _, grabacion = sesion
    shutil.copytree(RAIZ / "agentes_json", tmp_path / "agentes_json")
    archivo = tmp_path / "agentes_json" / "ejecutor.json"
    archivo.write_text(archivo.read_text().replace('"rol": "', '"rol": "otro '))
    hecha = await reproducir(grabacion, Ajustes.leer().con(raiz=tmp_path))
    assert not hecha.es_fiel
    primera = min(f.id for f in grabacion.filas["master"] if f.tipo == "llm_input")
    assert f"master, fila {primera} (llm_input)" in hecha.divergencia
    assert "otro " in hecha.divergencia


async def test_sin_una_pieza_se_niega_y_no_adivina(
    sesion: tuple[Path, Grabacion], tmp_path: Path
) -> None:
    datos, grabacion = sesion
    copia = tmp_path / "swarm.db"
    with (
        closing(sqlite3.connect(datos / "swarm.db")) as db,
        closing(sqlite3.connect(copia)) as otra,
    ):
        db.backup(otra)
        otra.execute("DROP TRIGGER logs_no_borra")
        fila = next(f.id for f in grabacion.filas["ejecutor-5"] if f.tipo == "llm_output")
        otra.execute("PRAGMA foreign_keys = OFF")
        otra.execute("DELETE FROM logs WHERE id = ?", (fila,))
        otra.commit()
    hecha = await reproducir(leer_grabacion(copia, grabacion.sesion), Ajustes.leer())
    assert not hecha.es_fiel
    assert "ejecutor-5" in hecha.divergencia


async def test_dos_grabaciones_se_comparan_hecho_a_hecho(
    sesion: tuple[Path, Grabacion],
) -> None:
    datos, grabacion = sesion
    ruta = datos / "swarm.db"
    assert diferencias(ruta, grabacion.sesion, grabacion.sesion) == []


async def test_se_llega_a_la_respuesta_final(sesion: tuple[Path, Grabacion]) -> None:
    _, grabacion = sesion
    dichos = [
        f.details["texto"] for f in grabacion.filas["master"] if f.tipo == "master_response_text"
    ]
    assert dichos[-1] == FINAL
