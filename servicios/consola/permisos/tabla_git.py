"""Los subcomandos de git que solo leen, con lo que se les admite."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace

from servicios.consola.permisos.arbol import Palabra
from servicios.consola.permisos.ficha import Ficha, Operandos, ficha
from servicios.consola.permisos.opciones import Leidas, Opciones

_GENERALES = {"--no-pager", "-P", "--no-optional-locks"}

_DIFERENCIAS = (
    "stat? name-only name-status shortstat numstat summary ignore-all-space ignore-space-change "
    "ignore-blank-lines ignore-space-at-eol word-diff? color? no-color unified= diff-filter= "
    "no-ext-diff no-textconv patch no-patch minimal patience histogram find-renames? "
    "find-copies? dirstat? check compact-summary abbrev? full-index text no-prefix "
    "function-context raw no-renames color-words? inter-hunk-context= exit-code quiet"
)
_HISTORIA = (
    "oneline graph decorate? no-decorate all author= committer= since= until= after= before= grep= "
    "format= pretty? abbrev-commit no-abbrev-commit follow reverse merges no-merges first-parent "
    "date= max-count= skip= cherry-pick left-right topo-order date-order author-date-order "
    "branches? tags? remotes? full-history invert-grep regexp-ignore-case extended-regexp "
    "fixed-strings all-match relative-date parents children ancestry-path no-notes count "
    "min-parents= max-parents= simplify-by-decoration"
)
_LISTAS = "contains? no-contains? merged? no-merged? points-at? list sort= format= color? no-color"
_EN_LISTA = {"list", "contains", "no-contains", "merged", "no-merged", "points-at", "l"}
_FIRMA = re.compile(r"%G|signature|%\(trailers|%\+?G")


def _sin_firmas(leidas: Leidas) -> str:
    """Un formato con la firma ejecutaría el programa de firmas que diga la configuración."""
    for nombre, valor in leidas.valores:
        if nombre in {"format", "pretty", "sort"} and _FIRMA.search(valor.texto):
            return f"«{valor.texto}» comprueba firmas"
    return ""


def _solo_lista(leidas: Leidas) -> str:
    if leidas.operandos and not leidas.puestas & _EN_LISTA:
        return f"«{leidas.operandos[0].texto}» crearía algo"
    return _sin_firmas(leidas)


def _diferencias(cortas: str = "", largas: str = "") -> Ficha:
    opciones = Opciones.de(
        f"puswbzRaWM::C::U:S:G:D{cortas}", f"{_DIFERENCIAS} {largas}", numeros=True
    )
    return Ficha(opciones, ademas=_sin_firmas)


_LOG = _diferencias("n:gicmEF", _HISTORIA)
_SUBCOMANDOS: dict[str, Ficha] = {
    "status": ficha(
        "sbvzu::",
        "short branch porcelain? long ignored? untracked-files? show-stash "
        "ahead-behind no-ahead-behind verbose no-renames",
    ),
    "log": _LOG,
    "whatchanged": _LOG,
    "show": _diferencias("n:", _HISTORIA),
    "diff": _diferencias("", "cached staged merge-base ours theirs base"),
    "diff-tree": _diferencias("rtvm", "root no-commit-id"),
    "rev-list": replace(ficha("n:", f"{_HISTORIA} objects", numeros=True), ademas=_sin_firmas),
    "branch": Ficha(
        Opciones.de(
            "arvi",
            f"{_LISTAS} all remotes verbose show-current column? ignore-case abbrev? no-abbrev",
        ),
        ademas=_solo_lista,
    ),
    "tag": Ficha(Opciones.de("ln::i", f"{_LISTAS} ignore-case column?"), ademas=_solo_lista),
    "rev-parse": ficha(
        "",
        "short? abbrev-ref? show-toplevel show-prefix show-cdup git-dir verify "
        "is-inside-work-tree is-bare-repository symbolic-full-name symbolic all "
        "absolute-git-dir git-common-dir branches? tags? remotes? quiet",
    ),
    "ls-files": ficha(
        "cdmostuvzk",
        "cached deleted modified others stage exclude-standard "
        "full-name error-unmatch directory unmerged killed eol",
    ),
    "ls-tree": ficha("rtdlz", "name-only name-status long full-name full-tree abbrev?"),
    "blame": ficha(
        "L:lswetpfnM::C::",
        "date= porcelain line-porcelain show-email root show-name show-number abbrev=",
        maximo=2,
    ),
    "describe": ficha(
        "",
        "tags always dirty? abbrev= long all match= exclude= exact-match "
        "first-parent contains broken?",
    ),
    "shortlog": ficha(
        "snec",
        "summary numbered email committer all since= until= after= before= no-merges group=",
        numeros=True,
    ),
    "grep": Ficha(
        Opciones.de(
            "nilcvwEFPGhHIe:A:B:C:W",
            "count name-only files-with-matches line-number heading break ignore-case word-regexp "
            "invert-match extended-regexp fixed-strings perl-regexp all-match show-function "
            "function-context max-depth= cached after-context= before-context= context= color? and or "
            "not max-count= column full-name",
            numeros=True,
        ),
        Operandos.PATRON,
    ),
    "cat-file": ficha("tspe", maximo=2),
    "merge-base": ficha("a", "all is-ancestor octopus independent fork-point"),
    "name-rev": ficha("", "tags name-only always"),
    "show-ref": ficha("dqs::", "head tags heads branches verify hash? abbrev? quiet dereference"),
    "for-each-ref": Ficha(Opciones.de("", f"{_LISTAS} count="), ademas=_sin_firmas),
    "count-objects": ficha("vH", "verbose human-readable", maximo=0),
    "symbolic-ref": ficha("q", "short quiet", maximo=1),
    "check-ignore": ficha("vnq", "verbose non-matching quiet no-index"),
    "version": ficha("", "build-options", maximo=0),
}
_DE_DOS: dict[tuple[str, str], Ficha] = {
    ("stash", "list"): _LOG,
    ("stash", "show"): _diferencias(),
    ("remote", "get-url"): ficha("", "all push", maximo=1),
    ("worktree", "list"): ficha("v", "porcelain verbose", maximo=0),
    ("reflog", "show"): _LOG,
}


def revisar_git(argumentos: Sequence[Palabra]) -> str:
    """Ver `Revision`. Ni `-c`, ni `-C`, ni `--exec-path`, ni otro depósito: cambian qué corre."""
    resto = list(argumentos)
    while resto and resto[0].texto in _GENERALES:
        resto.pop(0)
    textos = [una.texto for una in resto]
    if textos in (["--version"], ["remote"], ["remote", "-v"], ["remote", "--verbose"], ["reflog"]):
        return ""
    nombre = textos[0] if textos else ""
    una = _SUBCOMANDOS.get(nombre)
    if una is not None:
        motivo = una.revisar(resto[1:])
        return f"{nombre}: {motivo}" if motivo else ""
    doble = _DE_DOS.get((nombre, textos[1])) if len(textos) > 1 else None
    if doble is None:
        return f"«{nombre}» no está entre los subcomandos de solo lectura"
    return doble.revisar(resto[2:])
