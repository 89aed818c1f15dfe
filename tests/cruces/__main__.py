"""Muchas sesiones cruzadas: `python -m tests.cruces --sesiones 200 --semilla 7`."""

from __future__ import annotations

import argparse
import asyncio
import logging
import os
import shutil
import sys
import tempfile
import time
import traceback
from collections import Counter
from pathlib import Path

from tests.cruces.mezcla import CLASES, mezclar
from tests.cruces.sesion import sesion


def main() -> None:
    """Entrada de `python -m tests.cruces`."""
    analizador = argparse.ArgumentParser(description=__doc__)
    analizador.add_argument("--sesiones", type=int, default=200)
    analizador.add_argument("--semilla", type=int, default=time.time_ns() % 10**6)
    analizador.add_argument("--clase", choices=CLASES, default="")
    opciones = analizador.parse_args()
    # Un cliente que se va a media respuesta es lo normal aquí.
    logging.getLogger("aiohttp.server").setLevel(logging.CRITICAL)
    raiz = Path(tempfile.mkdtemp(prefix="cruces-"))
    raiz.chmod(0o755)
    print(f"semilla {opciones.semilla}, en {raiz}", file=sys.stderr, flush=True)
    fallos: list[str] = []
    hechas: Counter[str] = Counter()
    for semilla in range(opciones.semilla, opciones.semilla + opciones.sesiones):
        fallo = _una(semilla, opciones.clase, raiz / str(semilla))
        hechas[mezclar(semilla, opciones.clase).clase] += 1
        fallos += [fallo] if fallo else []
    print(f"{hechas.total()} sesiones {dict(hechas)}, {len(fallos)} con fallos")
    if fallos:
        print("\n".join(fallos))
        sys.exit(1)
    shutil.rmtree(raiz)


def _una(semilla: int, clase: str, carpeta: Path) -> str:
    """Corre una; si falla se queda su carpeta, con lo que se tecleó, y devuelve qué falló."""
    carpeta.mkdir()
    mezcla = mezclar(semilla, clase)
    desde = time.monotonic()
    try:
        asyncio.run(sesion(mezcla, carpeta))
    except BaseException as error:
        if isinstance(error, KeyboardInterrupt):
            raise
        (carpeta / "fallo.txt").write_text(traceback.format_exc(), encoding="utf-8")
        dicho = f"semilla {semilla} ({mezcla.clase}), en {carpeta}: {type(error).__name__}: {error}"
        print(f"MAL {dicho[:2_000]}", file=sys.stderr, flush=True)
        print(f"    órdenes: {carpeta / 'ordenes.txt'}", file=sys.stderr, flush=True)
        return dicho[:2_000]
    tardo = time.monotonic() - desde
    print(f"bien {semilla} ({mezcla.clase}) {tardo:.1f} s", file=sys.stderr, flush=True)
    shutil.rmtree(carpeta)
    return ""


if __name__ == "__main__":
    os.environ["LANGSMITH_TRACING"] = os.environ["LANGCHAIN_TRACING_V2"] = "false"
    main()
