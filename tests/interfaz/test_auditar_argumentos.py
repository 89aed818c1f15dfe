"""Lo que se escribe en la línea de órdenes se entiende, o se dice en una línea por qué no."""

from __future__ import annotations

import argparse
from typing import Any

import pytest

from servicios.interfaz.argumentos import leer_argumentos

TODO = ("auditar", "exportar", "reproducir", "reanudar")


def leer(*argumentos: str, disponibles: tuple[str, ...] = TODO) -> dict[str, Any]:
    return vars(leer_argumentos(list(argumentos), disponibles))


def queja(capsys: pytest.CaptureFixture[str], *argumentos: str, con: tuple[str, ...] = TODO) -> str:
    with pytest.raises(SystemExit) as fin:
        leer(*argumentos, disponibles=con)
    salida, errores = capsys.readouterr()
    assert fin.value.code == 2
    assert not salida
    assert errores.count("\n") == 1
    return errores


def test_sin_nada_se_conversa() -> None:
    leido = leer()
    assert (leido["orden"], leido["tarea"], leido["reanudar"]) == (None, None, None)


@pytest.mark.parametrize(
    ("argumentos", "esperado"),
    [
        (("--reanudar",), {"reanudar": ""}),
        (("--reanudar", "s-1", "-p", "sigue"), {"reanudar": "s-1", "tarea": "sigue"}),
        (("--bifurcar-en", "#7", "--modelo", "demo"), {"bifurcar_en": 7, "modelo": "demo"}),
        (("reproducir", "s-1"), {"orden": "reproducir", "sesion": "s-1", "diff": None}),
        (("reproducir", "--diff", "a", "b"), {"sesion": None, "diff": ["a", "b"]}),
        (("exportar",), {"sesion": None, "formato": None, "a": None, "forzar": False}),
        (("exportar", "s-1", "--formato", "html", "--a", "x"), {"formato": "html", "a": "x"}),
        (("auditar", "linea", "--sesion", "s", "--limite", "7"), {"sesion": "s", "limite": 7}),
        (("auditar", "linea", "--agente", "a", "--agente", "b"), {"agente": ["a", "b"]}),
        (("auditar", "por-que", "12"), {"pregunta": "por-que", "que": "12"}),
        (("auditar", "sql", "SELECT 1", "--csv"), {"consulta": "SELECT 1", "csv": True}),
    ],
)
def test_lo_que_se_entiende(argumentos: tuple[str, ...], esperado: dict[str, Any]) -> None:
    leido = leer(*argumentos)
    assert {clave: leido[clave] for clave in esperado} == esperado


@pytest.mark.parametrize(
    ("argumentos", "dice"),
    [
        (("--reanudar", "a", "--bifurcar-en", "3"), "--reanudar no va con --bifurcar-en"),
        (("--modelo", "demo"), "--modelo solo va con --bifurcar-en"),
        (("--bifurcar-en", "cero"), "no es el número de una fila"),
        (("--bifurcar-en", "0"), "no es el número de una fila"),
        (("-p", "x", "auditar", "linea"), "auditar no va con -p"),
        (("--salida", "json", "exportar"), "exportar no va con --salida"),
        (("--reanudar", "a", "reproducir", "b"), "reproducir no va con --reanudar"),
        (("reproducir",), "falta"),
        (("reproducir", "a", "--veces", "0"), "--veces: '0' ha de ser un número de 1 a 100000"),
        (("reproducir", "a", "--diff", "b", "c"), "no va con"),
        (("reproducir", "--diff", "b"), "hacen falta 2 valores"),
        (("auditar",), "falta PREGUNTA"),
        (("auditar", "nada"), "'nada' no es uno de 'sesiones'"),
        (("auditar", "linea", "--json", "--csv"), "--csv no va con"),
        (("auditar", "linea", "--limite", "0"), "número de 1 a 100000"),
        (("auditar", "linea", "--limite"), "--limite: falta su valor"),
        (("auditar", "sesiones", "--agente", "a"), "no conozco --agente a"),
        (("auditar", "linea", "--nivel", "GRITO"), "'GRITO' no es uno de"),
        (("exportar", "a", "b"), "no conozco b"),
        (("exportar", "--formato", "pdf"), "'pdf' no es uno de 'json'"),
        (("--reanuda", "x"), "ORDEN: 'x' no es uno de"),
        (("nada",), "'nada' no es uno de"),
    ],
)
def test_lo_que_no_se_entiende_es_una_linea_y_un_dos(
    argumentos: tuple[str, ...], dice: str, capsys: pytest.CaptureFixture[str]
) -> None:
    linea = queja(capsys, *argumentos)
    assert dice in linea
    assert "--help" in linea


@pytest.mark.parametrize("bandera", ["--reanudar", "--bifurcar-en", "--modelo"])
def test_lo_que_nadie_ejecuta_no_se_ofrece(
    bandera: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert bandera in queja(capsys, bandera, "3", con=("auditar",)) + bandera
    with pytest.raises(SystemExit):
        leer("--help", disponibles=("auditar",))
    ayuda = capsys.readouterr().out
    assert bandera not in ayuda
    assert "reproducir" not in ayuda
    with pytest.raises(SystemExit):
        leer("--help")
    assert bandera in capsys.readouterr().out


def test_leer_los_argumentos_no_los_confunde_con_otros() -> None:
    assert isinstance(leer_argumentos(["-p", "auditar"], TODO), argparse.Namespace)
    assert leer("-p", "auditar")["orden"] is None
