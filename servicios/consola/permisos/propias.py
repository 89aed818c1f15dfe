"""Los programas que no leen sus opciones como getopt: cada uno con su revisión."""

from __future__ import annotations

import re
from collections.abc import Sequence

from servicios.consola.permisos.arbol import Palabra
from servicios.consola.permisos.ficha import Revision
from servicios.consola.permisos.opciones import Opciones, leer_opciones
from servicios.consola.permisos.rutas import motivo_de_ruta, nombra_secreto

_Palabras = Sequence[Palabra]


def _con_comodin(argumentos: _Palabras) -> str:
    malos = [una.texto for una in argumentos if una.comodin]
    return f"«{malos[0]}» puede convertirse en otros argumentos" if malos else ""


def _ruta(una: Palabra, *, contenido: bool = True) -> str:
    motivo = motivo_de_ruta(una.texto, comodin=una.comodin, contenido=contenido)
    return f"«{una.texto}» {motivo}" if motivo else ""


def _archivos(archivos: _Palabras) -> str:
    """Rutas que se leen; un comodín del principio podría dar nombres que parezcan opciones."""
    malos = [una.texto for una in archivos if una.comodin and una.texto[0] in "*?["]
    if malos:
        return f"«{malos[0]}» puede convertirse en una opción"
    return next(filter(None, map(_ruta, archivos)), "")


# --- find -------------------------------------------------------------------------------

_SIN_VALOR = set(
    "-a -and -o -or -not ! ( ) , -empty -readable -writable -executable -nouser -nogroup -prune "
    "-print -print0 -ls -depth -mount -xdev -true -false -daystart -quit -noleaf".split()
)
_CON_VALOR = set(
    "-name -iname -path -ipath -wholename -iwholename -regex -iregex -regextype -type -xtype "
    "-maxdepth -mindepth -size -mtime -mmin -atime -amin -ctime -cmin -newermt -perm -user -group "
    "-uid -gid -links -inum -lname -ilname -fstype -used -printf".split()
)


def _find(argumentos: _Palabras) -> str:
    lugar = 0
    while lugar < len(argumentos) and argumentos[lugar].texto[:1] not in {"-", "(", "!", ","}:
        lugar += 1
    malos = [una.texto for una in argumentos[:lugar] if una.comodin and una.texto[0] in "*?["]
    if malos:
        return f"«{malos[0]}» puede convertirse en una opción"
    carpetas = (_ruta(una, contenido=False) for una in argumentos[:lugar])
    return next(filter(None, carpetas), "") or _predicados(argumentos[lugar:])


def _predicados(argumentos: _Palabras) -> str:
    lugar = 0
    while lugar < len(argumentos):
        predicado = argumentos[lugar].texto
        lugar += 1
        if predicado in _SIN_VALOR and not argumentos[lugar - 1].comodin:
            continue
        if predicado not in _CON_VALOR or lugar == len(argumentos):
            return f"«{predicado}» no es un predicado de solo lectura"
        valor = argumentos[lugar]
        lugar += 1
        if nombra_secreto(valor.texto):
            return f"«{valor.texto}» tiene nombre de secreto"
        if valor.comodin and "." not in re.sub(r"\[[^\]]+\]", "", valor.texto):
            return f"«{valor.texto}» puede convertirse en un predicado"
    return ""


# --- sed, awk, jq: solo programas de unas pocas formas que no escriben ni ejecutan ------------

_LLANO = r"[\w .,:=#\"'<>@%^$()+&|!?*~-]"
_DIRECCION = rf"(?:\d+|\$|/{_LLANO}+/)"
_SED = re.compile(
    rf"(?:(?:{_DIRECCION}(?:,{_DIRECCION})?)?[pdq=]"
    rf"|s([/|]){_LLANO.replace('|', '')}+\1{_LLANO.replace('|', '')}*\1[gpiI0-9]*)"
)


