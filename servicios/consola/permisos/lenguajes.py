"""Los programas con lenguaje propio (find, sed, awk, jq): qué frases suyas solo leen."""

from __future__ import annotations

import re

from servicios.consola.permisos.comprobar import Palabras, motivo_de_archivos
from servicios.consola.permisos.conjunto import conjunto
from servicios.consola.permisos.opciones import Opciones, leer_opciones
from servicios.consola.permisos.rutas import nombra_secreto

# --- find -------------------------------------------------------------------------------

_SIN_VALOR = conjunto(
    "-a -and -o -or -not ! ( ) , -empty -readable -writable -executable -nouser -nogroup -prune "
    "-print -print0 -ls -depth -mount -xdev -true -false -daystart -quit -noleaf"
)
_CON_VALOR = conjunto(
    "-name -iname -path -ipath -wholename -iwholename -regex -iregex -regextype -type -xtype "
    "-maxdepth -mindepth -size -mtime -mmin -atime -amin -ctime -cmin -newermt -perm -user -group "
    "-uid -gid -links -inum -lname -ilname -fstype -used -printf"
)


def find(argumentos: Palabras) -> str:
    """Solo predicados que miran o escriben en la salida."""
    lugar = 0
    while lugar < len(argumentos) and argumentos[lugar].texto[:1] not in {"-", "(", "!", ","}:
        lugar += 1
    motivo = motivo_de_archivos(argumentos[:lugar], contenido=False)
    return motivo or _predicados(argumentos[lugar:])


def _predicados(argumentos: Palabras) -> str:
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
        if re.match(r"-[a-z]", valor.texto) and predicado != "-perm":
            return f"«{valor.texto}» parece un predicado"
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


def sed(argumentos: Palabras) -> str:
    """Imprimir, borrar o sustituir líneas en la salida; ni `w`, ni `e`, ni `-i`."""
    leidas = leer_opciones(Opciones.de("nErs", "quiet silent regexp-extended sandbox"), argumentos)
    if isinstance(leidas, str):
        return f"la opción «{leidas}» no está entre las de solo lectura"
    if not leidas.operandos or leidas.operandos[0].comodin:
        return "no se ve su programa"
    programa, *archivos = leidas.operandos
    if not all(_SED.fullmatch(parte.strip(" ")) for parte in programa.texto.split(";")):
        return f"no sé si «{programa.texto}» solo lee"
    return motivo_de_archivos(archivos)


_AWK_PELIGROSO = re.compile(
    r"\b(?:system|getline|ENVIRON|ARGV|ARGC|SYMTAB|FUNCTAB|PROCINFO)\b"
    r"|@|(?<!\|)\|(?!\|)|\|\|\||\{.*>",
    re.DOTALL,
)
"""Todo lo que en awk toca algo de fuera. Un `>` solo compara si va antes de la primera llave."""


def awk(argumentos: Palabras) -> str:
    """Cualquier programa que no toque nada de fuera."""
    leidas = leer_opciones(Opciones.de("F:"), argumentos)
    if isinstance(leidas, str):
        return f"la opción «{leidas}» no está entre las de solo lectura"
    if not leidas.operandos or leidas.operandos[0].comodin:
        return "no se ve su programa"
    programa, *archivos = leidas.operandos
    if _AWK_PELIGROSO.search(programa.texto):
        return f"no sé si «{programa.texto}» solo lee"
    return motivo_de_archivos(archivos)


_JQ = Opciones.de(
    "rcesSnMCaj",
    "raw-output compact-output exit-status slurp sort-keys null-input monochrome-output "
    "color-output ascii-output join-output tab",
)
_JQ_PELIGROSO = re.compile(r"env|ENV|import|include|input|debug|halt|modulemeta|\$__")


def jq(argumentos: Palabras) -> str:
    """Cualquier filtro que solo vea sus archivos."""
    leidas = leer_opciones(_JQ, argumentos)
    if isinstance(leidas, str):
        return f"la opción «{leidas}» no está entre las de solo lectura"
    if not leidas.operandos or leidas.operandos[0].comodin:
        return "no se ve su programa"
    programa, *archivos = leidas.operandos
    if _JQ_PELIGROSO.search(programa.texto):
        return f"no sé si «{programa.texto}» solo lee sus archivos"
    return motivo_de_archivos(archivos)
