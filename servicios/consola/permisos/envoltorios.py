"""Los programas que ejecutan a otro: qué orden, o qué texto de bash, llevan dentro."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise, takewhile

from servicios.consola.permisos.conjunto import conjunto

SHELLS = {"sh", "bash", "dash", "ash", "zsh", "ksh", "mksh", "rbash", "fish"}
INTERPRETES = SHELLS | conjunto(
    "python python2 python3 perl ruby node nodejs php lua tclsh Rscript deno bun pwsh"
)


@dataclass(frozen=True, slots=True)
class Envoltorio:
    """`con_valor`: sus opciones que piden valor; `operandos`: los que van antes de la orden."""

    con_valor: str = ""
    operandos: int = 0
    largas: frozenset[str] = frozenset()


_NADA = Envoltorio()
_ENVOLTORIOS = {
    **dict.fromkeys(
        conjunto("nohup setsid builtin coproc busybox toybox fakeroot time chronic unbuffer catchsegv "
         "linux64 linux32 eatmydata ltrace rlwrap caffeinate"), _NADA,
    ),
    "command": _NADA,
    "env": Envoltorio("uC", largas=frozenset({"unset", "chdir", "argv0"})),
    "exec": Envoltorio("a"),
    "nice": Envoltorio("n", largas=frozenset({"adjustment"})),
    "ionice": Envoltorio("cnpPu", largas=frozenset({"class", "classdata"})),
    "timeout": Envoltorio("ks", 1, frozenset({"kill-after", "signal"})),
    "stdbuf": Envoltorio("ioe", largas=frozenset({"input", "output", "error"})),
    "xargs": Envoltorio("aEdILnPs", largas=frozenset(
        {"arg-file", "delimiter", "max-args", "max-procs", "max-lines", "max-chars", "replace"})),
    "parallel": Envoltorio("jaNLIn", largas=frozenset({"jobs", "arg-file"})),
    "flock": Envoltorio("wE", 1, frozenset({"timeout"})),
    "strace": Envoltorio("eopPsEuabIOSX"),
    "taskset": Envoltorio("", 1),
    "chrt": Envoltorio("", 1),
    "prlimit": _NADA,
    "watch": Envoltorio("nq"),
    "systemd-run": Envoltorio("pEu"),
    "dbus-run-session": _NADA,
    "torsocks": _NADA,
    "proxychains": _NADA,
    "/usr/bin/time": Envoltorio("fo"),
}  # fmt: skip
_ACCIONES = {"-exec", "-execdir", "-ok", "-okdir"}
_SEGUIDOS = 20
_ASIGNACION = re.compile(r"[A-Za-z_]\w*\+?=")


def programa(texto: str) -> str:
    """El nombre sin carpetas."""
    return texto.rsplit("/", 1)[-1]


def dentro(argv: Sequence[str]) -> list[list[str]]:
    """Las órdenes que `argv` ejecutaría por su cuenta."""
    nombre = programa(argv[0])
    if nombre == "find":
        return _de_find(argv)
    envoltorio = _ENVOLTORIOS.get(nombre)
    if envoltorio is None or (nombre == "command" and argv[1:2] in (["-v"], ["-V"])):
        return []
    resto = list(argv[1:])
    while resto and resto[0].startswith("-") and len(resto[0]) > 1:
        opcion = resto.pop(0)
        if opcion == "--":
            break
        corta = opcion[1] != "-" and opcion[-1] in envoltorio.con_valor and len(opcion) == 2
        if (corta or opcion[2:] in envoltorio.largas) and resto:
            resto.pop(0)
    resto = resto[envoltorio.operandos :]
    while nombre == "env" and resto and _ASIGNACION.match(resto[0]):
        resto.pop(0)
    return [resto] if resto else []


def textos(argv: Sequence[str]) -> list[str]:
    """Los argumentos que `argv` daría a leer a bash."""
    nombre, resto = programa(argv[0]), list(argv[1:])
    if nombre in SHELLS:
        return texto_de_shell(resto)
    if nombre in {"script", "flock"}:
        return [valor for opcion, valor in pairwise(resto) if opcion in {"-c", "--command"}]
    if nombre == "env":
        return _texto_de_env(resto)
    if nombre in {"mapfile", "readarray", "complete", "compgen"}:
        return [valor for opcion, valor in pairwise(resto) if opcion == "-C"]
    return _TEXTOS[nombre](resto) if nombre in _TEXTOS else []


_TEXTOS: dict[str, Callable[[list[str]], list[str]]] = {
    "eval": lambda resto: [" ".join(resto)],
    "watch": lambda resto: [" ".join(una for una in resto if not una.startswith("-"))],
    "trap": lambda resto: [una for una in resto if una != "--"][:1],
    "alias": lambda resto: [una.partition("=")[2] for una in resto],
}


def texto_de_shell(argumentos: Sequence[str]) -> list[str]:
    """Lo que sigue a `-c`; vacío si no lo hay."""
    con_c = False
    for lugar, una in enumerate(argumentos):
        if una == "--command":
            con_c = True
        elif una[:1] in {"-", "+"} and len(una) > 1:
            con_c |= una[0] == "-" and una[1] != "-" and "c" in una
        elif lugar and argumentos[lugar - 1] in {"-o", "+o", "-O", "+O", "--rcfile", "--init-file"}:
            continue
        elif con_c:
            return [una]
        else:
            return []
    return []


def lee_su_programa(argv: Sequence[str]) -> bool:
    """Si es un intérprete que ejecutaría lo que le llegue por la entrada."""
    nombre, resto = programa(argv[0]), list(argv[1:])
    if nombre in {"eval", "source", ".", "at", "batch"}:
        return True
    if nombre in {"xargs", "parallel"}:
        return _reparte_codigo(argv)
    if nombre not in INTERPRETES:
        return False
    if nombre in SHELLS and (texto := texto_de_shell(resto)):
        return "$" in texto[0] or "`" in texto[0]
    operandos = [una for una in resto if not una.startswith("-") or una == "-"]
    con_codigo = nombre not in SHELLS and any(
        una[:2] in {"-c", "-m", "-e", "-n", "-p", "-r"} for una in resto
    )
    if con_codigo:
        return False
    entrada = {"-", "/dev/stdin", "/dev/fd/0", "/proc/self/fd/0"}
    return not operandos or operandos[0] in entrada or "-s" in resto


def _reparte_codigo(argv: Sequence[str]) -> bool:
    """Si `xargs` o `parallel` daría a ejecutar lo que recibe, y no solo a leerlo."""
    interior = next(iter(dentro(argv)), [])
    if not interior:
        return programa(argv[0]) == "parallel"
    for _ in range(_SEGUIDOS):
        if programa(interior[0]) not in _ENVOLTORIOS:
            break
        interior = next(iter(dentro(interior)), interior)
    nombre, resto = programa(interior[0]), interior[1:]
    if nombre == "eval":
        return True
    if nombre not in INTERPRETES:
        return False
    marcas = {"{}"} | {una[2:] for una in argv if una.startswith("-I") and len(una) > 2}
    marcas |= {valor for opcion, valor in pairwise(argv) if opcion == "-I"}
    codigo = _codigo_de(nombre, resto)
    return codigo == "" or any(marca in (codigo or "") for marca in marcas)


def _codigo_de(nombre: str, resto: Sequence[str]) -> str | None:
    """El texto que sigue a `-c` (`-e`…); vacío si falta y `None` si no lo lleva."""
    if nombre in SHELLS and (escritos := texto_de_shell(resto)):
        return escritos[0]
    letras = "c" if nombre in SHELLS or nombre.startswith("python") else "eErp"
    for lugar, una in enumerate(resto):
        if not una.startswith("-") or una == "-":
            return None
        if not una.startswith("--") and una[-1] in letras:
            return "".join(resto[lugar + 1 : lugar + 2])
    return None


def _de_find(argv: Sequence[str]) -> list[list[str]]:
    """Lo que va tras cada `-exec`, hasta su `;` o su `+`."""
    ordenes: list[list[str]] = []
    acciones = [lugar for lugar, una in enumerate(argv) if una in _ACCIONES]
    for lugar in acciones:
        resto = argv[lugar + 1 : lugar + 50]
        ordenes.append(list(takewhile(lambda una: una not in {";", "+"}, resto)))
    return [orden for orden in ordenes if orden]


def _texto_de_env(argumentos: Sequence[str]) -> list[str]:
    for lugar, una in enumerate(argumentos):
        if una in {"-S", "--split-string"}:
            return [" ".join(argumentos[lugar + 1 :])]
        if una.startswith(("-S", "--split-string=")):
            primero = una.partition("=")[2] if una.startswith("--") else una[2:]
            return [" ".join([primero, *argumentos[lugar + 1 :]])]
        if una[:1] == "-" and una[1:2] != "-" and una.endswith("S"):
            return [" ".join(argumentos[lugar + 1 :])]
    return []
