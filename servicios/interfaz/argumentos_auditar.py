"""Los argumentos de `auditar` y `exportar`: qué preguntas hay y con qué filtros."""

from __future__ import annotations

import argparse
from typing import Any

PREGUNTAS = {
    "sesiones": "las sesiones que hay: cuándo, cuánto y cómo acabaron",
    "agentes": "el árbol de agentes: quién lanzó a quién, estado, tokens y tarea",
    "linea": "la línea de tiempo: todo lo que pasó, en orden",
    "comandos": "las órdenes de consola, con su código y su salida",
    "costes": "llamadas y tokens por agente, por rama y de la sesión",
    "errores": "lo que salió mal",
    "evidencias": "lo que los agentes afirmaron al acabar y si se cumplía (✔ o ✘)",
    "por-que": "la cadena de causas de una fila, o del nacimiento de un agente",
    "verificar": "comprueba que nadie cambió la bitácora; si no, dice la primera fila rota",
    "sql": "una consulta tuya, de solo lectura",
    "tamano": "cuánto ocupa la bitácora y qué sesiones pesan más",
}
"""Cada suborden de `auditar` y lo que contesta."""

FORMATOS = {
    "json": "todo, en un objeto",
    "csv": "la línea de tiempo",
    "md": "la conversación, con sus agentes y sus órdenes",
    "html": "una página sola, con el árbol de agentes y filtros",
}
"""Los de `exportar` y lo que lleva cada uno."""

NIVELES = ("DEBUG", "INFO", "WARNING", "ERROR", "FATAL")

Ordenes = Any  # el tipo de `add_subparsers` es privado de argparse


def anadir_auditar(ordenes: Ordenes) -> None:
    """La orden `auditar` con sus preguntas."""
    significado = "pregunta a la bitácora; no hace falta que el enjambre esté en marcha"
    auditar = ordenes.add_parser("auditar", help=significado, description=significado)
    preguntas = auditar.add_subparsers(
        title="preguntas",
        dest="pregunta",
        metavar="PREGUNTA",
        required=True,
        parser_class=type(auditar),
    )
    for nombre, contesta in PREGUNTAS.items():
        pregunta = preguntas.add_parser(nombre, help=contesta, description=contesta)
        _PROPIOS[nombre](pregunta)
        _anadir_comunes(pregunta, con_sesion=nombre in _DE_SESION, con_limite=nombre != "verificar")


def anadir_exportar(ordenes: Ordenes) -> None:
    """La orden `exportar`."""
    significado = "saca una sesión a un archivo, sin secretos"
    exportar = ordenes.add_parser("exportar", help=significado, description=significado)
    exportar.add_argument(
        "sesion", nargs="?", metavar="ID", help="la sesión (por defecto la última)"
    )
    formatos = "; ".join(f"{nombre}: {lleva}" for nombre, lleva in FORMATOS.items())
    exportar.add_argument(
        "--formato",
        choices=tuple(FORMATOS),
        help=f"{formatos} (por defecto el del nombre del archivo, o json)",
    )
    exportar.add_argument("--a", metavar="RUTA", help="archivo de salida (por defecto, la salida)")
    exportar.add_argument(
        "--forzar", action="store_true", help="escribe aunque el archivo ya exista"
    )
    _anadir_base(exportar)


# --- lo de cada pregunta ----------------------------------------------------------------

_DE_SESION = ("agentes", "linea", "comandos", "costes", "errores", "evidencias", "por-que")


def _anadir_comunes(
    pregunta: argparse.ArgumentParser, *, con_sesion: bool, con_limite: bool
) -> None:
    if con_sesion:
        pregunta.add_argument(
            "--sesion", metavar="ID", help="id de la sesión, o su principio (por defecto la última)"
        )
    if con_limite:
        pregunta.add_argument(
            "--limite", type=_limite, metavar="N", help="filas como mucho (por defecto 100)"
        )
    formato = pregunta.add_mutually_exclusive_group()
    formato.add_argument("--json", action="store_true", help="una lista de objetos JSON")
    formato.add_argument("--csv", action="store_true", help="CSV (RFC 4180)")
    _anadir_base(pregunta)


def _anadir_base(orden: argparse.ArgumentParser) -> None:
    orden.add_argument(
        "--base", metavar="RUTA", help="otra bitácora (por defecto swarm.db de la carpeta de datos)"
    )


def _filtros(pregunta: argparse.ArgumentParser) -> None:
    pregunta.add_argument(
        "--agente", action="append", metavar="ID", help="solo ese agente (se puede repetir)"
    )
    pregunta.add_argument("--texto", metavar="T", help="solo donde aparece ese texto")
    pregunta.add_argument(
        "--desde", metavar="CUANDO", help="desde esa fila o esa fecha UTC (2026-01-31T10:30)"
    )
    pregunta.add_argument("--hasta", metavar="CUANDO", help="hasta esa fila o esa fecha UTC")


def _tipos(pregunta: argparse.ArgumentParser) -> None:
    _filtros(pregunta)
    pregunta.add_argument(
        "--tipo", action="append", metavar="TIPO", help="solo ese tipo de hecho (se puede repetir)"
    )
    pregunta.add_argument(
        "--nivel", action="append", choices=NIVELES, help="solo ese nivel (se puede repetir)"
    )


def _comandos(pregunta: argparse.ArgumentParser) -> None:
    _filtros(pregunta)
    pregunta.add_argument(
        "--fallidos", action="store_true", help="solo las que no acabaron con código 0"
    )


def _costes(pregunta: argparse.ArgumentParser) -> None:
    pregunta.add_argument("--agente", action="append", metavar="ID", help="solo ese agente")
    pregunta.add_argument(
        "--por", choices=("agente", "rama", "sesion"), help="solo una manera de sumar"
    )


def _evidencias(pregunta: argparse.ArgumentParser) -> None:
    _filtros(pregunta)
    pregunta.add_argument(
        "--comprobar",
        action="store_true",
        help="las comprueba otra vez ahora, donde trabajó cada agente y con su mismo encierro",
    )


def _por_que(pregunta: argparse.ArgumentParser) -> None:
    pregunta.add_argument("que", metavar="N", help="una fila, o el id de un agente")


def _sql(pregunta: argparse.ArgumentParser) -> None:
    pregunta.add_argument("consulta", metavar="SELECT…", help="la consulta, entre comillas")


def _nada(pregunta: argparse.ArgumentParser) -> None:
    del pregunta


_PROPIOS = {
    "sesiones": _nada,
    "agentes": _nada,
    "linea": _tipos,
    "comandos": _comandos,
    "costes": _costes,
    "errores": _tipos,
    "evidencias": _evidencias,
    "por-que": _por_que,
    "verificar": _nada,
    "sql": _sql,
    "tamano": _nada,
}


def _limite(texto: str) -> int:
    """Entre una fila y cien mil."""
    if not (texto.isascii() and texto.isdigit() and 1 <= int(texto) <= 100_000):
        raise argparse.ArgumentTypeError(f"{texto!r} ha de ser un número de 1 a 100000")
    return int(texto)