def _sed(argumentos: _Palabras) -> str:
    leidas = leer_opciones(Opciones.de("nErs", "quiet silent regexp-extended sandbox"), argumentos)
    if isinstance(leidas, str):
        return f"la opción «{leidas}» no está entre las de solo lectura"
    if not leidas.operandos or leidas.operandos[0].comodin:
        return "no se ve su programa"
    programa, *archivos = leidas.operandos
    if not all(_SED.fullmatch(parte.strip(" ")) for parte in programa.texto.split(";")):
        return f"no sé si «{programa.texto}» solo lee"
    return _archivos(archivos)


_AWK_PELIGROSO = re.compile(
    r"\b(?:system|getline|ENVIRON|ARGV|ARGC|SYMTAB|FUNCTAB|PROCINFO)\b"
    r"|@|(?<!\|)\|(?!\|)|\|\|\||\{.*>",
    re.DOTALL,
)
"""Todo lo que en awk toca algo de fuera. Un `>` solo compara si va antes de la primera llave."""


def _awk(argumentos: _Palabras) -> str:
    leidas = leer_opciones(Opciones.de("F:"), argumentos)
    if isinstance(leidas, str):
        return f"la opción «{leidas}» no está entre las de solo lectura"
    if not leidas.operandos or leidas.operandos[0].comodin:
        return "no se ve su programa"
    programa, *archivos = leidas.operandos
    if _AWK_PELIGROSO.search(programa.texto):
        return f"no sé si «{programa.texto}» solo lee"
    return _archivos(archivos)


_JQ = Opciones.de(
    "rcesSnMCaj",
    "raw-output compact-output exit-status slurp sort-keys null-input monochrome-output "
    "color-output ascii-output join-output tab",
)
_JQ_PELIGROSO = re.compile(r"env|ENV|import|include|input|debug|halt|modulemeta|\$__")


def _jq(argumentos: _Palabras) -> str:
    leidas = leer_opciones(_JQ, argumentos)
    if isinstance(leidas, str):
        return f"la opción «{leidas}» no está entre las de solo lectura"
    if not leidas.operandos or leidas.operandos[0].comodin:
        return "no se ve su programa"
    programa, *archivos = leidas.operandos
    if _JQ_PELIGROSO.search(programa.texto):
        return f"no sé si «{programa.texto}» solo lee sus archivos"
    return _archivos(archivos)


# --- las de bash y otras pequeñas -------------------------------------------------------

_FORMATO = re.compile(r"(?:[^%]|%%|%[-0 +#\d.]*[sdiuoxXfeEgGcbq])*")
_COMPARAR = set("= == != < > -eq -ne -lt -le -gt -ge -nt -ot -ef -a -o".split())
_MIRAR = set("-e -f -d -r -w -x -s -L -h -n -z -S -p -b -c -g -k -u -O -G -N -t".split())


def _echo(argumentos: _Palabras) -> str:
    con_comodin = [una for una in argumentos if una.comodin]
    return next(filter(None, (_ruta(una, contenido=False) for una in con_comodin)), "")


def _printf(argumentos: _Palabras) -> str:
    formato = argumentos[0] if argumentos else Palabra("-")
    if formato.comodin or formato.texto.startswith("-"):
        return f"«{formato.texto}» no es un formato"
    if not _FORMATO.fullmatch(formato.texto):
        return f"el formato «{formato.texto}» hace algo más que escribir"
    return _echo(argumentos[1:])


def _test(argumentos: _Palabras) -> str:
    for una in argumentos:
        texto = una.texto
        if texto in _COMPARAR or texto in _MIRAR or texto in {"!", "(", ")"}:
            continue
        if texto.startswith("-") and not texto[1:].isdigit():
            return f"«{texto}» no es una comprobación de solo lectura"
        if motivo := _ruta(una, contenido=False):
            return motivo
    return _con_comodin(argumentos)


