"""Leer lo que dejó un agente sin que un enlace plantado nos saque de su carpeta."""

from __future__ import annotations

import os
import socket
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from agentes.errores import ErrorConsola
from servicios.consola.plazas.lectura import abrir_dentro, abrir_paso_a_paso, leer_dentro

Leer = Callable[[Path, str], bytes]


@pytest.fixture
def base(tmp_path: Path) -> Path:
    (tmp_path / "fuera").mkdir()
    (tmp_path / "fuera/secreto").write_text("canario")
    base = tmp_path / "base"
    (base / "sub").mkdir(parents=True)
    (base / "sub/nota.txt").write_text("hola")
    return base


def de_una_vez(base: Path, relativa: str) -> bytes:
    return leer_dentro(base, relativa, 1000)


def paso_a_paso(base: Path, relativa: str) -> bytes:
    carpeta = os.open(base, os.O_PATH)
    try:
        fd = abrir_paso_a_paso(carpeta, relativa.split("/"))
    finally:
        os.close(carpeta)
    with os.fdopen(fd, "rb") as archivo:
        return archivo.read(1000)


@pytest.fixture(params=[de_una_vez, paso_a_paso])
def leer(request: pytest.FixtureRequest) -> Leer:
    """Con la llamada del núcleo y sin ella."""
    lector: Leer = request.param
    return lector


def test_se_lee_lo_de_dentro(base: Path, leer: Leer) -> None:
    assert leer(base, "sub/nota.txt") == b"hola"


def test_un_enlace_no_se_sigue_ni_al_final_ni_por_el_camino(base: Path, leer: Leer) -> None:
    (base / "enlace").symlink_to("../fuera/secreto")
    (base / "atajo").symlink_to("../fuera")
    (base / "interno").symlink_to("sub")
    for ruta in ("enlace", "atajo/secreto", "interno/nota.txt"):
        with pytest.raises((ErrorConsola, OSError)):
            leer(base, ruta)


def test_una_carrera_de_enlaces_no_saca_nada(base: Path, leer: Leer) -> None:
    """Un hilo cambia sin parar una carpeta por un enlace; ninguna lectura sale."""
    parar = threading.Event()
    (base / "sub/secreto").write_text("hola")
    (base / "otro").symlink_to("../fuera")

    def cambiar() -> None:
        while not parar.is_set():
            (base / "sub").rename(base / "aparte")
            (base / "otro").rename(base / "sub")
            (base / "sub").rename(base / "otro")
            (base / "aparte").rename(base / "sub")

    hilo = threading.Thread(target=cambiar)
    hilo.start()
    leidos: dict[bytes, int] = {}
    try:
        for _ in range(5_000):
            try:
                datos = leer(base, "sub/secreto")
            except (ErrorConsola, OSError):
                datos = b"-"
            leidos[datos] = leidos.get(datos, 0) + 1
    finally:
        parar.set()
        hilo.join()
    assert b"canario" not in leidos
    assert leidos[b"hola"] > 0
    assert leidos[b"-"] > 0


@pytest.mark.parametrize("ruta", ["../fuera/secreto", "sub/../../fuera/secreto", "", ".", "a\0b"])
def test_una_ruta_que_no_es_de_dentro_se_rechaza(base: Path, ruta: str) -> None:
    with pytest.raises(ErrorConsola, match="no es una ruta de dentro"):
        leer_dentro(base, ruta, 100)


def test_una_ruta_absoluta_se_rechaza(base: Path) -> None:
    with pytest.raises(ErrorConsola, match="no es una ruta de dentro"):
        leer_dentro(base, str(base / "sub/nota.txt"), 100)


def test_lo_que_no_es_un_archivo_se_rechaza_sin_esperar(base: Path) -> None:
    os.mkfifo(base / "tubo")
    enchufe = socket.socket(socket.AF_UNIX)
    enchufe.bind(str(base / "enchufe"))
    for nombre in ("tubo", "enchufe", "sub"):
        with pytest.raises(ErrorConsola, match=nombre):
            leer_dentro(base, nombre, 100)
    enchufe.close()


def test_lo_que_pasa_del_tope_se_rechaza(base: Path) -> None:
    assert leer_dentro(base, "sub/nota.txt", 4) == b"hola"
    with pytest.raises(ErrorConsola, match=r"sub/nota\.txt: pasa de 3 bytes"):
        leer_dentro(base, "sub/nota.txt", 3)


def test_lo_que_no_esta_se_nombra(base: Path) -> None:
    with pytest.raises(ErrorConsola, match=r"sub/nada\.txt"):
        leer_dentro(base, "sub/nada.txt", 3)


def test_una_base_sustituida_por_un_enlace_no_se_sigue(base: Path) -> None:
    (base.parent / "falsa").symlink_to("fuera")
    with pytest.raises(ErrorConsola):
        leer_dentro(base.parent / "falsa", "secreto", 100)


def test_el_descriptor_es_de_solo_lectura(base: Path) -> None:
    fd = abrir_dentro(base, "sub/nota.txt")
    with pytest.raises(OSError, match="Bad file descriptor"):
        os.write(fd, b"x")
    os.close(fd)
