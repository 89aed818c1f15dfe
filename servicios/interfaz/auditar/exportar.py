"""`python main.py exportar`: una sesión a un archivo o a la salida."""

from __future__ import annotations

import io
import sys
from argparse import Namespace
from pathlib import Path

from servicios.consola.secretos.limpieza import limpiar
from servicios.interfaz.auditar.fuente import elegir_fuente
from servicios.interfaz.codigos import Salida
from servicios.registros.auditoria.exportar import EXPORTADORES, Pedido, exportar, exportar_a

FORMATO = "json"
"""El de la exportación si no se dice otro ni lo dice el nombre del archivo."""


def correr(argumentos: Namespace) -> int:
    """Exporta y devuelve el código de salida. Lanza `ErrorEnjambre`, en una línea, u `OSError`."""
    fuente = elegir_fuente(argumentos.base)
    destino = Path(argumentos.a).expanduser() if argumentos.a else None
    formato = argumentos.formato or _por_el_nombre(destino)
    pedido = Pedido(fuente.ruta, argumentos.sesion, formato, fuente.redactar)
    if destino is None:
        nota = _a_la_salida(pedido)
    else:
        sesion, nota = exportar_a(pedido, destino, forzar=argumentos.forzar)
        print(limpiar(f"Sesión {sesion} exportada a {destino}"), file=sys.stderr)
    if nota:
        print(nota, file=sys.stderr)
    return Salida.BIEN


def _por_el_nombre(destino: Path | None) -> str:
    extension = destino.suffix.lower().removeprefix(".") if destino else ""
    return extension if extension in EXPORTADORES else FORMATO


def _a_la_salida(pedido: Pedido) -> str:
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(encoding="utf-8", newline="")
    _, nota = exportar(pedido, sys.stdout)
    sys.stdout.flush()
    return nota
