"""Los argumentos del programa. Se leen antes que nada: aquí no se importa nada pesado."""

from __future__ import annotations

import argparse
import re
from collections.abc import Collection
from typing import Any, NoReturn

from agentes.errores import ErrorConfiguracion
from agentes.presupuesto import Topes, leer_topes
from servicios.interfaz import headless
from servicios.interfaz.argumentos_auditar import anadir_auditar, anadir_exportar

AISLAMIENTOS = ("auto", "bwrap", "landlock", "docker", "local")
"""Los de `servicios.consola.aislamientos.aislamiento`, que aquí no se importa por lo que arrastra."""

_VECES_MAXIMAS = 100_000
_FRASES = (
    (r"unrecognized arguments: (.*)", r"no conozco \1"),
    (r"argument (.*?): invalid choice: (.*) \(choose from (.*)\)", r"\1: \2 no es uno de \3"),
    (r"argument (.*): expected one argument", r"\1: falta su valor"),
    (r"argument (.*): expected (\d+) arguments", r"\1: hacen falta \2 valores"),
    (r"argument (.*): invalid \w+ value: (.*)", r"\1: no vale \2"),
    (r"argument (.*): not allowed with argument (.*)", r"\1 no va con \2"),
    (r"the following arguments are required: (.*)", r"falta \1"),
    (r"argument (.*): ignored explicit argument (.*)", r"\1 no lleva valor y se le dio \2"),
    (r"one of the arguments (.*) is required", r"falta uno de estos: \1"),
    (r"argument (.*?): (.*)", r"\1: \2"),
)
"""Lo que dice argparse y cómo lo decimos."""


class _Ayuda(argparse.HelpFormatter):
    """La de argparse, que solo sabe encabezarla en inglés."""

    def add_usage(self, usage: Any, actions: Any, groups: Any, prefix: str | None = None) -> None:
        super().add_usage(usage, actions, groups, "uso: " if prefix is None else prefix)


class Analizador(argparse.ArgumentParser):
    """Un error de uso es una línea que dice dónde está la ayuda."""

    def __init__(self, **opciones: Any) -> None:
        super().__init__(add_help=False, allow_abbrev=False, formatter_class=_Ayuda, **opciones)
        self._optionals.title = "opciones"
        self.add_argument("-h", "--help", action="help", help="enseña esta ayuda y sale")

    def error(self, message: str) -> NoReturn:
        """Sale con 2."""
        for ingles, frase in _FRASES:
            if re.fullmatch(ingles, message, re.DOTALL):
                message = re.sub(ingles, frase, message, flags=re.DOTALL)
                break
        una = " ".join(message.split())
        self.exit(2, f"Uso incorrecto: {una}. Ayuda: {self.prog} --help\n")


class _UnaVez(argparse.Action):
    """Lo que, dicho dos veces, perdería lo primero sin avisar."""

    def __call__(
        self,
        parser: argparse.ArgumentParser,
        namespace: argparse.Namespace,
        values: Any,
        option_string: str | None = None,
    ) -> None:
        """Lo guarda. Sale con 2 si ya estaba dicho."""
        if getattr(namespace, self.dest) is not None:
            raise argparse.ArgumentError(self, "se dijo dos veces; ponlo todo en una, con comas")
        setattr(namespace, self.dest, values)


def leer_argumentos(argv: list[str] | None, disponibles: Collection[str]) -> argparse.Namespace:
    """Devuelve lo que se pidió; `None` en lo que no se dijo.

    Siempre: `orden` (la suborden), `tarea`, `salida` y `aislamiento`. `disponibles` son las
    capacidades que alguien ejecuta (`auditar`, `estado`, `exportar`, `reproducir`, `reanudar`…): las demás
    no existen. Con `reanudar` hay además `reanudar` (un ID, o «» para la última), `bifurcar_en`
    y `modelo`. Sale con 2 si no se entiende o no se combina.
    """
    analizador = crear_analizador(disponibles)
    argumentos = analizador.parse_args(argv)
    if queja := _incompatibles(argumentos):
        analizador.error(queja)
    return argumentos


def crear_analizador(disponibles: Collection[str]) -> Analizador:
    """El analizador con esas capacidades."""
    analizador = Analizador(
        prog="python main.py",
        description="Enjambre: conversa con un Master que delega en agentes de consola.",
        epilog="Sin -p y con un terminal, conversa; con la entrada redirigida, la entrada es la tarea.",
    )
    _anadir_conversacion(analizador)
    if "reanudar" in disponibles:
        _anadir_reanudar(analizador)
    ordenes = analizador.add_subparsers(
        title="órdenes", dest="orden", metavar="ORDEN", parser_class=Analizador
    )
    for nombre, anadir in _ORDENES.items():
        if nombre in disponibles:
            anadir(ordenes)
    return analizador


def _anadir_conversacion(analizador: Analizador) -> None:
    analizador.add_argument("-p", "--tarea", metavar="TAREA", help="hace una tarea y sale")
    analizador.add_argument(
        "--salida",
        choices=headless.FORMATOS,
        default=None,
        help="con una tarea: texto (por defecto), un objeto json o cada hecho en jsonl",
    )
    analizador.add_argument(
        "--aislamiento",
        choices=AISLAMIENTOS,
        default=None,
        help="cómo se encierran las órdenes (por defecto auto: bwrap o landlock); local es nada",
    )

    analizador.add_argument(
        "--presupuesto",
        action=_UnaVez,
        type=_topes,
        metavar="TOPES",
        help="lo que se puede gastar: tokens=N,usd=X,segundos=N,comandos=N,agentes=N; con una tarea,"
        " si se acaba sale con 4",
    )
    analizador.add_argument(
        "--exigir-evidencias",
        action="store_true",
        default=None,
        help="todo agente ha de probar su resultado; con una tarea, si alguno no lo prueba sale con 5",
    )


