"""La carpeta de una operación, `ops/<fila>/`: la escribe su supervisor y la lee quien sea.

    estado   quién es el supervisor (ver `Identidad`) y si tiene congelada la orden
    salida   lo que la orden lleva escrito, acotado (ver `Captura`); y lo mismo, `error`
    rc       cómo acabó: aparece de golpe y lo último, con el árbol ya muerto

Quien la crea se queda con el intento: crearla es exclusivo. Como crear archivos es lento, se
prepara con otro nombre antes de que llegue la orden y se le pone el suyo en un solo paso.
"""

from __future__ import annotations

import ctypes
import errno
import os
from contextlib import suppress

from servicios.consola.operaciones.identidad import Identidad

ESTADO, SALIDA, ERROR, RC = "estado", "salida", "error", "rc"
RECLAMADA = "reclamada"
"""Está en la carpeta de un intento que nadie empezó ni empezará."""

PREPARADA = ".lista-"
"""Cómo empieza el nombre de las que aún no lo tienen; sigue el pid de quien la prepara."""

SUELTA = "suelta-"
"""Cómo empieza el nombre de las que no son de ninguna fila."""

EN_MARCHA, CONGELADA = "en marcha", "congelada"
"""La segunda línea de `estado`. Miden lo mismo: se escribe una encima de otra, sin pedir sitio."""

_RC_A_MEDIAS = "rc.nuevo"
_POR_CEDER = ("hoja-0", "hoja-1")
_CARPETA = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_NUEVO = os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
_SIN_PISAR = 1
_NO_SABE = (errno.EINVAL, errno.ENOSYS, errno.EOPNOTSUPP)

_libc = ctypes.CDLL(None, use_errno=True)


class CarpetaNueva:
    """Una carpeta por estrenar. Crearla lanza `OSError`; acaba con `borrar` o con `acabar`.

    `salida` y `error` son los descriptores de sus archivos.
    """

    def __init__(self, ops: str, *, reclamada: bool = False) -> None:
        self._ops = os.open(ops, _CARPETA)
        self._nombre = f"{PREPARADA}{os.getpid()}-{os.urandom(6).hex()}"
        os.mkdir(self._nombre, 0o700, dir_fd=self._ops)
        self._fd = os.open(self._nombre, _CARPETA, dir_fd=self._ops)
        if reclamada:
            os.close(self._crear(RECLAMADA))
            return
        if (identidad := Identidad.de(os.getpid())) is None:
            raise OSError(errno.ESRCH, "no se puede leer /proc")
        self._estado = self._crear(ESTADO)
        self._cual = os.write(self._estado, identidad.texto().encode())
        self.constar(congelada=False)
        self.salida, self.error = self._crear(SALIDA), self._crear(ERROR)
        self._rc = self._crear(_RC_A_MEDIAS)
        self._por_ceder = [self._crear(nombre) for nombre in _POR_CEDER]

    def reclamar(self, nombre: str) -> bool:
        """Le da su nombre. Falso si ya hay otra que lo tiene: el intento es de otro."""
        numero = _renombrar(self._ops, self._nombre, nombre)
        if numero in _NO_SABE:
            return self._reclamar_a_mano(nombre)
        if numero not in {0, errno.EEXIST, errno.ENOTEMPTY}:
            raise OSError(numero, os.strerror(numero))
        if numero == 0:
            self._nombre = nombre
        return numero == 0

    def ceder(
        self, cual: int, carpeta: int, nombre: str, datos: bytes, modo: int, duenio: int | None
    ) -> None:
        """Pone en otra carpeta, ya escrito, uno de los dos archivos hechos de más: 0 o 1.

        Si está en otro disco se hace allí uno nuevo. Lanza `OSError`.
        """
        _rellenar(self._por_ceder[cual], datos, modo, duenio)
        try:
            os.rename(_POR_CEDER[cual], nombre, src_dir_fd=self._fd, dst_dir_fd=carpeta)
        except OSError as error:
            if error.errno != errno.EXDEV:
                raise
            nuevo = os.open(nombre, _NUEVO, modo, dir_fd=carpeta)
            _rellenar(nuevo, datos, modo, duenio)
            os.unlink(_POR_CEDER[cual], dir_fd=self._fd)

    def constar(self, *, congelada: bool) -> None:
        """Deja dicho si la orden está congelada, para quien llegue después. Lanza `OSError`."""
        en_que = CONGELADA if congelada else EN_MARCHA
        os.pwrite(self._estado, f"{en_que}\n".encode(), self._cual)

    def acabar(self, rc: bytes) -> None:
        """Deja dicho cómo acabó, de una vez. Lanza `OSError`."""
        _escribir(self._rc, rc)
        os.rename(_RC_A_MEDIAS, RC, src_dir_fd=self._fd, dst_dir_fd=self._fd)

    def borrar(self) -> None:
        """La quita con lo que tenga; nunca lanza."""
        with suppress(OSError):
            for nombre in os.listdir(self._fd):
                os.unlink(nombre, dir_fd=self._fd)
            os.rmdir(self._nombre, dir_fd=self._ops)

    def cerrar(self) -> None:
        """Suelta las carpetas abiertas; los archivos, quien los pidió o el final del proceso."""
        os.close(self._fd)
        os.close(self._ops)

    def _crear(self, nombre: str) -> int:
        return os.open(nombre, _NUEVO, 0o600, dir_fd=self._fd)

    def _reclamar_a_mano(self, nombre: str) -> bool:
        """Donde el disco no sabe renombrar sin pisar: crear la de verdad y mudarse a ella."""
        try:
            os.mkdir(nombre, 0o700, dir_fd=self._ops)
        except FileExistsError:
            return False
        nueva = os.open(nombre, _CARPETA, dir_fd=self._ops)
        for archivo in sorted(os.listdir(self._fd), key=lambda nombre: nombre != ESTADO):
            os.rename(archivo, archivo, src_dir_fd=self._fd, dst_dir_fd=nueva)
        os.rmdir(self._nombre, dir_fd=self._ops)
        os.close(self._fd)
        self._fd, self._nombre = nueva, nombre
        return True


def _rellenar(fd: int, datos: bytes, modo: int, duenio: int | None) -> None:
    """Escribe un archivo entero, con sus permisos y su dueño, y lo cierra."""
    _escribir(fd, datos)
    os.fchmod(fd, modo)
    if duenio is not None:
        os.fchown(fd, duenio, duenio)
    os.close(fd)


def _escribir(fd: int, datos: bytes) -> None:
    while datos:
        datos = datos[os.write(fd, datos) :]


def _renombrar(carpeta: int, de: str, a: str) -> int:
    """Renombra si el nuevo nombre está libre. Devuelve el número del error, o 0."""
    if not hasattr(_libc, "renameat2"):
        return errno.ENOSYS
    nombres = (carpeta, os.fsencode(de), carpeta, os.fsencode(a))
    if _libc.renameat2(*nombres, ctypes.c_uint(_SIN_PISAR)) == 0:
        return 0
    return ctypes.get_errno()
