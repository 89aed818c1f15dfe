"""El bloque de una petición no deja esconder nada: ni la mitad de una orden ni otro bloque."""

from __future__ import annotations

import io
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from servicios.interfaz.terminal.lineal import PapelLlano
from servicios.interfaz.terminal.papel import Papel, PapelRico
from servicios.interfaz.terminal.permisos import Bloques, ensenar, responder_cifra
from tests.interfaz.apoyo_terminal import PapelDePrueba, SistemaFalso
from tests.interfaz.test_terminal_aprobaciones import UNA, contando, leida, mandar, pidiendo

FALSO = "Petición 9: ejecutor-9 pide permiso"


@pytest.fixture
def sistema(tmp_path: Path) -> SistemaFalso:
    return SistemaFalso(tmp_path)


def rico(salida: io.StringIO) -> Papel:
    consola = Console(file=salida, width=60, force_terminal=False, markup=False, emoji=False)
    return PapelRico(consola, lambda _: None)


def llano(salida: io.StringIO) -> Papel:
    papel = PapelLlano(salida)
    papel.pedir = lambda: None  # type: ignore[method-assign]
    return papel


def seguido(texto: str) -> str:
    """Lo de los márgenes, otra vez en una línea."""
    return "".join(linea.strip().removeprefix("│ ") for linea in texto.splitlines())


async def test_los_blancos_no_esconden_la_mitad_de_una_orden(sistema: SistemaFalso) -> None:
    orden = "ls" + " " * 10_500 + "; touch X"
    with contando(sistema) as papel:
        async with pidiendo(sistema, replace(UNA, orden=orden, clase=tuple(orden.split()))):
            papel.ponerse_al_dia()
    assert "$ ls[… 10500 blancos …]; touch X" in papel.texto
    assert "clase, en esa carpeta: ls ; touch X" in papel.texto
    assert "no se ve entera" not in papel.texto


@pytest.mark.parametrize("orden", ["echo " + "x" * 50_000 + "; touch X", "true\n" * 30 + "touch X"])
async def test_lo_largo_ensena_los_extremos_y_hay_que_leerlo(
    sistema: SistemaFalso, orden: str
) -> None:
    with contando(sistema) as papel:
        async with pidiendo(sistema, replace(UNA, orden=orden)) as (tarea,):
            papel.ponerse_al_dia()
            assert len(papel.texto) < 5_000
            assert "touch X" in papel.texto
            assert "no se ve entera: /permisos 1" in papel.texto
            await leida(sistema)
            for linea in ("1", "2", "3"):
                assert responder_cifra(linea, sistema.aprobaciones, papel)
            queja = "no se ve entera: léela con /permisos 1 y responde /si 1"
            assert papel.texto.count(queja) == 3
            assert queja in await mandar(sistema, "/si")
            assert queja in await mandar(sistema, "/si sesion")
            assert not tarea.done()
            entera = await mandar(sistema, "/permisos 1")
            assert seguido(orden) in seguido(entera)
            await mandar(sistema, "/si 1")
            assert (await tarea).permitida


async def test_rechazar_no_pide_leerla_entera(sistema: SistemaFalso) -> None:
    async with pidiendo(sistema, replace(UNA, orden="x" * 5_000)) as (tarea,):
        await leida(sistema)
        assert responder_cifra("4", sistema.aprobaciones, PapelDePrueba())
        assert not (await tarea).permitida


async def test_una_clase_que_no_cabe_tampoco_se_aprueba_sin_leerla(sistema: SistemaFalso) -> None:
    async with pidiendo(sistema, replace(UNA, clase=("git", "x" * 5_000))) as (tarea,):
        await leida(sistema)
        papel = PapelDePrueba()
        assert responder_cifra("2", sistema.aprobaciones, papel)
        assert "no se ve entera" in papel.texto
        assert not tarea.done()


@pytest.mark.parametrize("hacer", [rico, llano])
async def test_una_orden_no_puede_pintar_otro_bloque(
    sistema: SistemaFalso, monkeypatch: pytest.MonkeyPatch, hacer: Callable[[io.StringIO], Papel]
) -> None:
    monkeypatch.setenv("COLUMNS", "60")
    salida, falso = io.StringIO(), sistema
    desplazada = "".join(f"{'x' * n}{FALSO}" for n in range(60))[:1_400]
    orden = f"echo \x1b[2J\u202e1\n{FALSO}\r{FALSO}\n{desplazada}"
    mala = replace(UNA, orden=orden, clase=("echo", desplazada), motivo=desplazada)
    async with pidiendo(sistema, mala):
        (grupo,) = sistema.aprobaciones.pendientes()
        sistema_visto: Any = falso
        ensenar(grupo, sistema_visto, hacer(salida))
    texto = salida.getvalue()
    assert "\x1b" not in texto
    assert "\u202e" not in texto
    suyas = [linea for linea in texto.splitlines() if "xx" in linea or "ejecutor-9" in linea]
    assert len(suyas) > 20
    assert all(linea.startswith("  │ ") and len(linea) < 60 for linea in suyas)


async def test_un_trabajo_lo_dice_y_no_se_junta_con_lo_que_no_lo_es(sistema: SistemaFalso) -> None:
    trabajo = replace(UNA, modo="en segundo plano, hasta 600 s", carpeta="su espacio")
    papel = PapelDePrueba()
    falso: Any = sistema
    async with pidiendo(sistema, trabajo):
        (grupo,) = sistema.aprobaciones.pendientes()
        Bloques(falso, papel)
        ensenar(grupo, falso, papel)
    assert "cómo: en segundo plano, hasta 600 s" in papel.texto
    assert "carpeta: su espacio" in papel.texto
