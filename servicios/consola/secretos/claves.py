"""Marcas que nadie de fuera puede inventar y que un mismo paso repite siempre igual."""

from __future__ import annotations

import hashlib
import hmac
import os
import secrets
import time
from pathlib import Path

from agentes.errores import ErrorConfiguracion

_LARGO = 32
"""Bytes del secreto de la instalación."""

_ESPERA_S = 1.0
"""Lo que se espera a que otro programa acabe de escribirlo."""


def clave_de_sesion(datos: Path, sesion: str) -> bytes:
    """La clave de una sesión, la misma cada vez que se abra con esos datos.

    Sale de un secreto guardado en `datos/.clave`, que se crea la primera vez (solo lo lee su
    dueño). Lanza `ErrorConfiguracion` si no se puede leer o crear.
    """
    archivo = datos / ".clave"
    try:
        _crear(archivo)
        secreto = _leer(archivo)
    except OSError as error:
        raise ErrorConfiguracion(
            f"{archivo}: no se puede usar ({error.strerror}); comprueba de quién es y sus permisos"
        ) from error
    return hmac.digest(secreto, sesion.encode(), hashlib.sha256)


def marca_de(clave: bytes, op: str) -> str:
    """Doce cifras hexadecimales que solo se conocen con la clave; `op` es el paso que marcan."""
    return hmac.new(clave, op.encode("utf-8", "surrogatepass"), hashlib.sha256).hexdigest()[:12]


def _crear(archivo: Path) -> None:
    """Lo crea si falta; si otro llega antes, vale el suyo."""
    try:
        descriptor = os.open(archivo, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        return
    with os.fdopen(descriptor, "wb") as escrito:
        escrito.write(secrets.token_bytes(_LARGO))
        escrito.flush()
        os.fsync(descriptor)


def _leer(archivo: Path) -> bytes:
    tope = time.monotonic() + _ESPERA_S
    while True:
        descriptor = os.open(archivo, os.O_RDONLY | os.O_NOFOLLOW)
        with os.fdopen(descriptor, "rb") as leido:
            secreto = leido.read(_LARGO + 1)
        if len(secreto) == _LARGO:
            return secreto
        if len(secreto) > _LARGO or time.monotonic() > tope:
            raise ErrorConfiguracion(
                f"{archivo}: tiene {len(secreto)} bytes y han de ser {_LARGO}; bórralo y se creará"
                " otro"
            )
        time.sleep(0.01)
