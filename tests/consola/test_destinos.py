"""Qué destinos admite una lista y a qué direcciones puede llevar un nombre."""

from __future__ import annotations

import pytest

from agentes.errores import ErrorConsola
from servicios.consola.red.destinos import ListaDestinos, leer_destino

LISTA = (
    "pypi.org:443",
    "Ñandú.ES:443",
    "*.githubusercontent.com:443",
    "10.0.0.5:8080",
    "[2001:DB8::0001]:443",
)


@pytest.mark.parametrize(
    "destino",
    [
        "pypi.org:443",
        "PyPI.ORG:443",
        "pypi.org.:443",
        "ñandú.es:443",
        "xn--and-6ma2c.es:443",
        "raw.githubusercontent.com:443",
        "a.b.githubusercontent.com:443",
        "10.0.0.5:8080",
        "[2001:db8::1]:443",
        "[2001:db8:0:0:0:0:0:1]:443",
        "[::ffff:10.0.0.5]:8080",
    ],
)
def test_admite_lo_que_la_lista_nombra_se_escriba_como_se_escriba(destino: str) -> None:
    assert ListaDestinos(LISTA).admite(leer_destino(destino))


@pytest.mark.parametrize(
    "destino",
    [
        "pypi.org:80",
        "pypi.org.evil.com:443",
        "evil-pypi.org:443",
        "x.pypi.org:443",
        "githubusercontent.com:443",
        "evilgithubusercontent.com:443",
        "raw.githubusercontent.com:22",
        "10.0.0.5:443",
        "10.0.0.6:8080",
        "[2001:db8::2]:443",
        "[::1]:443",
        "127.0.0.1:443",
    ],
)
def test_no_admite_lo_demas(destino: str) -> None:
    assert not ListaDestinos(LISTA).admite(leer_destino(destino))


@pytest.mark.parametrize(
    "texto",
    [
        "pypi.org",
        "pypi.org:",
        "pypi.org:0",
        "pypi.org:65536",
        "pypi.org:٤٤٣",
        "pypi.org:+443",
        ":443",
        ".:443",
        "a..b:443",
        "user@pypi.org:443",
        "pypi.org/x:443",
        "pypi.org\0.evil.com:443",
        "pypi.org evil.com:443",
        "-x.org:443",
        "127.1:443",
        "2130706433:443",
        "0x7f.0.0.1:443",
        "127.0.0.0x1:443",
        "127.0.0.1.:443",
        "[::1:443",
        "[fe80::1%eth0]:443",
        "[pypi.org]:443",
        "::1:443",
        "a" * 64 + ".org:443",
        "a." * 130 + "org:443",
    ],
)
def test_lo_que_no_es_un_destino_no_se_lee_y_en_la_lista_se_dice(texto: str) -> None:
    with pytest.raises(ValueError):
        leer_destino(texto)
    with pytest.raises(ErrorConsola, match="red_destinos"):
        ListaDestinos(["pypi.org:443", texto])


@pytest.mark.parametrize("texto", ["*.10.0.0.5:80", "*.1:80", "*.[::1]:80", "*:443", "*.*.org:443"])
def test_un_comodin_es_de_nombres(texto: str) -> None:
    with pytest.raises(ErrorConsola, match="red_destinos"):
        ListaDestinos([texto])


@pytest.mark.parametrize(
    "direccion",
    [
        "127.0.0.1",
        "127.8.8.8",
        "0.0.0.0",
        "10.1.2.3",
        "172.16.0.1",
        "192.168.1.1",
        "169.254.169.254",
        "100.64.0.1",
        "224.0.0.1",
        "255.255.255.255",
        "::1",
        "::",
        "fe80::1",
        "fe80::1%eth0",
        "fd00::1",
        "fec0::1",
        "ff02::1",
        "::ffff:127.0.0.1",
        "::ffff:10.0.0.1",
        "::127.0.0.1",
        "64:ff9b::7f00:1",
        "64:ff9b::a00:1",
        "2002:7f00:1::",
        "2001:0:4136:e378:8000:63bf:3fff:fdd2",
    ],
)
def test_un_nombre_no_lleva_a_una_direccion_de_dentro(direccion: str) -> None:
    assert not ListaDestinos(["pypi.org:443"]).admite_direccion(direccion, 443)


@pytest.mark.parametrize("direccion", ["151.101.0.223", "2a04:4e42::223", "64:ff9b::9765:df"])
def test_un_nombre_lleva_a_una_direccion_publica(direccion: str) -> None:
    assert ListaDestinos(["pypi.org:443"]).admite_direccion(direccion, 443)


def test_una_direccion_de_dentro_vale_si_la_lista_la_nombra_con_su_puerto() -> None:
    lista = ListaDestinos(["interno.es:443", "10.0.0.5:443", "[fd00::5]:443"])
    assert lista.admite_direccion("10.0.0.5", 443)
    assert lista.admite_direccion("::ffff:10.0.0.5", 443)
    assert lista.admite_direccion("fd00:0:0::5", 443)
    assert not lista.admite_direccion("10.0.0.5", 80)
    assert not lista.admite_direccion("10.0.0.6", 443)
