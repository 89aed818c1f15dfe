"""Un `/etc` de bolsillo: lo inofensivo del de verdad, copiado una vez.

Montar cada archivo por su lado se pagaría en cada orden; así es un solo montaje.
"""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path


def copiar_etc(rutas: Iterable[Path], huecos: Iterable[Path]) -> Path:
    """Una carpeta temporal con copias de esas rutas de `/etc`; se salta lo que no pueda leer.

    De `huecos` deja un archivo vacío, sobre el que se podrá montar el de verdad. Quien la pide la
    borra. Lanza `OSError`.
    """
    copia = Path(tempfile.mkdtemp(prefix="enjambre-etc-"))
    copia.chmod(0o755)
    for ruta in rutas:
        with suppress(OSError, shutil.Error):
            _copiar(ruta, copia / ruta.name)
    for hueco in huecos:
        if hueco.exists():
            (copia / hueco.name).touch(0o644)
    return copia


def _copiar(ruta: Path, destino: Path) -> None:
    if ruta.is_dir():
        ignorar = shutil.ignore_patterns("private")
        shutil.copytree(ruta, destino, symlinks=True, ignore=ignorar)
    elif ruta.exists():
        shutil.copyfile(ruta, destino)
        destino.chmod(0o644)
