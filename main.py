"""Entrada: lee los argumentos, elige la cara y devuelve el código de salida.

Lo pesado se importa después de enseñar el prompt, en un hilo.
"""

from __future__ import annotations

import asyncio
import functools
import importlib
import io
import os
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from agentes.errores import ErrorConfiguracion, ErrorEnjambre
from servicios.consola.secretos.limpieza import limpiar
from servicios.interfaz import headless, terminal
from servicios.interfaz.argumentos import leer_argumentos
from servicios.interfaz.codigos import Salida, codigo_de

if TYPE_CHECKING:
    from argparse import Namespace
    from types import ModuleType

    from servicios.sistema import Sistema

ORDENES = {
    "auditar": "servicios.interfaz.auditar.ordenes",
    "exportar": "servicios.interfaz.auditar.exportar",
}
"""Suborden → el módulo que la hace con `correr(argumentos) -> int`; se importa si se pide."""


@asynccontextmanager
async def _abrir(
    cara: str, aislamiento: str | None, *, demo_sin_clave: bool
) -> AsyncIterator[Sistema]:
    """Importa el núcleo en un hilo y abre la sesión. Lanza `ErrorConfiguracion`."""
    sistema, carga = await asyncio.to_thread(_importar, "servicios.sistema", "servicios.cargar_llm")
    ajustes = sistema.Ajustes.leer().con(aislamiento=aislamiento)
    modelo = carga.elegir_modelo(ajustes, demo_sin_clave=demo_sin_clave)
    async with sistema.abrir_sistema(ajustes, modelo, cara) as abierto:
        yield abierto


def _importar(*nombres: str) -> list[ModuleType]:
    return [importlib.import_module(nombre) for nombre in nombres]


def _tarea_de_la_entrada() -> str | None:
    """Lo que haya en la entrada redirigida; `None` si es un terminal."""
    if sys.stdin is None:
        return ""
    if sys.stdin.isatty():
        return None
    return sys.stdin.buffer.read().decode("utf-8", "replace")


def _hacer(tarea: str, formato: str, aislamiento: str | None) -> int:
    if not tarea.strip():
        raise ErrorConfiguracion("la tarea está vacía: usa -p «tarea» o escríbela en la entrada")
    legible = tarea.encode("utf-8", "replace").decode()
    abrir = _abrir("headless", aislamiento, demo_sin_clave=False)
    return asyncio.run(headless.ejecutar_tarea(lambda: abrir, legible, formato))


def _escribir_lo_que_se_pueda() -> None:
    """Una letra que la salida no sabe escribir no tira la respuesta."""
    for salida in (sys.stdout, sys.stderr):
        if isinstance(salida, io.TextIOWrapper):
            salida.reconfigure(errors="replace")


def _conversar(argumentos: Namespace) -> int:
    """Hace la tarea si la hay; si no, conversa."""
    tarea, aislamiento = argumentos.tarea, argumentos.aislamiento
    if tarea is None:
        tarea = _tarea_de_la_entrada()
    if tarea is not None:
        return _hacer(tarea, argumentos.salida or "texto", aislamiento)
    if argumentos.salida is not None:
        raise ErrorConfiguracion("--salida necesita una tarea: usa -p «tarea»")
    abrir = functools.partial(_abrir, "terminal", aislamiento, demo_sin_clave=True)
    return asyncio.run(terminal.conversar(abrir))


def main(argv: list[str] | None = None) -> int:
    """Corre el programa y devuelve su código de salida; ningún error enseña una traza."""
    argumentos = leer_argumentos(argv, ORDENES)
    try:
        _escribir_lo_que_se_pueda()
        if argumentos.orden is not None:
            (orden,) = _importar(ORDENES[argumentos.orden])
            return int(orden.correr(argumentos))
        return _conversar(argumentos)
    except ErrorEnjambre as error:
        print(limpiar(str(error)), file=sys.stderr)
        return codigo_de(error)
    except KeyboardInterrupt:
        return Salida.INTERRUMPIDO
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return Salida.FALLO
    except Exception as error:  # noqa: BLE001 - la última frontera: nadie ve una traza
        print(f"Fallo interno: {type(error).__name__}: {error}", file=sys.stderr)
        return Salida.FALLO


if __name__ == "__main__":
    sys.exit(main())
