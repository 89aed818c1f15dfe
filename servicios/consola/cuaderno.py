"""Los archivos por los que el estado va y vuelve de cada orden."""

from __future__ import annotations

import fcntl
import os
import shutil
import stat
import tempfile
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from servicios.consola.estado import TOPE_ESTADO, Estado, escribir_preludio, interpretar_hoja

_PREFIJO = "enjambre-consola-"
_CANDADO = "candado"


@dataclass(frozen=True, slots=True)
class Hojas:
    """Los dos archivos de una orden: el que bash lee al empezar y el que escribe al salir."""

    preludio: Path
    estado: Path


class Cuaderno:
    """La carpeta temporal donde van las hojas; `duenio` es el uid de las órdenes, si no es el nuestro.

    Nadie más que nosotros crea o lista archivos en ella.
    """

    def __init__(self, duenio: int | None) -> None:
        self._duenio = duenio
        self._carpeta: Path | None = None
        self._candado = -1
        self._n = 0

    def abrir(self, estado: Estado | None, casa: Path) -> Hojas:
        """Escribe las hojas de una orden que empieza en `casa`. Lanza `OSError`."""
        if self._carpeta is None or not self._carpeta.is_dir():
            # Con otro usuario hace falta un sitio al que pueda llegar: TMPDIR puede ser privado.
            base = Path(tempfile.gettempdir() if self._duenio is None else "/tmp")  # noqa: S108
            _borrar_abandonadas(base)
            self._carpeta, self._candado = _crear_carpeta(base)
        self._n += 1
        hojas = Hojas(self._carpeta / f"preludio-{self._n}", self._carpeta / f"estado-{self._n}")
        self._escribir(hojas.estado, b"", 0o600)
        self._escribir(hojas.preludio, escribir_preludio(hojas.estado, estado, casa), 0o400)
        return hojas

    def recoger(self, hojas: Hojas) -> Estado | None:
        """Lee y borra las hojas; `None` si la orden no dejó un estado que valga."""
        try:
            return interpretar_hoja(_leer_acotado(hojas.estado))
        except OSError:
            return None
        finally:
            for hoja in (hojas.preludio, hojas.estado):
                with suppress(OSError):
                    hoja.unlink(missing_ok=True)

    def cerrar(self) -> None:
        """Borra la carpeta y lo que quede en ella."""
        if self._carpeta is not None:
            shutil.rmtree(self._carpeta, ignore_errors=True)
            os.close(self._candado)
            self._carpeta = None

    def _escribir(self, ruta: Path, datos: bytes, modo: int) -> None:
        fd = os.open(ruta, os.O_WRONLY | os.O_CREAT | os.O_EXCL, modo)
        with os.fdopen(fd, "wb") as archivo:
            archivo.write(datos)
            if self._duenio is not None:
                os.fchown(fd, self._duenio, self._duenio)


def _leer_acotado(ruta: Path) -> bytes:
    fd = os.open(ruta, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    with os.fdopen(fd, "rb") as archivo:
        if not stat.S_ISREG(os.fstat(fd).st_mode):
            return b""
        return archivo.read(TOPE_ESTADO)


def _crear_carpeta(base: Path) -> tuple[Path, int]:
    """Una carpeta que solo nosotros listamos, con su candado echado mientras vivamos."""
    carpeta = Path(tempfile.mkdtemp(prefix=_PREFIJO, dir=base))
    carpeta.chmod(0o711)
    # Primero echado y luego con su nombre: quien recoge abandonadas no la encuentra abierta.
    provisional = carpeta / f"{_CANDADO}-nuevo"
    candado = os.open(provisional, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600)
    fcntl.flock(candado, fcntl.LOCK_EX)
    provisional.rename(carpeta / _CANDADO)
    return carpeta, candado


def _borrar_abandonadas(base: Path) -> None:
    """Borra las carpetas nuestras cuyo dueño murió sin cerrar."""
    for carpeta in base.glob(f"{_PREFIJO}*"):
        with suppress(OSError):
            if carpeta.lstat().st_uid == os.geteuid() and not carpeta.is_symlink():
                _borrar_si_nadie_la_usa(carpeta)


def _borrar_si_nadie_la_usa(carpeta: Path) -> None:
    candado = os.open(carpeta / _CANDADO, os.O_RDWR | os.O_NOFOLLOW)
    try:
        fcntl.flock(candado, fcntl.LOCK_EX | fcntl.LOCK_NB)
        shutil.rmtree(carpeta, ignore_errors=True)
    finally:
        os.close(candado)
