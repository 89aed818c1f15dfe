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
from servicios.interfaz import headless
from servicios.interfaz.argumentos import leer_argumentos
from servicios.interfaz.codigos import Salida, codigo_de

if TYPE_CHECKING:
    from argparse import Namespace
    from types import ModuleType

    from servicios.sistema import Sistema

ORDENES = {
    "auditar": "servicios.interfaz.auditar.ordenes",
    "estado": "servicios.interfaz.estado",
    "exportar": "servicios.interfaz.auditar.exportar",
    "reproducir": "servicios.interfaz.reproducir",
    "podar": "servicios.interfaz.podar",
}
"""Suborden → el módulo que la hace con `correr(argumentos) -> int`; se importa si se pide."""


@asynccontextmanager
async def _abrir(cara: str, pedido: Namespace) -> AsyncIterator[Sistema]:
    """Importa el núcleo en un hilo y abre la sesión pedida. Lanza `ErrorConfiguracion`."""
    sistema, apertura = await asyncio.to_thread(
        _importar, "servicios.sistema", "servicios.interfaz.apertura"
    )
    ajustes = sistema.Ajustes.leer().con(
        aislamiento=pedido.aislamiento, exigir_evidencias=pedido.exigir_evidencias
    )
    elegida = await asyncio.to_thread(apertura.elegir, ajustes, pedido, cara)
    async with sistema.abrir_sistema(ajustes, elegida.modelo, cara, **elegida.lo_demas) as abierto:
        yield abierto


def _importar(*nombres: str) -> list[ModuleType]:
    return [importlib.import_module(nombre) for nombre in nombres]


def _hacer(tarea: str | None, pedido: Namespace) -> int:
    """Corre una tarea, o sigue una sesión sin decirle nada más."""
    if tarea is not None and not tarea.strip():
        if pedido.tarea is not None or not _sigue_una(pedido):
            raise ErrorConfiguracion("la tarea está vacía: dila con -p o escríbela en la entrada")
        tarea = None
    legible = tarea and tarea.encode("utf-8", "replace").decode()
    abrir = functools.partial(_abrir, "headless", pedido)
    return asyncio.run(headless.ejecutar_tarea(abrir, legible, pedido.salida or "texto"))


def _sigue_una(pedido: Namespace) -> bool:
    return pedido.reanudar is not None or pedido.bifurcar_en is not None


def _escribir_lo_que_se_pueda() -> None:
    """Una letra que la salida no sabe escribir no tira la respuesta."""
    for salida in (sys.stdout, sys.stderr):
        if isinstance(salida, io.TextIOWrapper):
            salida.reconfigure(errors="replace")


def _conversar(argumentos: Namespace) -> int:
    """Hace la tarea si la hay, o sigue una sesión sin persona; si no, conversa."""
    tarea = argumentos.tarea
    if tarea is None:
        tarea = headless.leer_entrada()
    if tarea is not None or (argumentos.salida is not None and _sigue_una(argumentos)):
        return _hacer(tarea, argumentos)
    if argumentos.salida is not None:
        raise ErrorConfiguracion("--salida necesita una tarea: usa -p «tarea»")
    if not argumentos.reanudar and argumentos.reanudar is not None:
        (apertura,) = _importar("servicios.interfaz.apertura")
        argumentos.reanudar = apertura.preguntar_cual()
    (terminal,) = _importar("servicios.interfaz.terminal")
    return int(asyncio.run(terminal.conversar(functools.partial(_abrir, "terminal", argumentos))))


def main(argv: list[str] | None = None) -> int:
    """Corre el programa y devuelve su código de salida; ningún error enseña una traza."""
    argumentos = leer_argumentos(argv, {*ORDENES, "reanudar"})
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