def _anadir_reanudar(analizador: Analizador) -> None:
    analizador.add_argument(
        "--reanudar",
        nargs="?",
        const="",
        metavar="ID",
        help="sigue una sesión donde se quedó, con sus agentes; sin ID, la última",
    )
    analizador.add_argument(
        "--bifurcar-en",
        type=_fila,
        metavar="FILA",
        help="sesión nueva que sigue desde esa fila de la bitácora",
    )
    analizador.add_argument(
        "--modelo", metavar="M", help="con --bifurcar-en: el modelo de la sesión nueva"
    )


def _anadir_reproducir(ordenes: argparse._SubParsersAction[Analizador]) -> None:
    significado = "repite una sesión sin red ni órdenes, o compara dos, hecho a hecho"
    orden = ordenes.add_parser("reproducir", help=significado, description=significado)
    que = orden.add_mutually_exclusive_group(required=True)
    que.add_argument(
        "sesion", nargs="?", metavar="ID", help="la sesión que se repite, o un archivo grabado"
    )
    que.add_argument("--diff", nargs=2, metavar=("A", "B"), help="las sesiones que se comparan")
    orden.add_argument(
        "--grabar", metavar="RUTA", help="no la repite: la guarda sola, como prueba de regresión"
    )
    orden.add_argument("--veces", type=_veces, default=1, metavar="N", help="cuántas (1)")
    orden.add_argument("--json", action="store_true", help="un objeto JSON por vez")


def _anadir_estado(ordenes: argparse._SubParsersAction[Analizador]) -> None:
    significado = "dice qué hace cada agente ahora mismo y por qué espera, desde otro proceso"
    orden = ordenes.add_parser("estado", help=significado, description=significado)
    orden.add_argument(
        "sesion",
        nargs="?",
        metavar="ID",
        help="la sesión (por defecto, la que esté en marcha o la última)",
    )
    orden.add_argument("--json", action="store_true", help="un objeto JSON con versión")


def _anadir_podar(ordenes: argparse._SubParsersAction[Analizador]) -> None:
    significado = "archiva sesiones cerradas y las quita de la base, con lo que dejaron sus agentes"
    orden = ordenes.add_parser("podar", help=significado, description=significado)
    que = orden.add_mutually_exclusive_group(required=True)
    que.add_argument("sesiones", nargs="*", default=[], metavar="ID", help="las que se podan")
    que.add_argument("--antes-de", metavar="FECHA", help="todas las que acabaron antes (UTC)")
    orden.add_argument("--vaciar", action="store_true", help="y devuelve el sitio al disco")


_ORDENES = {
    "auditar": anadir_auditar,
    "estado": _anadir_estado,
    "exportar": anadir_exportar,
    "reproducir": _anadir_reproducir,
    "podar": _anadir_podar,
}


def _incompatibles(argumentos: argparse.Namespace) -> str:
    """Por qué no se puede hacer todo lo pedido a la vez; vacío si se puede."""
    conversacion = {
        "-p": argumentos.tarea,
        "--salida": argumentos.salida,
        "--aislamiento": argumentos.aislamiento,
        "--presupuesto": argumentos.presupuesto,
        "--exigir-evidencias": argumentos.exigir_evidencias,
        "--reanudar": getattr(argumentos, "reanudar", None),
        "--bifurcar-en": getattr(argumentos, "bifurcar_en", None),
        "--modelo": getattr(argumentos, "modelo", None),
    }
    dichas = [nombre for nombre, valor in conversacion.items() if valor is not None]
    if argumentos.orden and dichas:
        return f"{argumentos.orden} no va con {', '.join(dichas)}"
    if {"--reanudar", "--bifurcar-en"} <= set(dichas):
        return "--reanudar no va con --bifurcar-en: una sigue la sesión y la otra hace una nueva"
    if "--modelo" in dichas and "--bifurcar-en" not in dichas:
        return "--modelo solo va con --bifurcar-en; para lo demás, pon MODEL en .env"
    return ""


def _topes(texto: str) -> Topes:
    """Los de un presupuesto."""
    try:
        return leer_topes(texto)
    except ErrorConfiguracion as error:
        raise argparse.ArgumentTypeError(str(error)) from None


def _fila(texto: str) -> int:
    """Un id de `logs`: un entero desde 1."""
    limpio = texto.removeprefix("#")
    if not (limpio.isascii() and limpio.isdigit() and int(limpio)):
        raise argparse.ArgumentTypeError(f"{texto!r} no es el número de una fila")
    return int(limpio)


def _veces(texto: str) -> int:
    """Una cuenta: un entero desde 1."""
    if not (texto.isascii() and texto.isdigit() and 1 <= int(texto) <= _VECES_MAXIMAS):
        raise argparse.ArgumentTypeError(f"{texto!r} ha de ser un número de 1 a {_VECES_MAXIMAS}")
    return int(texto)
