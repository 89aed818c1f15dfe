"""Un `/etc` de bolsillo: lo inofensivo del de verdad, copiado una vez.

Montar cada archivo por su lado se pagaría en cada orden; así es un solo montaje. La copia sirve a
todas las sesiones de este usuario mientras `/etc` no cambie, y nadie la borra: la puede estar usando
una orden que sobrevivió a su enjambre.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import stat
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path

_PREFIJO = "enjambre-etc-"
_SIN_COPIAR = {"private"}

Listado = list[tuple[str, str]]
"""Cada nombre, desde la carpeta, y lo que es: su tamaño o a dónde lleva."""


def copiar_etc(rutas: Sequence[Path], huecos: Sequence[Path]) -> Path:
    """Una carpeta con copias de esas rutas de `/etc`; se salta lo que no pueda leer.

    De `huecos` deja un archivo vacío, sobre el que se podrá montar el de verdad. Lanza `OSError`.
    """
    originales = [hallada for ruta in rutas for hallada in _recorrer(ruta)]
    debido = [(ruta.relative_to("/etc").as_posix(), _que_es(ruta)) for ruta in originales]
    debido += [(hueco.name, "0") for hueco in huecos if hueco.exists()]
    sitio = Path(tempfile.gettempdir(), f"{_PREFIJO}{os.getuid()}-{_clave(originales, debido)}")
    if _sirve(sitio, debido):
        return sitio
    nueva = Path(tempfile.mkdtemp(prefix=_PREFIJO))
    for ruta in originales:
        with suppress(OSError):
            _copiar(ruta, nueva / ruta.relative_to("/etc"))
    for hueco in huecos:
        if hueco.exists():
            (nueva / hueco.name).touch(0o644)
    nueva.chmod(0o755)
    with suppress(OSError):
        return nueva.rename(sitio)
    if not _sirve(sitio, debido):
        return nueva
    shutil.rmtree(nueva, ignore_errors=True)  # otro programa acaba de ponerla
    return sitio


def _clave(originales: Sequence[Path], debido: Listado) -> str:
    cambiados = [ruta.lstat().st_mtime_ns for ruta in originales]
    return hashlib.sha256(repr((debido, cambiados)).encode()).hexdigest()[:16]


def _sirve(carpeta: Path, debido: Listado) -> bool:
    """Si está entera y solo escribimos en ella nosotros."""
    with suppress(OSError):
        dicho = carpeta.lstat()
        nuestra = stat.S_ISDIR(dicho.st_mode) and dicho.st_uid == os.getuid()
        if not nuestra or stat.S_IMODE(dicho.st_mode) != 0o755:
            return False
        hallado = [r for hija in carpeta.iterdir() for r in _recorrer(hija)]
        dentro = [(ruta.relative_to(carpeta).as_posix(), _que_es(ruta)) for ruta in hallado]
        return sorted(dentro) == sorted(debido)
    return False


def _recorrer(ruta: Path) -> Iterator[Path]:
    """La ruta y lo que cuelga de ella, si se puede leer."""
    if ruta.is_symlink():
        yield ruta
    elif os.access(ruta, os.R_OK) and ruta.name not in _SIN_COPIAR:
        yield ruta
        for hija in ruta.iterdir() if ruta.is_dir() else ():
            yield from _recorrer(hija)


def _que_es(ruta: Path) -> str:
    if ruta.is_symlink() and ruta.parent != Path("/etc"):
        return f"→ {ruta.readlink()}"
    return "carpeta" if ruta.is_dir() else str(ruta.stat().st_size)


def _copiar(ruta: Path, destino: Path) -> None:
    """De un enlace que está en `/etc` mismo se copia a lo que lleva: dentro no existirá."""
    if ruta.is_symlink() and ruta.parent != Path("/etc"):
        destino.symlink_to(ruta.readlink())
    elif ruta.is_dir():
        destino.mkdir(0o755)
    else:
        shutil.copyfile(ruta, destino)
        destino.chmod(0o644)
