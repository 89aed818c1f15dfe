"""Los programas que solo leen, con lo que se les admite. Lo que no está aquí se pregunta."""

from __future__ import annotations

from dataclasses import replace

from servicios.consola.permisos.arbol import Palabra
from servicios.consola.permisos.ficha import Ficha, Operandos, Revision, de_nombres, ficha
from servicios.consola.permisos.fichas_largas import (
    COLA,
    DATE,
    DIFF,
    GREP,
    LS,
    RG,
    SORT,
    SUMAS,
    revisar_ls,
    revisar_strings,
    revisar_unzip,
)
from servicios.consola.permisos.opciones import Opciones
from servicios.consola.permisos.propias import PROPIAS
from servicios.consola.permisos.tabla_git import revisar_git

_RUTA = "canonicalize canonicalize-existing canonicalize-missing no-newline zero"
_TEXTO = Operandos.TEXTO

FICHAS: dict[str, Ficha] = {
    "ls": LS,
    "dir": LS,
    "cat": Ficha(
        Opciones.de(
            "AbeEnstTuv",
            "number number-nonblank show-all show-ends show-tabs show-nonprinting squeeze-blank",
        ),
        comodin_inicial=True,
    ),
    "head": COLA,
    "tail": COLA,
    "tac": ficha("brs:"),
    "nl": Ficha(Opciones.de("pb:d:f:h:i:l:n:s:v:w:"), comodin_inicial=True),
    "wc": de_nombres("clmwL", "bytes chars lines max-line-length words"),
    "grep": GREP,
    "egrep": GREP,
    "fgrep": GREP,
    "rg": RG,
    "sort": SORT,
    "uniq": ficha(
        "cduizf:s:w:D",
        "count repeated unique ignore-case zero-terminated skip-fields= skip-chars= check-chars=",
        maximo=1,
    ),
    "cut": ficha(
        "b:c:d:f:nsz",
        "bytes= characters= delimiter= fields= only-delimited "
        "complement output-delimiter= zero-terminated",
    ),
    "tr": ficha(
        "cCdst", "complement delete squeeze-repeats truncate-set1", operandos=_TEXTO, maximo=2
    ),
    "paste": ficha("d:sz", "delimiters= serial zero-terminated"),
    "join": ficha("a:e:i1:2:j:o:t:v:z", "check-order nocheck-order header ignore-case"),
    "comm": ficha("123z", "check-order nocheck-order output-delimiter= total", maximo=2),
    "cmp": ficha("lsbn:i:", "silent quiet verbose print-bytes bytes= ignore-initial=", maximo=2),
    "diff": DIFF,
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
    "strings": replace(ficha("an:t:", "all bytes= radix="), ademas=revisar_strings),
    "base64": ficha("dw:i", "decode wrap= ignore-garbage", maximo=1),
    "md5sum": SUMAS,
    "sha1sum": SUMAS,
    "sha224sum": SUMAS,
    "sha256sum": SUMAS,
    "sha384sum": SUMAS,
    "sha512sum": SUMAS,
    "b2sum": SUMAS,
    "cksum": de_nombres("a:", "algorithm="),
    "stat": de_nombres("c:Lft", "format= printf= dereference file-system terse"),
    "file": replace(
        de_nombres(
            "bihkLNr0",
            "brief mime mime-type mime-encoding no-dereference "
            "dereference no-pad keep-going raw print0 extension",
        ),
        comodin_inicial=False,
    ),
    "du": de_nombres(
        "abcd:DhHklLmPsSt:xB:0",
        "human-readable summarize max-depth= all bytes total "
        "apparent-size threshold= time? time-style= exclude= one-file-system "
        "separate-dirs si block-size= null inodes",
    ),
    "df": replace(
        de_nombres(
            "aB:hHiklPt:Tx:",
            "all human-readable si inodes local portability type= total "
            "print-type exclude-type= block-size= output?",
        ),
        operandos=_TEXTO,
        ademas=revisar_ls,
    ),
    "tree": replace(
        de_nombres("aDdfhsFCnpugriQNJL:I:P:tU", "dirsfirst noreport gitignore prune du si"),
        comodin_inicial=False,
    ),
    "basename": ficha("as:z", "multiple suffix= zero", operandos=_TEXTO),
    "dirname": ficha("z", "zero", operandos=_TEXTO),
    "realpath": Ficha(
        Opciones.de("emszLPq", "relative-to= relative-base= strip no-symlinks quiet " + _RUTA),
        contenido=False,
        rutas_en=frozenset({"relative-to", "relative-base"}),
    ),
    "readlink": replace(de_nombres("femnqsvz", _RUTA), comodin_inicial=False),
    "pwd": ficha("LP", maximo=0),
    "date": DATE,
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
    "uname": ficha(
        "asnrvmpio",
        "all kernel-name nodename kernel-release kernel-version machine "
        "processor hardware-platform operating-system",
        maximo=0,
    ),
    "hostname": ficha("fsIid", maximo=0),
    "arch": ficha(maximo=0),
    "nproc": ficha("", "all ignore=", maximo=0),
    "lscpu": ficha("aebcpJx", "json", maximo=0),
    "lsblk": ficha("abdfiJlmnpPrSto:", "all json list noheadings paths output=", maximo=0),
    "locale": ficha("ackm", operandos=_TEXTO),
    "getconf": ficha("a", operandos=_TEXTO, maximo=1),
    "uptime": ficha("ps", "pretty since", maximo=0),
    "free": ficha("bkmghtwlv", "bytes kilo mega giga kibi mebi gibi human total wide", maximo=0),
    "pgrep": ficha(
        "aflxcnovu:P:d:",
        "list-full list-name full count newest oldest exact",
        operandos=_TEXTO,
        maximo=1,
    ),
    "ulimit": ficha("aHScdefilmnpqrstuvx", maximo=0),
    "umask": ficha("pS", maximo=0),
    "unzip": replace(ficha("lv", maximo=1), ademas=revisar_unzip),
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
