"""La salida: acotada, con aviso, y sin caerse con nada."""

from __future__ import annotations

import re
import resource
import time
from pathlib import Path

import pytest

from agentes.perfil_consola import PerfilConsola
from servicios.consola.operaciones.captura import Captura
from servicios.ejecutor_consola import EjecutorConsola, Generales, MotivoFin
from tests.consola.apoyo import CrearConsola, en


def _texto(datos: bytes, limite: int, trozo: int = 7) -> tuple[str, int]:
    captura = Captura(limite)
    for i in range(0, len(datos), trozo):
        captura.anadir(datos[i : i + trozo])
    return captura.texto()


@pytest.mark.parametrize("trozo", [1, 3, 1000])
@pytest.mark.parametrize("largo", [0, 1, 49, 50, 51, 99, 100])
def test_lo_que_cabe_sale_entero(largo: int, trozo: int) -> None:
    datos = bytes(65 + i % 26 for i in range(largo))
    assert _texto(datos, 100, trozo) == (datos.decode(), 0)


@pytest.mark.parametrize("trozo", [1, 3, 1000])
@pytest.mark.parametrize("largo", [101, 150, 1000])
def test_de_lo_que_no_cabe_quedan_principio_y_final(largo: int, trozo: int) -> None:
    datos = bytes(65 + i % 26 for i in range(largo))
    texto, omitidos = _texto(datos, 100, trozo)
    assert omitidos == largo - 100
    aviso = f"\n[… {omitidos} bytes omitidos …]\n"
    assert texto == datos[:50].decode() + aviso + datos[-50:].decode()


@pytest.mark.parametrize("trozo", [1, 3, 7, 1000])
@pytest.mark.parametrize("limite", [2, 5, 100])
@pytest.mark.parametrize("largo", [0, 1, 49, 50, 99, 100, 101, 149, 150, 151, 1000])
def test_en_el_archivo_esta_siempre_lo_mismo(
    tmp_path: Path, largo: int, limite: int, trozo: int
) -> None:
    """Es lo que queda si matan a quien captura."""
    datos = bytes(65 + i % 26 for i in range(largo))
    ruta = tmp_path / "salida"
    with ruta.open("w+b", buffering=0) as archivo:
        captura = Captura(limite, archivo.fileno())
        for i in range(0, largo, trozo):
            captura.anadir(datos[i : i + trozo])
            assert Captura.de_bytes(ruta.read_bytes()).texto() == captura.texto()
    assert Captura.de_bytes(ruta.read_bytes()).texto() == captura.texto()


def test_un_disco_lleno_no_para_la_captura() -> None:
    with Path("/dev/full").open("w+b", buffering=0) as lleno:
        captura = Captura(100, lleno.fileno())
        captura.anadir(b"uno")
        captura.anadir(b"dos")
    assert captura.texto() == ("unodos", 0)


@pytest.mark.parametrize("desplazar", range(4))
@pytest.mark.parametrize("letra", ["ñ", "€", "😀"])
def test_el_corte_no_parte_caracteres(letra: str, desplazar: int) -> None:
    datos = ("a" * desplazar + letra * 200).encode()
    texto, omitidos = _texto(datos, 100)
    assert "\ufffd" not in texto
    conservados = re.sub(r"\n\[… \d+ bytes omitidos …\]\n", "", texto)
    assert len(conservados.encode()) + omitidos == len(datos)


async def test_cincuenta_megas_se_recortan_con_aviso_y_memoria_plana(
    consola: EjecutorConsola,
) -> None:
    antes = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    resultado = await consola.ejecutar_comando_seguro("yes | head -c 50000000", "a-1")
    crecio_kib = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - antes
    assert resultado.codigo == 0
    assert resultado.bytes_omitidos == 50_000_000 - 16_000
    assert f"[… {resultado.bytes_omitidos} bytes omitidos …]" in resultado.salida
    assert resultado.salida.startswith("y\ny\n")
    assert resultado.salida.endswith("y\ny\n")
    assert len(resultado.salida) < 17_000
    assert crecio_kib < 8 * 1024


async def test_quien_no_para_de_escribir_muere_al_pasar_del_total(crear: CrearConsola) -> None:
    consola = await crear(generales=Generales(segundos=30, total=1_000_000))
    inicio = time.monotonic()
    resultado = await consola.ejecutar_comando_seguro("trap '' PIPE; yes >&2", "a-1")
    assert resultado.motivo is MotivoFin.LIMITE_SALIDA
    assert resultado.codigo == 137
    assert "1000000 bytes" in resultado.error
    assert time.monotonic() - inicio < 4


async def test_el_limite_de_salida_de_un_agente_manda_sobre_el_general(
    consola: EjecutorConsola,
) -> None:
    resultado = await consola.ejecutar_comando_seguro(
        "seq 1000", "a-1", PerfilConsola(limite_salida=100)
    )
    assert resultado.bytes_omitidos == 3893 - 100
    assert resultado.salida.endswith("999\n1000\n")


async def test_los_dos_flujos_van_aparte_y_cada_uno_se_recorta(consola: EjecutorConsola) -> None:
    orden = "seq 1000; seq 5000 6000 >&2"
    resultado = await consola.ejecutar_comando_seguro(orden, "a-1", PerfilConsola(limite_salida=60))
    assert resultado.salida.startswith("1\n2\n")
    assert resultado.error.startswith("5000\n")
    assert resultado.bytes_omitidos == 3893 + 5005 - 120


async def test_salida_binaria_y_nul_no_rompen_nada(consola: EjecutorConsola) -> None:
    resultado = await consola.ejecutar_comando_seguro(
        r"printf 'a\0b\377\n'; head -c 100000 /dev/urandom >&2", "a-1"
    )
    assert resultado.salida == "ab\ufffd\n"
    assert "\0" not in resultado.error
    resultado.para_modelo().encode("utf-8")


async def test_una_linea_de_un_mega_no_es_problema(consola: EjecutorConsola) -> None:
    orden = "head -c 1000000 /dev/zero | tr '\\0' x; echo; echo fin"
    resultado = await consola.ejecutar_comando_seguro(orden, "a-1")
    assert resultado.codigo == 0
    assert resultado.salida.endswith("x\nfin\n")


async def test_la_salida_anterior_al_limite_de_tiempo_se_conserva(
    consola: EjecutorConsola,
) -> None:
    resultado = await consola.ejecutar_comando_seguro(
        "echo antes; echo queja >&2; sleep 60", "a-1", en(0.5)
    )
    assert resultado.salida == "antes\n"
    aviso = "tiempo agotado tras 0.5 s: la orden y sus procesos han muerto"
    assert resultado.error == f"queja\n{aviso}"
