"""Los programas que no leen sus opciones como getopt: las órdenes de bash y otras."""

from __future__ import annotations

import re

from servicios.consola.permisos import lenguajes
from servicios.consola.permisos.arbol import Palabra
from servicios.consola.permisos.comprobar import Palabras, con_comodin, motivo_de
from servicios.consola.permisos.conjunto import conjunto
from servicios.consola.permisos.ficha import Revision

_FORMATO = re.compile(r"(?:[^%]|%%|%[-0 +#\d.]*[sdiuoxXfeEgGcbq])*")
_COMPARAR = conjunto("= == != < > -eq -ne -lt -le -gt -ge -nt -ot -ef -a -o")
_MIRAR = conjunto("-e -f -d -r -w -x -s -L -h -n -z -S -p -b -c -g -k -u -O -G -N -t")


def _echo(argumentos: Palabras) -> str:
    con_comodin = [una for una in argumentos if una.comodin]
    return next(filter(None, (motivo_de(una, contenido=False) for una in con_comodin)), "")


def _printf(argumentos: Palabras) -> str:
    formato = argumentos[0] if argumentos else Palabra("-")
    if formato.comodin or formato.texto.startswith("-"):
        return f"«{formato.texto}» no es un formato"
    if not _FORMATO.fullmatch(formato.texto):
        return f"el formato «{formato.texto}» hace algo más que escribir"
    return _echo(argumentos[1:])


def _test(argumentos: Palabras) -> str:
    for una in argumentos:
        texto = una.texto
        if texto in _COMPARAR or texto in _MIRAR or texto in {"!", "(", ")"}:
            continue
        if texto.startswith("-") and not texto[1:].isdigit():
            return f"«{texto}» no es una comprobación de solo lectura"
        if motivo := motivo_de(una, contenido=False):
            return motivo
    return con_comodin(argumentos)


def _corchete(argumentos: Palabras) -> str:
    if not argumentos or argumentos[-1].texto != "]":
        return "falta «]»"
    return _test(argumentos[:-1])


def _cd(argumentos: Palabras) -> str:
    if len(argumentos) != 1 or argumentos[0].texto[:1] in {"", "-", "/"} or argumentos[0].comodin:
        return "solo se permite entrar en una carpeta de dentro, por su nombre"
    return motivo_de(argumentos[0])


def _exit(argumentos: Palabras) -> str:
    malos = [una.texto for una in argumentos if not re.fullmatch(r"\d{1,3}", una.texto)]
    return f"«{malos[0]}» no es un código" if malos else ""


def _sleep(argumentos: Palabras) -> str:
    malos = [una.texto for una in argumentos if not re.fullmatch(r"[\d.]+[sm]?", una.texto)]
    return f"«{malos[0]}» no es un tiempo" if malos or not argumentos else ""


def _expr(argumentos: Palabras) -> str:
    return con_comodin(argumentos)


_XXD = {"-b", "-p", "-u", "-e", "-i", "-a"}
_XXD_NUMEROS = {"-l", "-s", "-c", "-g"}


def _xxd(argumentos: Palabras) -> str:
    """Sin grupos ni pegados: su segundo operando es un archivo que escribe."""
    textos = [una.texto for una in argumentos]
    lugar = 0
    while lugar < len(textos) and textos[lugar].startswith("-"):
        con_numero = textos[lugar] in _XXD_NUMEROS
        if con_numero and not re.fullmatch(r"\d+", "".join(textos[lugar + 1 : lugar + 2])):
            return f"«{textos[lugar]}» pide un número"
        if not con_numero and textos[lugar] not in _XXD:
            return f"la opción «{textos[lugar]}» no está entre las de solo lectura"
        lugar += 2 if con_numero else 1
    archivos = argumentos[lugar:]
    if len(archivos) > 1:
        return f"«{archivos[1].texto}» sobra"
    return next(filter(None, map(motivo_de, archivos)), "") or con_comodin(archivos)


_PS = conjunto(
    "-e -ef -eF -el -A -f -F -l -ely -efH -aux a ax aux auxw auxww auxf axu axuf axf axww axj axjf "
    "u x --no-headers --forest"
)
"""Sin guion, una `e` enseñaría el entorno de los procesos."""

_PS_CON_VALOR = {"-o", "-eo", "-p", "-u", "-C", "-ao", "-axo", "axo"}


def _ps(argumentos: Palabras) -> str:
    textos = [una.texto for una in argumentos]
    while textos:
        texto = textos.pop(0)
        valor = textos.pop(0) if texto in _PS_CON_VALOR and textos else ""
        if valor and (valor[0] == "-" or "env" in valor):
            return f"«{valor}» enseña el entorno de los procesos"
        if not (valor or texto in _PS or texto.startswith("--sort=")):
            return f"no sé qué enseña «{texto}»"
    return con_comodin(argumentos)


_TAR = re.compile(r"-?[vzjJ]*t[vzjJ]*f")


def _tar(argumentos: Palabras) -> str:
    if len(argumentos) != 2 or not _TAR.fullmatch(argumentos[0].texto):
        return "solo se permite «tar -tf archivo»"
    archivo = argumentos[1]
    if ":" in archivo.texto or archivo.texto.startswith("-"):
        return f"«{archivo.texto}» puede ser otra máquina u otra opción"
    return motivo_de(archivo) or con_comodin(argumentos)


def _command(argumentos: Palabras) -> str:
    if not argumentos or argumentos[0].texto not in {"-v", "-V"}:
        return "ejecuta lo que sigue"
    return con_comodin(argumentos)


def _version(*admitidos: str) -> Revision:
    def revisar(argumentos: Palabras) -> str:
        textos = [una.texto for una in argumentos]
        return "" if len(textos) == 1 and textos[0] in admitidos else "solo se permite su versión"

    return revisar


_VERSION_LARGA = _version("--version")
_CON_VERSION = "bash cmake gcc g++ clang make ruff uv fd python python3 node npm ruby perl"
"""Los que, para decir su versión, no ejecutan nada que un archivo de la carpeta pueda elegir."""

PROPIAS: dict[str, Revision] = {
    **dict.fromkeys(_CON_VERSION.split(), _VERSION_LARGA),
    **{nombre: _version("--version", "-V") for nombre in ("python", "python3")},
    **{nombre: _version("--version", "-v") for nombre in ("node", "npm", "perl", "ruby")},
    "find": lenguajes.find,
    "sed": lenguajes.sed,
    "awk": lenguajes.awk,
    "jq": lenguajes.jq,
    "echo": _echo,
    "printf": _printf,
    "test": _test,
    "[": _corchete,
    "cd": _cd,
    "exit": _exit,
    "sleep": _sleep,
    "expr": _expr,
    "xxd": _xxd,
    "ps": _ps,
    "tar": _tar,
    "command": _command,
}
