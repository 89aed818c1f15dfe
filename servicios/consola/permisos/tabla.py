"""Los programas que solo leen, con lo que se les admite. Lo que no está aquí se pregunta."""

from __future__ import annotations

from dataclasses import replace

from servicios.consola.permisos.arbol import Palabra
from servicios.consola.permisos.ficha import Ficha, Operandos, Revision, de_nombres, ficha
from servicios.consola.permisos.opciones import Leidas, Opciones
from servicios.consola.permisos.propias import PROPIAS
from servicios.consola.permisos.rutas import motivo_de_ruta, patron_alcanza_secretos
from servicios.consola.permisos.tabla_git import revisar_git

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
    return ""


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
    return ""


def _revisar_fecha(leidas: Leidas) -> str:
    malos = [o.texto for o in leidas.operandos if not o.texto.startswith("+")]
    return f"«{malos[0]}» cambiaría la hora" if malos else ""


def _revisar_strings(leidas: Leidas) -> str:
    malos = [o.texto for o in leidas.operandos if o.texto.startswith("@")]
    return f"«{malos[0]}» lee opciones de un archivo" if malos else ""


def _revisar_unzip(leidas: Leidas) -> str:
    return "" if leidas.puestas else "sin -l extrae los archivos"


def _revisar_ls(leidas: Leidas) -> str:
    """La raíz se puede mirar, pero no recorrer."""
    for operando in leidas.operandos:
        if operando.texto == "/" and not leidas.puestas & {"R", "recursive"}:
            continue
        if motivo := motivo_de_ruta(operando.texto, comodin=operando.comodin, contenido=False):
            return f"«{operando.texto}» {motivo}"
    return ""


_LS = Ficha(
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
    extra=_revisar_ls,
)
_GREP = Ficha(
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
    extra=_revisar_grep,
)
_RG = Ficha(
    Opciones.de(
        "isSnNlcowvxFUPHIe:g:t:T:A:B:C:m:M:r:0",
        "files json stats count count-matches sort= sortr= glob= type= type-not= type-list "
        "max-depth= heading no-heading column vimgrep color= trim max-columns= multiline pcre2 "
        "line-number no-line-number files-with-matches files-without-match ignore-case smart-case "
        "case-sensitive fixed-strings word-regexp line-regexp only-matching invert-match regexp= "
        "after-context= before-context= context= max-count= with-filename no-filename replace= "
        "no-messages passthru null",
    ),
    Operandos.PATRON,
    extra=_revisar_rg,
)
_SUMAS = de_nombres("btz", "binary text tag zero")
_SORT = ficha(
    "bdfgiMhnRrVcCsuzmk:t:",
    "ignore-leading-blanks dictionary-order ignore-case general-numeric-sort month-sort "
    "human-numeric-sort numeric-sort random-sort reverse version-sort check? key= "
    "field-separator= stable unique zero-terminated merge sort= parallel=",
)
_DIFF = Ficha(
    Opciones.de(
        "urqNwbBiycsaEZtTdU:C:W:x:",
        "unified? context? brief report-identical-files recursive new-file ignore-all-space "
        "ignore-space-change ignore-blank-lines ignore-case ignore-trailing-space side-by-side "
        "width= exclude= text color? minimal suppress-common-lines left-column "
        "strip-trailing-cr expand-tabs label= speed-large-files normal",
    ),
    maximo=2,
    extra=_revisar_diff,
)
_DATE = Ficha(
    Opciones.de(
        "d:uRI::r:", "date= utc universal iso-8601? rfc-3339= rfc-email reference= resolution"
    ),
    Operandos.TEXTO,
    maximo=1,
    rutas_en=frozenset({"r", "reference"}),
    extra=_revisar_fecha,
)
_CUENTAS = Opciones.de("n:c:qvz", "lines= bytes= quiet silent verbose zero-terminated", numeros=True)
_COLA = Ficha(_CUENTAS, comodin_inicial=True)
_RUTA = "canonicalize canonicalize-existing canonicalize-missing no-newline zero"
_TEXTO = Operandos.TEXTO

