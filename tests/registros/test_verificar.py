"""Verificar: lo escrito se da por bueno y cualquier cambio se encuentra y se dice dónde."""

from __future__ import annotations

import random
import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
import pytest_asyncio

from agentes.errores import ErrorBitacora
from servicios.registros.custodia.verificar import verificar
from tests.registros.sesion_de_ejemplo import bitacora, grabar_sesion, preguntar, problema

LIBRES = ("logs_no_cambia", "logs_no_borra")


@pytest_asyncio.fixture(scope="module")
async def original(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Dos sesiones mezcladas, una reanudada, con textos de todas clases y filas de varias páginas."""
    ruta = tmp_path_factory.mktemp("verificar") / "swarm.db"
    async with bitacora(ruta, "s-1") as uno, bitacora(ruta, "s-2") as dos:
        for i in range(20):
            await uno.anotar(problema("a-1", f"ñandú 🐝 {i}" * (1 + i % 3)))
            await dos.anotar(problema("a-2", "x" * (900 * i)))
        await grabar_sesion(uno)
    async with bitacora(ruta, "s-2") as dos:
        await dos.anotar(problema("a-2", "de vuelta"))
    return ruta


@pytest.fixture
def ruta(original: Path, tmp_path: Path) -> Path:
    return Path(shutil.copy(original, tmp_path / "swarm.db"))


def cambiar(ruta: Path, *sentencias: str) -> None:
    """Lo que haría alguien con un cliente de SQLite y malas intenciones."""
    with closing(sqlite3.connect(ruta)) as db:
        for guardian in LIBRES:
            db.execute(f"DROP TRIGGER {guardian}")
        for sentencia in sentencias:
            db.execute(sentencia)
        db.commit()


def test_lo_escrito_esta_entero(ruta: Path) -> None:
    pasos: list[tuple[int, int]] = []
    veredicto = verificar(ruta, lambda hechas, total: pasos.append((hechas, total)))
    ((filas,),) = preguntar("SELECT count(*) FROM logs", ruta)
    assert (veredicto.entera, veredicto.rotura) == (True, None)
    assert (veredicto.filas, veredicto.sesiones) == (filas, 2)
    assert pasos[-1] == (filas, filas)


async def test_se_verifica_mientras_se_escribe(tmp_path: Path) -> None:
    ruta = tmp_path / "swarm.db"
    async with bitacora(ruta) as gestor:
        for i in range(60):
            for _ in range(20):
                gestor.anotar(problema("a-1", "x" * i))
            await gestor.anotar(problema("a-1"))
            assert verificar(ruta).entera


CAMBIOS = {
    "mensaje": "UPDATE logs SET mensaje = mensaje || '.' WHERE id = 7",
    "agente": "UPDATE logs SET agente_id = 'usuario' WHERE id = 7",
    "sesion": "UPDATE logs SET session = 's-2' WHERE id = 7",
    "causa": "UPDATE logs SET causa = 1 WHERE id = 7",
    "seq": "UPDATE logs SET seq = 99 WHERE id = 7",
    "hora": "UPDATE logs SET timestamp = '2020-01-01T00:00:00.000Z' WHERE id = 7",
    "hash": "UPDATE logs SET hash = replace(hash, substr(hash, 1, 1), 'x') WHERE id = 7",
    "blob": "UPDATE logs SET details = CAST(details AS BLOB) WHERE id = 7",
    "real": "UPDATE logs SET seq = 'x' WHERE id = 7",
}


@pytest.mark.parametrize("clave", CAMBIOS)
def test_una_fila_cambiada_se_nombra(ruta: Path, clave: str) -> None:
    cambiar(ruta, CAMBIOS[clave])
    rotura = verificar(ruta).rotura
    assert rotura is not None
    assert rotura.fila == 7
    assert "\n" not in str(rotura)
    if clave == "blob":
        assert (
            str(rotura) == "fila 7, sesión s-1: la columna details no es del tipo que se escribió"
        )


def test_una_fila_quitada_de_en_medio_rompe_la_siguiente_de_su_sesion(ruta: Path) -> None:
    cambiar(ruta, "DELETE FROM logs WHERE id = 7")
    rotura = verificar(ruta).rotura
    assert rotura is not None
    assert (rotura.fila, rotura.sesion) == (9, "s-1")


def test_una_cola_cortada_se_nota(ruta: Path) -> None:
    cambiar(ruta, "DELETE FROM logs WHERE id = (SELECT max(id) FROM logs)")
    assert "debía acabar" in str(verificar(ruta).rotura)


def test_una_sesion_entera_quitada_se_nota(ruta: Path) -> None:
    cambiar(ruta, "DELETE FROM logs WHERE session = 's-2'", "DELETE FROM sessions WHERE id = 's-2'")
    assert "faltan filas (de la 2 a la 2)" in str(verificar(ruta).rotura)


def test_las_ultimas_filas_de_una_sesion_entera_quitada_tambien(tmp_path: Path, ruta: Path) -> None:
    cambiar(
        ruta,
        "DELETE FROM logs WHERE id > 40",
        "DELETE FROM sessions WHERE id = 's-2'",
        "UPDATE sessions SET filas = 20, ultima_fila = 39,"
        " ultimo_hash = (SELECT hash FROM logs WHERE id = 39)",
        "DELETE FROM logs WHERE session = 's-2'",
    )
    assert verificar(ruta).rotura is not None


def test_lo_que_no_se_puede_abrir_es_una_linea(tmp_path: Path) -> None:
    with pytest.raises(ErrorBitacora, match="no se puede abrir"):
        verificar(tmp_path / "no_existe.db")
    (tmp_path / "otra.db").write_text("no soy una base de datos\n" * 400)
    assert "SQLite no puede leerla" in str(verificar(tmp_path / "otra.db").rotura)


# --- un byte, donde sea -----------------------------------------------------------------


def hojas(datos: bytes, tamano: int, numero: int) -> Iterator[int]:
    """Las páginas hoja de la tabla que cuelga de `numero`."""
    inicio = (numero - 1) * tamano
    if datos[inicio] == 13:
        yield numero
        return
    assert datos[inicio] == 5
    for i in range(int.from_bytes(datos[inicio + 3 : inicio + 5], "big")):
        puntero = inicio + 12 + 2 * i
        celda = inicio + int.from_bytes(datos[puntero : puntero + 2], "big")
        yield from hojas(datos, tamano, int.from_bytes(datos[celda : celda + 4], "big"))
    yield from hojas(datos, tamano, int.from_bytes(datos[inicio + 8 : inicio + 12], "big"))


def bytes_vivos(ruta: Path) -> list[int]:
    """Los de las celdas de `logs`: como solo se añade, todo el final de cada hoja."""
    datos = ruta.read_bytes()
    tamano = int.from_bytes(datos[16:18], "big")
    ((raiz,),) = preguntar("SELECT rootpage FROM sqlite_master WHERE name = 'logs'", ruta)
    vivos: list[int] = []
    for numero in hojas(datos, tamano, raiz):
        inicio = (numero - 1) * tamano
        contenido = int.from_bytes(datos[inicio + 5 : inicio + 7], "big")
        assert datos[inicio + 1 : inicio + 3] == b"\0\0"
        assert datos[inicio + 7] == 0
        vivos += range(inicio + contenido, inicio + tamano)
    return vivos


def no_se_notan(ruta: Path, cambios: Iterator[tuple[int, int]]) -> list[tuple[int, int]]:
    """De los cambios (byte, valor nuevo), los que `verificar` da por buenos."""
    perdidos = []
    with ruta.open("r+b", buffering=0) as archivo:
        for donde, valor in cambios:
            archivo.seek(donde)
            bueno = archivo.read(1)
            archivo.seek(donde)
            archivo.write(bytes([valor]))
            if bueno != bytes([valor]) and verificar(ruta).entera:
                perdidos.append((donde, valor))
            archivo.seek(donde)
            archivo.write(bueno)
    assert verificar(ruta).entera
    return perdidos


def test_un_byte_cambiado_en_cualquier_sitio_se_encuentra(ruta: Path) -> None:
    azar = random.Random(4)
    vivos = bytes_vivos(ruta)
    datos = ruta.read_bytes()
    elegidos = azar.sample(vivos, 700)
    cambios = ((donde, datos[donde] ^ azar.randrange(1, 256)) for donde in elegidos)
    assert no_se_notan(ruta, cambios) == []


def test_los_bytes_que_ninguna_columna_ensena_tambien(ruta: Path) -> None:
    # Los primeros de cada celda: tamaño, clave, largo de la cabecera y el tipo de cada columna.
    datos = ruta.read_bytes()
    nulos = [v for v in bytes_vivos(ruta) if datos[v] == 0]
    azar = random.Random(5)
    elegidos = azar.sample(nulos, min(60, len(nulos)))
    cambios = ((donde, valor) for donde in elegidos for valor in range(8, 14))
    assert no_se_notan(ruta, cambios) == []
