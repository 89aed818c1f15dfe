"""`python main.py exportar`: una sesión a un archivo o a la salida."""

from __future__ import annotations

import io
import sys
from argparse import Namespace
from pathlib import Path

from servicios.interfaz.auditar.fuente import elegir_fuente
from servicios.interfaz.codigos import Salida
from servicios.registros.auditoria.exportar import Pedido, exportar, exportar_a


def correr(argumentos: Namespace) -> int:
    """Exporta y devuelve el código de salida. Lanza `ErrorEnjambre`, en una línea, u `OSError`."""
    fuente = elegir_fuente(argumentos.base)
    pedido = Pedido(fuente.ruta, argumentos.sesion, argumentos.formato, fuente.redactar)
    if argumentos.a is None:
        nota = _a_la_salida(pedido)
    else:
        destino = Path(argumentos.a).expanduser()
        sesion, nota = exportar_a(pedido, destino, forzar=argumentos.forzar)
        print(f"Sesión {sesion} exportada a {destino}", file=sys.stderr)
    if nota:
        print(nota, file=sys.stderr)
    return Salida.BIEN


def _a_la_salida(pedido: Pedido) -> str:
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(encoding="utf-8", newline="")
    _, nota = exportar(pedido, sys.stdout)
    sys.stdout.flush()
    return nota
