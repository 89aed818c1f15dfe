"""Las órdenes del corpus, el sitio donde empiezan y lo que deja en él un `bash -c` a secas."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from servicios.consola.entorno import entorno_de_orden
from tests.consola.apoyo import DUENIO, SOY_ROOT

_AQUI = Path(__file__).resolve().parent
_DE_UNA_LINEA = ("archivos.txt", "bash.txt", "textos.txt")
_DE_VARIAS = "bloques.txt"
_SEPARADOR = "\n%%\n"
_LIMITE_S = 30
_FECHA = 1_600_000_000

_FRUTAS = "pera\nmanzana\nplátano\nuva\nmanzana\nnaranja\nÁrbol\nhigo\nuva\n"
_POEMA = "uno  dos   tres\n\ncuatro\tcinco\nseis y siete\n\nocho  nueve\nel tres otra vez\n"
_REGISTRO = "GET /a/b 200\nPOST /c 404\nERROR disco lleno\nGET /c 404\nGET /d 500\nERROR red\n"
_DATOS = "id,nombre,edad,ciudad\n1,ana,30,lima\n2,luis,25,quito\n3,eva,41,lima\n4,íñigo,35,la paz\n"
ARCHIVOS: dict[str, bytes] = {
    "numeros.txt": b"".join(b"%d\n" % n for n in range(1, 21)),
    "frutas.txt": _FRUTAS.encode(),
    "poema.txt": _POEMA.encode(),
    "datos.csv": _DATOS.encode(),
    "registro.log": _REGISTRO.encode(),
    "a.json": '{"nombre": "ñu", "lista": [1, "dos", null]}\n'.encode(),
    "conf.ini": b"[uno]\nclave = valor\n",
    "vacio.txt": b"",
    "sin_salto.txt": b"sin salto final",
    "binario.bin": bytes(range(256)) * 4,
    "con espacios.txt": b"un archivo con espacios\n",
    "ñandú.txt": "el ñandú corrió\n".encode(),
    ".oculto": b"oculto\n",
    "guion.sh": b'#!/bin/bash\necho "guion con $# argumentos: $*"\n',
    "sub/uno.log": b"el perro\nERROR uno\n",
    "sub/dos.log": b"nada\n",
    "sub/hondo/tres.txt": b"tres\nel perro\n",
}
"""Lo que hay en la carpeta de cada orden al empezar."""


@dataclass(frozen=True, slots=True)
class Caso:
    """Una orden, con las carpetas donde se ejecuta siempre."""

    numero: int
    orden: str
    datos: Path = field(repr=False)

    @property
    def agente(self) -> str:
        """Quien la ejecuta: cada orden es de uno distinto."""
        return f"c-{self.numero}"

    @property
    def carpeta(self) -> Path:
        """Donde empieza."""
        return self.datos / "espacios" / self.agente

    @property
    def casa(self) -> Path:
        """Su HOME."""
        return self.datos / "casas" / self.agente

    def preparar(self) -> None:
        """Deja sus dos carpetas como nuevas."""
        for carpeta in (self.carpeta, self.casa):
            shutil.rmtree(carpeta, ignore_errors=True)
            carpeta.mkdir(mode=0o700)
        (self.casa / "tmp").mkdir(mode=0o700)
        (self.carpeta / "sub/hondo").mkdir(parents=True)
        for nombre, contenido in ARCHIVOS.items():
            (self.carpeta / nombre).write_bytes(contenido)
        (self.carpeta / "guion.sh").chmod(0o755)
        (self.carpeta / "enlace").symlink_to("frutas.txt")
        (self.carpeta / "roto").symlink_to("no_hay")
        for cada in (self.carpeta, *self.carpeta.rglob("*"), self.casa, self.casa / "tmp"):
            os.utime(cada, (_FECHA, _FECHA), follow_symlinks=False)
            if DUENIO is not None:
                os.lchown(cada, DUENIO, DUENIO)


@dataclass(frozen=True, slots=True)
class Dejado:
    """Lo que dejó una orden, tal como se puede comparar."""

    salida: str
    error: str
    codigo: int


def ordenes() -> list[str]:
    """Todas las del corpus."""
    sueltas = [
        linea
        for nombre in _DE_UNA_LINEA
        for linea in (_AQUI / nombre).read_text(encoding="utf-8").splitlines()
        if linea and not linea.startswith("# ")
    ]
    bloques = (_AQUI / _DE_VARIAS).read_text(encoding="utf-8").split(_SEPARADOR)
    return [*sueltas, *bloques]


@contextmanager
def carpeta_de_datos() -> Iterator[Path]:
    """Una carpeta de datos por la que puede pasar el usuario de las órdenes."""
    with tempfile.TemporaryDirectory(prefix="corpus-", dir="/tmp") as donde:
        datos = Path(donde)
        datos.chmod(0o711)
        for nombre in ("espacios", "casas"):
            (datos / nombre).mkdir(mode=0o711)
        yield datos


def bash_a_secas(caso: Caso) -> Dejado:
    """Prepara la carpeta y ejecuta la orden sin nada nuestro por medio."""
    caso.preparar()
    tubos = [os.pipe(), os.pipe()]
    for _, escritura in tubos:
        os.fchmod(escritura, 0o666)  # que quien no es root pueda abrir /dev/stdout
    proceso = subprocess.Popen(
        ["bash", "-c", "--", caso.orden],
        stdin=subprocess.DEVNULL,
        stdout=tubos[0][1],
        stderr=tubos[1][1],
        cwd=caso.carpeta,
        env=entorno_de_orden(caso.carpeta, caso.casa),
        start_new_session=True,
        user=DUENIO,
        group=DUENIO,
        extra_groups=[] if SOY_ROOT else None,
    )
    for _, escritura in tubos:
        os.close(escritura)
    # Ninguna orden del corpus llena una tubería: se pueden leer una detrás de otra.
    salida, error = (_todo(lectura) for lectura, _ in tubos)
    codigo = proceso.wait(_LIMITE_S)
    return Dejado(salida, error, codigo if codigo >= 0 else 128 - codigo)


def _todo(lectura: int) -> str:
    with os.fdopen(lectura, "rb") as archivo:
        return archivo.read().decode("utf-8", "replace").replace("\0", "")
