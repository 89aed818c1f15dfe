"""Las operaciones de una carpeta de datos, vistas desde el enjambre."""

from __future__ import annotations

import json
import os
import shutil
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from agentes.errores import ErrorConsola
from servicios.consola.operaciones.captura import Captura
from servicios.consola.operaciones.carpeta import (
    CONGELADA,
    ERROR,
    ESTADO,
    PREPARADA,
    RC,
    RECLAMADA,
    SALIDA,
    SUELTA,
    CarpetaNueva,
)
from servicios.consola.operaciones.identidad import Identidad
from servicios.consola.pedido import Informe, informe_de_json


def carpeta_de_operaciones(datos: Path) -> Path:
    """Donde van todas."""
    return datos / "ops"


def operaciones_en_disco(datos: Path) -> list[int]:
    """Las filas que tienen carpeta, de menor a mayor; ninguna si no hay dónde."""
    with suppress(OSError):
        return sorted(int(n) for n in os.listdir(carpeta_de_operaciones(datos)) if n.isdigit())  # noqa: PTH208
    return []


def borrar_operacion(datos: Path, fila: int) -> None:
    """Quita la carpeta de una fila ya cerrada; no pasa nada si no está."""
    shutil.rmtree(carpeta_de_operaciones(datos) / str(fila), ignore_errors=True)


@dataclass(frozen=True, slots=True)
class Rastro:
    """Lo que hay de una operación. Se lee cada vez: otro proceso la está escribiendo."""

    carpeta: Path

    def existe(self) -> bool:
        """Si alguien reclamó el intento."""
        return self.carpeta.is_dir()

    def reclamada(self) -> bool:
        """Si se reclamó para que nadie lo empezara."""
        return (self.carpeta / RECLAMADA).exists()

    def supervisor(self) -> Identidad | None:
        """Quién la lleva o la llevaba; `None` si no lo dejó dicho."""
        with suppress(OSError, ValueError):
            return Identidad.de_texto((self.carpeta / ESTADO).read_text().partition("\n")[0])
        return None

    def congelada(self) -> bool:
        """Si su supervisor la tiene detenida del todo."""
        with suppress(OSError, ValueError):
            return (self.carpeta / ESTADO).read_text().partition("\n")[2].strip() == CONGELADA
        return False

    def informe(self) -> Informe | None:
        """Cómo acabó; `None` si no ha acabado o no se lee entero."""
        with suppress(OSError, ValueError, TypeError, KeyError):
            return informe_de_json(json.loads((self.carpeta / RC).read_bytes()))
        return None

    def escrito(self) -> tuple[Captura, Captura]:
        """Lo que lleva escrito, por la salida y por la de errores."""
        salida, error = (_leer(self.carpeta / nombre) for nombre in (SALIDA, ERROR))
        return Captura.de_bytes(salida), Captura.de_bytes(error)


def reclamar_para_nadie(ops: Path, nombre: str) -> bool:
    """Se queda con el intento por el mismo paso que un supervisor. Falso si ya es de alguien.

    Desde que vuelve cierto, ningún supervisor que llegue tarde lo empieza. Lanza `OSError`.
    """
    carpeta = CarpetaNueva(str(ops), reclamada=True)
    try:
        reclamada = carpeta.reclamar(nombre)
        if not reclamada:
            carpeta.borrar()
        return reclamada
    finally:
        carpeta.cerrar()


def preparar_operaciones(ops: Path) -> Path:
    """Crea la carpeta de todas, solo nuestra, y devuelve su ruta entera. Lanza `ErrorConsola`.

    De paso quita lo que dejaran a medias otros supervisores.
    """
    try:
        ops.parent.mkdir(parents=True, exist_ok=True)
        ops.mkdir(mode=0o700, exist_ok=True)
        entera = ops.resolve(strict=True)
    except OSError as error:
        raise ErrorConsola(
            f"consola: no se puede crear «{ops}» ({error.strerror}); revisa sus permisos"
        ) from error
    _barrer(entera)
    return entera


def _barrer(ops: Path) -> None:
    """Quita las preparadas y las sueltas de supervisores que ya no existen; nunca lanza."""
    with suppress(OSError):
        for entrada in list(os.scandir(ops)):
            if not entrada.name.startswith((PREPARADA, SUELTA)):
                continue
            duenio = Rastro(Path(entrada.path)).supervisor()
            agarrado = duenio.agarrar() if duenio else None
            if agarrado is not None:
                os.close(agarrado)
            elif duenio is not None:
                shutil.rmtree(entrada.path, ignore_errors=True)


def _leer(archivo: Path) -> bytes:
    with suppress(OSError):
        return archivo.read_bytes()
    return b""
