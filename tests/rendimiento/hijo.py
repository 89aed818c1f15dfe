"""El proceso de una medida: `python -m tests.rendimiento.hijo MODULO:FUNCION JSON`.

Importa solo el módulo pedido, para que un suelo no cargue con lo que importa el producto.
"""

from __future__ import annotations

import asyncio
import importlib
import inspect
import json
import sys


def correr() -> None:
    """Llama a la función con los argumentos y escribe lo que devuelve como JSON."""
    modulo, _, funcion = sys.argv[1].partition(":")
    medir = getattr(importlib.import_module(f"tests.rendimiento.{modulo}"), funcion)
    dado = medir(**json.loads(sys.argv[2]))
    print(json.dumps(asyncio.run(dado) if inspect.iscoroutine(dado) else dado))


if __name__ == "__main__":
    correr()
