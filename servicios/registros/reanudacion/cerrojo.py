"""El cerrojo de una sesión: un solo proceso la escribe, y el núcleo lo suelta si ese proceso muere.

Es un `flock` sobre `datos/sesiones/<id>`; lo que hay escrito dentro solo sirve para decir quién es.
"""

from __future__ import annotations

import fcntl
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path

from agentes.errores import ErrorConfiguracion

_SESION = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,63}")
_CARPETA = "sesiones"


@contextmanager
def tomar_sesion(datos: Path, sesion: str) -> Iterator[None]:
    """La sesión es nuestra mientras dure el bloque.

    Lanza `ErrorConfiguracion` si el id no vale, si no se puede escribir o si otro proceso la
    tiene (y dice cuál).
    """
    archivo = _archivo(datos, sesion)
    try:
        archivo.parent.mkdir(mode=0o700, exist_ok=True)
        fd = _abrir_con_cerrojo(archivo)
    except BlockingIOError:
        raise ErrorConfiguracion(
            f"la sesión {sesion} la tiene abierta {duenio_de(datos, sesion)}: ciérralo o abre otra"
        ) from None
    except OSError as error:
        raise ErrorConfiguracion(
            f"{archivo}: no se puede usar ({error.strerror}); comprueba sus permisos"
        ) from error
    try:
        # Solo dice de quién es: con el disco lleno manda el cerrojo igual.
        with suppress(OSError):
            os.ftruncate(fd, 0)
            os.pwrite(fd, f"el proceso {os.getpid()} desde {_ahora()}".encode(), 0)
        yield
    finally:
        # Se borra con el cerrojo puesto: quien espere por este archivo verá que ya no es el suyo.
        with suppress(OSError):
            archivo.unlink()
        os.close(fd)


def esta_abierta(datos: Path, sesion: str) -> bool:
    """Si algún proceso la tiene ahora."""
    try:
        fd = os.open(_archivo(datos, sesion), os.O_RDONLY)
    except OSError:
        return False
    try:
        fcntl.flock(fd, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(fd)
    return False


def sesiones_abiertas(datos: Path) -> set[str]:
    """Las que algún proceso tiene ahora; ninguna si no hay dónde mirar."""
    with suppress(OSError):
        nombres = [entrada.name for entrada in (datos / _CARPETA).iterdir()]
        return {n for n in nombres if _SESION.fullmatch(n) and esta_abierta(datos, n)}
    return set()


def duenio_de(datos: Path, sesion: str) -> str:
    """Quién la tiene, tal como lo dejó escrito al tomarla."""
    with suppress(OSError):
        return _archivo(datos, sesion).read_text(encoding="utf-8")[:200] or "otro proceso"
    return "otro proceso"


def _archivo(datos: Path, sesion: str) -> Path:
    if not _SESION.fullmatch(sesion):
        raise ErrorConfiguracion(f"«{sesion[:80]}» no es el id de una sesión")
    return datos / _CARPETA / sesion


def _abrir_con_cerrojo(archivo: Path) -> int:
    """Abre y cierra con llave; si entre medias lo borraron, vuelve a empezar con el nuevo."""
    while True:
        fd = os.open(archivo, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
            if os.fstat(fd).st_nlink:
                return fd
        except OSError:
            os.close(fd)
            raise
        os.close(fd)


def _ahora() -> str:
    return f"{datetime.now(UTC):%Y-%m-%d %H:%M:%S} UTC"
