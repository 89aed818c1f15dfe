"""El reparto de la suite entre procesos: cada archivo, entero, a uno."""

from __future__ import annotations

from pathlib import PurePosixPath

from xdist.scheduler import LoadFileScheduling


class PorArchivo(LoadFileScheduling):
    """Los archivos con «docker» en el nombre van todos al mismo: comparten un demonio."""

    def _split_scope(self, nodeid: str) -> str:
        archivo: str = super()._split_scope(nodeid)
        return "docker" if "docker" in PurePosixPath(archivo).name else archivo
