"""Las fichas que necesitan muchas opciones o una comprobación más."""

from __future__ import annotations

from servicios.consola.permisos.ficha import Ficha, Operandos, de_nombres, ficha
from servicios.consola.permisos.opciones import Leidas, Opciones
from servicios.consola.permisos.rutas import motivo_de_ruta, patron_alcanza_secretos

_SIN_CONTENIDO = {"l", "L", "c", "q", "files-with-matches", "files-without-match", "count"}
_SIN_CONTENIDO |= {"quiet", "silent"}
"""Con ellas grep solo dice en qué archivos o cuántas veces."""


def _revisar_grep(leidas: Leidas) -> str:
    """Recursivo, solo bajo carpetas nombradas o sobre nombres que no pueden ser secretos."""
    if not leidas.puestas & {"r", "recursive"}:
        return ""
    incluidos = [valor.texto for nombre, valor in leidas.valores if nombre == "include"]
    if incluidos and not any(patron_alcanza_secretos(valor) for valor in incluidos):
        return ""
    sobra = 0 if leidas.puestas & {"e", "regexp"} else 1
    carpetas = leidas.operandos[sobra:]
    if not carpetas or any(carpeta.texto.strip("./") == "" for carpeta in carpetas):
        return "busca en toda la carpeta, también en los archivos ocultos"
    if leidas.puestas & _SIN_CONTENIDO:
        return ""
    return "enseñaría también lo de los secretos; con -l, -c o --include='*.py' no se pregunta"


def _revisar_rg(leidas: Leidas) -> str:
    for nombre, valor in leidas.valores:
        texto = valor.texto
        if nombre in {"g", "glob"} and not texto.startswith("!") and patron_alcanza_secretos(texto):
            return f"«{texto}» puede alcanzar un archivo secreto u oculto"
    return ""


def _revisar_diff(leidas: Leidas) -> str:
    recursivo = leidas.puestas & {"r", "recursive"}
    if recursivo and any(operando.texto.strip("./") == "" for operando in leidas.operandos):
        return "compara toda la carpeta, también los archivos ocultos"
    if recursivo and not leidas.puestas & {"q", "brief"}:
        return "enseñaría también lo de los secretos; con -q no se pregunta"
    return ""


def _revisar_fecha(leidas: Leidas) -> str:
    malos = [o.texto for o in leidas.operandos if not o.texto.startswith("+")]
    return f"«{malos[0]}» cambiaría la hora" if malos else ""


def revisar_strings(leidas: Leidas) -> str:
    """Un operando con arroba es un archivo de opciones."""
    malos = [o.texto for o in leidas.operandos if o.texto.startswith("@")]
    return f"«{malos[0]}» lee opciones de un archivo" if malos else ""


def revisar_unzip(leidas: Leidas) -> str:
    """Sin ninguna opción, extrae."""
    return "" if leidas.puestas else "sin -l extrae los archivos"


def revisar_ls(leidas: Leidas) -> str:
    """La raíz se puede mirar, pero no recorrer."""
    for operando in leidas.operandos:
        if operando.texto == "/" and not leidas.puestas & {"R", "recursive"}:
            continue
        if motivo := motivo_de_ruta(operando.texto, comodin=operando.comodin, contenido=False):
            return f"«{operando.texto}» {motivo}"
    return ""


LS = Ficha(
    Opciones.de(
        "aAbBcCdfFgGhHiklLmnNopqQrRsStT:uUvw:I:xXZ1",
        "all almost-all author escape block-size= ignore-backups color? directory classify? "
        "file-type format= full-time group-directories-first no-group human-readable si hide= "
        "inode ignore= kibibytes dereference numeric-uid-gid quote-name reverse recursive size "
        "sort= time= time-style= width= zero context literal indicator-style=",
    ),
    Operandos.TEXTO,
    contenido=False,
    comodin_inicial=True,
    ademas=revisar_ls,
)
GREP = Ficha(
    Opciones.de(
        "EFGPivwxclLnHhoqsrabIzTUye:m:A:B:C:",
        "extended-regexp fixed-strings basic-regexp perl-regexp ignore-case no-ignore-case "
        "invert-match word-regexp line-regexp count files-with-matches files-without-match "
        "line-number with-filename no-filename only-matching quiet silent no-messages recursive "
        "text null byte-offset null-data color? colour? after-context= before-context= context= "
        "max-count= regexp= include= exclude= exclude-dir= label= initial-tab line-buffered",
        numeros=True,
    ),
    Operandos.PATRON,
    comodin_inicial=True,
    ademas=_revisar_grep,
)
RG = Ficha(
    Opciones.de(
        "isSnNlcowvxFUPHIe:g:t:T:A:B:C:m:M:r:0",
        "files json stats count count-matches sort= sortr= glob= type= type-not= type-list "
        "max-depth= heading no-heading column vimgrep color= trim max-columns= multiline pcre2 "
        "line-number no-line-number files-with-matches files-without-match ignore-case smart-case "
        "case-sensitive fixed-strings word-regexp line-regexp only-matching invert-match regexp= "
        "after-context= before-context= context= max-count= with-filename no-filename replace= "
        "no-messages passthru null version",
    ),
    Operandos.PATRON,
    ademas=_revisar_rg,
)
SUMAS = de_nombres("btz", "binary text tag zero")
SORT = ficha(
    "bdfgiMhnRrVcCsuzmk:t:",
    "ignore-leading-blanks dictionary-order ignore-case general-numeric-sort month-sort "
    "human-numeric-sort numeric-sort random-sort reverse version-sort check? key= "
    "field-separator= stable unique zero-terminated merge sort= parallel=",
)
DIFF = Ficha(
    Opciones.de(
        "urqNwbBiycsaEZtTdU:C:W:x:",
        "unified? context? brief report-identical-files recursive new-file ignore-all-space "
        "ignore-space-change ignore-blank-lines ignore-case ignore-trailing-space side-by-side "
        "width= exclude= text color? minimal suppress-common-lines left-column "
        "strip-trailing-cr expand-tabs label= speed-large-files normal",
    ),
    maximo=2,
    ademas=_revisar_diff,
)
DATE = Ficha(
    Opciones.de(
        "d:uRI::r:", "date= utc universal iso-8601? rfc-3339= rfc-email reference= resolution"
    ),
    Operandos.TEXTO,
    maximo=1,
    rutas_en=frozenset({"r", "reference"}),
    ademas=_revisar_fecha,
)
_CUENTAS = Opciones.de(
    "n:c:qvz", "lines= bytes= quiet silent verbose zero-terminated", numeros=True
)
COLA = Ficha(_CUENTAS, comodin_inicial=True)
