"""Lo que la política permite, corrido de verdad: no escribe nada ni enseña un secreto."""

from __future__ import annotations

import sys
from dataclasses import dataclass

import pytest

from agentes.perfil_consola import Veredicto
from servicios.consola.permisos import decidir
from tests.consola.permisos.arbol_de_prueba import CANARIO, Sitio, sitio
from tests.consola.permisos.corpus import CORRIENTES

if sys.platform != "linux":
    pytest.skip("la consola es solo de Linux", allow_module_level=True)

PERMITIDAS = [orden for _, orden in CORRIENTES if decidir(orden).veredicto is Veredicto.PERMITIR]
CON_COMODINES = (
    *("ls *", "ls -d *", "wc -l *", "du -sh *", "stat *", "md5sum *", "echo *", "ls ?*"),
    *("cat -- *.py", "cat *.py", "head -n 1 *.py", "head -n 1 *.csv", "tail -n 1 *.csv"),
    *("grep -n main *.py", "grep -c x *.csv", "grep -n -e x *.py", "nl *.csv", "cat [a-c].txt"),
    *("sort -- *.csv", "cut -c1 -- *.csv", "find . -name *.py", "printf '%s\\n' *"),
    *("file -- *", "strings -- *.py", "sed -n 1p d*.csv", "awk '{print $1}' d*.csv", "ls -- *"),
)


@dataclass(frozen=True, slots=True)
class Visto:
    """Lo que se vio al correr varias órdenes una tras otra."""

    cambiaron: list[str]
    """Las que dejaron algo distinto de como estaba."""
    chivatas: list[str]
    """Las que enseñaron un secreto."""
    bien: list[str]
    """Las que acabaron con código 0."""


def correr(un_sitio: Sitio, ordenes: list[str]) -> Visto:
    visto = Visto([], [], [])
    antes = un_sitio.foto()
    for orden in ordenes:
        hecho = un_sitio.correr(orden)
        despues = un_sitio.foto()
        if despues != antes:
            visto.cambiaron.append(orden)
            antes = despues
        if CANARIO.encode() in hecho.stdout + hecho.stderr:
            visto.chivatas.append(orden)
        if hecho.returncode == 0:
            visto.bien.append(orden)
    return visto


def test_nada_de_lo_permitido_cambia_un_archivo_ni_ensena_un_secreto() -> None:
    with sitio() as aqui:
        visto = correr(aqui, PERMITIDAS)
    assert visto.cambiaron == visto.chivatas == []
    # Si casi todo fallara, lo de arriba no diría nada.
    assert len(visto.bien) >= len(PERMITIDAS) * 0.8


def test_ni_con_archivos_que_se_llaman_como_opciones() -> None:
    de_comodines = [una for una in CON_COMODINES if decidir(una).veredicto is Veredicto.PERMITIR]
    assert len(de_comodines) >= len(CON_COMODINES) * 0.8
    recursivas = [una for una in PERMITIDAS if any(letra in una for letra in "*?") or "-r" in una]
    with sitio(con_trampas=True) as aqui:
        visto = correr(aqui, [*de_comodines, *recursivas])
    assert visto.cambiaron == visto.chivatas == []


def test_el_sitio_de_prueba_delata_a_quien_escribe_o_lee_secretos() -> None:
    malas = ["touch a.txt", "echo x > nuevo", "rm b.txt", "chmod 600 README.md", "mkdir d"]
    with sitio() as aqui:
        visto = correr(aqui, [*malas, "cat .env", "grep -r CLAVE .", "cat .git/config", "ls"])
    assert visto.cambiaron == malas
    assert visto.chivatas == ["cat .env", "grep -r CLAVE .", "cat .git/config"]
    assert visto.bien[-1] == "ls"