def _corchete(argumentos: _Palabras) -> str:
    if not argumentos or argumentos[-1].texto != "]":
        return "falta «]»"
    return _test(argumentos[:-1])


def _cd(argumentos: _Palabras) -> str:
    if len(argumentos) != 1 or argumentos[0].texto[:1] in {"", "-", "/"} or argumentos[0].comodin:
        return "solo se permite entrar en una carpeta de dentro, por su nombre"
    return _ruta(argumentos[0])


def _exit(argumentos: _Palabras) -> str:
    malos = [una.texto for una in argumentos if not re.fullmatch(r"\d{1,3}", una.texto)]
    return f"«{malos[0]}» no es un código" if malos else ""


def _sleep(argumentos: _Palabras) -> str:
    malos = [una.texto for una in argumentos if not re.fullmatch(r"[\d.]+[sm]?", una.texto)]
    return f"«{malos[0]}» no es un tiempo" if malos or not argumentos else ""


def _expr(argumentos: _Palabras) -> str:
    return _con_comodin(argumentos)


_XXD = {"-b", "-p", "-u", "-e", "-i", "-a"}
_XXD_NUMEROS = {"-l", "-s", "-c", "-g"}


def _xxd(argumentos: _Palabras) -> str:
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
    return _archivos(archivos)


_PS = set(
    "-e -ef -eF -el -A -f -F -l -ely -efH -aux a ax aux auxw auxww auxf axu axuf axf axww axj axjf "
    "u x --no-headers --forest".split()
)
"""Sin guion, una `e` enseñaría el entorno de los procesos."""

_PS_CON_VALOR = {"-o", "-eo", "-p", "-u", "-C", "-ao", "-axo", "axo"}


def _ps(argumentos: _Palabras) -> str:
    textos = [una.texto for una in argumentos]
    while textos:
        texto = textos.pop(0)
        valor = textos.pop(0) if texto in _PS_CON_VALOR and textos else ""
        if valor and (valor[0] == "-" or "env" in valor):
            return f"«{valor}» enseña el entorno de los procesos"
        if not (valor or texto in _PS or texto.startswith("--sort=")):
            return f"no sé qué enseña «{texto}»"
    return _con_comodin(argumentos)


_TAR = re.compile(r"-?[vzjJ]*t[vzjJ]*f")


def _tar(argumentos: _Palabras) -> str:
    if len(argumentos) != 2 or not _TAR.fullmatch(argumentos[0].texto):
        return "solo se permite «tar -tf archivo»"
    archivo = argumentos[1]
    if ":" in archivo.texto or archivo.texto.startswith("-"):
        return f"«{archivo.texto}» puede ser otra máquina u otra opción"
    return _ruta(archivo) or _con_comodin(argumentos)


def _command(argumentos: _Palabras) -> str:
    if not argumentos or argumentos[0].texto not in {"-v", "-V"}:
        return "ejecuta lo que sigue"
    return _con_comodin(argumentos)


def _version(*admitidos: str) -> Revision:
    def revisar(argumentos: _Palabras) -> str:
        textos = [una.texto for una in argumentos]
        return "" if len(textos) == 1 and textos[0] in admitidos else "solo se permite su versión"

    return revisar


_VERSION_LARGA = _version("--version")
_CON_VERSION = "bash cmake gcc g++ clang make jq ruff uv rg fd python python3 node npm ruby perl"
"""Los que, para decir su versión, no ejecutan nada que un archivo de la carpeta pueda elegir."""

PROPIAS: dict[str, Revision] = {
    **{nombre: _VERSION_LARGA for nombre in _CON_VERSION.split()},
    **{nombre: _version("--version", "-V") for nombre in ("python", "python3")},
    **{nombre: _version("--version", "-v") for nombre in ("node", "npm", "perl", "ruby")},
    "find": _find,
    "sed": _sed,
    "awk": _awk,
    "jq": _jq,
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
