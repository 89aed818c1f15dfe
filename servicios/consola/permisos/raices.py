"""Las rutas cuyo borrado o escritura no se consiente a ninguna orden."""

from __future__ import annotations

import posixpath
import re

from servicios.consola.permisos.conjunto import conjunto

_CASA = re.compile(r"(?:~[\w.-]*|\$HOME|\$\{HOME[^}]*\})(?:/\.\.)*")
_TODO = {"*", "**", ".*", ".", "", "{*,.*}", "..?*", ".[!.]*", "?*"}
_DE_ARRIBA = conjunto(
    "bin boot dev etc home lib lib32 lib64 libx32 media mnt opt proc root run sbin srv sys usr var"
)
_CON_HIJAS = _DE_ARRIBA - {"mnt", "media", "srv", "opt"}
_DEL_SISTEMA = re.compile(
    r"/(?:etc|boot|sys|proc|bin|sbin|lib|lib32|lib64|libx32|usr(?!/local/))(?:/.*)?"
)
_PROPIA = re.compile(r"/proc/(?:self|\$\$|thread-self)/(?:fd/\d+|oom_score_adj|comm)")
_APARATO = re.compile(
    r"/dev/(?:(?:sd|hd|vd|xvd)[a-z*?\[]|nvme|mmcblk|loop|dm-|md\d|sr\d|ram\d|nbd|zram|mapper/|disk/"
    r"|mem\Z|kmem\Z|port\Z|block/|char/).*"
)
_RED = re.compile(r"/dev/(?:tcp|udp)/")
_SECRETO_DEL_SISTEMA = re.compile(
    r"/etc/(?:shadow|gshadow|sudoers)-?|/etc/(?:sudoers\.d|ssl/private)/.*|/etc/ssh/ssh_host_\w*_key"
    r"|/proc/[^/]+/(?:environ|mem)|/proc/kcore"
)
"""Los de la máquina. Los de una persona se preguntan: encerrada, quien los busca da con el señuelo."""
_LLAVES = re.compile(r"\{([^{}]*,[^{}]*)\}")


def limpia(ruta: str) -> str:
    """La ruta absoluta sin `//`, `/./` ni `/../`; las demás, tal cual."""
    return posixpath.normpath("/" + ruta.lstrip("/")) if ruta.startswith("/") else ruta


def sin_llaves(texto: str) -> list[str]:
    """Lo que daría `{a,b}`, hasta unas cuantas alternativas."""
    listas = [texto]
    for _ in range(3):
        listas = [otra for una in listas for otra in _abrir(una)][:64]
    return listas


def _abrir(texto: str) -> list[str]:
    hallado = _LLAVES.search(texto)
    if hallado is None:
        return [texto]
    antes, despues = texto[: hallado.start()], texto[hallado.end() :]
    return [antes + parte + despues for parte in hallado[1].split(",")]


def es_raiz(ruta: str) -> bool:
    """Si es el sistema, una carpeta de arriba del todo o una carpeta personal, o todo lo suyo."""
    return any(_es_raiz(una) for una in sin_llaves(ruta))


def _es_raiz(ruta: str) -> bool:
    absoluta = ruta.startswith("/")
    partes = ruta.split("/")
    while len(partes) > 1 and partes[-1] in _TODO:
        partes.pop()
    ruta = "/".join(partes)
    if _CASA.fullmatch(ruta):
        return True
    if not absoluta:
        return False
    hijas = [parte for parte in limpia(ruta).split("/") if parte]
    if not hijas:
        return True
    if any(letra in hijas[0] for letra in "*?["):
        return len(hijas) <= 2
    return hijas[0] in _DE_ARRIBA and (
        len(hijas) == 1 or (len(hijas) == 2 and hijas[0] in _CON_HIJAS)
    )


def es_del_sistema(ruta: str) -> bool:
    """Si escribir ahí cambia el sistema."""
    una = limpia(ruta)
    return bool(_DEL_SISTEMA.fullmatch(una)) and not _PROPIA.fullmatch(una)


def es_aparato(ruta: str) -> bool:
    """Si es un disco o una memoria en crudo."""
    return bool(_APARATO.fullmatch(limpia(ruta)))


def es_red(ruta: str) -> bool:
    """Si bash abriría ahí una conexión."""
    return bool(_RED.match(ruta))


def es_secreto_del_sistema(ruta: str) -> bool:
    """Si leerlo solo sirve para robar claves."""
    return bool(_SECRETO_DEL_SISTEMA.fullmatch(limpia(ruta)))