FICHAS: dict[str, Ficha] = {
    "ls": _LS,
    "dir": _LS,
    "cat": Ficha(Opciones.de("AbeEnstTuv", "number number-nonblank show-all show-ends show-tabs "
                             "show-nonprinting squeeze-blank"), comodin_inicial=True),
    "head": _COLA,
    "tail": _COLA,
    "tac": ficha("brs:"),
    "nl": Ficha(Opciones.de("pb:d:f:h:i:l:n:s:v:w:"), comodin_inicial=True),
    "wc": de_nombres("clmwL", "bytes chars lines max-line-length words"),
    "grep": _GREP,
    "egrep": _GREP,
    "fgrep": _GREP,
    "rg": _RG,
    "sort": _SORT,
    "uniq": ficha("cduizf:s:w:D", "count repeated unique ignore-case zero-terminated "
                  "skip-fields= skip-chars= check-chars=", maximo=1),
    "cut": ficha("b:c:d:f:nsz", "bytes= characters= delimiter= fields= only-delimited "
                 "complement output-delimiter= zero-terminated"),
    "tr": ficha("cCdst", "complement delete squeeze-repeats truncate-set1", operandos=_TEXTO,
                maximo=2),
    "paste": ficha("d:sz", "delimiters= serial zero-terminated"),
    "join": ficha("a:e:i1:2:j:o:t:v:z", "check-order nocheck-order header ignore-case"),
    "comm": ficha("123z", "check-order nocheck-order output-delimiter= total", maximo=2),
    "cmp": ficha("lsbn:i:", "silent quiet verbose print-bytes bytes= ignore-initial=", maximo=2),
    "diff": _DIFF,
    "od": ficha("abcdfilosvxA:j:N:S:t:w::", "address-radix= format= skip-bytes= read-bytes="),
    "hexdump": ficha("bcCdovxn:s:", "canonical no-squeezing length= skip="),
    "fold": ficha("bsw:", "bytes spaces width="),
    "fmt": ficha("cstuw:g:", "width= split-only uniform-spacing"),
    "expand": ficha("it:", "tabs= initial"),
    "unexpand": ficha("at:", "tabs= all first-only"),
    "column": ficha("ts:c:x", "table separator="),
    "rev": ficha(),
    "shuf": ficha("n:ezri:", "head-count= echo input-range= repeat zero-terminated"),
    "iconv": ficha("f:t:cl", "from-code= to-code= list"),
    "strings": replace(ficha("an:t:", "all bytes= radix="), extra=_revisar_strings),
    "base64": ficha("dw:i", "decode wrap= ignore-garbage", maximo=1),
    "md5sum": _SUMAS,
    "sha1sum": _SUMAS,
    "sha224sum": _SUMAS,
    "sha256sum": _SUMAS,
    "sha384sum": _SUMAS,
    "sha512sum": _SUMAS,
    "b2sum": _SUMAS,
    "cksum": de_nombres("a:", "algorithm="),
    "stat": de_nombres("c:Lft", "format= printf= dereference file-system terse"),
    "file": replace(de_nombres("bihkLNr0", "brief mime mime-type mime-encoding no-dereference "
                               "dereference no-pad keep-going raw print0 extension"),
                    comodin_inicial=False),
    "du": de_nombres("abcd:DhHklLmPsSt:xB:0", "human-readable summarize max-depth= all bytes total "
                     "apparent-size threshold= time? time-style= exclude= one-file-system "
                     "separate-dirs si block-size= null inodes"),
    "df": replace(de_nombres("aB:hHiklPt:Tx:", "all human-readable si inodes local portability type= total "
                     "print-type exclude-type= block-size= output?"),
                  operandos=_TEXTO, extra=_revisar_ls),
    "tree": replace(de_nombres("aDdfhsFCnpugriQNJL:I:P:tU", "dirsfirst noreport gitignore "
                               "prune du si"), comodin_inicial=False),
    "basename": ficha("as:z", "multiple suffix= zero", operandos=_TEXTO),
    "dirname": ficha("z", "zero", operandos=_TEXTO),
    "realpath": Ficha(Opciones.de("emszLPq", "relative-to= relative-base= strip no-symlinks quiet "
                                  + _RUTA), contenido=False,
                      rutas_en=frozenset({"relative-to", "relative-base"})),
    "readlink": replace(de_nombres("femnqsvz", _RUTA), comodin_inicial=False),
    "pwd": ficha("LP", maximo=0),
    "date": _DATE,
    "cal": ficha("13my", operandos=_TEXTO),
    "seq": ficha("f:s:w", "format= separator= equal-width", operandos=_TEXTO, maximo=3),
    "factor": ficha(operandos=_TEXTO),
    "bc": ficha("lqs", "mathlib quiet standard", maximo=0),
    "which": ficha("a", operandos=_TEXTO),
    "whereis": ficha("bms", operandos=_TEXTO),
    "type": ficha("afptP", operandos=_TEXTO),
    "id": ficha("ugGnrz", "user group groups name real zero", operandos=_TEXTO, maximo=1),
    "groups": ficha(operandos=_TEXTO, maximo=1),
    "whoami": ficha(maximo=0),
    "logname": ficha(maximo=0),
    "tty": ficha("s", maximo=0),
    "uname": ficha("asnrvmpio", "all kernel-name nodename kernel-release kernel-version machine "
                   "processor hardware-platform operating-system", maximo=0),
    "hostname": ficha("fsIid", maximo=0),
    "arch": ficha(maximo=0),
    "nproc": ficha("", "all ignore=", maximo=0),
    "lscpu": ficha("aebcpJx", "json", maximo=0),
    "lsblk": ficha("abdfiJlmnpPrSto:", "all json list noheadings paths output=", maximo=0),
    "locale": ficha("ackm", operandos=_TEXTO),
    "getconf": ficha("a", operandos=_TEXTO, maximo=1),
    "uptime": ficha("ps", "pretty since", maximo=0),
    "free": ficha("bkmghtwlv", "bytes kilo mega giga kibi mebi gibi human total wide", maximo=0),
    "pgrep": ficha("aflxcnovu:P:d:", "list-full list-name full count newest oldest exact",
                   operandos=_TEXTO, maximo=1),
    "ulimit": ficha("aHScdefilmnpqrstuvx", maximo=0),
    "umask": ficha("pS", maximo=0),
    "unzip": replace(ficha("lv", maximo=1), extra=_revisar_unzip),
    "true": ficha(operandos=_TEXTO),
    "false": ficha(operandos=_TEXTO),
    ":": ficha(operandos=_TEXTO),
}


def _revisiones() -> dict[str, Revision]:
    de_fichas: dict[str, Revision] = {nombre: una.revisar for nombre, una in FICHAS.items()}
    return {**de_fichas, **PROPIAS, "git": revisar_git}


REVISIONES = _revisiones()
"""Nombre del programa → cómo se revisan sus argumentos."""


def motivo_para_preguntar(orden: tuple[Palabra, ...]) -> str:
    """Por qué no se puede permitir sola una orden simple ya leída; vacío si se puede."""
    nombre = orden[0]
    revision = None if nombre.comodin else REVISIONES.get(nombre.texto)
    if revision is None:
        return f"«{nombre.texto}» no está entre los programas de solo lectura"
    motivo = revision(orden[1:])
    return f"{nombre.texto}: {motivo}" if motivo else ""
